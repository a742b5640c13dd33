//! Data points (C§9).

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Exemplar as SentExemplar, HistogramDataPoint, Metric as SentMetric,
        NumberDataPoint, SummaryDataPoint, exemplar, metric::Data, number_data_point,
    },
};

use super::{
    Intake,
    attributes::{Layer, merge_and_flatten},
    hex,
    record::{FromBody, Kind, Record},
    time,
};
use crate::{
    model::{Exemplar, Metric, MetricValue, Temporality},
    note::{ChangeReason, DropReason, Item},
};

/// What a metric's points share.
struct Family<'a> {
    resource: Layer<'a>,
    scope: Layer<'a>,
    metric: &'a SentMetric,
    temporality: Option<Temporality>,
}

/// A data point of any shape.
struct Point<'a> {
    attributes: &'a [KeyValue],
    start_nanos: u64,
    nanos: u64,
    value: MetricValue,
    exemplars: &'a [SentExemplar],
}

impl Intake<'_> {
    pub(super) fn metrics(&mut self, request: &ExportMetricsServiceRequest) {
        for resource_metrics in &request.resource_metrics {
            let resource = resource_metrics.resource.as_ref().map_or(&[][..], |r| &r.attributes);
            let mut is_first = true;
            for scope_metrics in &resource_metrics.scope_metrics {
                let scope = scope_metrics.scope.as_ref().map_or(&[][..], |s| &s.attributes);
                for (index, metric) in scope_metrics.metrics.iter().enumerate() {
                    self.metric(Family {
                        resource: Layer::noted_if(is_first, resource),
                        scope: Layer::noted_if(index == 0, scope),
                        metric,
                        temporality: temporality(metric),
                    });
                    is_first = false;
                }
            }
        }
    }

    fn metric(&mut self, mut family: Family<'_>) {
        match &family.metric.data {
            None => {}
            Some(Data::Gauge(gauge)) => self.points(&mut family, &gauge.data_points, number),
            Some(Data::Sum(sum)) => self.points(&mut family, &sum.data_points, number),
            Some(Data::Histogram(data)) => self.points(&mut family, &data.data_points, histogram),
            Some(Data::Summary(data)) => self.points(&mut family, &data.data_points, summary),
            Some(Data::ExponentialHistogram(data)) => {
                for point in &data.data_points {
                    let mut record = self.record(&mut family, &point.attributes);
                    let name = family.metric.name.as_str();
                    record.notes.dropped(Item::Metric, name, DropReason::ExponentialHistogram);
                    record.notes.write(&record.origin, &mut self.rows);
                }
            }
        }
    }

    fn points<'a, P>(&mut self, family: &mut Family<'a>, points: &'a [P], read: fn(&'a P) -> Point<'a>) {
        for (index, sent) in points.iter().enumerate() {
            let point = read(sent);
            let mut record = self.record(family, point.attributes);
            let name = family.metric.name.as_str();
            if let Err(reason) = record.check_project() {
                record.notes.dropped(Item::Metric, name, reason);
            } else {
                if index == 0 && family.temporality == Some(Temporality::Cumulative) {
                    record.notes.changed(Item::Metric, name, ChangeReason::CumulativeSum);
                }
                self.push(self.metric_row(&record, family, point));
            }
            record.notes.write(&record.origin, &mut self.rows);
        }
    }

    fn record(&self, family: &mut Family<'_>, attributes: &[KeyValue]) -> Record {
        let own = Layer::noted(attributes);
        let layers = [family.resource, family.scope, Layer::quiet(&family.metric.metadata), own];
        family.resource = family.resource.quieted();
        family.scope = family.scope.quieted();
        Record::read(Kind::Metric, &layers, own, FromBody::default(), self.arrival)
    }

    fn metric_row(&self, record: &Record, family: &Family<'_>, point: Point<'_>) -> Metric {
        Metric {
            origin: record.origin.clone(),
            name: family.metric.name.clone(),
            description: family.metric.description.clone(),
            unit: family.metric.unit.clone(),
            value: point.value,
            time: self.arrival.now,
            start: time::from_nanos(point.start_nanos),
            sent_time: time::from_nanos(point.nanos),
            sent_temporality: family.temporality,
            attributes: record.attributes.clone(),
            exemplars: point.exemplars.iter().map(exemplar_row).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the server's column is a 64-bit float")]
fn number(point: &NumberDataPoint) -> Point<'_> {
    let value = match point.value {
        Some(number_data_point::Value::AsDouble(value)) => value,
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        None => 0.0,
    };
    Point {
        attributes: &point.attributes,
        start_nanos: point.start_time_unix_nano,
        nanos: point.time_unix_nano,
        value: MetricValue::Number(value),
        exemplars: &point.exemplars,
    }
}

fn histogram(point: &HistogramDataPoint) -> Point<'_> {
    Point {
        attributes: &point.attributes,
        start_nanos: point.start_time_unix_nano,
        nanos: point.time_unix_nano,
        value: MetricValue::Histogram {
            count: point.count,
            sum: point.sum.unwrap_or_default(),
            bounds: point.explicit_bounds.clone(),
            buckets: point.bucket_counts.clone(),
            min: point.min,
            max: point.max,
        },
        exemplars: &point.exemplars,
    }
}

fn summary(point: &SummaryDataPoint) -> Point<'_> {
    let quantiles = point.quantile_values.iter().map(|q| (q.quantile, q.value)).collect();
    Point {
        attributes: &point.attributes,
        start_nanos: point.start_time_unix_nano,
        nanos: point.time_unix_nano,
        value: MetricValue::Summary { count: point.count, sum: point.sum, quantiles },
        exemplars: &[],
    }
}

#[expect(clippy::cast_precision_loss, reason = "the server's column is a 64-bit float")]
fn exemplar_row(sent: &SentExemplar) -> Exemplar {
    let (mut attributes, _) = merge_and_flatten(&[Layer::quiet(&sent.filtered_attributes)], None);
    let sessions = ["highlight_session_id", "highlight.session_id"].map(|name| attributes.remove(name));
    Exemplar {
        time: time::from_nanos(sent.time_unix_nano),
        value: match sent.value {
            Some(exemplar::Value::AsDouble(value)) => value,
            Some(exemplar::Value::AsInt(value)) => value as f64,
            None => 0.0,
        },
        trace_id: hex(&sent.trace_id),
        span_id: hex(&sent.span_id),
        session_id: sessions.into_iter().flatten().next_back().unwrap_or_default(),
        attributes,
    }
}

fn temporality(metric: &SentMetric) -> Option<Temporality> {
    let sent = match metric.data.as_ref()? {
        Data::Sum(sum) => sum.aggregation_temporality(),
        Data::Histogram(histogram) => histogram.aggregation_temporality(),
        Data::ExponentialHistogram(histogram) => histogram.aggregation_temporality(),
        Data::Gauge(_) | Data::Summary(_) => return None,
    };
    Some(match sent {
        AggregationTemporality::Unspecified => Temporality::Unspecified,
        AggregationTemporality::Delta => Temporality::Delta,
        AggregationTemporality::Cumulative => Temporality::Cumulative,
    })
}
