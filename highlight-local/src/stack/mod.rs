//! What the server makes of the text in `exception.stacktrace` (C§6.2).
//!
//! It guesses the language line by line and knows nothing of Rust: the standard library's
//! backtrace is torn into two half frames per frame, while Go's shape comes out whole.
//!
//! The first line never makes a frame (unless it is Firefox's `f@file.js:1:2`): it is the error's
//! text, and when it is empty it says "Go". So a standard backtrace without a header line gives
//! its first function away. Not reproduced: .NET's habit of putting all frames into one line.

mod line;

use crate::model::Frame;
use line::Meaning;

/// How many frames the server uses (C§1.3).
pub(crate) const FRAMES_USED: usize = 64;

/// What the parser believes to be reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Unknown,
    Go,
    JavaScript,
    Python,
    Ruby,
    DotNet,
}

impl Language {
    /// Python's traceback ends with the innermost frame, and the server takes every stack that it
    /// does not recognise to do the same.
    const fn is_outermost_first(self) -> bool {
        matches!(self, Self::Unknown | Self::Python)
    }
}

/// The frames that the server finds, innermost first. `null` is no stack.
#[must_use]
pub(crate) fn parse(text: &str) -> Vec<Frame> {
    if text == "null" {
        return Vec::new();
    }
    match serde_json::from_str::<String>(text) {
        Ok(unwrapped) => parse_lines(&unwrapped),
        Err(_) => parse_lines(text),
    }
}

/// Whether the server would look for source maps: one column in any frame is enough.
#[must_use]
pub(crate) fn is_source_mapped(frames: &[Frame]) -> bool {
    frames.iter().any(|frame| frame.column.is_some())
}

/// The frames that survive source mapping; all of them, where there is none.
#[must_use]
pub(crate) fn shown(frames: &[Frame]) -> Vec<&Frame> {
    let mapped = is_source_mapped(frames);
    let complete = |frame: &&Frame| frame.file.is_some() && frame.line.is_some() && frame.column.is_some();
    frames.iter().filter(|frame| !mapped || complete(frame)).collect()
}

fn parse_lines(text: &str) -> Vec<Frame> {
    let mut parser = Parser::new(text);
    let lines: Vec<&str> = text.split('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            parser.first(line);
        } else {
            parser.next(line, index + 2 == lines.len());
        }
    }
    parser.finish()
}

struct Parser {
    language: Language,
    /// One text for all frames; Python's comes last.
    error: String,
    frames: Vec<Frame>,
    /// A frame that waits for its other half.
    pending: Option<Frame>,
    /// Go's panic machinery restarts the stack, and the line after its name is still its own.
    skip: bool,
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            language: if text.contains(".cs") { Language::DotNet } else { Language::Unknown },
            error: String::new(),
            frames: Vec::new(),
            pending: None,
            skip: false,
        }
    }

    fn first(&mut self, line: &str) {
        if line.is_empty() {
            self.language = Language::Go;
        } else if line::is_python_header(line) {
            self.language = Language::Python;
        } else if line::firefox(line).is_some() {
            self.next(line, false);
        } else {
            line.clone_into(&mut self.error);
        }
    }

    fn next(&mut self, line: &str, is_second_last: bool) {
        if std::mem::take(&mut self.skip) {
            return;
        }
        if line::is_python_header(line) {
            self.language = Language::Python;
            return;
        }
        if line.is_empty() || (self.language == Language::Python && line::is_python_filler(line)) {
            return;
        }
        if self.error.is_empty() || (self.language == Language::Python && is_second_last) {
            line.clone_into(&mut self.error);
            if self.language == Language::Python && is_second_last {
                return;
            }
        }
        let (language, meaning) = line::read(line, self.language);
        self.language = language;
        match meaning {
            Meaning::EndsFrame(part) => {
                let frame = self.take_pending_with(part);
                self.frames.push(frame);
            }
            Meaning::PartOfFrame(part) => self.pending = Some(self.take_pending_with(part)),
            Meaning::ErrorText => line.clone_into(&mut self.error),
            Meaning::Restart => {
                self.frames.clear();
                self.pending = None;
                self.error.clear();
                self.skip = true;
            }
        }
    }

    fn take_pending_with(&mut self, part: Frame) -> Frame {
        let pending = self.pending.take().unwrap_or_default();
        Frame {
            function: part.function.or(pending.function),
            file: part.file.or(pending.file),
            line: part.line.or(pending.line),
            column: part.column.or(pending.column),
            line_content: part.line_content.or(pending.line_content),
            error: String::new(),
        }
    }

    fn finish(mut self) -> Vec<Frame> {
        if self.language.is_outermost_first() {
            self.frames.reverse();
        }
        for frame in &mut self.frames {
            frame.error.clone_from(&self.error);
        }
        self.frames
    }
}

#[cfg(test)]
mod tests;
