//! Metrics.
//!
//! The server sums data points whatever their temporality (C§9), so the reader is set to delta. Up-down counters stay
//! cumulative all the same (OpenTelemetry's rule): their points are levels, which must not be summed, so they leave as
//! gauges. The server drops exponential histograms, so they are left out here, where that can be counted.

use std::{borrow::Cow, mem};

use opentelemetry::{Array, Value};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, KeyValue, KeyValueList, any_value::Value as ProtoValue},
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, Metric, ScopeMetrics, Sum, metric::Data,
    },
};
use opentelemetry_sdk::metrics::data;
use prost::Message;

use super::{
    sanitize::{Given, Owner, Sanitizer},
    wire::{GROUP, Writer},
};
use crate::before_send::{BeforeSend, Outgoing, OutgoingKind};

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
    metrics: &data::ResourceMetrics,
    resource: &[u8],
    sanitizer: &mut Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
) -> EncodedMetrics {
    let mut encoded = EncodedMetrics::default();
    let mut request = ExportMetricsServiceRequest::from(metrics);
    for of_resource in &mut request.resource_metrics {
        for of_scope in &mut of_resource.scope_metrics {
            if let Some(scope) = &mut of_scope.scope {
                sanitizer.text_of(&mut scope.name);
                clean(sanitizer, Owner::Scope, &mut scope.attributes);
            }
            if let Some(hook) = before_send {
                of_scope.metrics =
                    std::mem::take(&mut of_scope.metrics).into_iter().flat_map(points_of).collect();
                let before = of_scope.metrics.len();
                of_scope.metrics.retain_mut(|point| keeps(hook, point));
                encoded.dropped += (before - of_scope.metrics.len()) as u64;
            }
            of_scope.metrics.retain_mut(|metric| {
                levels_as_gauge(metric);
                let (points, supported) = sanitize(metric, sanitizer);
                if !supported {
                    encoded.unsupported += points;
                }
                supported && points > 0
            });
        }
    }
    let of_resources = request.resource_metrics.into_iter();
    for of_scope in of_resources.flat_map(|of_resource| of_resource.scope_metrics) {
        encoded.requests.extend(in_requests(out, of_scope, resource));
    }
    encoded
}

/// The metrics of one scope in requests of about [`REQUEST_BYTES`], so that no request is too large for the server however much
/// was collected.
fn in_requests(out: &mut Writer, mut of_scope: ScopeMetrics, resource: &[u8]) -> Vec<(Vec<u8>, u64)> {
    let mut requests = Vec::new();
    let mut metrics = std::mem::take(&mut of_scope.metrics).into_iter().peekable();
    while let Some(first) = metrics.next() {
        let mut bytes = first.encoded_len();
        let mut group = vec![first];
        while let Some(next) = metrics.next_if(|next| {
            bytes += next.encoded_len();
            bytes <= REQUEST_BYTES
        }) {
            group.push(next);
        }
        let points = group.iter().map(points).sum();
        let of_scope = ScopeMetrics { metrics: group, ..of_scope.clone() };
        out.truncate(0);
        out.nested(1, GROUP, |out| {
            out.again(resource);
            out.given_bytes(2, &of_scope.encode_to_vec());
        });
        requests.push((out.as_bytes().to_vec(), points));
    }
    requests
}

fn points(metric: &Metric) -> u64 {
    let points = match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    };
    points as u64
}

/// An up-down counter as what it is on the wire: its level at the time.
fn levels_as_gauge(metric: &mut Metric) {
    if let Some(Data::Sum(sum)) = &mut metric.data {
        if !sum.is_monotonic && sum.aggregation_temporality() == AggregationTemporality::Cumulative {
            let data_points = std::mem::take(&mut sum.data_points);
            metric.data = Some(Data::Gauge(Gauge { data_points }));
        }
    }
}

/// The same metric once for each of its data points, so that the hook can judge and rename each by itself.
fn points_of(mut metric: Metric) -> Vec<Metric> {
    let points: Vec<Data> = match metric.data.take() {
        Some(Data::Gauge(gauge)) => {
            let each = |point| Data::Gauge(Gauge { data_points: vec![point] });
            gauge.data_points.into_iter().map(each).collect()
        }
        Some(Data::Sum(mut sum)) => {
            let points = std::mem::take(&mut sum.data_points);
            points.into_iter().map(|point| Data::Sum(Sum { data_points: vec![point], ..sum })).collect()
        }
        Some(Data::Histogram(mut histogram)) => {
            let points = std::mem::take(&mut histogram.data_points);
            let each = |point| Data::Histogram(Histogram { data_points: vec![point], ..histogram });
            points.into_iter().map(each).collect()
        }
        // Not sent.
        data => data.into_iter().collect(),
    };
    points.into_iter().map(|data| Metric { data: Some(data), ..metric.clone() }).collect()
}

/// What the hook says of a metric with one data point.
fn keeps(hook: &BeforeSend, metric: &mut Metric) -> bool {
    let attributes = match &mut metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.first_mut().map(|point| &mut point.attributes),
        Some(Data::Sum(sum)) => sum.data_points.first_mut().map(|point| &mut point.attributes),
        Some(Data::Histogram(histogram)) => {
            histogram.data_points.first_mut().map(|point| &mut point.attributes)
        }
        _ => None,
    };
    // What is not sent anyway is not asked about.
    let Some(attributes) = attributes else { return true };
    let mut name = Cow::Owned(mem::take(&mut metric.name));
    let mut given = plain(attributes);
    let keeps = hook.keeps(&mut Outgoing {
        kind: OutgoingKind::Metric,
        text: &mut name,
        attributes: &mut given,
        level: None,
        error_type: None,
        status: None,
        renamed: false,
    });
    metric.name = name.into_owned();
    *attributes = given.iter().map(KeyValue::from).collect();
    keeps
}

/// The attributes as they were before OpenTelemetry made its messages of them.
fn plain(attributes: &mut Vec<KeyValue>) -> Vec<opentelemetry::KeyValue> {
    let plain = |attribute: KeyValue| {
        let value = match attribute.value?.value? {
            ProtoValue::StringValue(text) => text.into(),
            ProtoValue::BoolValue(boolean) => boolean.into(),
            ProtoValue::IntValue(number) => number.into(),
            ProtoValue::DoubleValue(number) => number.into(),
            ProtoValue::ArrayValue(list) => list_of(list.values)?,
            // Nothing is made to these.
            _ => return None,
        };
        Some(opentelemetry::KeyValue::new(attribute.key, value))
    };
    mem::take(attributes).into_iter().filter_map(plain).collect()
}

/// All elements are of the first one's type.
fn list_of(list: Vec<AnyValue>) -> Option<Value> {
    let values = list.into_iter().filter_map(|element| element.value);
    let mut values = values.peekable();
    Some(Value::Array(match values.peek()? {
        ProtoValue::StringValue(_) => Array::String(
            values
                .map_while(
                    |value| if let ProtoValue::StringValue(text) = value { Some(text.into()) } else { None },
                )
                .collect(),
        ),
        ProtoValue::BoolValue(_) => Array::Bool(
            values
                .map_while(
                    |value| if let ProtoValue::BoolValue(boolean) = value { Some(boolean) } else { None },
                )
                .collect(),
        ),
        ProtoValue::IntValue(_) => Array::I64(
            values
                .map_while(|value| if let ProtoValue::IntValue(number) = value { Some(number) } else { None })
                .collect(),
        ),
        ProtoValue::DoubleValue(_) => Array::F64(
            values
                .map_while(
                    |value| if let ProtoValue::DoubleValue(number) = value { Some(number) } else { None },
                )
                .collect(),
        ),
        _ => return None,
    }))
}

/// What is left of the attributes: written, as all others are, and read back. There are few.
fn clean(sanitizer: &mut Sanitizer<'_>, owner: Owner, attributes: &mut Vec<KeyValue>) {
    let mut out = Writer::default();
    sanitizer.attributes(&mut out, 1, owner, &mut Given::default(), &plain(attributes));
    *attributes = KeyValueList::decode(out.as_bytes()).unwrap_or_default().values;
}

/// Cleans the attributes of every data point; says how many there are and whether the server can store them.
fn sanitize(metric: &mut Metric, sanitizer: &mut Sanitizer<'_>) -> (u64, bool) {
    sanitizer.text_of(&mut metric.name);
    sanitizer.text_of(&mut metric.description);
    sanitizer.text_of(&mut metric.unit);
    let mut points = 0;
    let mut point = |attributes: &mut Vec<KeyValue>, exemplars: &mut Vec<Exemplar>| {
        points += 1;
        clean(sanitizer, Owner::DataPoint, attributes);
        for exemplar in exemplars {
            clean(sanitizer, Owner::DataPoint, &mut exemplar.filtered_attributes);
        }
    };
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => {
            for each in &mut gauge.data_points {
                point(&mut each.attributes, &mut each.exemplars);
            }
        }
        Some(Data::Sum(sum)) => {
            for each in &mut sum.data_points {
                point(&mut each.attributes, &mut each.exemplars);
            }
        }
        Some(Data::Histogram(histogram)) => {
            for each in &mut histogram.data_points {
                point(&mut each.attributes, &mut each.exemplars);
            }
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            return (histogram.data_points.len() as u64, false);
        }
        // The SDK makes neither.
        Some(Data::Summary(_)) | None => return (0, false),
    }
    (points, true)
}
