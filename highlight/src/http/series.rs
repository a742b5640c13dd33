//! The time series of server requests: few, so that each is looked up by what tells it from the others, and not by its labels.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use opentelemetry::{
    KeyValue,
    metrics::{BoundHistogram, BoundUpDownCounter, Histogram, UpDownCounter},
};

use super::conventions::{KnownVersion, Method};
use crate::sampling::Fnv1a;

/// The SDK has 2,000 sets of labels for an instrument; as many are kept at hand here, the others go the long way.
const AT_HAND: usize = 2000;

/// What is known of a request when it arrives, but for its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) method: Method,
    pub(super) version: Option<KnownVersion>,
    pub(super) is_https: bool,
}

/// A time series of durations.
#[derive(Debug, Clone, Eq)]
pub(super) struct Series {
    pub(super) arrived: Arrived,
    pub(super) route: Option<Arc<str>>,
    pub(super) status: Option<u16>,
}

impl Arrived {
    pub(super) fn scheme(self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    pub(super) fn version(self) -> Option<&'static str> {
        self.version.and_then(KnownVersion::name)
    }

    fn early_labels(self) -> [KeyValue; 2] {
        [KeyValue::new("http.request.method", self.method.name()), KeyValue::new("url.scheme", self.scheme())]
    }
}

/// Nearly always it is the very same texts.
impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        let is_same_route = match (&self.route, &other.route) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs) || ours == theirs,
            (None, None) => true,
            _ => false,
        };
        self.status == other.status && is_same_route && self.arrived == other.arrived
    }
}

/// Routes and statuses are the program's own, and tell nearly all series apart.
impl Hash for Series {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write(self.route.as_deref().unwrap_or_default().as_bytes());
        hasher.write(&self.status.unwrap_or_default().to_ne_bytes());
    }
}

impl Series {
    fn labels(&self, error_type: Option<&str>) -> Vec<KeyValue> {
        let mut labels = Vec::with_capacity(6);
        labels.extend(self.arrived.early_labels());
        labels
            .extend(self.arrived.version().map(|version| KeyValue::new("network.protocol.version", version)));
        labels.extend(error_type.map(|error_type| KeyValue::new("error.type", error_type.to_owned())));
        labels.extend(self.route.clone().map(|route| KeyValue::new("http.route", route)));
        labels
            .extend(self.status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        labels
    }
}

/// `http.server.request.duration`.
#[derive(Debug)]
pub(super) struct Durations {
    histogram: Histogram<f64>,
    at_hand: RwLock<HashMap<Series, BoundHistogram<f64>, BuildHasherDefault<Fnv1a>>>,
}

impl Durations {
    pub(super) fn new(histogram: Histogram<f64>) -> Self {
        Self { histogram, at_hand: RwLock::default() }
    }

    /// A failure is rare, and of any type: it goes the long way.
    pub(super) fn record(&self, seconds: f64, series: Series, error_type: Option<&str>) {
        if error_type.is_some() {
            return self.histogram.record(seconds, &series.labels(error_type));
        }
        let at_hand = self.at_hand.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(bound) = at_hand.get(&series) {
            return bound.record(seconds);
        }
        let is_full = at_hand.len() >= AT_HAND;
        drop(at_hand);
        let labels = series.labels(None);
        if is_full {
            return self.histogram.record(seconds, &labels);
        }
        let mut at_hand = self.at_hand.write().unwrap_or_else(PoisonError::into_inner);
        at_hand.entry(series).or_insert_with(|| self.histogram.bind(&labels)).record(seconds);
    }
}

/// `http.server.active_requests`.
#[derive(Debug)]
pub(super) struct Active {
    counter: UpDownCounter<i64>,
    /// By method: of HTTP, and of HTTPS.
    at_hand: [[OnceLock<BoundUpDownCounter<i64>>; Method::COUNT]; 2],
}

impl Active {
    pub(super) fn new(counter: UpDownCounter<i64>) -> Self {
        Self { counter, at_hand: Default::default() }
    }

    pub(super) fn add(&self, change: i64, arrived: Arrived) {
        let of_scheme = &self.at_hand[usize::from(arrived.is_https)];
        if let Some(slot) = of_scheme.get(arrived.method.place()) {
            slot.get_or_init(|| self.counter.bind(&arrived.early_labels())).add(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(route: &str, status: Option<u16>) -> Series {
        let arrived =
            Arrived { method: Method::of("GET"), version: KnownVersion::of("1.1"), is_https: false };
        Series { arrived, route: Some(route.into()), status }
    }

    #[test]
    fn labels_say_what_tells_a_series_from_the_others() {
        let text = |series: Series, error_type| {
            let labels = series.labels(error_type);
            labels.iter().map(|label| format!("{}={}", label.key, label.value)).collect::<Vec<_>>().join(" ")
        };
        let early = "http.request.method=GET url.scheme=http network.protocol.version=1.1";
        assert_eq!(
            text(series("/a", Some(500)), Some("500")),
            format!("{early} error.type=500 http.route=/a http.response.status_code=500")
        );
        assert_eq!(text(series("/a", None), None), format!("{early} http.route=/a"));
    }

    #[test]
    fn what_is_kept_at_hand_is_bounded() {
        let provider = opentelemetry_sdk::metrics::SdkMeterProvider::default();
        let meter = opentelemetry::metrics::MeterProvider::meter(&provider, "test");
        let durations = Durations::new(meter.f64_histogram("d").build());
        for n in 0..AT_HAND + 100 {
            durations.record(1.0, series(&format!("/{n}"), Some(200)), None);
        }
        durations.record(1.0, series("/failed", None), Some("panic"));
        assert_eq!(durations.at_hand.read().unwrap().len(), AT_HAND);
    }
}
