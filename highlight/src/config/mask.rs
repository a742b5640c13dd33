//! Keeps secrets out of `Debug` output and error messages.

use std::fmt;

/// What is printed in a secret's place.
pub(super) const HIDDEN: &str = "[hidden]";

/// Longest value that is printed in full; a wrong variable may hold a whole file.
const MAX_CHARS: usize = 80;

/// Prefixes of the successor's SDK keys, which are secrets (C§2).
pub(super) const KEY_PREFIXES: [&str; 2] = ["sdk-", "mob-"];

/// A text that is never printed.
#[derive(Clone)]
pub(super) struct Secret<T>(pub(super) T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A text that may hold a secret: printed [`masked`].
#[derive(Clone)]
pub(super) struct Text(pub(super) String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&masked(&self.0), f)
    }
}

/// The value without credentials of a URL, without SDK keys, and no longer than anyone wants to read.
pub(crate) fn masked(value: &str) -> String {
    if let Some(prefix) = KEY_PREFIXES.iter().find(|key| value.starts_with(**key)) {
        return format!("{prefix}{HIDDEN}");
    }
    let shown = match value.rsplit_once('@') {
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _credentials)) => format!("{scheme}://{HIDDEN}@{host}"),
            None => format!("{HIDDEN}@{host}"),
        },
        None => value.to_owned(),
    };
    match shown.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_shown() {
        for (value, shown) in [
            ("debug", "debug"),
            ("sdk-1234abcd-0000-0000-0000-123456789abc", "sdk-[hidden]"),
            ("mob-x", "mob-[hidden]"),
            ("https://user:secret@host:4318", "https://[hidden]@host:4318"),
            ("user:p@ss@host", "[hidden]@host"),
        ] {
            assert_eq!(masked(value), shown);
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let shown = masked(&"é".repeat(200));
        assert_eq!(shown, format!("{}...", "é".repeat(80)));
    }

    #[test]
    fn debug_output_is_masked() {
        assert_eq!(format!("{:?}", Secret("token")), "[hidden]");
        assert_eq!(format!("{:?}", Text("sdk-1".into())), "\"sdk-[hidden]\"");
    }
}
