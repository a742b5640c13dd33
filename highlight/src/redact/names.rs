//! Which names say that their value is secret.
//!
//! Names are compared without case and separators, after percent-decoding, and without a number at the end: `access_token`,
//! `accessToken`, `Access-Token2` and `%61ccess%5Ftoken` are one name. Most names are known by how they end, so that
//! `stripe_api_key` and `userPassword` are found. The lists are sorted by the last letter, which is all that is looked at of most names.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sense {
    /// Nothing.
    Open,
    /// It is secret as a text and not as a number: `tokens` are counted as well.
    Text,
    /// It is secret where a machine has written it, as JSON, `Debug` or an attribute; in sentences the name means much else.
    Machine,
    /// It is secret if it looks so: the name is a word that sentences use as well (`unexpected token: Identifier`).
    Word,
    /// It is secret.
    Secret,
}

/// Whether a name stands where only machines write: then short names count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The parameters of a URL or a form. There `code`, `key` and `session` are what OAuth and API keys use.
    Parameter,
    /// An attribute, a field, a word in a text.
    Field,
}

/// The endings of secret names, by their last letter.
fn endings(last: u8) -> &'static [&'static str] {
    match last {
        b'c' => &["cvc", "hmac"],
        b'd' => {
            &["accesskeyid", "creditcard", "debitcard", "passwd", "password", "pwd", "sessid", "sessionid"]
        }
        b'e' => &["passcode", "passphrase", "secretkeybase", "securitycode", "seedphrase"],
        b'f' => &["csrf", "xsrf"],
        b'h' => &["passwordhash"],
        b'm' => &["cardnum"],
        b'n' => &["cardpan", "cardpin", "passwordconfirmation", "ssn"],
        b'o' => &["cardno"],
        b'r' => &["cardnumber", "socialinsurancenumber", "socialsecuritynumber"],
        b's' => &["apikeys", "cookies", "dbpass", "passwords", "secrets", "smtppass", "userpass"],
        b't' => &["jwt", "passworddigest", "secret"],
        b'v' => &["cvv"],
        b'y' => &[
            "accesskey",
            "accountkey",
            "apikey",
            "authkey",
            "encryptionkey",
            "masterkey",
            "privatekey",
            "secretkey",
            "sessionkey",
            "signingkey",
            "socialsecurity",
            "subscriptionkey",
        ],
        _ => &[],
    }
}

/// Endings that are ordinary words where nothing comes before them.
fn words(last: u8) -> &'static [&'static str] {
    match last {
        b'e' => &["cookie", "signature"],
        b'l' => &["credential"],
        b'n' => &["authorization", "token"],
        b's' => &["credentials"],
        _ => &[],
    }
}

/// Whether a name of letters may be in the lists, going by its last two. Most names are told by that.
fn may_be_listed(name: &str) -> bool {
    let Some(&[second, last]) = name.as_bytes().last_chunk() else { return true };
    if !second.is_ascii_alphabetic() || !last.is_ascii_alphabetic() {
        return true;
    }
    let seconds: &[u8] = match last.to_ascii_lowercase() {
        b'c' => b"av",
        b'd' => b"irw",
        b'e' => b"dirs",
        b'f' => b"r",
        b'h' => b"s",
        b'l' => b"a",
        b'm' => b"u",
        b'n' => b"aeios",
        b'o' => b"n",
        b'p' => b"t",
        b'r' => b"e",
        b's' => b"delnsty",
        b't' => b"esw",
        b'v' => b"v",
        b'y' => b"et",
        _ => b"",
    };
    seconds.contains(&second.to_ascii_lowercase())
}

/// Secret as the whole name of what a machine writes.
const FIELDS: [&str; 4] = ["ccnumber", "otp", "pass", "pin"];
/// The same, unless it is a number.
const COUNTED: &str = "tokens";

/// Secret as the whole name of a parameter.
const PARAMETERS: [&str; 11] = [
    "auth",
    "authcode",
    "bearer",
    "code",
    "codeverifier",
    "idtokenhint",
    "key",
    "samlresponse",
    "session",
    "sid",
    "sig",
];
/// Secret endings of parameters.
const PARAMETER_ENDINGS: [&str; 2] = ["assertion", "ticket"];

/// The browser's session opens nothing, unlike a web session.
const OURS: [&str; 3] = ["highlight.session_id", "field.highlight.session_id", "highlight_session_id"];

/// Judges a name by its last part that is no number: `user[password]`, `db.password`, `cookies.0`.
pub(super) fn of_last_part(name: &str, place: Place) -> Sense {
    if place == Place::Field && (!may_be_listed(name) || OURS.contains(&name)) {
        return Sense::Open;
    }
    let name = decoded(name);
    let mut parts = name.rsplit(is_boundary).filter(|part| part.bytes().any(|byte| !byte.is_ascii_digit()));
    parts.next().map_or(Sense::Open, |part| of_part(part, place))
}

/// Judges a parameter's name by all its parts. What stands before a `/`, `:`, `@` or a separator is not part of a name but of
/// a URL around it.
pub(super) fn of_parameter(name: &str) -> Sense {
    let name = decoded(name);
    let name = name.rsplit(['/', ':', '@', '?', '&', ';', '#', '=']).next().unwrap_or_default();
    name.split(is_boundary).map(|part| of_part(part, Place::Parameter)).max().unwrap_or(Sense::Open)
}

pub(super) fn decoded(name: &str) -> Cow<'_, str> {
    if name.contains('%') { percent_decode_str(name).decode_utf8_lossy() } else { Cow::Borrowed(name) }
}

fn is_boundary(character: char) -> bool {
    matches!(character, '.' | '[' | ']')
}

fn of_part(part: &str, place: Place) -> Sense {
    let name = Name::of(part);
    let name = name.as_bytes();
    let Some(last) = name.last() else { return Sense::Open };
    if endings(*last).iter().any(|ending| name.ends_with(ending.as_bytes())) {
        return Sense::Secret;
    }
    if let Some(word) = words(*last).iter().find(|word| name.ends_with(word.as_bytes())) {
        let is_word = name.len() == word.len() && place == Place::Field;
        return if is_word { Sense::Word } else { Sense::Secret };
    }
    if name == COUNTED.as_bytes() {
        return Sense::Text;
    }
    if FIELDS.iter().any(|field| name == field.as_bytes()) {
        return if place == Place::Parameter { Sense::Secret } else { Sense::Machine };
    }
    let is_parameter = || {
        PARAMETERS.iter().any(|parameter| name == parameter.as_bytes())
            || PARAMETER_ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
    };
    if place == Place::Parameter && is_parameter() { Sense::Secret } else { Sense::Open }
}

/// Letters and digits in lower case, without the number at the end. Of a long name, its end: that is where secrets are named.
struct Name {
    bytes: [u8; Self::LENGTH],
    start: usize,
}

impl Name {
    /// Longer than the longest name in the lists.
    const LENGTH: usize = 32;

    fn of(part: &str) -> Self {
        let mut name = Self { bytes: [0; Self::LENGTH], start: Self::LENGTH };
        for byte in part.bytes().rev() {
            let is_number = byte.is_ascii_digit() && name.start == Self::LENGTH;
            if is_number || !byte.is_ascii_alphanumeric() {
                continue;
            }
            if name.start == 0 {
                break;
            }
            name.start -= 1;
            name.bytes[name.start] = byte.to_ascii_lowercase();
        }
        name
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Whether this names cookies, whose value is a whole line.
pub(super) fn is_cookie(name: &str) -> bool {
    Name::of(name).as_bytes().ends_with(b"cookie")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_named_like_secrets() {
        let secrets = [
            "Proxy-Authorization",
            "http.request.header.set-cookie",
            "http.request.header.x-api-key",
            "db.password",
            "db.password.0",
            "userPassword",
            "PASSWORD2",
            "user[password]",
            "user[password][]",
            "user%5Bpass%77ord%5D",
            "x-api-key",
            "API_KEY",
            "client_secret",
            "refresh_token",
            "x-hub-signature-256",
            "aws_secret_access_key",
            "AccountKey",
            "PHPSESSID",
            "JSESSIONID",
            "session_id",
            "card_number",
            "cardNumber",
            "cvv2",
            "user.ssn",
            "socialSecurityNumber",
            "jwt",
            "password_confirmation",
            "password_digest",
            "SECRET_KEY_BASE",
            "card_num",
            "a_very_long_name_in_front_of_what_is_a_password",
        ];
        for name in secrets {
            assert_eq!(of_last_part(name, Place::Field), Sense::Secret, "{name}");
        }
        for name in ["authorization", "Cookie", "http.request.header.cookie", "token", "Signature"] {
            assert_eq!(of_last_part(name, Place::Field), Sense::Word, "{name}");
        }
        for name in ["pass", "db.pass", "OTP", "user[pin]", "cc_number"] {
            assert_eq!(of_last_part(name, Place::Field), Sense::Machine, "{name}");
        }
        assert_eq!(of_last_part("auth.tokens", Place::Field), Sense::Text);
        let open = [
            "",
            "...",
            "0",
            "session.id",
            "highlight.session_id",
            "field.highlight.session_id",
            "code",
            "key",
            "error.code",
            "gen_ai.usage.input_tokens",
            "password.length",
            "exception.message",
            "auth",
            "idempotency_key",
            "public_key",
            "primary_key",
            "messaging.kafka.message.key",
            "tokenizer",
            "secretary",
            "bypass",
            "acc_number",
            "max_tokens",
            "pins",
            "pass_rate",
            "id",
            "user.id",
            "url.path",
            "http.response.status_code",
            "monkey",
            "spin",
        ];
        for name in open {
            assert_eq!(of_last_part(name, Place::Field), Sense::Open, "{name}");
        }
    }

    #[test]
    fn every_listed_name_may_be_listed() {
        for last in b'a'..=b'z' {
            for name in endings(last).iter().chain(words(last)) {
                assert!(may_be_listed(name) && may_be_listed(&name.to_uppercase()), "{name}");
                assert_eq!(name.as_bytes().last(), Some(&last), "{name} is in another letter's list");
                assert!(name.len() < Name::LENGTH, "{name}");
            }
        }
        for name in FIELDS.iter().chain([&COUNTED]) {
            assert!(may_be_listed(name), "{name}");
        }
    }

    #[test]
    fn parameters_have_shorter_names() {
        for name in [
            "code",
            "key",
            "sid",
            "connect.sid",
            "sig",
            "user[pass]",
            "token[value]",
            "client_assertion",
            "%6Bey",
            "/p?a&key",
        ] {
            assert_eq!(of_parameter(name), Sense::Secret, "{name}");
        }
        for name in ["", "state", "page", "keys", "zipcode", "token/x", "sort", "q", "design"] {
            assert_eq!(of_parameter(name), Sense::Open, "{name}");
        }
    }
}
