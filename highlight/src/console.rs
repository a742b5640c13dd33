//! What the program's own console shows of reports and logs that were not written with a macro.
//!
//! They go to the `tracing` subscriber under targets of this crate, which are never exported: what is exported is the record itself.

use crate::Level;

macro_rules! shown {
    ($target:literal, $level:expr, $line:expr) => {
        match $level {
            Level::Trace => shown!(@ $target, TRACE, $line),
            Level::Debug => shown!(@ $target, DEBUG, $line),
            Level::Info => shown!(@ $target, INFO, $line),
            Level::Warn => shown!(@ $target, WARN, $line),
            Level::Error | Level::Fatal => shown!(@ $target, ERROR, $line),
        }
    };
    (@ $target:literal, $level:ident, $line:expr) => {
        if tracing::enabled!(target: $target, tracing::Level::$level) {
            tracing::event!(target: $target, tracing::Level::$level, "{}", $line());
        }
    };
}

/// Shows a reported error. `line` is asked for only if somebody listens.
pub(crate) fn error(level: Level, line: impl Fn() -> String) {
    shown!("highlight::error", level, line);
}

/// Whether somebody listens for errors.
pub(crate) fn shows_errors() -> bool {
    tracing::enabled!(target: "highlight::error", tracing::Level::ERROR)
}

/// Shows a log record.
pub(crate) fn log(level: Level, line: impl Fn() -> String) {
    shown!("highlight::log", level, line);
}
