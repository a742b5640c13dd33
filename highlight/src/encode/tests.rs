//! The bytes, read back.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use opentelemetry::{
    KeyValue, TraceFlags,
    metrics::{Meter, MeterProvider as _},
    trace::{Event, Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{KeyValue as ProtoKeyValue, any_value::Value},
    logs::v1::LogRecord as ProtoRecord,
    metrics::v1::{Gauge, metric::Data, number_data_point},
    trace::v1::{Span, SpanFlags, span::SpanKind as ProtoKind, status::StatusCode},
};
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, SdkMeterProvider, Stream, reader::MetricReader as _,
};
use prost::Message as _;

use super::*;
use crate::{
    Level,
    context::Request,
    metrics::Reader,
    record::{Attached, Correlation, Exception, unix_nanos},
};

const TRACE: TraceId = TraceId::from_bytes([7; 16]);
const SPAN: SpanId = SpanId::from_bytes([9; 8]);
const SYNTHETIC: SpanId = SpanId::from_bytes([1; 8]);

fn encoder() -> Encoder {
    let service = Service {
        project_id: "1jdkoe52".into(),
        name: Some("checkout".into()),
        extra: vec![("level".into(), "error".into())],
        ..Service::default()
    };
    let settings = Settings {
        redactor: Some(Redactor::default()),
        before_send: None,
        is_synthetic: |trace_id, span_id| trace_id == TRACE && span_id == SYNTHETIC,
    };
    Encoder::new(&service, settings)
}

fn time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn span(scope: &'static str, name: &'static str) -> SpanRecord {
    SpanRecord {
        trace_id: TRACE,
        span_id: SPAN,
        parent: SpanId::from_bytes([2; 8]),
        parent_is_remote: true,
        flags: TraceFlags::SAMPLED,
        kind: SpanKind::Server,
        name: name.into(),
        start: unix_nanos(time()),
        end: unix_nanos(time() + Duration::from_millis(5)),
        request: None,
        tells_request: false,
        user: None,
        attributes: Vec::new(),
        dropped_attributes: 0,
        scope: Some(Arc::new(InstrumentationScope::builder(scope).build())),
        attached: None,
    }
}

fn record(body: &'static str) -> LogRecord {
    LogRecord {
        time: time(),
        level: Level::Info,
        body: body.into(),
        target: "shop::orders".into(),
        correlation: Correlation::default(),
        origin: None,
        attributes: Vec::new(),
        dropped_attributes: 0,
        exception: None,
    }
}

fn failure(message: &str) -> Exception {
    Exception {
        type_name: None,
        message: message.into(),
        causes: Vec::new(),
        cause_types: Vec::new(),
        place: None,
        stack: None,
    }
}

fn decode_spans(bytes: &[u8]) -> Vec<(String, Vec<Span>)> {
    let request = ExportTraceServiceRequest::decode(bytes).unwrap();
    let of_resources = request.resource_spans.into_iter();
    let scopes = of_resources.flat_map(|spans| spans.scope_spans);
    scopes.map(|scope| (scope.scope.unwrap().name, scope.spans)).collect()
}

fn encode_span(span: SpanRecord) -> Span {
    decode_spans(&encoder().spans(&mut [span]).bytes).remove(0).1.remove(0)
}

fn encode_log(record: LogRecord) -> ProtoRecord {
    let bytes = encoder().logs(&mut [record]).bytes;
    let mut request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
    request.resource_logs[0].scope_logs[0].log_records.remove(0)
}

fn find(attributes: &[ProtoKeyValue], key: &str) -> Option<String> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let value = found.next()?.value.clone()?.value?;
    assert!(found.next().is_none(), "{key} is there twice");
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

fn body(record: &ProtoRecord) -> &str {
    match &record.body.as_ref().unwrap().value {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?} is no text"),
    }
}

#[test]
fn spans_are_grouped_by_scope_in_order() {
    let bytes = encoder().spans(&mut [span("a", "1"), span("b", "2"), span("a", "3")]).bytes;
    let groups = decode_spans(&bytes);
    let names: Vec<(&str, Vec<&str>)> = groups
        .iter()
        .map(|(scope, spans)| {
            let names = spans.iter().map(|span| span.name.as_str());
            (scope.as_str(), names.collect())
        })
        .collect();
    assert_eq!(names, [("a", vec!["1", "3"]), ("b", vec!["2"])]);
}

#[test]
fn requests_join_by_concatenation() {
    let encoder = encoder();
    let mut bytes = encoder.spans(&mut [span("a", "1")]).bytes;
    bytes.extend(encoder.spans(&mut []).bytes);
    bytes.extend(encoder.spans(&mut [span("b", "2")]).bytes);
    let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    assert_eq!(request.resource_spans.len(), 2);
    for of_resource in &request.resource_spans {
        let attributes = &of_resource.resource.as_ref().unwrap().attributes;
        assert_eq!(find(attributes, "highlight.project_id").unwrap(), "1jdkoe52");
        assert_eq!(find(attributes, "service.name").unwrap(), "checkout");
        assert_eq!(find(attributes, "field.level").unwrap(), "error");
    }
    let mut logs = encoder.logs(&mut [record("a")]).bytes;
    logs.extend(encoder.logs(&mut [record("b")]).bytes);
    let request = ExportLogsServiceRequest::decode(logs.as_slice()).unwrap();
    assert_eq!(request.resource_logs.len(), 2);
    assert_eq!(encoder.logs(&mut []), EncodedItems::default());
}

#[test]
fn c4_3_a_synthetic_parent_is_no_parent() {
    let real = encode_span(span("a", "real"));
    assert_eq!(real.parent_span_id, [2; 8]);
    let (known, remote) = (SpanFlags::ContextHasIsRemoteMask as u32, SpanFlags::ContextIsRemoteMask as u32);
    assert_eq!(real.flags & 0x300, known | remote);

    let root = encode_span(SpanRecord { parent: SYNTHETIC, ..span("a", "root") });
    assert_eq!(root.parent_span_id, Vec::<u8>::new());
    assert_eq!(root.flags & 0x300, known);
    assert_eq!(root.trace_id, [7; 16]);
}

#[test]
fn spans_are_kept_whole_and_clean() {
    let mut data = SpanRecord {
        attributes: vec![
            KeyValue::new("cached", true),
            KeyValue::new("highlight.session_id", "ours"),
            KeyValue::new("highlight.session_id", "theirs"),
            KeyValue::new("url.query", "token=abc"),
        ],
        ..span("a", "GET /orders/{id}")
    };
    let attributes = vec![
        KeyValue::new("exception.message", "boom"),
        KeyValue::new("highlight.session_id", "theirs"),
        KeyValue::new("handled", false),
    ];
    let events = vec![
        Event::new("exception", time(), attributes, 0),
        Event::new("log", time(), vec![KeyValue::new("log.message", "m")], 0),
    ];
    let linked = SpanContext::new(TRACE, SYNTHETIC, TraceFlags::default(), true, TraceState::NONE);
    let links = vec![Link::new(linked, vec![KeyValue::new("late", true)], 0)];
    let status = Status::error("GET https://u:p@h/ failed");
    data.attached = Some(Box::new(Attached { status, events, links, ..Attached::default() }));

    let span = encode_span(data);
    assert_eq!(span.span_id, [9; 8]);
    assert_eq!(span.kind, 2);
    assert_eq!(span.start_time_unix_nano, 1_800_000_000_000_000_000);
    assert_eq!(span.end_time_unix_nano, 1_800_000_000_005_000_000);
    assert_eq!(find(&span.attributes, "cached").unwrap(), "true");
    assert_eq!(find(&span.attributes, "highlight.session_id").unwrap(), "ours");
    assert_eq!(find(&span.attributes, "field.highlight.session_id").unwrap(), "theirs");
    assert_eq!(find(&span.attributes, "url.query").unwrap(), "token=[REDACTED]");
    assert_eq!(span.status.unwrap().message, "GET https://[REDACTED]@h/ failed");
    let [exception, log] = span.events.as_slice() else {
        panic!("events are missing");
    };
    assert_eq!(find(&exception.attributes, "exception.message").unwrap(), "boom");
    assert_eq!(find(&exception.attributes, "handled").unwrap(), "false");
    assert_eq!(find(&exception.attributes, "field.highlight.session_id").unwrap(), "theirs");
    assert_eq!(find(&log.attributes, "log.message").unwrap(), "m");
    assert_eq!(find(&span.links[0].attributes, "late").unwrap(), "true");
}

#[test]
fn kinds_and_statuses_are_numbered_as_otlp_does() {
    let kinds = [
        (SpanKind::Internal, ProtoKind::Internal),
        (SpanKind::Server, ProtoKind::Server),
        (SpanKind::Client, ProtoKind::Client),
        (SpanKind::Producer, ProtoKind::Producer),
        (SpanKind::Consumer, ProtoKind::Consumer),
    ];
    for (kind, expected) in kinds {
        assert_eq!(encode_span(SpanRecord { kind, ..span("a", "s") }).kind(), expected);
    }
    let statuses = [
        (Status::Unset, StatusCode::Unset),
        (Status::Ok, StatusCode::Ok),
        (Status::error("boom"), StatusCode::Error),
    ];
    for (status, expected) in statuses {
        let attached = Some(Box::new(Attached { status, ..Attached::default() }));
        let status = encode_span(SpanRecord { attached, ..span("a", "s") }).status.unwrap_or_default();
        assert_eq!(status.code(), expected);
        assert_eq!(status.message, if expected == StatusCode::Error { "boom" } else { "" });
    }
}

#[test]
fn c7_1_logs_have_a_time_and_c7_2_a_severity_text() {
    let levels = [
        (Level::Trace, "TRACE", 1),
        (Level::Debug, "DEBUG", 5),
        (Level::Info, "INFO", 9),
        (Level::Warn, "WARN", 13),
        (Level::Error, "ERROR", 17),
        (Level::Fatal, "FATAL", 21),
    ];
    for (level, text, number) in levels {
        let log = encode_log(LogRecord { level, ..record("hello") });
        assert_eq!(log.severity_text, text);
        assert_eq!(log.severity_number, number);
        assert_eq!(log.time_unix_nano, 1_800_000_000_000_000_000);
        assert_eq!(log.observed_time_unix_nano, log.time_unix_nano);
        assert_eq!(body(&log), "hello");
        // C§7.2: the server's names, case-insensitive.
        assert_eq!(text.to_lowercase(), level.as_str());
    }
}

#[test]
fn logs_carry_their_correlation() {
    let attributes = vec![KeyValue::new("highlight.trace_id", "theirs"), KeyValue::new("n", 1)];
    let log = encode_log(LogRecord {
        correlation: Correlation {
            request: Some(Arc::new(Request::named("session", "request"))),
            span: Some((TRACE, SPAN, TraceFlags::SAMPLED)),
            ..Correlation::default()
        },
        attributes: attributes.clone(),
        ..record("m")
    });
    assert_eq!(log.trace_id, [7; 16]);
    assert_eq!(log.span_id, [9; 8]);
    assert_eq!(log.flags, 1);
    assert_eq!(find(&log.attributes, "highlight.session_id").unwrap(), "session");
    assert_eq!(find(&log.attributes, "highlight.trace_id").unwrap(), "request");
    assert_eq!(find(&log.attributes, "field.highlight.trace_id").unwrap(), "theirs");
    assert_eq!(find(&log.attributes, "n").unwrap(), "1");

    let log = encode_log(LogRecord {
        correlation: Correlation {
            request: Some(Arc::new(Request::named("", ""))),
            span: Some((TRACE, SpanId::INVALID, TraceFlags::SAMPLED)),
            ..Correlation::default()
        },
        ..record("m")
    });
    assert_eq!(log.trace_id, [7; 16]);
    assert!(log.span_id.is_empty());
    assert!(log.attributes.is_empty());

    let log = encode_log(record("m"));
    assert!(log.trace_id.is_empty() && log.span_id.is_empty());
}

#[test]
fn logs_are_grouped_by_target() {
    let other = LogRecord { target: Cow::Owned("shop::carts".to_owned()), ..record("2") };
    let bytes = encoder().logs(&mut [record("1"), other, record("3")]).bytes;
    let request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
    let counts: Vec<_> = request.resource_logs[0]
        .scope_logs
        .iter()
        .map(|scope| (scope.scope.as_ref().unwrap().name.as_str(), scope.log_records.len()))
        .collect();
    assert_eq!(counts, [("shop::orders", 2), ("shop::carts", 1)]);
}

#[test]
fn c6_1_errors_have_message_type_causes_and_place() {
    let here = std::panic::Location::caller();
    let log = encode_log(LogRecord {
        level: Level::Error,
        attributes: vec![KeyValue::new("exception.message", "theirs")],
        exception: Some(Box::new(Exception {
            type_name: Some("shop::OutOfStock".into()),
            causes: vec!["no rows".into(), "https://h/?token=x".into()],
            place: Some(here.into()),
            ..failure("out of stock")
        })),
        ..record("")
    });
    assert_eq!(body(&log), "out of stock");
    let get = |key| find(&log.attributes, key).unwrap();
    assert_eq!(get("exception.message"), "out of stock");
    assert_eq!(get("field.exception.message"), "theirs");
    assert_eq!(get("exception.type"), "shop::OutOfStock");
    assert_eq!(get("error.type"), "shop::OutOfStock");
    assert_eq!(
        get("exception.stacktrace"),
        format!("\n<unknown function>\n\t/{}:{}\n", file!().trim_start_matches('/'), here.line())
    );
    assert_eq!(get("code.file.path"), file!());
    assert_eq!(get("code.line.number"), here.line().to_string());
    let causes = get("exception.causes");
    assert!(causes.contains("no rows") && causes.contains("?token=[REDACTED]"));
}

#[test]
fn c6_1_an_error_is_never_without_a_message() {
    let cases = [
        ("", None, "unknown error"),
        (" \n", Some(""), "unknown error"),
        ("", Some("Timeout"), "Timeout"),
        ("[{}]", Some("Timeout"), "Timeout"),
        ("boom", Some("Timeout"), "boom"),
    ];
    for (message, type_name, expected) in cases {
        let exception = Exception { type_name: type_name.map(Into::into), ..failure(message) };
        let log = encode_log(LogRecord { exception: Some(Box::new(exception)), ..record("") });
        assert_eq!(find(&log.attributes, "exception.message").unwrap(), expected);
        assert_eq!(body(&log), expected);
    }
}

#[test]
fn c1_3_error_messages_are_cut_at_10_000_bytes() {
    let log =
        encode_log(LogRecord { exception: Some(Box::new(failure(&"é".repeat(6_000)))), ..record("body") });
    let message = find(&log.attributes, "exception.message").unwrap();
    assert_eq!(message, "é".repeat(4_998) + "...");
    assert_eq!(body(&log), "body");
}

#[test]
fn c6_1_an_error_type_of_the_users_stays() {
    let log = encode_log(LogRecord {
        attributes: vec![KeyValue::new("error.type", "timeout")],
        exception: Some(Box::new(Exception {
            type_name: Some("Elapsed".into()),
            ..failure("deadline has elapsed")
        })),
        ..record("m")
    });
    assert_eq!(find(&log.attributes, "error.type").unwrap(), "timeout");
    assert_eq!(find(&log.attributes, "exception.type").unwrap(), "Elapsed");
}

#[test]
fn times_out_of_range_are_survived() {
    for time in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(1 << 40)] {
        encode_log(LogRecord { time, ..record("m") });
        encode_span(SpanRecord { start: unix_nanos(time), end: unix_nanos(time), ..span("a", "s") });
    }
}

/// The measurements that `record` makes; `duration` is an exponential histogram.
fn measured(record: impl Fn(&Meter)) -> ResourceMetrics {
    let exponential = |instrument: &Instrument| {
        let aggregation =
            Aggregation::Base2ExponentialHistogram { max_size: 20, max_scale: 20, record_min_max: true };
        let stream = Stream::builder().with_aggregation(aggregation);
        (instrument.name() == "duration").then(|| stream.build().unwrap())
    };
    let reader = Reader::new();
    let provider = SdkMeterProvider::builder().with_reader(reader.clone()).with_view(exponential).build();
    let scope = InstrumentationScope::builder("shop").with_version("1.2").with_schema_url("https://a.b/c");
    record(&provider.meter_with_scope(scope.with_attributes([KeyValue::new("part", "stock")]).build()));
    let mut metrics = ResourceMetrics::default();
    reader.collect(&mut metrics).unwrap();
    metrics
}

/// What is sent for them.
fn measure(record: impl Fn(&Meter)) -> EncodedMetrics {
    encoder().metrics(&measured(record))
}

#[test]
fn c9_metrics_are_what_opentelemetry_makes_of_them_and_levels_are_gauges() {
    let metrics = measured(|meter| {
        let attributes = [KeyValue::new("route", "/orders/{id}"), KeyValue::new("attempt", 2)];
        let orders =
            meter.u64_counter("orders").with_unit("{order}").with_description("All of them.").build();
        orders.add(0, &[]);
        orders.add(1 << 40, &attributes);
        meter.f64_counter("paid").build().add(12.5, &attributes);
        meter.i64_up_down_counter("open").build().add(-3, &[]);
        meter.f64_up_down_counter("warmth").build().add(-0.5, &attributes);
        meter.i64_gauge("load").build().record(0, &attributes);
        meter.f64_gauge("speed").build().record(0.0, &[]);
        let size = meter.u64_histogram("size").build();
        for each in [0, 7, 20_000] {
            size.record(each, &attributes);
        }
        meter.f64_histogram("took").with_boundaries(Vec::new()).build().record(0.25, &[]);
        meter.f64_histogram("wait").with_boundaries(vec![0.1, 1.0]).build().record(0.25, &attributes);
    });
    let sent = encoder().metrics(&metrics);
    let [(bytes, 10)] = sent.requests.as_slice() else { panic!("{sent:?}") };
    let sent = ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap();

    let mut expected = ExportMetricsServiceRequest::from(&metrics);
    expected.resource_metrics[0].resource = sent.resource_metrics[0].resource.clone();
    for metric in &mut expected.resource_metrics[0].scope_metrics[0].metrics {
        if let (Some(Data::Sum(sum)), "open" | "warmth") = (&metric.data, metric.name.as_str()) {
            metric.data = Some(Data::Gauge(Gauge { data_points: sum.data_points.clone() }));
        }
    }
    assert_eq!(sent, expected);
}

#[test]
fn c9_the_highest_numbers_are_as_much_as_fits() {
    let encoded = measure(|meter| meter.u64_gauge("load").build().record(u64::MAX, &[]));
    let request = ExportMetricsServiceRequest::decode(encoded.requests[0].0.as_slice()).unwrap();
    let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(Data::Gauge(gauge)) = &metric.data else { panic!("{metric:?}") };
    assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsInt(i64::MAX)));
}

#[test]
fn c9_metrics_carry_our_resource_and_no_exponential_histogram() {
    let encoded = measure(|meter| {
        let orders = meter.u64_counter("orders").build();
        orders.add(2, &[KeyValue::new("vip", true), KeyValue::new("level", "gold")]);
        orders.add(1, &[]);
        meter.f64_histogram("size").build().record(3.0, &[]);
        meter.f64_histogram("duration").build().record(1.0, &[]);
        meter.f64_gauge("load").build().record(0.5, &[]);
    });
    let [(bytes, points)] = encoded.requests.as_slice() else {
        panic!("{} requests", encoded.requests.len())
    };
    assert_eq!((*points, encoded.unsupported), (4, 1));

    let request = ExportMetricsServiceRequest::decode(bytes.as_slice()).unwrap();
    let of_resource = &request.resource_metrics[0];
    let attributes = &of_resource.resource.as_ref().unwrap().attributes;
    assert_eq!(find(attributes, "service.name").unwrap(), "checkout");
    let metrics = &of_resource.scope_metrics[0].metrics;
    let mut names: Vec<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["load", "orders", "size"]);
    let orders = metrics.iter().find(|metric| metric.name == "orders").unwrap();
    let Some(Data::Sum(sum)) = &orders.data else {
        panic!("{:?} is no sum", orders.data);
    };
    assert_eq!(sum.aggregation_temporality, 1, "delta");
    let point = sum.data_points.iter().find(|point| !point.attributes.is_empty()).unwrap();
    assert_eq!(find(&point.attributes, "vip").unwrap(), "true");
    assert_eq!(find(&point.attributes, "field.level").unwrap(), "gold");
}

#[test]
fn c1_3_however_much_was_collected_no_request_is_too_large() {
    let text = "x".repeat(1000);
    let encoded = measure(|meter| {
        for name in 0..200 {
            let counter = meter.u64_counter(format!("counter.{name}")).build();
            for point in 0..5 {
                counter.add(1, &[KeyValue::new("text", text.clone()), KeyValue::new("point", point)]);
            }
        }
    });
    let points: Vec<_> = encoded.requests.iter().map(|(_, points)| points).collect();
    assert!(points.len() > 10, "{points:?}");
    assert_eq!(points.into_iter().sum::<u64>(), 1000);
    let all: Vec<u8> = encoded.requests.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
    let whole = ExportMetricsServiceRequest::decode(all.as_slice()).unwrap();
    let scopes = whole.resource_metrics.iter().flat_map(|of_resource| &of_resource.scope_metrics);
    assert_eq!(scopes.map(|scope| scope.metrics.len()).sum::<usize>(), 200);
    for (bytes, _) in encoded.requests {
        assert!(bytes.len() < 100_000, "{}", bytes.len());
    }
}

#[test]
fn c9_nothing_but_exponential_histograms_is_nothing_to_send() {
    let encoded = measure(|meter| meter.f64_histogram("duration").build().record(1.0, &[]));
    let expected = EncodedMetrics { unsupported: 1, ..EncodedMetrics::default() };
    assert_eq!(encoded, expected);
}
