//! Texts made fit for a line.

use std::time::Duration;

/// Without what would break the line or steer the terminal.
#[must_use]
pub fn clean(text: &str) -> String {
    text.trim_end()
        .chars()
        .map(|c| match c {
            '\n' => '⏎',
            '\t' => ' ',
            // Controls, and marks that reverse the direction of text.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                '\u{fffd}'
            }
            c => c,
        })
        .collect()
}

/// At most so many characters, the last of which says that something is missing.
#[must_use]
pub fn cut(text: &str, characters: usize) -> String {
    if text.char_indices().nth(characters).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
    kept + "…"
}

/// The beginning of a long id.
pub(super) fn short(id: &str) -> String {
    cut(&clean(id), 9)
}

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// A count and what is counted.
#[must_use]
pub fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Two or three digits and a unit.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    let seconds = duration.as_secs();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{seconds}.{:02} s", micros % 1_000_000 / 10_000),
        _ => format!("{} m {:02} s", seconds / 60, seconds % 60),
    }
}

/// The branch that leads to a line.
pub(super) fn branch(indent: &str, is_last: bool) -> String {
    format!("{indent}{}", if is_last { "└─ " } else { "├─ " })
}

/// The indent of what is below that line.
pub(super) fn below(indent: &str, is_last: bool) -> String {
    format!("{indent}{}", if is_last { "   " } else { "│  " })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_250, "1.2 ms"),
            (41_999, "41 ms"),
            (1_240_000, "1.24 s"),
            (125_000_000, "2 m 05 s"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn one_is_not_many() {
        for (count, text) in
            [(0, "0 errors"), (1, "1 error"), (2, "2 errors"), (u64::MAX, "18446744073709551615 errors")]
        {
            assert_eq!(plural(count, "error"), text);
        }
    }

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(clean("a\nb\u{1b}[31mc\u{202e}"), "a⏎b\u{fffd}[31mc\u{fffd}");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
