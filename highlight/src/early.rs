//! What was recorded before there was a client, and is lost: [`init`](crate::init) says so, once.
//!
//! It is noticed where a client is looked for and not found, so it costs nothing once there is one.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tracing::{Level, Metadata};

use crate::{Client, Signals, say, stack::Place};

/// The first that this crate's own functions lost, which no filter would have been asked about.
static OURS: OnceLock<Lost> = OnceLock::new();
/// The first of each level that `tracing` lost: the filter is not known yet, and would not have taken most of what is fine.
static TRACING: [OnceLock<Lost>; 5] = [const { OnceLock::new() }; 5];

/// Something that nobody took.
#[derive(Debug)]
struct Lost {
    signal: Signals,
    /// What the client's filter would have been asked.
    origin: Option<(String, Level)>,
    what: String,
    place: Option<Place>,
}

/// This crate found no client for something of its own. `what` says so in words.
pub(crate) fn ours(signal: Signals, what: impl fmt::Display, place: Option<&Place>) {
    OURS.get_or_init(|| Lost { signal, origin: None, what: what.to_string(), place: place.cloned() });
}

/// There was no client for this span or event of `tracing`.
pub(crate) fn tracing(metadata: &Metadata<'_>) {
    let (level, target) = (*metadata.level(), metadata.target());
    if say::is_own(target) {
        return;
    }
    let more_severe =
        [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].iter().take_while(|it| **it < level);
    let Some(first) = TRACING.get(more_severe.count()) else { return };
    first.get_or_init(|| {
        let (signal, kind) =
            if metadata.is_span() { (Signals::TRACES, "a span") } else { (Signals::LOGS, "an event") };
        let place = metadata.file().zip(metadata.line());
        Lost {
            signal,
            origin: Some((target.to_owned(), level)),
            what: format!("{kind} of {target}"),
            place: place.map(|(file, line)| Place { file: file.to_owned().into(), line }),
        }
    });
}

impl Lost {
    fn would_be_taken(&self, client: &Client) -> bool {
        let passes = |(target, level): &(String, Level)| client.filter().enabled(target, *level);
        client.takes(self.signal) && self.origin.as_ref().is_none_or(passes)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.place {
            Some(Place { file, line }) => write!(f, " ({file}:{line})"),
            None => Ok(()),
        }
    }
}

/// Says that there was something which `client` would have taken, had it been there.
pub(crate) fn say(client: &Client) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let mut lost = std::iter::once(&OURS).chain(&TRACING).filter_map(OnceLock::get);
    let Some(lost) = lost.find(|lost| lost.would_be_taken(client)) else { return };
    // A later `init` has nothing new to say of it.
    if !SAID.swap(true, Ordering::Relaxed) {
        say::warn(&format!(
            "telemetry was recorded before `highlight::init`, and is lost, such as {lost}; call `init` first in main, or right \
             after building a subscriber of the program's own"
        ));
    }
}
