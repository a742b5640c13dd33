//! Which `tracing` spans and events are taken.

use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{Metadata, Subscriber, callsite, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter, Layer};

use super::carrier;
use crate::{Client, config, early, say};

/// The levels, by number.
const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// The number of the widest level that any client of the process has taken so far, or of the default. What is beyond, `tracing`
/// need not ask about.
static WIDEST: AtomicUsize = AtomicUsize::new(3);

/// A client begins that takes so much.
pub(crate) fn widen(level: LevelFilter) {
    let number = LEVELS.iter().position(|known| *known == level).unwrap_or(LEVELS.len() - 1);
    if WIDEST.fetch_max(number, Ordering::Relaxed) < number {
        callsite::rebuild_interest_cache();
    }
}

fn widest() -> LevelFilter {
    LEVELS.get(WIDEST.load(Ordering::Relaxed)).copied().unwrap_or(LevelFilter::TRACE)
}

fn interest(is_ours: bool, metadata: &Metadata<'_>) -> Interest {
    if is_ours && *metadata.level() <= widest() { Interest::sometimes() } else { Interest::never() }
}

/// Lets spans through, and the carrier whatever the client's filter says: its own option switches it.
#[derive(Debug)]
pub(super) struct SpanFilter;

impl<S: Subscriber> Filter<S> for SpanFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        carrier::is_carrier(metadata) || (metadata.is_span() && current_client_takes(metadata))
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        interest(metadata.is_span(), metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(widest())
    }
}

/// Lets events through.
#[derive(Debug)]
pub(super) struct EventFilter;

impl<S: Subscriber> Filter<S> for EventFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        metadata.is_event() && current_client_takes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        interest(metadata.is_event(), metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(widest())
    }
}

fn current_client_takes(metadata: &Metadata<'_>) -> bool {
    Client::recording_or(|| early::tracing(metadata))
        .is_some_and(|client| client.filter().enabled(metadata.target(), *metadata.level()))
}

/// What a subscriber takes that has one filter for all.
#[derive(Debug, Clone)]
pub(super) enum Taken {
    /// What this filter lets through, of whichever client: the subscriber that `init` installs. What it rejects costs nothing further.
    Always {
        filter: config::Filter,
        /// Whether what the crate says of itself is shown to somebody.
        shows: bool,
    },
    /// What the client takes that is current when something is recorded.
    #[cfg(feature = "testing")]
    Asking,
}

impl Taken {
    pub(super) fn takes(&self, metadata: &Metadata<'_>) -> bool {
        match self {
            // The console shows what the crate says; it is never exported.
            Self::Always { filter, .. } => {
                (say::is_own(metadata.target()) && *metadata.level() <= self.max_level())
                    || carrier::is_carrier(metadata)
                    || filter.enabled(metadata.target(), *metadata.level())
            }
            #[cfg(feature = "testing")]
            Self::Asking => carrier::is_carrier(metadata) || current_client_takes(metadata),
        }
    }

    pub(super) fn shows(&self) -> bool {
        match self {
            Self::Always { shows, .. } => *shows,
            #[cfg(feature = "testing")]
            Self::Asking => false,
        }
    }

    pub(super) fn interest(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self {
            Self::Always { .. } if self.takes(metadata) => Interest::always(),
            Self::Always { .. } => Interest::never(),
            #[cfg(feature = "testing")]
            Self::Asking => interest(true, metadata),
        }
    }

    /// The carrier is at INFO, and must not be lost to a stricter level.
    pub(super) fn max_level(&self) -> LevelFilter {
        match self {
            Self::Always { filter, .. } => filter.max_level().max(LevelFilter::INFO),
            #[cfg(feature = "testing")]
            Self::Asking => widest(),
        }
    }
}

impl<S: Subscriber> Layer<S> for Taken {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.interest(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.takes(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.max_level())
    }
}
