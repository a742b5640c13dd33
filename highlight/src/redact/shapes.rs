//! Secrets that are known by how they look, whatever their name: credentials after a scheme, tokens, private keys, card numbers.
//!
//! Each is looked for where a rare byte of its beginning stands, and is told by what stands before and after. A function gets that
//! byte's position and gives the secret's range.

use std::ops::Range;

/// Schemes of `Authorization` (RFC 9110, 11.6.2), and how much else must speak for a secret.
const SCHEMES: [(&str, Looks); 5] = [
    ("bearer", Looks::NotProse),
    ("basic", Looks::Credentials),
    ("token", Looks::Generated),
    ("apikey", Looks::Generated),
    ("negotiate", Looks::Generated),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// `Bearer x`, but not `bearer authentication` or `the bearer of`.
    NotProse,
    /// `Basic dXNlcjpwYXNz`, but not `Basic usage`.
    Credentials,
    /// `Token 9944b09199c6`, but not `token expired`.
    Generated,
}

/// What documentation and error messages write after `Bearer`.
const AFTER_BEARER: [&str; 13] = [
    "and",
    "auth",
    "authentication",
    "authorization",
    "credentials",
    "error",
    "format",
    "header",
    "or",
    "realm",
    "scheme",
    "token",
    "tokens",
];

/// The scheme whose name ends before `end`.
fn scheme_before(text: &str, end: usize) -> Option<Looks> {
    let bytes = &text.as_bytes()[..end];
    if !matches!(bytes.last()? | 0x20, b'r' | b'c' | b'n' | b'y' | b'e') {
        return None;
    }
    SCHEMES.iter().find_map(|(name, looks)| {
        let start = end.checked_sub(name.len())?;
        let is_word = start == 0 || !bytes[start - 1].is_ascii_alphanumeric() || follows_escape(text, start);
        (is_word && bytes[start..].eq_ignore_ascii_case(name.as_bytes())).then_some(*looks)
    })
}

/// The credentials after the blank at `blank`, which may be encoded (`+`, `%20`), if a scheme stands before it.
pub(super) fn credentials(text: &str, blank: usize) -> Option<Range<usize>> {
    let looks = scheme_before(text, blank)?;
    let is_plain = text[blank..].starts_with(' ');
    let blanks = match text.as_bytes().get(blank)? {
        b' ' => text[blank..].find(|c| c != ' ')?,
        b'+' => 1,
        _ => "%20".len(),
    };
    let start = blank + blanks;
    let value = leading(text.get(start..)?, |byte| is_token68(byte) && (is_plain || byte != b'+'));
    let capital = text[..blank].bytes().rev().find(|byte| !byte.is_ascii_lowercase());
    let is_capital = capital.is_some_and(|byte| byte.is_ascii_uppercase());
    let is_secret = match looks {
        Looks::NotProse => {
            let word = value.trim_end_matches(['.', ',']);
            let is_prose = AFTER_BEARER.iter().any(|prose| word.eq_ignore_ascii_case(prose))
                || word.split('=').next().is_some_and(|name| name.eq_ignore_ascii_case("realm"))
                || (!is_capital && word.len() < 16 && word.bytes().all(|byte| byte.is_ascii_lowercase()));
            !word.is_empty() && !is_prose
        }
        // `a token page=7` is about something else.
        _ if value.trim_end_matches('=').contains('=') => false,
        Looks::Credentials => is_user_and_password(value) || looks_generated(value, 16),
        Looks::Generated => looks_generated(value, if is_capital { 6 } else { 16 }),
    };
    let end = start + value.len();
    is_secret.then(|| start..if is_plain { end } else { end_of_encoded(text, end) })
}

/// The end of base64 whose `+`, `/` and `=` are percent-encoded.
fn end_of_encoded(text: &str, start: usize) -> usize {
    let mut end = start;
    while let Some(escape) = text.as_bytes().get(end..end + 3) {
        if ![b"%2b", b"%2f", b"%3d"].iter().any(|sign| escape.eq_ignore_ascii_case(*sign)) {
            break;
        }
        end += 3;
        end += leading(&text[end..], |byte| is_token68(byte) && byte != b'+').len();
    }
    end
}

/// Whether `word`, at `start`, is a scheme and credentials follow it; then where they end. Their looks do not count: the caller
/// knows better what they are.
pub(super) fn end_of_credentials(text: &str, word: Range<usize>) -> Option<usize> {
    scheme_before(text, word.end).filter(|_| word.start < word.end)?;
    let start = word.end + text[word.end..].find(|c| c != ' ').filter(|blanks| *blanks > 0)?;
    let value = leading(&text[start..], is_token68);
    (!value.is_empty()).then_some(start + value.len())
}

/// Whether a machine has made this, going by digits among letters; without a digit it must be long.
pub(super) fn looks_generated(value: &str, least: usize) -> bool {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && value.len() >= least)
        || (value.len() >= 20 && !value.contains(char::is_whitespace) && !is_prose(value))
}

/// A path, or words with hyphens.
fn is_prose(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_' | b'/' | b'.'))
}

/// Whether this is what `Basic` sends: base64 of `user:password`.
fn is_user_and_password(value: &str) -> bool {
    let mut bytes = Vec::with_capacity(value.len());
    let (mut bits, mut count) = (0_u32, 0);
    for byte in value.trim_end_matches('=').bytes() {
        let Some(digit) = base64_digit(byte) else { return false };
        bits = (bits << 6) | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_le_bytes()[0]);
        }
    }
    let is_text = |text: &str| !text.chars().any(char::is_control) && text.contains(':');
    value.len() >= 4 && std::str::from_utf8(&bytes).is_ok_and(is_text)
}

fn base64_digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// A JSON Web Token (RFC 7519), or an encrypted one, by the `J` at `at` of its `eyJ`, which is `{"` in base64.
pub(super) fn web_token(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at.checked_sub(2).filter(|start| text.as_bytes()[*start..].starts_with(b"eyJ"))?;
    if !begins_word(text, start) {
        return None;
    }
    let header = leading(&text[start..], is_base64url).len();
    let mut end = start + header;
    let mut parts = 1;
    // Three parts if it is signed, five if it is encrypted.
    while parts < 5 && text[end..].starts_with('.') && (parts > 1 || header >= 8) {
        let part = leading(&text[end + 1..], is_base64url).len();
        match parts {
            // The encrypted key may be empty.
            1 if part < 8 && !(part == 0 && text[end + 1..].starts_with('.')) => return None,
            // What follows is the end of a sentence.
            3 | 4 if part == 0 => break,
            _ => {}
        }
        end += 1 + part;
        parts += 1;
    }
    (parts > 1).then_some(start..end)
}

type IsPart = fn(u8) -> bool;

/// Prefixes of tokens, what their rest is made of, and its least length. Only those that nothing else begins with.
const TOKENS: [(&str, IsPart, usize); 27] = [
    // GitHub, GitLab
    ("ghp_", is_alphanumeric, 20),
    ("gho_", is_alphanumeric, 20),
    ("ghu_", is_alphanumeric, 20),
    ("ghs_", is_alphanumeric, 20),
    ("ghr_", is_alphanumeric, 20),
    ("github_pat_", is_base64url, 20),
    ("glpat-", is_base64url, 16),
    // Slack
    ("xoxa-", is_base64url, 10),
    ("xoxb-", is_base64url, 10),
    ("xoxe-", is_base64url, 10),
    ("xoxp-", is_base64url, 10),
    ("xoxr-", is_base64url, 10),
    ("xoxs-", is_base64url, 10),
    ("xapp-", is_base64url, 10),
    // Stripe
    ("sk_live_", is_alphanumeric, 10),
    ("sk_test_", is_alphanumeric, 10),
    ("rk_live_", is_alphanumeric, 10),
    ("rk_test_", is_alphanumeric, 10),
    ("whsec_", is_base64, 16),
    // Package registries
    ("npm_", is_alphanumeric, 36),
    ("pypi-AgE", is_base64url, 30),
    // Google, SendGrid, Vault, Shopify, DigitalOcean
    ("ya29.", is_base64url, 20),
    ("SG.", |byte| is_base64url(byte) || byte == b'.', 40),
    ("hvs.", is_base64url, 24),
    ("shpat_", is_alphanumeric, 32),
    ("dop_v1_", is_alphanumeric, 64),
    // Large language models
    ("sk-ant-", is_base64url, 20),
];

/// A token whose prefix ends with the `_`, `-` or `.` at `at`.
pub(super) fn prefixed_token(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let [second, last] = *bytes.get(at.checked_sub(2)?..at)?.first_chunk()?;
    // How the beginnings end: nearly all other signs are told from them by two letters.
    let may_begin = match (bytes[at], second, last) {
        (b'_', b'h', _) | (b'-', b'x', _) => true,
        (b'_', second, last) => matches!(&[second, last], b"at" | b"ve" | b"st" | b"ec" | b"pm" | b"v1"),
        (b'-', second, last) => matches!(&[second, last], b"at" | b"pp" | b"pi" | b"nt"),
        (_, second, last) => matches!(&[second, last], b"29" | b"SG" | b"vs"),
    };
    if !may_begin {
        return None;
    }
    let head = &text[..=at];
    TOKENS.iter().find_map(|(prefix, is_part, least)| {
        let sign = prefix.rfind(['_', '-', '.'])?;
        let start = head.len().checked_sub(sign + 1)?;
        let is_prefix = bytes[start..].starts_with(prefix.as_bytes()) && begins_word(text, start);
        let rest = is_prefix.then(|| leading(&text[start + prefix.len()..], is_part))?;
        (rest.len() >= *least).then(|| start..start + prefix.len() + rest.len())
    })
}

/// An SDK key of the successor (C§2), by the `-` of `sdk-` or `mob-` at `at`: a UUID follows.
pub(super) fn sdk_key(text: &str, at: usize) -> Option<Range<usize>> {
    let start = at.checked_sub(3)?;
    let is_key = ["sdk", "mob"].iter().any(|kind| text.as_bytes()[start..at] == *kind.as_bytes());
    if !is_key || !begins_word(text, start) {
        return None;
    }
    let rest = leading(&text[at + 1..], |byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_uuid = rest.len() == 36 && rest.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    is_uuid.then(|| start..at + 1 + rest.len())
}

/// An access key id of AWS or an API key of Google, by the `I` at `at` of `AKIA`, `ASIA` or `AIza`.
pub(super) fn cloud_key(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let aws = at.checked_sub(2).filter(|start| {
        let prefix = bytes.get(*start..start + 4);
        prefix.is_some_and(|prefix| prefix == b"AKIA" || prefix == b"ASIA")
    });
    let (start, length, is_part): (_, _, IsPart) = match aws {
        Some(start) => (start, 20, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
        None => (at.checked_sub(1).filter(|start| bytes[*start..].starts_with(b"AIza"))?, 39, is_base64url),
    };
    let key = leading(&text[start..], is_part);
    let ends = bytes.get(start + key.len()).is_none_or(|byte| !is_base64url(*byte));
    (key.len() == length && ends && begins_word(text, start)).then(|| start..start + length)
}

/// The content of a private key in PEM (RFC 7468), by the first `-` at `at`. One without an end takes up the rest of the text.
pub(super) fn private_key(text: &str, at: usize) -> Option<Range<usize>> {
    let label = text[at..].strip_prefix("-----BEGIN ")?;
    let label = &label[..label.find("-----").filter(|length| *length < 40)?];
    if !label.ends_with("PRIVATE KEY") && !label.ends_with("PRIVATE KEY BLOCK") {
        return None;
    }
    let start = at + "-----BEGIN -----".len() + label.len();
    let end = text[start..].find("-----END ").map_or(text.len(), |length| start + length);
    (start < end).then_some(start..end)
}

/// A card number, by its first digit at `at`: digits that pass the check (ISO/IEC 7812), of a network and of its length, as one
/// number or in the groups that are printed. Also gives where the digits end, so that they are looked at once.
///
/// Of numbers with 16 digits that mean something else, one in about 45 passes. Times in any unit and the ids of the usual generators
/// do not: they are shorter, longer, or begin otherwise.
pub(super) fn card_number(text: &str, at: usize) -> (usize, Option<Range<usize>>) {
    let rest = &text.as_bytes()[at..];
    // The escape's own digits.
    if text[..at].ends_with('%') && rest.get(1).is_some_and(u8::is_ascii_hexdigit) {
        return (at + 2, None);
    }
    let run = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let grouped = (run == 4).then(|| groups(rest)).flatten();
    let length = match grouped {
        Some(length) => length,
        None if (13..=19).contains(&run) => run,
        None => return (at + run, None),
    };
    let number = rest[..length].iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0');
    let digits: Vec<u8> = number.collect();
    let after = rest.get(length).copied().unwrap_or(b' ');
    // What goes on is a longer number, an id, a version, an amount.
    let stands_alone = begins_word(text, at)
        && !text[..at].ends_with(['.', '/', '+', '#', '%'])
        && !is_base64url(after)
        && (after != b'.' || !rest.get(length + 1).is_some_and(u8::is_ascii_digit));
    let is_card = stands_alone && is_issued(&digits) && passes_check(&digits);
    // What is none in groups may begin one with its second group.
    let seen = if grouped.is_some() && !is_card { run } else { length };
    (at + seen, is_card.then(|| at..at + length))
}

/// The length of digits printed 4-4-4-4 or 4-6-5.
fn groups(bytes: &[u8]) -> Option<usize> {
    let sign = *bytes.get(4).filter(|sign| matches!(sign, b' ' | b'-'))?;
    [&[4, 4, 4, 4][..], &[4, 6, 5]].into_iter().find_map(|sizes| {
        let mut at = 0;
        for size in sizes {
            let is_group = bytes.get(at..at + size)?.iter().all(u8::is_ascii_digit);
            let end = at + size;
            let is_last = end >= 17;
            if !is_group || (!is_last && *bytes.get(end)? != sign) {
                return None;
            }
            at = end + 1;
        }
        Some(at - 1)
    })
}

/// Whether a network issues numbers of this beginning and length.
fn is_issued(digits: &[u8]) -> bool {
    let beginning =
        |count: usize| digits.iter().take(count).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    match digits.len() {
        14 => matches!(beginning(3), 300..=305) || matches!(beginning(2), 36 | 38),
        15 => matches!(beginning(2), 34 | 37),
        16 => {
            digits[0] == 4
                || matches!(beginning(2), 51..=55 | 65)
                || matches!(beginning(4), 2221..=2720 | 3528..=3589 | 6011)
                || matches!(beginning(3), 644..=649)
        }
        _ => false,
    }
}

/// The check digit of Luhn.
fn passes_check(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit @ 0..=4) => 2 * digit,
            (_, digit) => 2 * digit - 9,
        })
        .sum();
    sum % 10 == 0
}

fn leading(text: &str, is_part: impl Fn(u8) -> bool) -> &str {
    let length = text.bytes().take_while(|byte| is_part(*byte)).count();
    &text[..length]
}

fn begins_word(text: &str, start: usize) -> bool {
    start == 0 || !is_base64url(text.as_bytes()[start - 1]) || follows_escape(text, start)
}

/// Whether a percent-escape (`%2F`) or an escaped control (`\n`) ends before `start`, whose letters are no part of a word.
fn follows_escape(text: &str, start: usize) -> bool {
    let before = &text.as_bytes()[..start];
    match before {
        [.., b'%', first, second] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        _ => false,
    }
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}
