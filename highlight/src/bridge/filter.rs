//! Which `tracing` spans and events are taken.

use tracing::{Metadata, Subscriber, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter, Layer};

use super::carrier;
use crate::{Client, config, say};

/// Lets spans through, and the carrier whatever the client's filter says: its own option switches it.
#[derive(Debug)]
pub(super) struct SpanFilter;

impl<S: Subscriber> Filter<S> for SpanFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        carrier::is_carrier(metadata) || (metadata.is_span() && current_client_takes(metadata))
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() { Interest::sometimes() } else { Interest::never() }
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
        if metadata.is_event() { Interest::sometimes() } else { Interest::never() }
    }
}

fn current_client_takes(metadata: &Metadata<'_>) -> bool {
    Client::recording().is_some_and(|client| client.filter().enabled(metadata.target(), *metadata.level()))
}

/// The one filter of the subscriber that `init` installs: what it rejects costs nothing further.
#[derive(Debug)]
pub(super) struct GlobalFilter(pub(super) config::Filter);

impl GlobalFilter {
    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        // The console shows what the crate says; it is never exported.
        (say::is_own(metadata.target()) && *metadata.level() <= self.0.max_level().max(LevelFilter::INFO))
            || carrier::is_carrier(metadata)
            || self.0.enabled(metadata.target(), *metadata.level())
    }
}

impl<S: Subscriber> Layer<S> for GlobalFilter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.takes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.takes(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // The carrier is at INFO, and must not be lost to a stricter level.
        Some(self.0.max_level().max(LevelFilter::INFO))
    }
}
