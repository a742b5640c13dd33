//! Stack traces: captured in a moment, resolved on the worker, written in the one shape that the server structures.
//!
//! The server knows no Rust: the standard library's text becomes two half frames for each frame, without a function
//! name (C§6.2). What it does read is the shape of Go's traces (C§6.3), so that is what we write:
//!
//! ```text
//! <an empty line>
//! shop::orders::place::{{closure}}
//! <tab>/build/shop/src/orders.rs:42
//! ```
//!
//! Innermost first, no columns (they would send the trace through JavaScript source maps), at most 64 frames. Only the
//! program's own frames and those of the libraries it calls are left in: what captured the trace, what started the thread, and what
//! hands a request from layer to layer says nothing about the error.
//!
//! Capturing walks the stack and no more. It is not done with the standard library's `Backtrace`, because resolving one holds a lock
//! that everybody's captures and panics wait for: a fraction of a second for the first in a process. Ours, which is that of the crate
//! `backtrace`, has a lock of its own. While that is held for so long, errors that arise meanwhile are captured with the standard
//! library's after all; so are all of them without the feature `backtrace`.

mod budget;
mod frame;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod paths;
mod printed;
mod source;
mod structured;
#[cfg(feature = "backtrace")]
mod symbols;

use std::{borrow::Cow, fmt::Write as _, panic::Location};

pub(crate) use self::{budget::Budget, paths::Paths};
use self::{frame::Frame, source::Sources};

/// The server uses no more (C§1.3).
const FRAMES_LIMIT: usize = 64;
/// The server cuts longer values (C§1.3), in the middle of a frame.
const TEXT_LIMIT: usize = 65_536;
/// Types can be spelled out at any length; nobody reads them to the end.
const FUNCTION_LIMIT: usize = 512;
/// The function's name where only the place is known.
const UNKNOWN_FUNCTION: &str = "<unknown function>";

/// A stack whose symbols are not resolved yet.
#[derive(Debug)]
pub(crate) enum Stack {
    /// Where the report was made.
    #[cfg(feature = "backtrace")]
    Captured(backtrace::Backtrace),
    /// The same by the standard library.
    Std(std::backtrace::Backtrace),
    /// Where the error arose, which carries it.
    #[cfg(feature = "color-eyre")]
    Carried(backtrace::Backtrace),
    /// The same, as text.
    Printed(String),
}

impl Stack {
    /// Captures the calling thread's stack.
    pub(crate) fn capture() -> Self {
        #[cfg(feature = "backtrace")]
        if !symbols::are_being_read() {
            return Self::Captured(backtrace::Backtrace::new_unresolved());
        }
        Self::Std(std::backtrace::Backtrace::force_capture())
    }

    /// A stack in the form in which Rust prints one; `None` if the text is none.
    pub(crate) fn printed(text: &str) -> Option<Self> {
        let is_one = printed::read(text).iter().any(|symbol| symbol.place.is_some());
        is_one.then(|| Self::Printed(text.to_owned()))
    }

    /// The stack in what an error of `anyhow` or `eyre` shows by `Debug`.
    pub(crate) fn in_debug_text(text: &str) -> Option<Self> {
        printed::in_debug_text(text).and_then(Self::printed)
    }

    /// Whether it says where the error arose, rather than where it was reported.
    fn is_carried(&self) -> bool {
        match self {
            Self::Printed(_) => true,
            #[cfg(feature = "color-eyre")]
            Self::Carried(_) => true,
            _ => false,
        }
    }

    /// How much memory it holds. The frames of a backtrace cannot be counted without resolving them.
    pub(crate) fn weight(&self) -> usize {
        if let Self::Printed(text) = self { text.len() } else { 8 * 1024 }
    }

    /// Names and places, innermost first. Slow.
    fn resolve(self) -> Vec<Symbol> {
        match self {
            #[cfg(feature = "backtrace")]
            Self::Captured(backtrace) => symbols::resolve(backtrace),
            #[cfg(feature = "color-eyre")]
            Self::Carried(backtrace) => symbols::resolve(backtrace),
            Self::Std(backtrace) => printed::read(&format!("{backtrace:#}")),
            Self::Printed(text) => in_current_dir(printed::read(&text)),
        }
    }
}

/// The short form shows files below the current directory relative to it.
fn in_current_dir(mut symbols: Vec<Symbol>) -> Vec<Symbol> {
    let Ok(directory) = std::env::current_dir() else { return symbols };
    for place in symbols.iter_mut().filter_map(|symbol| symbol.place.as_mut()) {
        if let Some(file) = place.file.strip_prefix("./") {
            place.file = directory.join(file).to_string_lossy().into_owned().into();
        }
    }
    symbols
}

/// What is known of one frame.
struct Symbol {
    function: String,
    place: Option<Place>,
}

impl Symbol {
    fn frame(&self) -> Frame<'_> {
        let place = self.place.as_ref().map(|place| (&*place.file, place.line));
        Frame { function: &self.function, place }
    }
}

/// `core[c1f1…]::panicking` without what tells two crates of one name apart: a build's, and no part of the name.
fn without_crate_hashes(function: &str) -> String {
    let mut parts = function.split('[');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inside, rest) = part.split_once(']').unwrap_or((part, ""));
        let is_hash = inside.len() > 8
            && inside.bytes().all(|byte| byte.is_ascii_hexdigit())
            && name.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if is_hash {
            name.push_str(rest);
        } else {
            name.push('[');
            name.push_str(part);
        }
    }
    name
}

/// A line of source code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Cow<'static, str>,
    pub(crate) line: u32,
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Self {
        Self { file: location.file().into(), line: location.line() }
    }
}

/// A stack trace as the server wants it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// The function that contains the place, if both are known.
    pub(crate) function: Option<String>,
    /// The frames with their source code, if that is wanted.
    pub(crate) structured: Option<String>,
}

/// Writes stack traces.
#[derive(Debug, Default)]
pub(crate) struct Renderer {
    paths: Paths,
    sources: Option<Sources>,
}

impl Renderer {
    /// `source_context`: whether the source code around the program's frames is read.
    pub(crate) fn new(paths: Paths, source_context: bool) -> Self {
        Self { paths, sources: source_context.then(Sources::default) }
    }

    /// Resolves and writes a stack trace; `None` if nothing is known.
    ///
    /// `place` is where the error was reported, or where the panic happened. It is exact even where symbols are missing, so the
    /// trace begins with it, unless the error carries a trace of its own. `clean` is applied to lines of source code.
    pub(crate) fn render(
        &self,
        stack: Option<Stack>,
        place: Option<&Place>,
        clean: &dyn Fn(&mut String),
    ) -> Option<Rendered> {
        let carried = stack.as_ref().is_some_and(Stack::is_carried);
        // A text may be anybody's: what it teaches holds for itself alone.
        let apart = matches!(stack, Some(Stack::Printed(_))).then(|| self.paths.clone());
        let paths = apart.as_ref().unwrap_or(&self.paths);
        let symbols = stack.map(Stack::resolve).unwrap_or_default();
        let frames: Vec<_> = symbols.iter().map(Symbol::frame).collect();
        if let Some(place) = place {
            paths.learn(&frames, place);
        }
        let mut told = told(frames, place.filter(|_| !carried));
        if told.frames.is_empty() && carried {
            told = self::told(Vec::new(), place);
        }
        (!told.frames.is_empty()).then(|| Rendered {
            text: write(&told.frames, paths),
            function: told.function,
            structured: self
                .sources
                .as_ref()
                .map(|sources| structured::write(&told.frames, paths, sources, clean)),
        })
    }
}

/// The frames that tell something, and the function that contains the place.
struct Told<'a> {
    frames: Vec<Frame<'a>>,
    function: Option<String>,
}

fn told<'a>(frames: Vec<Frame<'a>>, place: Option<&'a Place>) -> Told<'a> {
    let mut frames = trim(frames, place);
    let function = place.and_then(|place| begin_with(&mut frames, place));
    Told { frames, function }
}

/// Leaves in what tells something about the error.
fn trim<'a>(frames: Vec<Frame<'a>>, place: Option<&Place>) -> Vec<Frame<'a>> {
    let all = frames.as_slice();
    // A panic hook is called by the standard library, below a frame of this name.
    let panicked = all.iter().position(|frame| frame.function.contains("__rust_end_short_backtrace"));
    let rest = &all[panicked.map_or(0, |at| at + 1)..];
    // The start of a thread and of `main` lies above a frame of this name.
    let started = rest.iter().position(|frame| frame.function.contains("__rust_begin_short_backtrace"));
    let rest = &rest[..started.unwrap_or(rest.len())];
    // What the place's line calls is how the report was made.
    let reported = rest.iter().position(|frame| place.is_some_and(|place| frame.is_at(place)));
    let first = reported.unwrap_or(0);
    let told = (first..rest.len()).filter(|&at| reported == Some(at) || !rest[at].is_plumbing());
    let told: Vec<_> = told.map(|at| rest[at]).collect();
    // Nothing but plumbing: better than nothing, unless the place says more.
    if told.is_empty() && place.is_none() { frames } else { told }
}

/// Makes `place` the innermost frame, and returns the function's name, if it is known.
fn begin_with<'a>(frames: &mut Vec<Frame<'a>>, place: &'a Place) -> Option<String> {
    let exact = (&*place.file, place.line);
    match frames.first_mut() {
        Some(first) if first.is_in(place) => Some(function_text(first.function)),
        // Without debug information: the innermost function that is left calls what reported. It is the one that contains
        // the place, or that one was inlined into it.
        Some(first) if first.place.is_none() => {
            first.place = Some(exact);
            Some(function_text(first.function))
        }
        _ => {
            frames.insert(0, Frame { function: UNKNOWN_FUNCTION, place: Some(exact) });
            None
        }
    }
}

/// The rules of C§6.3, in their order there.
fn write(frames: &[Frame<'_>], paths: &Paths) -> String {
    let mut text = String::from("\n");
    for frame in frames.iter().take(FRAMES_LIMIT) {
        let before = text.len();
        let (file, line) = frame.place.unwrap_or(("<unknown>", 0));
        text.push_str(&function_text(frame.function));
        text.push_str("\n\t");
        text.extend(paths.shown(file).chars().filter(|c| !c.is_control()));
        // Writing to a string cannot fail.
        let _ = writeln!(text, ":{line}");
        if text.len() > TEXT_LIMIT {
            text.truncate(before);
            break;
        }
    }
    text
}

/// A function's name without what would confuse the server: the hash, dots (they would cut it off), tabs.
fn function_text(function: &str) -> String {
    let name = match function.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => name,
        _ => function,
    };
    let mut characters = name.chars().filter(|c| !c.is_control());
    let mut text: String =
        characters.by_ref().take(FUNCTION_LIMIT).map(|c| if c == '.' { '_' } else { c }).collect();
    if characters.next().is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
