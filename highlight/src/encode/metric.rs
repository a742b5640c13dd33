//! Metrics.
//!
//! The server sums data points whatever their temporality (C§9), so the reader is set to delta. Up-down counters stay
//! cumulative all the same (OpenTelemetry's rule): their points are levels, which must not be summed, so they leave as
//! gauges. The server drops exponential histograms, so they are left out here, where that can be counted.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{AggregationTemporality, Exemplar, Gauge, Metric, metric::Data},
    resource::v1::Resource,
};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use prost::Message;

use super::sanitize::{Given, Owner, Sanitizer};

/// A metrics request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EncodedMetrics {
    /// Empty if there is nothing to send.
    pub(crate) bytes: Vec<u8>,
    /// Data points in `bytes`.
    pub(crate) points: u64,
    /// Data points left out, because the server cannot store them.
    pub(crate) unsupported: u64,
}

pub(super) fn encode(metrics: &ResourceMetrics, resource: &Resource, sanitizer: Sanitizer) -> EncodedMetrics {
    let mut encoded = EncodedMetrics::default();
    let mut request = ExportMetricsServiceRequest::from(metrics);
    for of_resource in &mut request.resource_metrics {
        of_resource.resource = Some(resource.clone());
        of_resource.schema_url.clear();
        for of_scope in &mut of_resource.scope_metrics {
            if let Some(scope) = &mut of_scope.scope {
                sanitizer.attributes(Owner::Scope, &mut Given::default(), &mut scope.attributes);
            }
            of_scope.metrics.retain_mut(|metric| {
                levels_as_gauge(metric);
                let (points, supported) = sanitize(metric, sanitizer);
                let count = if supported { &mut encoded.points } else { &mut encoded.unsupported };
                *count += points;
                supported && points > 0
            });
        }
        of_resource.scope_metrics.retain(|of_scope| !of_scope.metrics.is_empty());
    }
    if encoded.points > 0 {
        encoded.bytes = request.encode_to_vec();
    }
    encoded
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

/// Cleans the attributes of every data point; says how many there are and whether the server can store them.
fn sanitize(metric: &mut Metric, sanitizer: Sanitizer) -> (u64, bool) {
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
