//! Metrics.
//!
//! The server sums data points whatever their temporality (C§9), so the reader is set to delta. Up-down counters stay
//! cumulative all the same (OpenTelemetry's rule): their points are levels, which must not be summed, so they leave as
//! gauges. The server drops exponential histograms, so they are left out here, where that can be counted.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum,
        metric::Data,
    },
    resource::v1::Resource,
};
use opentelemetry_sdk::metrics::data;
use prost::Message;

use super::sanitize::{Given, Owner, Sanitizer};
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
    metrics: &data::ResourceMetrics,
    resource: &Resource,
    sanitizer: Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
) -> EncodedMetrics {
    let mut encoded = EncodedMetrics::default();
    let mut request = ExportMetricsServiceRequest::from(metrics);
    for of_resource in &mut request.resource_metrics {
        for of_scope in &mut of_resource.scope_metrics {
            if let Some(scope) = &mut of_scope.scope {
                sanitizer.text(&mut scope.name);
                sanitizer.attributes(Owner::Scope, &mut Given::default(), &mut scope.attributes);
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
        encoded.requests.extend(in_requests(of_scope, resource));
    }
    encoded
}

/// The metrics of one scope in requests of about [`REQUEST_BYTES`], so that no request is too large for the server however much
/// was collected.
fn in_requests(mut of_scope: ScopeMetrics, resource: &Resource) -> Vec<(Vec<u8>, u64)> {
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
        let scope_metrics = vec![ScopeMetrics { metrics: group, ..of_scope.clone() }];
        let of_resource =
            ResourceMetrics { resource: Some(resource.clone()), scope_metrics, ..ResourceMetrics::default() };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![of_resource] };
        requests.push((request.encode_to_vec(), points));
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
    attributes.is_none_or(|attributes| {
        hook.keeps(&mut Outgoing {
            kind: OutgoingKind::Metric,
            text: &mut metric.name,
            attributes,
            level: None,
            error_type: None,
            status: None,
            renamed: false,
        })
    })
}

/// Cleans the attributes of every data point; says how many there are and whether the server can store them.
fn sanitize(metric: &mut Metric, sanitizer: Sanitizer<'_>) -> (u64, bool) {
    sanitizer.text(&mut metric.name);
    sanitizer.text(&mut metric.description);
    sanitizer.text(&mut metric.unit);
    let mut points = 0;
    let mut point = |attributes: &mut Vec<KeyValue>, exemplars: &mut Vec<Exemplar>| {
        points += 1;
        sanitizer.attributes(Owner::DataPoint, &mut Given::default(), attributes);
        for exemplar in exemplars {
            let attributes = &mut exemplar.filtered_attributes;
            sanitizer.attributes(Owner::DataPoint, &mut Given::default(), attributes);
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
