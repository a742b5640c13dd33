//! Texts that are too long (C§1.3).

/// The limit of attribute values, messages, span names and status messages, in bytes.
pub(super) const LIMIT: usize = 65_536;

/// Cuts a text as the server does: at a byte, with three dots after it. A character that the cut
/// splits is shown as U+FFFD. Says whether it cut.
pub(super) fn cut(text: &mut String) -> bool {
    if text.len() <= LIMIT {
        return false;
    }
    *text = String::from_utf8_lossy(&text.as_bytes()[..LIMIT]).into_owned() + "...";
    true
}

/// Cuts without dots. Says whether it cut.
pub(super) fn cut_to(text: &mut String, limit: usize) -> bool {
    if text.len() <= limit {
        return false;
    }
    *text = String::from_utf8_lossy(&text.as_bytes()[..limit]).into_owned();
    true
}

/// The beginning of a text, for a note about it.
pub(super) fn beginning(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
