//! What the crate has to say about itself, in the one way it says anything.

use std::io::{self, Write};

use tracing::dispatcher;

/// The target of the crate's own events. They are never exported.
pub(crate) const TARGET: &str = "highlight";

/// Whether the target is one of the crate's own, shown on the console only.
pub(crate) fn is_own(target: &str) -> bool {
    target.strip_prefix(TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Says one line: to the program's `tracing` subscriber, or to standard error if there is none.
pub(crate) fn warn(message: &str) {
    if dispatcher::has_been_set() {
        tracing::warn!(target: TARGET, "{message}");
    } else {
        to_stderr(message);
    }
}

/// Says one line of [`Config::debug`](crate::Config::debug): always to standard error, whatever the subscriber shows.
pub(crate) fn debug(message: &str) {
    to_stderr(message);
}

fn to_stderr(message: &str) {
    // Not `eprintln!`, which panics if standard error is closed.
    let _ = writeln!(io::stderr(), "highlight: {message}");
}
