//! Whatever is sent, nothing panics, and every record is either stored or noted as dropped. The
//! rules themselves are tested from hand-written bytes in `tests/contract`.

use opentelemetry_proto::tonic::{
    common::v1::{ArrayValue, InstrumentationScope, KeyValue, KeyValueList},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span},
};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::note::Item;

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        text().prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::BytesValue),
        any::<i32>().prop_map(Value::StringValueStrindex),
    ];
    let tree = leaf.prop_recursive(3, 12, 3, |inner| {
        let any_value = || prop::option::of(inner.clone()).prop_map(|value| AnyValue { value });
        let entry = (key(), prop::option::of(any_value())).prop_map(|(key, value)| KeyValue {
            key,
            value,
            ..KeyValue::default()
        });
        prop_oneof![
            prop::collection::vec(any_value(), 0..3)
                .prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            prop::collection::vec(entry, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
    });
    prop::option::of(tree).prop_map(|value| AnyValue { value })
}

/// Texts in which the rules find something, among others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[a-z]{0,3} <.{0,8}",
        "<[0-9]{1,3}>1 - [a-z]{1,3} - - - (-|\\[a b=\"c\"\\]) .{0,5}",
        "\n[a-z.]{0,5}\n\t[a-z.]{0,5}:[0-9]{0,12}",
        prop::sample::select(vec!["1", "1jdkoe52", "asdf", "null", "[{}]", "frontend", "error", "ruby"])
            .prop_map(str::to_owned),
        Just("ä".repeat(40_000)),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let reserved = vec![
        "highlight.project_id",
        "highlight.session_id",
        "highlight.trace_id",
        "highlight.source",
        "service.name",
        "environment",
        "level",
        "log.severity",
        "message",
        "log.message",
        "exception.message",
        "exception.type",
        "exception.stacktrace",
        "URL",
        "metric.name",
        "metric.value",
        "fluent.tag",
        "MESSAGE",
        "PRIORITY",
        "process.runtime.name",
    ];
    prop_oneof![3 => prop::sample::select(reserved).prop_map(str::to_owned), 1 => "[a-z ()]{0,8}"]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (key(), prop::option::of(value())).prop_map(|(key, value)| KeyValue {
        key,
        value,
        ..KeyValue::default()
    });
    prop::collection::vec(attribute, 0..6)
}

fn resource(attributes: Vec<KeyValue>) -> Resource {
    Resource { attributes, ..Resource::default() }
}

fn scope(attributes: Vec<KeyValue>) -> InstrumentationScope {
    InstrumentationScope { attributes, ..InstrumentationScope::default() }
}

fn dropped(rows: &[Row], item: Item) -> usize {
    let is_it = |row: &&Row| matches!(row, Row::Dropped(note) if note.subject.item == item);
    rows.iter().filter(is_it).count()
}

fn stored(rows: &[Row], is_it: fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| is_it(row)).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (ingest, arrival) = (Ingest::default(), Arrival::now());
        if let Ok(request) = ExportTraceServiceRequest::decode(&bytes[..]) {
            let _ = ingest.traces(&request, &arrival);
        }
        if let Ok(request) = ExportLogsServiceRequest::decode(&bytes[..]) {
            let _ = ingest.logs(&request, &arrival);
        }
        if let Ok(request) = ExportMetricsServiceRequest::decode(&bytes[..]) {
            let _ = ingest.metrics(&request, &arrival);
        }
    }

    #[test]
    fn every_span_is_stored_or_noted(
        of_resource in attributes(),
        of_scope in attributes(),
        of_span in attributes(),
        of_event in attributes(),
        names in (prop::sample::select(vec!["s", "fs s", "highlight.log", ""]),
                  prop::sample::select(vec!["exception", "log", "metric", "e"])),
        times in any::<(u64, u64, u64)>(),
        kind in any::<i32>(),
        ids in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let event = span::Event {
            time_unix_nano: times.2,
            name: names.1.to_owned(),
            attributes: of_event,
            ..span::Event::default()
        };
        let span = Span {
            trace_id: ids.clone(),
            span_id: ids,
            name: names.0.to_owned(),
            kind,
            start_time_unix_nano: times.0,
            end_time_unix_nano: times.1,
            attributes: of_span,
            events: vec![event.clone(), event],
            status: Some(Status { code: kind, ..Status::default() }),
            ..Span::default()
        };
        let scoped = ScopeSpans { scope: Some(scope(of_scope)), spans: vec![span.clone(), span], ..ScopeSpans::default() };
        let group = ResourceSpans {
            resource: Some(resource(of_resource)),
            scope_spans: vec![scoped],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest { resource_spans: vec![group] };
        let rows = Ingest::default().traces(&request, &Arrival::now());
        let spans = stored(&rows, |row| matches!(row, Row::Span(_)));
        prop_assert_eq!(spans + dropped(&rows, Item::Span), 2);
        let errors = stored(&rows, |row| matches!(row, Row::Error(_)));
        let logs = stored(&rows, |row| matches!(row, Row::Log(_)));
        prop_assert!(errors <= logs, "an error has a log row");
    }

    #[test]
    fn every_log_is_stored_or_noted(
        of_resource in attributes(),
        of_log in attributes(),
        body in prop::option::of(value()),
        severity in text(),
        time in any::<u64>(),
    ) {
        let record = LogRecord {
            time_unix_nano: time,
            severity_text: severity,
            body,
            attributes: of_log,
            ..LogRecord::default()
        };
        let scoped = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
        let group = ResourceLogs {
            resource: Some(resource(of_resource)),
            scope_logs: vec![scoped],
            ..ResourceLogs::default()
        };
        let request = ExportLogsServiceRequest { resource_logs: vec![group] };
        let rows = Ingest::default().logs(&request, &Arrival::now());
        prop_assert_eq!(stored(&rows, |row| matches!(row, Row::Log(_))) + dropped(&rows, Item::Log), 1);
        prop_assert!(stored(&rows, |row| matches!(row, Row::Error(_))) <= 1);
    }

    #[test]
    fn every_point_is_stored_or_noted(of_resource in attributes(), of_point in attributes(), value in any::<f64>()) {
        let point = NumberDataPoint {
            attributes: of_point,
            value: Some(number_data_point::Value::AsDouble(value)),
            ..NumberDataPoint::default()
        };
        let data = Some(Data::Gauge(Gauge { data_points: vec![point.clone(), point] }));
        let scoped =
            ScopeMetrics { metrics: vec![Metric { data, ..Metric::default() }], ..ScopeMetrics::default() };
        let group = ResourceMetrics {
            resource: Some(resource(of_resource)),
            scope_metrics: vec![scoped],
            ..ResourceMetrics::default()
        };
        let request = ExportMetricsServiceRequest { resource_metrics: vec![group] };
        let rows = Ingest::default().metrics(&request, &Arrival::now());
        let metrics = stored(&rows, |row| matches!(row, Row::Metric(_)));
        prop_assert_eq!(metrics + dropped(&rows, Item::Metric), 2);
    }
}
