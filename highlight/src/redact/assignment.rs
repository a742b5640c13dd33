//! Secrets that are known by their name: parameters, fields, JSON, what `Debug` prints.
//!
//! Everything is found by the `=` or `:` between name and value. What is before it must be a name, and a secret one; what is behind
//! it is the value, in quotes, in brackets, or up to where it ends.

use std::ops::Range;

use super::{
    REDACTED, Redactor,
    names::{self, Sense},
    scan::{Extent, beginning},
    shapes,
};

/// Longer names are none.
const NAME_LIMIT: usize = 80;
/// `Some(Secret(Inner("...` is as deep as it gets.
const CONSTRUCTORS_LIMIT: usize = 4;

/// Whether a value in brackets is secret is judged by so much of it.
const BRACKETS_LIMIT: usize = 2048;

/// What stands before the sign.
struct Name<'a> {
    text: &'a str,
    /// The byte before it, quote included.
    left: Option<u8>,
    /// Whether it is quoted, as in JSON.
    quoted: bool,
    /// Whether there are blanks between it and the sign.
    spaced: bool,
}

impl<'a> Name<'a> {
    fn before(text: &'a str, sign: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let trimmed = text[..sign].trim_end_matches([' ', '\t']).len();
        let mut end = trimmed;
        let quoted = end > 0 && is_quote(bytes[end - 1]);
        if quoted {
            end = text[..end - 1].trim_end_matches('\\').len();
        }
        let length = bytes[..end].iter().rev().take(NAME_LIMIT).take_while(|byte| is_name(**byte)).count();
        let start = end - length;
        (length > 0).then(|| Self {
            text: &text[start..end],
            left: start.checked_sub(1).map(|left| bytes[left]),
            quoted,
            spaced: trimmed < sign,
        })
    }

    /// The word before and this one: `api key: ...`.
    fn with_word_before(&self, text: &'a str, sign: usize) -> Option<&'a str> {
        const SECOND_WORDS: [&str; 7] = ["code", "id", "key", "number", "phrase", "security", "secret"];
        let is_second = SECOND_WORDS.iter().any(|word| self.text.eq_ignore_ascii_case(word));
        if self.quoted || self.left != Some(b' ') || !is_second {
            return None;
        }
        let end = text[..sign].trim_end_matches([' ', '\t']).len();
        let first_end = end - self.text.len() - 1;
        let first =
            text.as_bytes()[..first_end].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        text.get(first_end - first..end)
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b'%' | b'$' | b'+')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'')
}

/// The secret after the `=` or `:` at `sign`.
pub(super) fn after_sign(
    redactor: &Redactor,
    text: &str,
    sign: usize,
    extent: Extent,
) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name = Name::before(text, sign)?;
    let is_equals = bytes[sign] == b'=';
    let start = match (is_equals, bytes.get(sign + 1)?) {
        // A comparison; a path of Rust.
        (true, b'=') | (false, b':') => return None,
        // `=>`, `:=`
        (true, b'>') | (false, b'=') => sign + 2,
        // A host and its port, a file and its line.
        (false, _) if matches!(name.left, Some(b'/' | b'@')) => return None,
        _ => sign + 1,
    };
    let is_first = name.left.is_none() && extent != Extent::Text;
    let is_parameter = is_equals
        && !name.quoted
        && !name.spaced
        && (is_first || matches!(name.left, Some(b'?' | b'&' | b';' | b'#' | b'=')));
    if is_parameter {
        // What is secret as a field is secret as a parameter too.
        let sense = redactor.parameter(name.text);
        let value = (sense != Sense::Open).then(|| parameter_value(text, start, extent))?;
        let is_number = || text[value.clone()].bytes().all(|byte| byte.is_ascii_digit());
        return (sense == Sense::Secret || !is_number()).then_some(value);
    }
    let mut sense = redactor.field(name.text);
    if sense == Sense::Open {
        let both = name.with_word_before(text, sign)?;
        sense = redactor.field(both);
    }
    if sense == Sense::Open {
        return None;
    }
    let value = Value::at(text, start, name.text)?;
    let is_machines = name.quoted || value.quote == Some(b'"') || value.is_header;
    let is_joined = is_equals && !name.spaced && value.blanks == 0;
    let is_secret = match sense {
        Sense::Open => false,
        Sense::Text | Sense::Machine => value.is_written_by_machine(text, &name, sense),
        Sense::Word => is_machines || is_joined || shapes::looks_generated(&text[value.range.clone()], 6),
        Sense::Secret => true,
    };
    is_secret.then(|| value.whole(text))
}

/// The secret after an encoded `=` (`%3D`) at `sign`, in a URL inside of a parameter.
pub(super) fn after_encoded_sign(
    redactor: &Redactor,
    text: &str,
    sign: usize,
    extent: Extent,
) -> Option<Range<usize>> {
    let name = Name::before(text, sign).filter(|name| !name.quoted && !name.spaced)?;
    if redactor.parameter(name.text) != Sense::Secret {
        return None;
    }
    let start = sign + 3;
    let is_encoded_end = |rest: &str| rest.starts_with("%26") || rest.starts_with("%23");
    let end = end_of(text, start, |c, rest| ends_parameter(c, extent) || (c == '%' && is_encoded_end(rest)));
    Some(start..shapes::end_of_credentials(text, start..end).unwrap_or(end))
}

/// Up to `&`, `#`, or what cannot be part of a URL; and over a scheme's blank.
fn parameter_value(text: &str, start: usize, extent: Extent) -> Range<usize> {
    let end = end_of(text, start, |c, _| ends_parameter(c, extent));
    let end = shapes::end_of_credentials(text, start..end).unwrap_or(end);
    start..end
}

fn ends_parameter(character: char, extent: Extent) -> bool {
    matches!(character, '&' | '#') || extent.is_end(character)
}

/// Where a value ends. A replacement is part of it, and not looked into.
fn end_of(text: &str, start: usize, is_end: impl Fn(char, &str) -> bool) -> usize {
    let mut at = start;
    loop {
        let rest = &text[at..];
        if rest.starts_with(REDACTED) {
            at += REDACTED.len();
            continue;
        }
        match rest.chars().next() {
            Some(character) if !is_end(character, rest) => at += character.len_utf8(),
            _ => return at,
        }
    }
}

/// What stands after the sign.
struct Value {
    /// Of what is in brackets, only the beginning.
    range: Range<usize>,
    /// The bracket it is in.
    bracket: Option<usize>,
    quote: Option<u8>,
    /// Whether it is `Bearer x` or the like, or cookies.
    is_header: bool,
    /// Blanks before it.
    blanks: usize,
}

impl Value {
    /// `None` if there is none, or none worth hiding, such as `None`.
    fn at(text: &str, start: usize, name: &str) -> Option<Self> {
        let blanks = text[start..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let first = start + blanks;
        let lines = whitespace(text, first);
        // Pretty JSON may have the value on the next line.
        let is_below = text[first + lines..].trim_start_matches('\\').starts_with(['"', '\'']);
        let first = if is_below { first + lines } else { first };
        let mut value = Self::inside(text, inner_start(text, first), name);
        value.blanks = blanks;
        let content = &text[value.range.clone()];
        let says_nothing = matches!(content, "" | "None" | "null" | "nil" | "undefined" | "true" | "false");
        (!says_nothing).then_some(value)
    }

    fn inside(text: &str, start: usize, name: &str) -> Self {
        let found = |range, quote| Self { range, bracket: None, quote, is_header: false, blanks: 0 };
        let bytes = text.as_bytes();
        let rest = &text[start..];
        let escapes = rest.bytes().take_while(|byte| *byte == b'\\').count();
        if let Some(quote) = bytes.get(start + escapes).copied().filter(|byte| is_quote(*byte)) {
            let content = start + escapes + 1;
            return found(content..end_of_quoted(text, content, quote, escapes), Some(quote));
        }
        if !rest.starts_with(REDACTED) {
            let word = rest.bytes().take_while(|byte| is_ident(*byte)).count();
            // `Password { inner: ...`, but not a value and JSON after it.
            let is_struct = rest.starts_with(|c: char| c.is_ascii_uppercase())
                && rest[word..]
                    .strip_prefix(" {")
                    .is_some_and(|inner| inner.starts_with([' ', '\n']) || inner.starts_with(REDACTED));
            let opens = if is_struct { start + word + 1 } else { start };
            if matches!(bytes.get(opens), Some(b'[' | b'{')) {
                let end = end_of_brackets(beginning(text, opens + BRACKETS_LIMIT), opens);
                return Self { bracket: Some(opens), ..found(opens + 1..end, None) };
            }
        }
        if rest.starts_with("-----BEGIN ") {
            let end = shapes::private_key(text, start).map_or(text.len(), |key| key.end);
            return found(start..end, None);
        }
        let end = end_of(text, start, |c, _| ends_bare_value(c));
        if names::is_cookie(name) && text[start..end].contains('=') {
            let end = end_of(text, start, |c, _| matches!(c, '\n' | '\r' | '"'));
            return Self { is_header: true, ..found(start..end, None) };
        }
        match shapes::end_of_credentials(text, start..end) {
            Some(end) => Self { is_header: true, ..found(start..end, None) },
            None => found(start..end, None),
        }
    }

    /// A text, a list of texts in JSON, or, unless numbers are counts, digits enough for a code in JSON.
    fn is_written_by_machine(&self, text: &str, name: &Name<'_>, sense: Sense) -> bool {
        let content = &text[self.range.clone()];
        match (self.quote, self.bracket) {
            (Some(quote), _) => quote == b'"' || name.quoted,
            (None, Some(open)) => {
                let is_list = text[open..].starts_with('[');
                let first = content[whitespace(content, 0)..].trim_start_matches('\\');
                name.quoted && is_list && first.starts_with(['"', '\''])
            }
            (None, None) => name.quoted && sense == Sense::Machine && content.len() >= 4,
        }
    }

    /// All of it, once it is known to be secret: then nothing in it is looked at again.
    fn whole(self, text: &str) -> Range<usize> {
        match self.bracket {
            Some(open) => open + 1..end_of_brackets(text, open),
            None => self.range,
        }
    }
}

/// The start of what constructors and prefixes are around: `Some(Secret("x"))`, `b"x"`.
fn inner_start(text: &str, start: usize) -> usize {
    let mut at = start;
    for _ in 0..CONSTRUCTORS_LIMIT {
        let word = text[at..].bytes().take_while(|byte| is_ident(*byte)).count();
        match text.as_bytes().get(at + word) {
            // Pretty `Debug` has the content on the next line.
            Some(b'(') if word > 0 => at += word + 1 + whitespace(text, at + word + 1),
            Some(byte) if is_quote(*byte) && matches!(&text[at..at + word], "b" | "c" | "r") => {
                return at + word;
            }
            _ => break,
        }
    }
    at
}

/// How much whitespace there is, also escaped by `Debug`.
fn whitespace(text: &str, start: usize) -> usize {
    let bytes = &text.as_bytes()[start..];
    let mut at = 0;
    loop {
        let escapes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
        match bytes.get(at + escapes) {
            Some(byte) if escapes == 0 && byte.is_ascii_whitespace() => at += 1,
            Some(b'n' | b'r' | b't') if escapes > 0 => at += escapes + 1,
            _ => return at,
        }
    }
}

fn is_ident(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')
}

fn ends_bare_value(character: char) -> bool {
    matches!(character, ',' | ';' | '&' | '"' | '\'' | '`' | '<' | '>' | ')' | ']' | '}')
        || character.is_whitespace()
        || character.is_control()
}

/// The end of what a quote, with so many backslashes before it, has opened; the text's end if it is cut off.
fn end_of_quoted(text: &str, start: usize, quote: u8, escapes: usize) -> usize {
    let bytes = text.as_bytes();
    let mut backslashes = 0;
    for (index, byte) in bytes.iter().enumerate().skip(start) {
        if *byte == b'\\' {
            backslashes += 1;
            continue;
        }
        // At each level of quoting the backslashes double, and one is added for the quote.
        if *byte == quote && backslashes % (2 * (escapes + 1)) == escapes {
            return index - escapes;
        }
        backslashes = 0;
    }
    bytes.len()
}

/// The end of what the bracket at `open` has opened, quotes observed; the text's end if it is cut off.
fn end_of_brackets(text: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(open) {
        match (byte, quote) {
            _ if escaped => escaped = false,
            (b'\\', _) => escaped = true,
            (b'"', None) => quote = Some(byte),
            (b'"', Some(_)) => quote = None,
            (b'[' | b'{', None) => depth += 1,
            (b']' | b'}', None) => {
                depth -= 1;
                if depth == 0 {
                    return index;
                }
            }
            _ => {}
        }
    }
    text.len()
}
