//! Takes secrets out of text.
//!
//! ```text
//! GET /callback?state=7&code=4f2a     ->  GET /callback?state=7&code=[REDACTED]
//! postgres://app:hunter2@db/orders    ->  postgres://[REDACTED]@db/orders
//! http.request.header.authorization   ->  [REDACTED]
//! ```
//!
//! - **Parameters** of a query or a fragment, wherever they stand in a text: after `?`, `&`, `;`, `#` or another `=`, up to `&`, `#`, or
//!   what cannot be part of a URL. In `url.query`, `url.full`, `http.url` and `http.target` the whole value is one URL.
//! - **User information** before the `@` of a URL's authority, the user's name included: tokens are put there too.
//! - **Attributes** whose last part (after `.`) names a secret, whatever the value.
//!
//! Names are compared without case and separators and after percent-decoding, so `access_token`, `accessToken` and
//! `%61ccess-token` are one name; `user[password]` is read part by part. The lists are below. They include the four parameters that
//! the semantic conventions name for `url.full` (`AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`) and,
//! because of OAuth and of API keys, the ambiguous `code`, `key` and `session`, as parameters only.

use std::{borrow::Cow, ops::Range};

use percent_encoding::percent_decode_str;

pub(super) const REDACTED: &str = "[REDACTED]";

/// Whether an attribute's value is a secret, judged by its name.
pub(super) fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    let mut name = Name::default();
    last.bytes().for_each(|byte| name.push(byte));
    is_secret_attribute(name.as_bytes())
}

/// The value of the attribute `key` (or any text, with an empty key) without secrets; borrowed if there are none.
pub(super) fn value<'a>(key: &str, text: &'a str) -> Cow<'a, str> {
    let extent = match key {
        "url.query" => Extent::Query,
        "url.full" | "http.url" | "http.target" => Extent::Url,
        _ => Extent::Text,
    };
    // The order matters: taking out a parameter may bring an `@` into the authority, never the other way round.
    match replace(text, |text, at| next_parameter(text, at, extent)) {
        Cow::Borrowed(text) => replace(text, |text, at| next_user(text, at, extent)),
        Cow::Owned(text) => Cow::Owned(replace(&text, |text, at| next_user(text, at, extent)).into_owned()),
    }
}

/// How much of a text a URL or query takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// The text is a query, without `?`.
    Query,
    /// The text is a URL.
    Url,
    /// There may be URLs in the text.
    Text,
}

impl Extent {
    /// Characters that cannot stand in a URL (RFC 3986) and, in practice, end one.
    fn is_end(self, character: char) -> bool {
        self == Self::Text
            && (matches!(character, '"' | '<' | '>' | '`')
                || character.is_whitespace()
                || character.is_control())
    }
}

/// Replaces what `next` finds. `next` gives the range of a secret at or after a position.
fn replace(text: &str, next: impl Fn(&str, usize) -> Option<Range<usize>>) -> Cow<'_, str> {
    let mut redacted = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(secret) = next(text, at) {
        at = secret.end;
        if &text[secret.clone()] != REDACTED {
            redacted.push_str(&text[copied..secret.start]);
            redacted.push_str(REDACTED);
            copied = secret.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    redacted.push_str(&text[copied..]);
    Cow::Owned(redacted)
}

/// After these a parameter's name may begin. `=` is one of them for parameters inside of values.
fn is_separator(character: char) -> bool {
    matches!(character, '?' | '&' | ';' | '#' | '=')
}

/// The value of the next parameter with a secret's name.
fn next_parameter(text: &str, from: usize, extent: Extent) -> Option<Range<usize>> {
    let mut at = from;
    let mut at_name = from == 0 && extent == Extent::Query;
    loop {
        if !at_name {
            at += text[at..].find(is_separator)? + 1;
        }
        at_name = false;
        let name = &text[at..];
        let name_end = name.find(|c| is_separator(c) || extent.is_end(c))?;
        if name.as_bytes()[name_end] == b'=' && is_secret_parameter(&name[..name_end]) {
            let start = at + name_end + 1;
            let length = text[start..].find(|c| c == '&' || c == '#' || extent.is_end(c));
            let end = length.map_or(text.len(), |length| start + length);
            if end > start {
                return Some(start..end);
            }
        }
        at += name_end;
    }
}

/// The next user information: from `://` to the last `@` of the authority (RFC 3986, 3.2).
fn next_user(text: &str, from: usize, extent: Extent) -> Option<Range<usize>> {
    let mut at = from;
    loop {
        let start = at + text[at..].find("://")? + 3;
        let authority = &text[start..];
        let end = authority.find(|c| matches!(c, '/' | '?' | '#') || extent.is_end(c));
        let authority = &authority[..end.unwrap_or(authority.len())];
        match authority.rfind('@') {
            Some(length) if length > 0 => return Some(start..start + length),
            _ => at = start,
        }
    }
}

/// Judges a parameter's name part by part: `user[password]`, `login.password`. What stands before a `/`, `:` or `@`
/// is not part of a name but of a URL around it.
fn is_secret_parameter(name: &str) -> bool {
    let mut part = Name::default();
    let mut is_secret = false;
    for byte in percent_decode_str(name) {
        match byte {
            b'[' | b']' | b'.' => {
                is_secret |= is_secret_parameter_part(part.as_bytes());
                part = Name::default();
            }
            b'/' | b':' | b'@' => {
                is_secret = false;
                part = Name::default();
            }
            _ => part.push(byte),
        }
    }
    is_secret || is_secret_parameter_part(part.as_bytes())
}

fn is_secret_parameter_part(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 15] = [
        b"auth",
        b"awsaccesskeyid",
        b"code",
        b"codeverifier",
        b"hmac",
        b"key",
        b"otp",
        b"pass",
        b"phpsessid",
        b"pin",
        b"samlresponse",
        b"session",
        b"sid",
        b"sig",
        b"ticket",
    ];
    const ENDINGS: [&[u8]; 3] = [b"signature", b"sessionid", b"assertion"];
    is_secret_attribute(name) || NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_secret_attribute(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 2] = [b"jwt", b"pwd"];
    const ENDINGS: [&[u8]; 13] = [
        b"accesskey",
        b"apikey",
        b"authorization",
        b"cookie",
        b"credential",
        b"credentials",
        b"passphrase",
        b"passwd",
        b"password",
        b"privatekey",
        b"secret",
        b"secretkey",
        b"token",
    ];
    NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// A name in lower case and without separators. Of a long one, the end: that is where secrets are named.
#[derive(Default)]
struct Name {
    bytes: [u8; 32],
    length: usize,
}

impl Name {
    fn push(&mut self, byte: u8) {
        if !byte.is_ascii_alphanumeric() {
            return;
        }
        if self.length == self.bytes.len() {
            self.bytes.copy_within(1.., 0);
            self.length -= 1;
        }
        self.bytes[self.length] = byte.to_ascii_lowercase();
        self.length += 1;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_and_users() {
        let cases = [
            ("https://h/p?a=1&token=abc&b=2", "https://h/p?a=1&token=[REDACTED]&b=2"),
            ("/cb?code=4f2a&state=7", "/cb?code=[REDACTED]&state=7"),
            ("https://h/#access_token=abc&x=1", "https://h/#access_token=[REDACTED]&x=1"),
            (
                "https://h/?X-Amz-Signature=a&X-Goog-Signature=b",
                "https://h/?X-Amz-Signature=[REDACTED]&X-Goog-Signature=[REDACTED]",
            ),
            ("?AWSAccessKeyId=AKIA&sig=x", "?AWSAccessKeyId=[REDACTED]&sig=[REDACTED]"),
            ("?%74oken=abc", "?%74oken=[REDACTED]"),
            ("?user%5Bpassword%5D=abc&user[pwd]=d", "?user%5Bpassword%5D=[REDACTED]&user[pwd]=[REDACTED]"),
            ("?connect.sid=a&X-Amz-Credential=b", "?connect.sid=[REDACTED]&X-Amz-Credential=[REDACTED]"),
            ("?next=/login?otp=1&go=a=sid=2", "?next=/login?otp=[REDACTED]&go=a=sid=[REDACTED]"),
            ("?accessToken=a;b?c&d=1", "?accessToken=[REDACTED]&d=1"),
            (
                "error for url (https://h/?api_key=abc): timed out",
                "error for url (https://h/?api_key=[REDACTED] timed out",
            ),
            (r#"{"url":"https://h/?apikey=abc","n":1}"#, r#"{"url":"https://h/?apikey=[REDACTED]","n":1}"#),
            ("postgres://app:hunter2@db:5432/orders", "postgres://[REDACTED]@db:5432/orders"),
            (
                "https://ghp_abc@github.com/x and redis://:pw@r/0",
                "https://[REDACTED]@github.com/x and redis://[REDACTED]@r/0",
            ),
            ("https://u:p@h/?token=t", "https://[REDACTED]@h/?token=[REDACTED]"),
        ];
        for (text, expected) in cases {
            assert_eq!(value("", text), expected);
        }
    }

    #[test]
    fn whole_values_are_one_url_with_blanks_and_all() {
        assert_eq!(value("url.query", "token=a b&c=1"), "token=[REDACTED]&c=1");
        assert_eq!(value("url.query", "c=1&key=a"), "c=1&key=[REDACTED]");
        for key in ["url.full", "http.url", "http.target"] {
            assert_eq!(value(key, "/p?token=a \"b&c=1"), "/p?token=[REDACTED]&c=1", "{key}");
        }
    }

    #[test]
    fn nothing_to_redact_is_borrowed() {
        let texts = [
            "",
            "plain text, a = b",
            "is it so? token = 5",
            "https://h/p?page=2&tokens=5&monkey=1&sort=key",
            "mail to someone@example.org about https://example.org/@someone",
            "https://h/?token=&x=1",
            "https://[REDACTED]@h/?token=[REDACTED]&x=1",
        ];
        for text in texts {
            assert!(matches!(value("", text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn attributes_named_like_secrets() {
        let secrets = [
            "authorization",
            "Proxy-Authorization",
            "http.request.header.cookie",
            "http.response.header.set-cookie",
            "db.password",
            "userPassword",
            "x-api-key",
            "API_KEY",
            "client_secret",
            "refresh_token",
            "jwt",
            "a_very_long_name_in_front_of_what_is_a_password",
        ];
        for key in secrets {
            assert!(is_secret(key), "{key}");
        }
        let open = [
            "",
            "session.id",
            "highlight.session_id",
            "code",
            "key",
            "error.code",
            "gen_ai.usage.input_tokens",
            "password.length",
            "exception.message",
            "auth",
        ];
        for key in open {
            assert!(!is_secret(key), "{key}");
        }
    }

    /// Text made of the pieces that matter, which random text would hardly ever hit.
    fn url_like() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("://"),
            Just("?"),
            Just("&"),
            Just("#"),
            Just(";"),
            Just("="),
            Just("@"),
            Just("/"),
            Just(":"),
            Just("["),
            Just("]"),
            Just("."),
            Just("%"),
            Just("%74"),
            Just("token"),
            Just("sid"),
            Just("user"),
            Just("x"),
            Just("é"),
            Just(" "),
            Just("\""),
            Just(REDACTED),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn keys() -> impl Strategy<Value = &'static str> {
        prop_oneof![Just(""), Just("url.query"), Just("url.full")]
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>(), key in keys()) {
            value(key, &text);
            is_secret(&text);
        }

        #[test]
        fn redacting_twice_is_redacting_once(text in url_like(), key in keys()) {
            let once = value(key, &text).into_owned();
            prop_assert_eq!(value(key, &once), once.as_str());
        }

        #[test]
        fn what_names_no_secret_is_unchanged(pairs in proptest::collection::vec(("[b-j]{1,4}", "[a-z0-9%]{0,8}"), 0..6)) {
            let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let text = format!("https://example.org/p?{}", query.join("&"));
            prop_assert!(matches!(value("", &text), Cow::Borrowed(_)));
        }

        #[test]
        fn a_secret_never_survives(before in "[a-z=&]{0,8}", secret in "[A-Z0-9]{12}", after in "(&[b-j]{1,3}=[a-z]{0,3}){0,3}") {
            let text = format!("https://example.org/?{before}&token={secret}{after}");
            let redacted = value("", &text);
            prop_assert!(!redacted.contains(&secret), "{redacted}");
            prop_assert!(redacted.ends_with(&after));
        }
    }
}
