//! What the crate has to say about itself, in the one way it says anything.

use std::{
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use tracing::{dispatcher, subscriber::NoSubscriber};

use crate::{Level, bridge};

/// The target of the crate's own events. They are never exported.
pub(crate) const TARGET: &str = "highlight";

/// Whether the target is one of the crate's own, shown on the console only.
pub(crate) fn is_own(target: &str) -> bool {
    target.strip_prefix(TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Says one line: to the program's `tracing` subscriber, or to standard error if there is none, or none but ours that shows nothing.
pub(crate) fn warn(message: &str) {
    line(Level::Warn, message);
}

/// The same at another level: `Info` or `Warn`. A subscriber that panics is contained.
pub(crate) fn line(level: Level, message: &str) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // There is none within an event, either, where any thread has a subscriber of its own.
        let subscribed =
            dispatcher::get_default(|dispatch| !dispatch.is::<NoSubscriber>() && !bridge::is_mute(dispatch));
        match (subscribed, level) {
            (false, _) => to_stderr(message),
            (true, Level::Info) => tracing::info!(target: TARGET, "{message}"),
            (true, _) => tracing::warn!(target: TARGET, "{message}"),
        }
    }));
}

/// Says one line of [`Config::debug`](crate::Config::debug): always to standard error, whatever the subscriber shows.
pub(crate) fn debug(message: &str) {
    to_stderr(message);
}

fn to_stderr(message: &str) {
    // Not `eprintln!`, which panics if standard error is closed.
    let _ = writeln!(io::stderr(), "highlight: {message}");
}
