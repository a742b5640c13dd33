//! What one line of a stack means.

use super::Language;
use crate::model::Frame;

/// What a line contributes.
pub(super) enum Meaning {
    /// Some parts of a frame, and its end.
    EndsFrame(Frame),
    /// Some parts of a frame that goes on.
    PartOfFrame(Frame),
    /// The error's text.
    ErrorText,
    /// Everything so far was the panic's own machinery.
    Restart,
}

/// Reads a line, and says what the language must be.
pub(super) fn read(line: &str, language: Language) -> (Language, Meaning) {
    if language == Language::DotNet {
        if let Some(frame) = dot_net(line) {
            return (language, Meaning::EndsFrame(frame));
        }
    }
    if let Some(frame) = v8(line).or_else(|| v8_without_line(line)).or_else(|| firefox(line)) {
        (Language::JavaScript, Meaning::EndsFrame(frame))
    } else if let Some(frame) = python(line) {
        (Language::Python, Meaning::PartOfFrame(frame))
    } else if let Some(frame) = file_and_line_after(line, "\tfrom ") {
        (Language::Ruby, Meaning::EndsFrame(frame))
    } else if line.trim() == "runtime.gopanic" {
        (Language::Go, Meaning::Restart)
    } else if let Some(frame) = file_and_line_after(line, "\t") {
        (Language::Go, Meaning::EndsFrame(frame))
    } else if language == Language::Go {
        let function = Some(go_function(line).to_owned());
        (language, Meaning::PartOfFrame(Frame { function, ..Frame::default() }))
    } else if language == Language::Python && !line.starts_with(char::is_whitespace) {
        (language, Meaning::ErrorText)
    } else {
        let line_content = Some(line.to_owned());
        (language, Meaning::EndsFrame(Frame { line_content, ..Frame::default() }))
    }
}

pub(super) fn is_python_header(line: &str) -> bool {
    line == "Traceback (most recent call last):"
}

/// Underlining, and the sentence between two tracebacks.
pub(super) fn is_python_filler(line: &str) -> bool {
    let marks = line.trim();
    let is_underline = !marks.is_empty() && marks.chars().all(|c| c == '^' || c == '~');
    is_underline || line == "During handling of the above exception, another exception occurred:"
}

/// `    at function (file:line:column)`, and the same without function and parentheses: what
/// the standard library's backtrace writes under a function's name.
fn v8(line: &str) -> Option<Frame> {
    let rest = after(line, "    at ")?;
    let place = last_line_and_column(rest)?;
    let (function, file) = match place.before.rsplit_once(' ') {
        Some((function, file)) if !function.is_empty() && !file.is_empty() => (Some(function), file),
        _ => (None, place.before),
    };
    let file = file.strip_prefix('(').unwrap_or(file);
    Some(Frame { function: function.map(str::to_owned), ..place.frame(file)? })
}

/// `    at function (anything)`.
fn v8_without_line(line: &str) -> Option<Frame> {
    let rest = after(line, "    at ")?;
    let (head, _) = rest.rsplit_once(')')?;
    let (function, file) = head.rsplit_once(" (")?;
    if function.is_empty() || file.is_empty() {
        return None;
    }
    Some(Frame {
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line_content: Some(file.to_owned()),
        ..Frame::default()
    })
}

/// `function@file.js:line:column`.
pub(super) fn firefox(line: &str) -> Option<Frame> {
    let place = last_line_and_column(line)?;
    let (function, file) = place.before.rsplit_once('@')?;
    if file.len() <= ".js".len() || !file.as_bytes().ends_with(b".js") {
        return None;
    }
    Some(Frame { function: Some(function.to_owned()), ..place.frame(file)? })
}

/// `  File "file", line N, in function`.
fn python(line: &str) -> Option<Frame> {
    let rest = after(line, "  File \"")?;
    let (file, rest) = rest.rsplit_once("\", line ")?;
    let (number, function) = rest.split_once(", in ")?;
    let name_end = function.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(function.len());
    if file.is_empty() || !is_digits(number) || name_end == 0 {
        return None;
    }
    Some(Frame {
        function: Some(function[..name_end].to_owned()),
        file: Some(file.to_owned()),
        line: Some(number_from(number)),
        ..Frame::default()
    })
}

/// `at function in file:line N`; without a file the file's name is empty and the line 0.
fn dot_net(line: &str) -> Option<Frame> {
    let rest = line.trim_start().strip_prefix("at ")?;
    let (function, place) = rest.split_once(" in ").unwrap_or((rest, ""));
    let (file, number) = match place.rsplit_once(":line ") {
        Some((file, number)) if is_digits(number) => (file, number_from(number)),
        _ => (place, 0),
    };
    (!function.is_empty()).then(|| Frame {
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line: Some(number),
        ..Frame::default()
    })
}

/// `<prefix>file:line`, with anything after the line number.
fn file_and_line_after(line: &str, prefix: &str) -> Option<Frame> {
    let rest = after(line, prefix)?;
    let (file, number) = rest.rmatch_indices(':').find_map(|(colon, _)| {
        let number = leading_digits(&rest[colon + 1..]);
        (colon > 0 && !number.is_empty()).then(|| (&rest[..colon], number))
    })?;
    Some(Frame { file: Some(file.to_owned()), line: Some(number_from(number)), ..Frame::default() })
}

/// What follows the last dot, without the arguments; the whole line if there is no dot. This is
/// why a dot in a Rust name cuts it (C§6.3.3).
fn go_function(line: &str) -> &str {
    let name = line
        .rmatch_indices('.')
        .find(|(dot, _)| *dot > 0 && dot + 1 < line.len())
        .map(|(dot, _)| &line[dot + 1..]);
    let Some(name) = name else { return line };
    match name.strip_suffix(')').and_then(|head| head.rsplit_once('(')) {
        Some((bare, arguments)) if !bare.is_empty() && !arguments.contains(')') => bare,
        _ => name,
    }
}

/// The last `:line:column` of a text.
struct Place<'a> {
    before: &'a str,
    line: &'a str,
    column: &'a str,
}

impl Place<'_> {
    fn frame(&self, file: &str) -> Option<Frame> {
        (!file.is_empty()).then(|| Frame {
            file: Some(file.to_owned()),
            line: Some(number_from(self.line)),
            column: Some(number_from(self.column)),
            ..Frame::default()
        })
    }
}

fn last_line_and_column(text: &str) -> Option<Place<'_>> {
    text.rmatch_indices(':').find_map(|(colon, _)| {
        let column = leading_digits(&text[colon + 1..]);
        let (before, line) = text[..colon].rsplit_once(':')?;
        (!column.is_empty() && is_digits(line)).then_some(Place { before, line, column })
    })
}

fn after<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.split_once(prefix).map(|(_, rest)| rest)
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The server's numbers have 31 bits; a larger one becomes the largest.
fn number_from(digits: &str) -> u32 {
    const LARGEST: u32 = i32::MAX as u32;
    digits.parse().map_or(LARGEST, |number: u32| number.min(LARGEST))
}
