//! From the bytes that the server would have got to what tests see.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::LogRecord,
    metrics::v1::{Metric as ProtoMetric, NumberDataPoint, metric::Data, number_data_point},
    trace::v1::{Span as ProtoSpan, span::SpanKind as ProtoKind, status::StatusCode},
};
use prost::Message;

use super::{Attributes, ErrorObject, Log, Metric, MetricValue, Span, SpanStatus, model::Filed};
use crate::{
    Client, Level, Signals, SpanKind, Stats, bridge,
    pipeline::{Memory, Signal},
    record::{SESSION_ID, TRACE_ID},
};

/// Everything that a capture holds.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) spans: Vec<Span>,
    pub(super) logs: Vec<Log>,
    pub(super) errors: Vec<ErrorObject>,
    pub(super) metrics: Vec<Metric>,
    /// What else there is to know.
    pub(super) notes: Vec<String>,
}

impl Received {
    pub(super) fn read(memory: &Memory, client: &Client) -> Self {
        let mut received = Self::default();
        let request: ExportTraceServiceRequest = decoded(memory, Signal::Traces);
        for of_scope in request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans) {
            received.spans.extend(of_scope.spans.into_iter().map(span));
        }
        let request: ExportLogsServiceRequest = decoded(memory, Signal::Logs);
        for of_scope in request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs) {
            let target = of_scope.scope.map(|scope| scope.name).unwrap_or_default();
            for record in of_scope.log_records {
                received.add_record(record, &target);
            }
        }
        let request: ExportMetricsServiceRequest = decoded(memory, Signal::Metrics);
        for of_scope in request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics) {
            for metric in of_scope.metrics {
                received.add_metric(metric);
            }
        }
        received.spans.sort_by_key(|span| span.start);
        received.logs.sort_by_key(|log| log.time);
        received.errors.sort_by_key(|error| error.time);
        let series = |metric: &Metric| (metric.name.clone(), metric.attributes.clone());
        received.metrics.sort_by_cached_key(series);
        received.notes = notes(client, &received);
        received
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.logs.is_empty() && self.errors.is_empty() && self.metrics.is_empty()
    }

    /// Where each span, log line and error is filed.
    pub(super) fn filed(&self) -> impl Iterator<Item = Filed<'_>> {
        let records = self.logs.iter().map(Log::filed).chain(self.errors.iter().map(ErrorObject::filed));
        self.spans.iter().map(Span::filed).chain(records)
    }

    /// A log record; with a message of an exception it is an error (C§6.1).
    fn add_record(&mut self, record: LogRecord, target: &str) {
        let mut fields = Fields(record.attributes);
        let message = record.body.as_ref().and_then(text).unwrap_or_default();
        let level = level(&record.severity_text);
        let time = time(record.time_unix_nano);
        let (session_id, request_id) = (fields.take(SESSION_ID), fields.take(TRACE_ID));
        let (trace_id, span_id) = (id(&record.trace_id), id(&record.span_id));
        let target = target.to_owned();
        let Some(event) = fields.take("exception.message") else {
            let (user_id, attributes) = (fields.get("user.id"), fields.flat());
            self.logs.push(Log {
                level,
                message,
                target,
                attributes,
                session_id,
                request_id,
                user_id,
                trace_id,
                span_id,
                time,
            });
            return;
        };
        self.errors.push(ErrorObject {
            message: event,
            type_name: fields.take("exception.type"),
            causes: fields.take_list("exception.causes"),
            cause_types: fields.take_list("exception.cause_types"),
            stack: fields.take("exception.stacktrace").map(|stack| stack.trim_matches('\n').to_owned()),
            level,
            log_message: message,
            target,
            user_id: fields.get("user.id"),
            attributes: fields.flat(),
            session_id,
            request_id,
            trace_id,
            span_id,
            time,
        });
    }

    fn add_metric(&mut self, metric: ProtoMetric) {
        let ProtoMetric { name, unit, description, data, .. } = metric;
        let mut add = |attributes: Vec<KeyValue>, value: MetricValue| {
            let mut fields = Fields(attributes);
            let session_id = fields.take(SESSION_ID);
            let attributes = fields.flat();
            let known = self.metrics.iter_mut().find(|known| {
                known.name == name && known.attributes == attributes && known.session_id == session_id
            });
            match known {
                Some(known) => known.value.absorb(value),
                None => self.metrics.push(Metric {
                    name: name.clone(),
                    unit: unit.clone(),
                    description: description.clone(),
                    value,
                    attributes,
                    session_id,
                }),
            }
        };
        match data {
            Some(Data::Sum(sum)) => {
                for point in sum.data_points {
                    let value = MetricValue::Counter(number(&point));
                    add(point.attributes, value);
                }
            }
            Some(Data::Gauge(gauge)) => {
                for point in gauge.data_points {
                    let value = MetricValue::Gauge(number(&point));
                    add(point.attributes, value);
                }
            }
            Some(Data::Histogram(histogram)) => {
                for point in histogram.data_points {
                    add(
                        point.attributes,
                        MetricValue::Histogram {
                            count: point.count,
                            sum: point.sum.unwrap_or_default(),
                            bounds: point.explicit_bounds,
                            buckets: point.bucket_counts,
                        },
                    );
                }
            }
            // The encoder sends neither.
            Some(Data::ExponentialHistogram(_) | Data::Summary(_)) | None => {}
        }
    }
}

impl MetricValue {
    /// Adds what a later collection brought: counters and histograms travel as differences (C§9).
    fn absorb(&mut self, later: Self) {
        match (self, later) {
            (Self::Counter(total), Self::Counter(more)) => *total += more,
            (
                Self::Histogram { count, sum, buckets, .. },
                Self::Histogram { count: more, sum: more_sum, buckets: more_buckets, .. },
            ) => {
                *count += more;
                *sum += more_sum;
                for (bucket, more) in buckets.iter_mut().zip(more_buckets) {
                    *bucket += more;
                }
            }
            (value, later) => *value = later,
        }
    }
}

/// What a reader of a failed test should know besides the records.
fn notes(client: &Client, received: &Received) -> Vec<String> {
    if !client.is_enabled() {
        return vec!["the configuration disables the client: `Config::enabled(false)`".to_owned()];
    }
    let mut notes = Vec::new();
    let stats @ Stats { produced, dropped, suppressed, refused_measurements, .. } = client.stats();
    let mut count = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("{what}: {count}"));
        }
    };
    count(dropped.sampled_out, "spans that were sampled out");
    count(suppressed, "errors that were not sent again, because they had been in the same request");
    count(refused_measurements, "measurements that were refused");
    if dropped.total() > dropped.sampled_out {
        notes.push(format!("records were lost: {stats:?}"));
    }
    if !client.takes(Signals::ALL) {
        notes.push(format!("the configuration sends only {:?}", client.settings().signals));
    }
    if !bridge::has_layer() {
        notes.push(
            "the program's own `tracing` subscriber has no `highlight::layer()`: of `tracing`, only what ran directly \
             in `in_scope` or `scope` is captured"
                .to_owned(),
        );
    }
    if received.is_empty() && produced == 0 {
        notes.push(
            "nothing was recorded through this capture: run the code under test in `in_scope(..)` or `scope(..).await`, \
             or give `client()` to its layer; a bare `tokio::spawn` or `std::thread::spawn` leaves the capture"
                .to_owned(),
        );
        let level = client.filter().max_level();
        notes.push(format!("`tracing` and `log` are recorded up to level {level} (`Config::level`)"));
    }
    if received.spans.is_empty() && dropped.sampled_out == 0 && client.takes(Signals::TRACES) {
        notes.push(
            "a span is captured when it has ended, a request's when the response was read or dropped"
                .to_owned(),
        );
    }
    notes
}

fn decoded<M: Message + Default>(memory: &Memory, signal: Signal) -> M {
    let body = memory.body(signal);
    M::decode(body.as_slice()).unwrap_or_else(|error| panic!("what was sent is no OTLP: {error}"))
}

fn span(span: ProtoSpan) -> Span {
    let mut fields = Fields(span.attributes);
    let start = time(span.start_time_unix_nano);
    Span {
        kind: match ProtoKind::try_from(span.kind) {
            Ok(ProtoKind::Server) => SpanKind::Server,
            Ok(ProtoKind::Client) => SpanKind::Client,
            Ok(ProtoKind::Producer) => SpanKind::Producer,
            Ok(ProtoKind::Consumer) => SpanKind::Consumer,
            Ok(ProtoKind::Internal | ProtoKind::Unspecified) | Err(_) => SpanKind::Internal,
        },
        status: match span.status {
            Some(status) if status.code() == StatusCode::Error => SpanStatus::Error(status.message),
            Some(status) if status.code() == StatusCode::Ok => SpanStatus::Ok,
            _ => SpanStatus::Unset,
        },
        session_id: fields.take(SESSION_ID),
        request_id: fields.take(TRACE_ID),
        user_id: fields.get("user.id"),
        attributes: fields.flat(),
        name: span.name,
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_span_id: id(&span.parent_span_id),
        duration: time(span.end_time_unix_nano).duration_since(start).unwrap_or_default(),
        start,
    }
}

/// The attributes of a record, of which some are fields of it.
struct Fields(Vec<KeyValue>);

impl Fields {
    /// Takes out what the first attribute of this name says.
    fn take(&mut self, key: &str) -> Option<String> {
        text(&self.take_value(key)?)
    }

    fn take_list(&mut self, key: &str) -> Vec<String> {
        match self.take_value(key).and_then(|value| value.value) {
            Some(Value::ArrayValue(list)) => list.values.iter().filter_map(text).collect(),
            _ => Vec::new(),
        }
    }

    fn take_value(&mut self, key: &str) -> Option<AnyValue> {
        let at = self.0.iter().position(|attribute| attribute.key == key)?;
        self.0.remove(at).value
    }

    /// What the server makes of several of one name: the last.
    fn get(&self, key: &str) -> Option<String> {
        let attribute = self.0.iter().rfind(|attribute| attribute.key == key)?;
        attribute.value.as_ref().and_then(text)
    }

    fn flat(self) -> Attributes {
        let mut flat = Attributes::new();
        for KeyValue { key, value, .. } in self.0 {
            flatten(key, value, &mut flat);
        }
        flat
    }
}

/// Adds a value as the server stores it (C§3.3).
fn flatten(key: String, value: Option<AnyValue>, flat: &mut Attributes) {
    match value.and_then(|value| value.value) {
        Some(Value::ArrayValue(list)) => {
            for (index, value) in list.values.into_iter().enumerate() {
                flatten(format!("{key}.{index}"), Some(value), flat);
            }
        }
        Some(Value::KvlistValue(map)) => {
            for entry in map.values {
                flatten(format!("{key}.{}", entry.key), entry.value, flat);
            }
        }
        value => {
            if let Some(text) = text(&AnyValue { value }) {
                flat.insert(key, text);
            }
        }
    }
}

/// A single value as text; `None` for what the server drops.
fn text(value: &AnyValue) -> Option<String> {
    match value.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What the server reads of a record's severity (C§7.2).
fn level(severity: &str) -> Level {
    let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
    let named = |level: &Level| level.as_str().eq_ignore_ascii_case(severity);
    levels.into_iter().find(named).unwrap_or(Level::Info)
}

#[expect(clippy::cast_precision_loss, reason = "the server stores numbers as floats too (C§9)")]
fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsInt(number)) => number as f64,
        Some(number_data_point::Value::AsDouble(number)) => number,
        None => 0.0,
    }
}

fn time(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// An id as hex; `None` if there is none.
fn id(bytes: &[u8]) -> Option<String> {
    Some(hex(bytes)).filter(|id| id.bytes().any(|digit| digit != b'0'))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    bytes.iter().flat_map(digit).flatten().collect()
}
