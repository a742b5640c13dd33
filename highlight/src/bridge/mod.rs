//! What the program already writes: `tracing` spans become spans, `tracing` events and `log` records become log records.

mod any_value;
mod carrier;
mod changes;
mod entered;
mod event;
mod filter;
mod home;
mod install;
mod lean;
mod log;
mod logger;
mod noted;
mod span_ext;
mod span_layer;
mod spans;

#[cfg(feature = "testing")]
use tracing::Dispatch;
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

pub use self::install::TracingSetup;
#[cfg(feature = "testing")]
pub(crate) use self::log::install as install_log;
pub(crate) use self::{
    carrier::{TARGET as CARRIER_TARGET, carrying},
    entered::{EnteredActive, enter_active},
    filter::widen,
    install::{has_layer, install, is_mute},
    logger::provider as logger_provider,
};
use self::{
    event::EventLayer,
    filter::{EventFilter, SpanFilter},
    span_layer::SpanLayer,
};
#[cfg(feature = "testing")]
use self::{filter::Taken, lean::LeanSubscriber};

/// The layer for a program that builds its own `tracing` subscriber.
///
/// Without one, [`init`](crate::init) installs a subscriber of its own, and this is not needed.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// tracing_subscriber::registry()
///     .with(tracing_subscriber::fmt::layer())
///     .with(highlight::layer())
///     .init();
/// let _highlight = highlight::init(highlight::Config::new("1"))?;
/// # Ok::<(), highlight::InitError>(())
/// ```
///
/// It may be built before `init`, as here: it looks for the client when something is recorded, in the current context first. What is
/// recorded between the two is lost, which `init` says.
///
/// # Filters
///
/// What is exported is decided by the client's own [`level`](crate::Config::level) and [`filter`](crate::Config::filter)
/// (`HIGHLIGHT_LEVEL`, `HIGHLIGHT_LOG`), whatever the other layers show. So give an `EnvFilter`, or any other filter, to the
/// console's layer alone:
///
/// ```no_run
/// use tracing_subscriber::{filter::LevelFilter, fmt, prelude::*};
///
/// tracing_subscriber::registry()
///     .with(fmt::layer().with_filter(LevelFilter::WARN)) // or `EnvFilter::from_default_env()`, which reads RUST_LOG
///     .with(highlight::layer())
///     .init();
/// ```
///
/// A filter that is added to the registry itself, `.with(EnvFilter::from_default_env())`, holds for all layers: what it
/// hides is not exported either.
///
/// # Spans
///
/// `OpenTelemetrySpanExt` of `tracing-opentelemetry` works on spans; on `Span::current()` in a handler it works on the server
/// span. Events become log records only, never span events as well.
///
/// A span or event with an explicit parent belongs to the parent's request. A span with `parent: None` begins a trace of its own,
/// and still belongs to the request that is current.
#[must_use = "a layer does nothing until it is added to a subscriber"]
pub fn layer<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    SpanLayer::new().with_filter(SpanFilter).and_then(EventLayer::default().with_filter(EventFilter))
}

/// The same for the subscriber that has our filter for all its layers: asking again for each of them costs more than the rest.
fn layer_behind_filter<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    SpanLayer::new().and_then(EventLayer::default())
}

/// A subscriber that asks for the client at each record.
#[cfg(feature = "testing")]
pub(crate) fn asking_subscriber() -> Dispatch {
    Dispatch::new(LeanSubscriber::new(Taken::Asking))
}
