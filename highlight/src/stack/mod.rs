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
//! that everybody's captures and panics wait for: a fraction of a second for the first in a process.

mod frame;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;

use std::{
    borrow::Cow,
    fmt::Write as _,
    panic::Location,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use backtrace::{Backtrace, BacktraceFrame, BacktraceSymbol};

use self::frame::Frame;

/// The server uses no more (C§1.3).
const FRAMES_LIMIT: usize = 64;
/// The server cuts longer values (C§1.3), in the middle of a frame.
const TEXT_LIMIT: usize = 65_536;
/// Types can be spelled out at any length; nobody reads them to the end.
const FUNCTION_LIMIT: usize = 512;
/// The function's name where only the place is known.
const UNKNOWN_FUNCTION: &str = "<unknown function>";

/// Whether the first stack of the process is being resolved: the program's symbols are read, which takes a fraction of a
/// second. A capture would have to wait for it. Later on it waits for the look-up of a single frame at most.
static READING_SYMBOLS: AtomicBool = AtomicBool::new(false);
/// Whether the program's symbols were read.
static SYMBOLS_READ: Once = Once::new();

/// A captured stack whose symbols are not resolved yet.
#[derive(Debug)]
pub(crate) struct Stack(Backtrace);

impl Stack {
    /// Captures the calling thread's stack. `None` while the first of the process is being resolved: no caller waits for
    /// that. An error is then reported with its place alone.
    pub(crate) fn capture() -> Option<Self> {
        (!READING_SYMBOLS.load(Ordering::Relaxed)).then(|| Self(Backtrace::new_unresolved()))
    }

    /// Names and places, innermost first. Slow.
    fn resolve(mut self) -> Vec<Symbol> {
        SYMBOLS_READ.call_once(|| {
            READING_SYMBOLS.store(true, Ordering::Relaxed);
            self.0.resolve();
            READING_SYMBOLS.store(false, Ordering::Relaxed);
        });
        self.0.resolve();
        self.0.frames().iter().flat_map(BacktraceFrame::symbols).filter_map(Symbol::of).collect()
    }
}

/// What is known of one frame.
struct Symbol {
    function: String,
    place: Option<Place>,
}

impl Symbol {
    fn of(symbol: &BacktraceSymbol) -> Option<Self> {
        // The alternate form leaves out the hash.
        let function = format!("{:#}", symbol.name()?);
        let place = symbol.filename().zip(symbol.lineno());
        let place =
            place.map(|(file, line)| Place { file: file.to_string_lossy().into_owned().into(), line });
        (!function.is_empty()).then_some(Self { function, place })
    }
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
}

/// Resolves and writes a stack trace; `None` if nothing is known.
///
/// `place` is where the error was reported, or where the panic happened. It is exact even where symbols are missing, so the
/// trace begins with it.
pub(crate) fn render(stack: Option<Stack>, place: Option<&Place>) -> Option<Rendered> {
    let symbols = stack.map(Stack::resolve).unwrap_or_default();
    let frames = symbols.iter().map(|symbol| Frame {
        function: &symbol.function,
        place: symbol.place.as_ref().map(|place| (&*place.file, place.line)),
    });
    told(frames.collect(), place)
}

fn told(frames: Vec<Frame<'_>>, place: Option<&Place>) -> Option<Rendered> {
    let mut frames = trim(frames, place);
    let function = place.and_then(|place| begin_with(&mut frames, place));
    (!frames.is_empty()).then(|| Rendered { text: write(&frames), function })
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
fn write(frames: &[Frame<'_>]) -> String {
    let mut text = String::from("\n");
    for frame in frames.iter().take(FRAMES_LIMIT) {
        let before = text.len();
        let (file, line) = frame.place.unwrap_or(("<unknown>", 0));
        text.push_str(&function_text(frame.function));
        text.push_str("\n\t");
        text.extend(file.chars().filter(|c| !c.is_control()));
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
