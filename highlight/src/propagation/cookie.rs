//! The cookie that names the session where no header can: on page loads (C§4.4).

use super::{Carrier, header};

/// Set in the page by the browser client's companions for server-side rendering.
const NAME: &str = "sessionSecureID";
/// Longer headers are not searched: browsers hold few cookies of 4 KiB each, and send them all.
const MAX_LEN: usize = 64 * 1024;

/// The session that the request's cookies name.
pub(crate) fn session<C: Carrier + ?Sized>(headers: &C) -> Option<String> {
    let mut session = None;
    // HTTP/2 lets a browser spread its cookies over several headers (RFC 9113, 8.2.3).
    headers.visit("cookie", &mut |cookies| {
        if session.is_none() {
            session = parse(cookies).map(ToOwned::to_owned);
        }
    });
    session
}

/// Reads `name=value; name2=value2`. Names of cookies compare with their case.
fn parse(cookies: &str) -> Option<&str> {
    if cookies.len() > MAX_LEN {
        return None;
    }
    cookies.split(';').filter_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('=')).find_map(
        |value| {
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            // Quotes stand around a value, and nowhere else (RFC 6265, 4.1.1).
            header::id(unquoted.unwrap_or(value)).filter(|id| !id.contains('"'))
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn c4_4_the_cookie_is_found_among_others() {
        for (cookies, session) in [
            ("sessionSecureID=WnjGsMDLJ0vZTjMUZrTFYaSjbGqA", Some("WnjGsMDLJ0vZTjMUZrTFYaSjbGqA")),
            ("a=b; sessionSecureID=s; c=d", Some("s")),
            ("a=b;sessionSecureID=s", Some("s")),
            ("sessionSecureID=\"s\"", Some("s")),
            ("sessionSecureID=; sessionSecureID=s", Some("s")),
            ("", None),
            ("sessionSecureID", None),
            ("sessionSecureID=", None),
            ("sessionsecureid=s", None),
            ("xsessionSecureID=s", None),
            ("sessionSecureIDx=s", None),
            ("sessionSecureID=a/b", None),
            ("sessionSecureID=a b", None),
            ("sessionSecureID=\"s", None),
            ("sessionSecureID=\"\"s\"\"", None),
        ] {
            assert_eq!(parse(cookies), session, "{cookies}");
        }
        assert_eq!(parse(&format!("sessionSecureID={}", "x".repeat(257))), None);
        assert_eq!(parse(&format!("a={}; sessionSecureID=s", "x".repeat(MAX_LEN))), None);
    }

    #[test]
    fn cookies_may_be_spread_over_headers() {
        let mut headers = http::HeaderMap::new();
        for cookies in ["a=b", "sessionSecureID=s", "sessionSecureID=t"] {
            headers.append("cookie", cookies.parse().unwrap());
        }
        assert_eq!(session(&headers).as_deref(), Some("s"));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_short_visible_ascii_comes_out(before in ".*", value in ".*") {
            let cookies = format!("{before}; sessionSecureID={value}");
            if let Some(session) = parse(&cookies) {
                prop_assert_eq!(header::id(session), Some(session));
            }
        }
    }
}
