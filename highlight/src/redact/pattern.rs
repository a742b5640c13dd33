//! The patterns of [`Config::redact_key`](crate::Config::redact_key) and [`Config::redact_pattern`](crate::Config::redact_pattern).

use std::ops::Range;

use super::REDACTED;
use crate::text;

/// A pattern for names: without case and separators; `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPattern {
    pattern: String,
    /// Whether it has parts, and means whole names only.
    is_whole: bool,
}

impl KeyPattern {
    /// `None` if no letter or digit is in it: it would match every name or none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let pattern: String = text
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '*')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        pattern
            .contains(|c: char| c.is_ascii_alphanumeric())
            .then(|| Self { pattern, is_whole: text.contains('.') })
    }

    /// Whether the whole name, or its last part, is meant.
    pub(super) fn matches(&self, name: &str) -> bool {
        let normal = |name: &str| -> String {
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
        };
        let last = name.rsplit(['.', '[', ']']).find(|part| !part.is_empty()).unwrap_or(name);
        text::matches_glob(&self.pattern, &normal(name))
            || (!self.is_whole && last.len() < name.len() && text::matches_glob(&self.pattern, &normal(last)))
    }
}

/// A `*` that something follows takes no more.
const RUN_LIMIT: usize = 512;

/// A pattern for words in a text: `#` is a digit, `?` a letter or digit, `*` any number of these and of `-` and `_`; everything else
/// is itself, and case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextPattern(String);

impl TextPattern {
    /// `None` if it would match every word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let says_something = text.chars().any(|c| !matches!(c, '?' | '*') && !c.is_whitespace());
        let is_bounded = text.bytes().filter(|byte| *byte == b'*').count() <= 4;
        (says_something && is_bounded).then(|| Self(text.to_owned()))
    }

    /// The next word at or after `from` that is meant.
    pub(super) fn next(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let mut before = text[..from].chars().next_back();
        for (index, character) in text[from..].char_indices() {
            let start = from + index;
            // A replacement is no word.
            let is_replaced = before == Some('[') && text[start - 1..].starts_with(REDACTED);
            let is_inside = before.replace(character).is_some_and(is_word);
            let begins = !is_replaced && !is_inside;
            let length = begins.then(|| longest(&self.0, &text[start..])).flatten();
            if let Some(length) = length.filter(|length| *length > 0) {
                return Some(start..start + length);
            }
        }
        None
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric()
}

/// The length of the longest beginning of `text` that the pattern makes and that ends a word.
///
/// All stars but the last take as little as they can. Nothing is missed by that: what one leaves the next may take.
fn longest(pattern: &str, text: &str) -> Option<usize> {
    let (before, last) = match pattern.rsplit_once('*') {
        Some((before, last)) => (Some(before), last),
        None => (None, pattern),
    };
    let mut at = 0;
    for (index, part) in before.into_iter().flat_map(|before| before.split('*')).enumerate() {
        let run = if index == 0 { 0 } else { run(&text[at..], RUN_LIMIT) };
        at += (0..=run).find_map(|taken| Some(taken + fits(part, &text[at + taken..])?))?;
    }
    let run = match (before, last) {
        (None, _) => 0,
        // Where something begins again, this one ends: it is found, and not looked at twice.
        (Some(_), "") => run(&text[at..], usize::MAX),
        (Some(_), _) => run(&text[at..], RUN_LIMIT),
    };
    let ends = |end: &usize| {
        !text[..*end].chars().next_back().is_some_and(is_word)
            || !text[*end..].chars().next().is_some_and(is_word)
    };
    (at..=at + run).rev().find_map(|start| Some(start + fits(last, &text[start..])?).filter(ends))
}

/// How many bytes a `*` could take.
fn run(text: &str, limit: usize) -> usize {
    text.bytes().take(limit).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count()
}

/// The length of the beginning of `text` that a pattern without stars makes.
fn fits(pattern: &str, text: &str) -> Option<usize> {
    let mut rest = text.chars();
    pattern.chars().try_fold(0, |length, wanted| {
        let given = rest.next()?;
        let fits = match wanted {
            '#' => given.is_ascii_digit(),
            '?' => given.is_ascii_alphanumeric(),
            literal => given == literal,
        };
        fits.then(|| length + given.len_utf8())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_matched_without_case_and_separators() {
        for (pattern, name, expected) in [
            ("iban", "IBAN", true),
            ("iban", "customer.iban", true),
            ("iban", "customer[iban]", true),
            ("iban", "customer_iban", false),
            ("*iban", "customer_iban", true),
            ("customer.*", "customer.name", true),
            ("customer.*", "order.customer", false),
            ("date_of_birth", "dateOfBirth", true),
            ("*birth*", "user.date-of-birth.text", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
        ] {
            assert_eq!(KeyPattern::parse(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
        for text in ["", "*", "._*"] {
            assert_eq!(KeyPattern::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn words_are_found() {
        for (pattern, text, expected) in [
            ("EMP-####", "EMP-1234", Some(0..8)),
            ("EMP-####", "of EMP-1234, and", Some(3..11)),
            ("EMP-####", "TEMP-1234 EMP-12345 EMP-123", None),
            ("cus_*", "for cus_9s-8_7 now", Some(4..14)),
            ("cus_*x", "cus_axbxc cus_axbx", Some(10..18)),
            ("??-##", "é ab-12", Some(3..8)),
            ("é#", "é1", Some(0..3)),
            ("k*a*b", "k-ab-axb-b b", Some(0..10)),
            ("k*-.*-#", "k--a-.x-1-2 3", Some(0..11)),
            ("cus_*", "cus_é", Some(0..4)),
        ] {
            assert_eq!(TextPattern::parse(pattern).unwrap().next(text, 0), expected, "{pattern} {text}");
        }
        for text in ["", "*", "?? *", "a*b*c*d*e*f"] {
            assert_eq!(TextPattern::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn stars_take_no_time() {
        let texts = [format!("key-{}", "-".repeat(65_536)), "key-".repeat(4_096), "key-a".repeat(4_096)];
        for pattern in ["key-*-*-*-END", "*key-*-*-#", "key-*é", "key-*-*-*-*é"] {
            for text in &texts {
                let started = std::time::Instant::now();
                assert_eq!(TextPattern::parse(pattern).unwrap().next(text, 0), None, "{pattern}");
                let took = started.elapsed();
                assert!(took < std::time::Duration::from_secs(20), "{pattern} took {took:?}");
            }
        }
        let long = format!("cus_{} ", "a".repeat(4_000));
        assert_eq!(TextPattern::parse("cus_*").unwrap().next(&long, 0), Some(0..4_004));
    }

    proptest! {
        #[test]
        fn any_pattern_and_text_are_survived(pattern in "[a#?* é-]{1,8}", text in "[a1 é-]{0,24}") {
            if let Some(pattern) = TextPattern::parse(&pattern) {
                if let Some(range) = pattern.next(&text, 0) {
                    prop_assert!(!text[range].is_empty());
                }
            }
            if let Some(pattern) = KeyPattern::parse(&pattern) {
                pattern.matches(&text);
            }
        }
    }
}
