//! Instruments as constants: what is measured, in which unit, between which boundaries.

use super::{
    record,
    registry::{Definition, Kind, Measurement},
};
use crate::KeyValue;

macro_rules! instrument {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(Definition<'static>);

        impl $name {
            /// An instrument of this name. Use the names of the OpenTelemetry semantic conventions where they have one.
            #[must_use]
            pub const fn new(name: &'static str) -> Self {
                Self(Definition::new(Kind::$name, name))
            }

            /// The unit, as UCUM writes it: `s`, `By`, `{order}`; up to 63 ASCII characters. Default: none.
            #[must_use]
            pub const fn unit(self, unit: &'static str) -> Self {
                Self(Definition { unit, ..self.0 })
            }

            /// What is measured, in a sentence. Default: none.
            #[must_use]
            pub const fn description(self, description: &'static str) -> Self {
                Self(Definition { description, ..self.0 })
            }

            /// Puts the current session's id on the data point, which links the number to the replay (C§9).
            ///
            /// Every session becomes a series of its own: only for what a session does seldom. Default: off.
            #[must_use]
            pub const fn with_session(self) -> Self {
                Self(Definition { with_session: true, ..self.0 })
            }
        }
    };
}

instrument! {
    /// The current value of something: the last one before a collection counts.
    ///
    /// ```
    /// const TEMPERATURE: highlight::metrics::Gauge = highlight::metrics::Gauge::new("oven.temperature").unit("Cel");
    /// TEMPERATURE.record(220.0, []);
    /// ```
    Gauge
}

instrument! {
    /// A count that never goes down.
    ///
    /// ```
    /// const ORDERS: highlight::metrics::Counter = highlight::metrics::Counter::new("orders").unit("{order}");
    /// ORDERS.add(1, []);
    /// ```
    Counter
}

instrument! {
    /// Values whose distribution matters.
    ///
    /// ```
    /// const UPLOADS: highlight::metrics::Histogram =
    ///     highlight::metrics::Histogram::new("upload.size").unit("By").boundaries(&[1e3, 1e4, 1e5, 1e6, 1e7]);
    /// UPLOADS.record(48_213.0, []);
    /// ```
    Histogram
}

instrument! {
    /// A level that goes up and down.
    ///
    /// ```
    /// const RUNNING: highlight::metrics::UpDownCounter =
    ///     highlight::metrics::UpDownCounter::new("jobs.running").unit("{job}");
    /// RUNNING.add(1, []);
    /// RUNNING.add(-1, []);
    /// ```
    UpDownCounter
}

impl Gauge {
    /// Records the value.
    pub fn record(&self, value: f64, attributes: impl IntoIterator<Item = KeyValue>) {
        record(&self.0, Measurement::Gauge(value), attributes);
    }
}

impl Counter {
    /// Adds to the count.
    pub fn add(&self, value: u64, attributes: impl IntoIterator<Item = KeyValue>) {
        record(&self.0, Measurement::Counter(value), attributes);
    }
}

impl Histogram {
    /// The upper bounds of all buckets but the last, in ascending order, each of them inside its bucket.
    ///
    /// A percentile beyond the last bound cannot be told: choose it above what matters. Explicit, because the server
    /// drops exponential histograms (C§9). Default: as with [`record_histogram`](super::record_histogram).
    #[must_use]
    pub const fn boundaries(self, boundaries: &'static [f64]) -> Self {
        Self(Definition { boundaries: Some(boundaries), ..self.0 })
    }

    /// Records the value.
    pub fn record(&self, value: f64, attributes: impl IntoIterator<Item = KeyValue>) {
        record(&self.0, Measurement::Histogram(value), attributes);
    }
}

impl UpDownCounter {
    /// Adds to the level, or takes from it. The same attributes for both.
    pub fn add(&self, value: i64, attributes: impl IntoIterator<Item = KeyValue>) {
        record(&self.0, Measurement::UpDownCounter(value), attributes);
    }
}
