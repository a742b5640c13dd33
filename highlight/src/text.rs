//! Texts of the program's own values.

use std::fmt::{self, Write};

/// Longer texts would be cut by the server (C§1.3), and only cost memory until then.
const LIMIT: usize = 64 * 1024;

/// What `value` displays, at most 64 KiB of it.
///
/// `to_string` panics if an implementation reports an error; here the text ends there.
pub(crate) fn of(value: impl fmt::Display) -> String {
    written_to(String::new(), format_args!("{value}"))
}

/// What `value` shows to a developer, likewise.
pub(crate) fn of_debug(value: &dyn fmt::Debug) -> String {
    of_debug_in(String::new(), value)
}

/// The same, written to a text that is empty.
pub(crate) fn of_debug_in(empty: String, value: &dyn fmt::Debug) -> String {
    written_to(empty, format_args!("{value:?}"))
}

fn written_to(empty: String, value: fmt::Arguments<'_>) -> String {
    let mut text = Bounded(empty);
    let _ = text.write_fmt(value);
    text.0
}

/// The beginning of a text that may be longer than is kept.
pub(crate) fn beginning(text: &str) -> &str {
    if text.len() <= LIMIT {
        return text;
    }
    let end = (0..=LIMIT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Whether the pattern, in which `*` stands for any characters, makes the text.
pub(crate) fn matches_glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut of) = (0, 0);
    // Where to go on if the last `*` must take one byte more.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        if pattern.get(of) == Some(&b'*') {
            star = Some((of, at));
            of += 1;
        } else if pattern.get(of) == Some(&text[at]) {
            at += 1;
            of += 1;
        } else if let Some((star_of, star_at)) = star {
            star = Some((star_of, star_at + 1));
            (of, at) = (star_of + 1, star_at + 1);
        } else {
            return false;
        }
    }
    pattern[of..].iter().all(|byte| *byte == b'*')
}

/// Takes the last word off a text that was cut: half of a secret would not be recognised as one. What has no end within 512
/// bytes is no word.
pub(crate) fn drop_last_word(text: &mut String) {
    const LONGEST: usize = 512;
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '{' | '}');
    let end = text.char_indices().rev().find(|(_, c)| is_end(*c)).map(|(at, c)| at + c.len_utf8());
    if let Some(end) = end.filter(|end| text.len() - end <= LONGEST) {
        text.truncate(end);
    }
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = LIMIT - self.0.len();
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        let end = (0..=room).rev().find(|&end| part.is_char_boundary(end)).unwrap_or(0);
        self.0.push_str(&part[..end]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails;

    impl fmt::Display for Fails {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("begun")?;
            Err(fmt::Error)
        }
    }

    #[test]
    fn a_failing_display_gives_what_it_wrote() {
        assert_eq!(of(Fails), "begun");
    }

    #[test]
    fn texts_end_on_a_boundary_within_the_limit() {
        let text = of("ä".repeat(LIMIT));
        assert_eq!(text.len(), LIMIT);
        let text = of(format!("x{}", "ä".repeat(LIMIT)));
        assert_eq!(text.len(), LIMIT - 1);
    }
}
