//! Metrics.
//!
//! The server sums data points whatever their temporality (C§9), so the reader is set to delta. Up-down counters stay
//! cumulative all the same (OpenTelemetry's rule): their points are levels, which must not be summed, so they leave as
//! gauges. The server drops exponential histograms, so they are left out here, where that can be counted. Exemplars are not
//! written: the SDK makes none.

use std::{borrow::Cow, mem, time::SystemTime};

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::{
    Temporality,
    data::{AggregatedMetrics, HistogramDataPoint, Metric, MetricData, ResourceMetrics},
};

use super::{
    sanitize::{Given, Owner, Sanitizer},
    wire::{GROUP, ITEM, Writer, unsigned},
};
use crate::{
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    record::unix_nanos,
};

/// How much is put into one request, about; a metric is never split.
const REQUEST_BYTES: usize = 64 * 1024;

/// Metrics, in requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EncodedMetrics {
    /// Each with the number of its data points; none if there is nothing to send.
    pub(crate) requests: Vec<(Vec<u8>, u64)>,
    /// Data points that the hook has dropped.
    pub(crate) dropped: u64,
    /// Data points left out, because the server cannot store them.
    pub(crate) unsupported: u64,
}

pub(super) fn encode(
    out: &mut Writer,
    metrics: &ResourceMetrics,
    resource: &[u8],
    sanitizer: &mut Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
) -> EncodedMetrics {
    let mut encoded = EncodedMetrics::default();
    for of_scope in metrics.scope_metrics() {
        out.clear(REQUEST_BYTES);
        super::scope(out, of_scope.scope(), sanitizer);
        out.text(3, of_scope.scope().schema_url().unwrap_or_default());
        let scope = out.as_bytes().to_vec();
        let requests =
            Requests { resource, scope: &scope, metrics: Vec::new(), points: 0, encoded: &mut encoded };
        let mut scribe = Scribe { out, sanitizer, before_send, requests };
        for metric in of_scope.metrics() {
            let series = match metric.data() {
                AggregatedMetrics::F64(data) => Series::of(data),
                AggregatedMetrics::U64(data) => Series::of(data),
                AggregatedMetrics::I64(data) => Series::of(data),
            };
            match series {
                Ok(series) => scribe.add(metric, &series),
                Err(points) => scribe.requests.encoded.unsupported += points,
            }
        }
        scribe.requests.finish();
    }
    encoded
}

/// The metrics of one scope in requests of about [`REQUEST_BYTES`], so that no request is too large for the server however much
/// was collected.
struct Requests<'a> {
    resource: &'a [u8],
    scope: &'a [u8],
    /// Those of the next request, as fields of their scope.
    metrics: Vec<u8>,
    /// The data points among them.
    points: u64,
    encoded: &'a mut EncodedMetrics,
}

impl Requests<'_> {
    fn add(&mut self, metric: &[u8], points: u64) {
        if self.metrics.len() + metric.len() > REQUEST_BYTES {
            self.finish();
        }
        self.metrics.extend_from_slice(metric);
        self.points += points;
    }

    fn finish(&mut self) {
        if self.metrics.is_empty() {
            return;
        }
        let mut out = Writer::default();
        out.nested(1, GROUP, |out| {
            out.again(self.resource);
            out.nested(2, GROUP, |out| {
                out.again(self.scope);
                out.again(&self.metrics);
            });
        });
        self.metrics.clear();
        self.encoded.requests.push((out.take().0, mem::take(&mut self.points)));
    }
}

/// Writes the metrics of one scope.
struct Scribe<'a, 'm> {
    out: &'a mut Writer,
    sanitizer: &'a mut Sanitizer<'m>,
    before_send: Option<&'a BeforeSend>,
    requests: Requests<'a>,
}

impl Scribe<'_, '_> {
    /// Adds the metric with all of its points; with a hook once for each, so that it can judge and rename each by itself.
    fn add(&mut self, metric: &Metric, series: &Series<'_>) {
        let Some(hook) = self.before_send else {
            self.write(metric, metric.name(), series, |out, sanitizer| {
                for point in &series.points {
                    point.write(out, sanitizer, series, &mut point.attributes.iter().copied());
                }
            });
            if !series.points.is_empty() {
                self.requests.add(self.out.as_bytes(), series.points.len() as u64);
            }
            return;
        };
        for point in &series.points {
            let mut name = Cow::Owned(metric.name().to_owned());
            let mut attributes = point.attributes.iter().copied().cloned().collect();
            if !keeps(hook, &mut name, &mut attributes) {
                self.requests.encoded.dropped += 1;
                continue;
            }
            self.write(metric, &name, series, |out, sanitizer| {
                point.write(out, sanitizer, series, &mut attributes.iter());
            });
            self.requests.add(self.out.as_bytes(), 1);
        }
    }

    /// Writes the metric with these points, as a field of its scope.
    fn write(
        &mut self,
        metric: &Metric,
        name: &str,
        series: &Series<'_>,
        points: impl FnOnce(&mut Writer, &mut Sanitizer<'_>),
    ) {
        let Self { out, sanitizer, .. } = self;
        out.clear(REQUEST_BYTES);
        out.nested(2, ITEM, |out| {
            out.text(1, &sanitizer.text(name));
            out.text(2, &sanitizer.text(metric.description()));
            out.text(3, &sanitizer.text(metric.unit()));
            out.nested(series.kind.field(), ITEM, |out| {
                points(out, sanitizer);
                series.kind.write(out);
            });
        });
    }
}

/// What the hook says of a metric with one data point.
fn keeps(hook: &BeforeSend, name: &mut Cow<'static, str>, attributes: &mut Vec<KeyValue>) -> bool {
    hook.keeps(&mut Outgoing {
        kind: OutgoingKind::Metric,
        text: name,
        attributes,
        level: None,
        error_type: None,
        status: None,
        renamed: false,
    })
}

/// The data points of a metric, whatever the type of its numbers.
#[derive(Debug)]
struct Series<'m> {
    kind: Kind,
    start: Option<SystemTime>,
    time: SystemTime,
    points: Vec<Point<'m>>,
}

/// What data points are together.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Gauge,
    Sum { is_monotonic: bool, temporality: Temporality },
    Histogram { temporality: Temporality },
}

#[derive(Debug)]
struct Point<'m> {
    attributes: Vec<&'m KeyValue>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Number(Number),
    Histogram { count: u64, sum: f64, counts: Vec<u64>, bounds: Vec<f64>, extremes: [Option<f64>; 2] },
}

/// A number as the wire knows it.
#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i64),
    Float(f64),
}

impl<'m> Series<'m> {
    /// The number of points if the server cannot store them.
    fn of<T: Copy + Into<Number>>(data: &'m MetricData<T>) -> Result<Self, u64> {
        let number = |attributes, value: T| Point { attributes, value: Value::Number(value.into()) };
        Ok(match data {
            MetricData::Gauge(gauge) => Self {
                kind: Kind::Gauge,
                start: gauge.start_time(),
                time: gauge.time(),
                points: gauge
                    .data_points()
                    .map(|point| number(point.attributes().collect(), point.value()))
                    .collect(),
            },
            MetricData::Sum(sum) => Self {
                kind: match (sum.is_monotonic(), sum.temporality()) {
                    // An up-down counter as what it is on the wire: its level at the time.
                    (false, Temporality::Cumulative) => Kind::Gauge,
                    (is_monotonic, temporality) => Kind::Sum { is_monotonic, temporality },
                },
                start: Some(sum.start_time()),
                time: sum.time(),
                points: sum
                    .data_points()
                    .map(|point| number(point.attributes().collect(), point.value()))
                    .collect(),
            },
            MetricData::Histogram(histogram) => Self {
                kind: Kind::Histogram { temporality: histogram.temporality() },
                start: Some(histogram.start_time()),
                time: histogram.time(),
                points: histogram.data_points().map(Point::of_histogram).collect(),
            },
            MetricData::ExponentialHistogram(histogram) => return Err(histogram.data_points().count() as u64),
        })
    }
}

impl Kind {
    /// The field of a metric.
    fn field(self) -> u32 {
        match self {
            Self::Gauge => 5,
            Self::Sum { .. } => 7,
            Self::Histogram { .. } => 9,
        }
    }

    /// What is said beside the points, which are field 1.
    fn write(self, out: &mut Writer) {
        match self {
            Self::Gauge => {}
            Self::Sum { is_monotonic, temporality } => {
                out.number(2, number_of(temporality));
                out.number(3, is_monotonic.into());
            }
            Self::Histogram { temporality } => out.number(2, number_of(temporality)),
        }
    }
}

/// As OTLP numbers them.
fn number_of(temporality: Temporality) -> u64 {
    match temporality {
        Temporality::Delta => 1,
        _ => 2,
    }
}

impl<'m> Point<'m> {
    fn of_histogram<T: Copy + Into<Number>>(point: &'m HistogramDataPoint<T>) -> Self {
        let float = |number: T| number.into().as_float();
        Self {
            attributes: point.attributes().collect(),
            value: Value::Histogram {
                count: point.count(),
                sum: float(point.sum()),
                counts: point.bucket_counts().collect(),
                bounds: point.bounds().collect(),
                extremes: [point.min().map(float), point.max().map(float)],
            },
        }
    }

    /// Writes it, with these attributes.
    fn write(
        &self,
        out: &mut Writer,
        sanitizer: &mut Sanitizer<'_>,
        series: &Series<'_>,
        attributes: &mut dyn Iterator<Item = &KeyValue>,
    ) {
        out.nested(1, ITEM, |out| {
            out.fixed64(2, series.start.map(unix_nanos).unwrap_or_default());
            out.fixed64(3, unix_nanos(series.time));
            let attributes_field = match &self.value {
                Value::Number(number) => {
                    match *number {
                        Number::Integer(number) => out.given_fixed64(6, unsigned(number)),
                        Number::Float(number) => out.given_fixed64(4, number.to_bits()),
                    }
                    7
                }
                Value::Histogram { count, sum, counts, bounds, extremes } => {
                    out.fixed64(4, *count);
                    out.given_fixed64(5, sum.to_bits());
                    out.packed_fixed64(6, counts.iter().copied());
                    out.packed_fixed64(7, bounds.iter().map(|bound| bound.to_bits()));
                    for (field, extreme) in (11..).zip(extremes) {
                        if let Some(extreme) = extreme {
                            out.given_fixed64(field, extreme.to_bits());
                        }
                    }
                    9
                }
            };
            sanitizer.attributes(out, attributes_field, Owner::DataPoint, &mut Given::default(), attributes);
        });
    }
}

impl Number {
    /// As histograms hold it.
    fn as_float(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a `double` is what there is room for")]
            Self::Integer(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u64> for Number {
    /// The wire's whole numbers have a sign, so the highest of these is as much as fits.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
