//! Full-text search: what of a row is searched, and what a person typed.

use crate::{
    model::{Attributes, ErrorObject, Log},
    timeline::is_background,
};

/// The searched text of a log.
pub(super) fn of_log(log: &Log) -> String {
    let mut text = log.message.clone();
    add_attributes(&mut text, &log.attributes);
    text
}

/// The searched text of an error.
pub(super) fn of_error(error: &ErrorObject) -> String {
    let mut text = format!("{}\n{}\n{}", error.event, error.sent_type, error.stack_text);
    add_attributes(&mut text, &error.payload);
    text
}

/// Without those that every record of a service has.
fn add_attributes(text: &mut String, attributes: &Attributes) {
    for (key, value) in attributes.iter().filter(|(key, _)| !is_background(key)) {
        for part in ["\n", key, " ", value] {
            text.push_str(part);
        }
    }
}

/// A query for rows that have all words of a text, the last of which may be just begun.
///
/// Every word is quoted, so that none is an operator. `None` where there is no word: a query
/// without one is an error, and what was meant is "anything".
pub(super) fn query(text: &str) -> Option<String> {
    /// More would only cost time.
    const MOST: usize = 32;
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == '\0')
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .take(MOST)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    (!words.is_empty()).then(|| words.join(" ") + "*")
}
