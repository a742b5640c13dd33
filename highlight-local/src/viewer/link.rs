//! Addresses of pages. Ids come from senders, so each is encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encode(text: &str) -> String {
    // Browsers resolve these two, however they are written.
    match text {
        "." | ".." => text.replace('.', "%2E"),
        _ => utf8_percent_encode(text, KEPT).to_string(),
    }
}

pub(super) fn session(id: &str) -> String {
    format!("/sessions/{}", encode(id))
}

pub(super) fn replay(session: &str) -> String {
    format!("/replay/{}", encode(session))
}

pub(super) fn trace(id: &str) -> String {
    format!("/traces/{}", encode(id))
}

pub(super) fn span(id: i64) -> String {
    format!("/spans/{id}")
}

/// An error in its group.
pub(super) fn error(group: i64, error: i64) -> String {
    format!("/errors/{group}?error={error}")
}

pub(super) fn metric(name: &str) -> String {
    format!("/metrics/{}", encode(name))
}

/// A page with parameters, without the empty ones.
pub(super) fn with(page: &str, parameters: &[(&str, &str)]) -> String {
    let mut address = page.to_owned();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(name);
        address.push('=');
        address.push_str(&encode(value));
    }
    address
}
