//! Numbers: what was measured, counted, or is going on.
//!
//! ```
//! use highlight::{KeyValue, metrics};
//!
//! metrics::record_metric("cart.value", 42.5, []); // the latest value counts
//! metrics::record_count("orders", 3, [KeyValue::new("country", "de")]); // adds up
//! metrics::record_incr("logins", []); // adds one
//! metrics::record_histogram("checkout.duration", 0.12, []); // the distribution counts
//! metrics::record_up_down_counter("jobs.running", 1, []); // the level counts
//! ```
//!
//! An instrument that is used in several places, or needs a unit or boundaries, is best a constant:
//!
//! ```
//! use highlight::metrics::Histogram;
//!
//! const CHECKOUT: Histogram = Histogram::new("checkout.duration")
//!     .unit("s")
//!     .description("Time from the click to the confirmation.")
//!     .boundaries(&[0.1, 0.25, 0.5, 1.0, 2.5, 5.0]);
//!
//! CHECKOUT.record(0.12, []);
//! ```
//!
//! # What the server makes of it
//!
//! The server adds up the data points of a series whatever their temporality, and dates them by their receipt (C§9). So:
//!
//! | recorded with | leaves as | ask the server for |
//! |---|---|---|
//! | [`record_metric`], [`Gauge`] | a gauge with the last value, if there was one since the last collection | average, minimum, maximum |
//! | [`record_count`], [`record_incr`], [`Counter`] | a sum of what came since the last collection (delta) | sum |
//! | [`record_histogram`], [`Histogram`] | a histogram of what came since the last collection (delta) | percentiles |
//! | [`record_up_down_counter`], [`UpDownCounter`] | a gauge with the level, at every collection | average, minimum, maximum |
//!
//! The last row needs a reason. As a delta, an up-down counter could only be summed, and the sum over a window is what
//! changed in it: its level would show in no window that does not reach back to the start of every process, and a
//! process that ends with jobs running would leave them behind for ever. As a cumulative sum its levels would be added up.
//! As a gauge each collection is a sample of the level, which average, minimum and maximum read as such.
//!
//! Collected every ten seconds, and at a flush. During an outage nothing is lost: the next collection has it all.
//!
//! # Bounds
//!
//! - Names are OpenTelemetry's: a letter, then up to 254 letters, digits and `_ . - /`.
//! - A name is of one kind and keeps the unit, description and boundaries it is first recorded with.
//! - 512 names for each client. An instrument has 2,000 sets of attributes between two collections; what exceeds them
//!   is added up under the attribute `otel.metric.overflow`. So no ids in attributes, and a bounded set of names.
//! - A measurement that cannot be taken (another kind, a bad name, not a finite number) is dropped, counted in
//!   [`Stats::refused_measurements`](crate::Stats::refused_measurements), and the first of each sort is said.
//!
//! # Sessions
//!
//! Data points carry no session, because each session would be a series of its own: [`Counter::with_session`] and its
//! likes put it there where that is worth its price.

mod collect;
mod instrument;
mod registry;

#[cfg(test)]
pub(crate) use self::collect::Reader;
pub use self::instrument::{Counter, Gauge, Histogram, UpDownCounter};
use self::registry::{Definition, Kind, Measurement};
pub(crate) use self::{
    collect::{Collector, provider},
    registry::Registry,
};
use crate::{Client, KeyValue, RequestContext, Signals, early, record::SESSION_ID};

/// Records the current value of something: the last one before a collection counts.
pub fn record_metric(name: &str, value: f64, attributes: impl IntoIterator<Item = KeyValue>) {
    record(&Definition::new(Kind::Gauge, name), Measurement::Gauge(value), attributes);
}

/// Adds to a count that never goes down.
pub fn record_count(name: &str, value: u64, attributes: impl IntoIterator<Item = KeyValue>) {
    record(&Definition::new(Kind::Counter, name), Measurement::Counter(value), attributes);
}

/// Adds one to a count: [`record_count`] of 1.
pub fn record_incr(name: &str, attributes: impl IntoIterator<Item = KeyValue>) {
    record_count(name, 1, attributes);
}

/// Records one of many values whose distribution matters, such as a duration.
///
/// Default boundaries are OpenTelemetry's: 0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000, which suit
/// milliseconds. For anything else use a [`Histogram`] with [`boundaries`](Histogram::boundaries) of its own.
pub fn record_histogram(name: &str, value: f64, attributes: impl IntoIterator<Item = KeyValue>) {
    record(&Definition::new(Kind::Histogram, name), Measurement::Histogram(value), attributes);
}

/// Adds to a level that goes up and down, such as the number of running jobs.
///
/// The same attributes for what comes and what goes, or the levels will not match.
pub fn record_up_down_counter(name: &str, value: i64, attributes: impl IntoIterator<Item = KeyValue>) {
    record(&Definition::new(Kind::UpDownCounter, name), Measurement::UpDownCounter(value), attributes);
}

/// Takes the measurement, if there is a client to take it.
fn record(
    definition: &Definition<'_>,
    measurement: Measurement,
    attributes: impl IntoIterator<Item = KeyValue>,
) {
    let lost = || early::ours(Signals::METRICS, format_args!("the metric `{}`", definition.name), None);
    let Some(client) = Client::recording_or(lost).filter(|client| client.takes(Signals::METRICS)) else {
        return;
    };
    let mut attributes: Vec<_> = attributes.into_iter().map(|attribute| attribute.0).collect();
    if definition.with_session {
        let context = RequestContext::current();
        let session = context.session_id().map(str::to_owned);
        attributes.extend(session.map(|id| opentelemetry::KeyValue::new(SESSION_ID, id)));
    }
    client.metrics().record(definition, measurement, &attributes);
}
