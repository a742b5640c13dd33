//! Extra headers of export requests. They are credentials more often than not, so no error shows their values.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::error::Remedy;

/// Headers that the request's own making decides.
const RESERVED: [HeaderName; 6] = [
    http::header::CONNECTION,
    http::header::CONTENT_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_TYPE,
    http::header::HOST,
    http::header::TRANSFER_ENCODING,
];

/// Puts a header into the map, in place of one with its name.
pub(super) fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Remedy> {
    let name: HeaderName =
        name.parse().map_err(|_| Remedy::Borrowed("use a header name: letters, digits and hyphens"))?;
    if RESERVED.contains(&name) {
        return Err(Remedy::Borrowed("leave out this header, which the SDK sets"));
    }
    let mut value: HeaderValue =
        value.parse().map_err(|_| Remedy::Borrowed("use a header value: visible characters and spaces"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_name_counts_whatever_its_case() {
        let mut headers = HeaderMap::new();
        assert_eq!(insert(&mut headers, "X-Token", "one"), Ok(()));
        assert_eq!(insert(&mut headers, "x-token", "two"), Ok(()));
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["x-token"], "two");
        assert!(!format!("{headers:?}").contains("two"));
    }

    #[test]
    fn headers_that_would_break_the_request_are_refused() {
        for (name, value) in [
            ("", "v"),
            ("two words", "v"),
            ("naïve", "v"),
            ("x-token", "line\r\nx-evil: 1"),
            ("x-token", "\0"),
            ("Content-Type", "text/plain"),
            ("host", "evil.org"),
            ("content-length", "0"),
        ] {
            let mut headers = HeaderMap::new();
            assert!(insert(&mut headers, name, value).is_err(), "{name}");
            assert!(headers.is_empty());
        }
    }
}
