//! Finds the next secret in a text, in one pass.
//!
//! Whatever is secret has one of a few bytes in it or before it. The table finds these; all other bytes cost one look-up.

use std::ops::Range;

use super::{REDACTED, Redactor, assignment, shapes};

/// What stands behind a `://` is looked at as far as this, so that many of them take no time.
const AUTHORITY_LIMIT: usize = 2048;

/// How much of a text a URL, a query or a form takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The text is a query, without `?`.
    Query,
    /// The text is a URL.
    Url,
    /// The text may be a form: it begins with a parameter if anything.
    Form,
    /// There may be URLs in the text.
    Text,
}

impl Extent {
    /// Characters that cannot stand in a URL (RFC 3986) and, in practice, end one.
    pub(super) fn is_end(self, character: char) -> bool {
        matches!(self, Self::Text | Self::Form)
            && (matches!(character, '"' | '<' | '>' | '`')
                || character.is_whitespace()
                || character.is_control())
    }
}

/// Whether a secret may be told by this byte.
const TRIGGERS: [bool; 256] = {
    let mut triggers = [false; 256];
    let bytes = b"=:% +JI-_.0123456789";
    let mut at = 0;
    while at < bytes.len() {
        triggers[bytes[at] as usize] = true;
        at += 1;
    }
    triggers
};

/// The range of the first secret at or after `from`.
pub(super) fn next(redactor: &Redactor, text: &str, from: usize, extent: Extent) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| TRIGGERS[usize::from(*byte)])?;
        let mut next = at + 1;
        let found = match bytes[at] {
            b':' if bytes[at + 1..].starts_with(b"//") => user(text, at + 3, extent),
            b'=' | b':' => assignment::after_sign(redactor, text, at, extent),
            b'%' => encoded(redactor, text, at, extent),
            b' ' | b'+' => shapes::credentials(text, at),
            b'J' => shapes::web_token(text, at),
            b'I' => shapes::cloud_key(text, at),
            b'-' => shapes::private_key(text, at)
                .or_else(|| shapes::prefixed_token(text, at))
                .or_else(|| shapes::sdk_key(text, at)),
            b'_' | b'.' => shapes::prefixed_token(text, at),
            _ => {
                let (end, card) = shapes::card_number(text, at);
                next = end;
                card
            }
        };
        match found {
            Some(secret) if secret.start >= from && is_new(&text[secret.clone()]) => return Some(secret),
            _ => at = next,
        }
    }
}

/// At most so many bytes of the text.
pub(super) fn beginning(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Not empty, and not replaced already.
fn is_new(secret: &str) -> bool {
    !matches!(secret, "" | REDACTED)
}

/// The user information of an authority: up to its last `@` (RFC 3986, 3.2). The user's name is part of it: tokens are put there too.
fn user(text: &str, start: usize, extent: Extent) -> Option<Range<usize>> {
    let url = beginning(&text[start..], AUTHORITY_LIMIT);
    let url = &url[..url.find(|c| extent.is_end(c)).unwrap_or(url.len())];
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    let length = match authority.rfind('@') {
        Some(length) => length,
        // `app:hun/ter2@db`: a password that is not encoded.
        None => url.rfind('@').filter(|_| is_cut_user(authority))?,
    };
    Some(start..start + length)
}

/// Whether this is the beginning of user information, not a host and its port: `app:hun`, but not `db:5432`, `[::1]`, `{host}:{port}`.
fn is_cut_user(authority: &str) -> bool {
    let is_host = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) || port.ends_with(['}', ']']);
    authority.rsplit_once(':').is_some_and(|(_, port)| !is_host(port))
}

/// Secrets of a URL that is itself a parameter of one, percent-encoded.
fn encoded(redactor: &Redactor, text: &str, at: usize, extent: Extent) -> Option<Range<usize>> {
    let sign = text.as_bytes().get(at + 1..at + 3)?;
    if sign.eq_ignore_ascii_case(b"3d") {
        return assignment::after_encoded_sign(redactor, text, at, extent);
    }
    if sign == b"20" {
        return shapes::credentials(text, at);
    }
    let start = at + "%3A%2F%2F".len();
    let is_scheme = text.as_bytes().get(at..start)?.eq_ignore_ascii_case(b"%3A%2F%2F");
    let authority = is_scheme.then(|| beginning(&text[start..], AUTHORITY_LIMIT))?;
    let end = authority.find(|c| matches!(c, '&' | '#') || extent.is_end(c)).unwrap_or(authority.len());
    let authority = authority[..end].to_ascii_lowercase();
    let end = ["%2f", "%3f"].iter().filter_map(|sign| authority.find(sign)).min().unwrap_or(authority.len());
    let length = authority[..end].rfind("%40")?;
    Some(start..start + length)
}
