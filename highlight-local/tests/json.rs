//! OTLP as JSON: by hand, as the specification and other languages' SDKs write it.

mod support;

use highlight_local::{Receiver, Snapshot};
use support::{client, now, receiver};

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(receiver: &Receiver, path: &str, body: &str) -> client::Answer {
    client::send(receiver, "POST", path, &[JSON], body.as_bytes())
}

/// What is stored of a message that must be accepted.
fn stored(path: &str, body: &str) -> Snapshot {
    let receiver = receiver();
    let answer = post(&receiver, path, body);
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"partialSuccess":{}}"#), "{body}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    receiver.store().snapshot()
}

/// A span as the JavaScript exporter writes it (`@opentelemetry/exporter-trace-otlp-http`).
fn javascript_trace() -> String {
    let (start, end) = (now() - 5_000_000, now());
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[
             {{"key":"highlight.project_id","value":{{"stringValue":"1"}}}},
             {{"key":"service.name","value":{{"stringValue":"web"}}}},
             {{"key":"process.pid","value":{{"intValue":4711}}}}],"droppedAttributesCount":0}},
           "scopeSpans":[{{"scope":{{"name":"fetch","version":"0.203.0"}},"spans":[{{
             "traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174",
             "parentSpanId":"eee19b7ec3c1b173","name":"POST /cart","kind":3,
             "startTimeUnixNano":"{start}","endTimeUnixNano":"{end}",
             "attributes":[{{"key":"highlight.session_id","value":{{"stringValue":"abc"}}}},
               {{"key":"size","value":{{"intValue":"9007199254740993"}}}},
               {{"key":"ratio","value":{{"doubleValue":0.5}}}},
               {{"key":"on","value":{{"boolValue":true}}}},
               {{"key":"list","value":{{"arrayValue":{{"values":[{{"stringValue":"x"}},{{"intValue":2}}]}}}}}}],
             "droppedAttributesCount":0,"events":[{{"name":"exception","timeUnixNano":"{end}","attributes":[
               {{"key":"exception.message","value":{{"stringValue":"no stock"}}}}],"droppedAttributesCount":0}}],
             "droppedEventsCount":0,"status":{{"code":2,"message":"bad"}},"links":[],"droppedLinksCount":0,
             "flags":257}}]}}]}}]}}"#
    )
}

#[test]
fn a_trace_of_the_javascript_exporter() {
    let seen = stored("/v1/traces", &javascript_trace());
    let span = &seen.spans[0];
    assert_eq!(
        (span.name.as_str(), span.trace_id.as_str()),
        ("POST /cart", "5b8efff798038103d269b633813fc60c")
    );
    assert_eq!(
        (span.span_id.as_str(), span.parent_span_id.as_str()),
        ("eee19b7ec3c1b174", "eee19b7ec3c1b173")
    );
    assert_eq!((span.origin.session_id.as_str(), span.origin.service.as_str()), ("abc", "web"));
    let texts = ["size", "ratio", "list.0", "list.1", "process.pid"].map(|key| span.attributes[key].as_str());
    assert_eq!(texts, ["9007199254740993", "0.5", "x", "2", "4711"]);
    assert_eq!(seen.errors[0].event, "no stock");
    // What the server does with it is the same as with protobuf.
    assert!(seen.dropped.iter().any(|note| note.subject.name == "on"), "{:?}", seen.dropped);
}

#[test]
fn a_log_of_the_specification_gzipped() {
    let time = now();
    let body = format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"highlight.project_id","value":{{"intValue":"1"}}}}]}},
           "scopeLogs":[{{"scope":{{"name":"my.scope"}},"logRecords":[{{"timeUnixNano":"{time}",
           "observedTimeUnixNano":"{time}","severityNumber":17,"severityText":"ERROR",
           "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174",
           "body":{{"stringValue":"example"}},"attributes":[]}}]}}]}}]}}"#
    );
    let receiver = receiver();
    let headers = [JSON, ("content-encoding", "gzip")];
    let answer = client::send(&receiver, "POST", "/v1/logs", &headers, &client::gzip(body.as_bytes()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = receiver.store().snapshot();
    assert_eq!(seen.logs[0].message, "example");
    assert_eq!(seen.logs[0].trace_id, "5b8efff798038103d269b633813fc60c", "ids in upper case");
}

#[test]
fn metrics_of_the_specification() {
    let time = now();
    let body = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"highlight.project_id","value":{{"stringValue":"1"}}}}]}},
           "scopeMetrics":[{{"scope":{{}},"metrics":[
           {{"name":"count","unit":"1","description":"","sum":{{"aggregationTemporality":1,"isMonotonic":true,
             "dataPoints":[{{"asInt":"5","startTimeUnixNano":"{time}","timeUnixNano":"{time}"}}]}}}},
           {{"name":"level","gauge":{{"dataPoints":[{{"asDouble":1.5,"timeUnixNano":"{time}"}},{{"asDouble":2,"timeUnixNano":"{time}"}}]}}}},
           {{"name":"took","histogram":{{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","dataPoints":[{{
             "timeUnixNano":"{time}","count":"3","sum":"7.5","bucketCounts":["1","2"],"explicitBounds":[4],
             "min":1,"max":4}}]}}}},
           {{"name":"quantiles","summary":{{"dataPoints":[{{"timeUnixNano":{time},"count":2,"sum":3,
             "quantileValues":[{{"quantile":0.5,"value":1.5}}]}}]}}}}
           ]}}]}}]}}"#
    );
    let seen = stored("/v1/metrics", &body);
    let names: Vec<_> = seen.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["count", "level", "level", "took", "quantiles"]);
}

#[test]
fn what_json_allows_for_protocol_buffers_is_understood() {
    let (start, end) = (now() - 1_000, now());
    // Names with underscores, names of enum values, numbers as texts, `null`, and fields that nobody knows.
    let body = format!(
        r#"{{"resource_spans":[{{"schemaUrl":null,"new":{{"x":[1]}},"resource":{{"attributes":[
             {{"key":"highlight.project_id","value":{{"string_value":"1","future_value":{{"deep":[{{}}]}}}}}},
             {{"key":"snake_key","value":{{"stringValue":"kept"}}}},
             {{"key":"empty","value":{{}}}},{{"key":"none","value":null}}]}},
           "scope_spans":[{{"spans":[null,{{"trace_id":"5b8efff798038103d269b633813fc60c",
             "span_id":"eee19b7ec3c1b174","parentSpanId":null,"name":"s","kind":"SPAN_KIND_SERVER","flags":"1",
             "start_time_unix_nano":{start},"endTimeUnixNano":{end},"status":{{"code":"STATUS_CODE_ERROR"}},
             "attributes":[{{"key":"d","value":{{"doubleValue":"2.5"}}}},
               {{"key":"b","value":{{"bytesValue":"AQI="}}}}],
             "events":null}}]}}]}}]}}"#
    );
    let seen = stored("/v1/traces", &body);
    let span = &seen.spans[0];
    assert_eq!(span.attributes["snake_key"], "kept");
    assert_eq!(span.attributes["d"], "2.5");
    assert_eq!((span.kind, span.status_code), ("Server", "Error"));
    assert!(seen.dropped.iter().any(|note| note.subject.name == "b"), "bytes are not stored (C§3.3)");
}

#[test]
fn doubles_that_are_no_json_numbers_are_understood() {
    let time = now();
    let body = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"highlight.project_id","value":{{"stringValue":"1"}}}},
             {{"key":"text","value":{{"stringValue":"NaN"}}}},{{"key":"ratio","value":{{"doubleValue":"-Infinity"}}}}]}},
           "scopeMetrics":[{{"metrics":[
           {{"name":"level","gauge":{{"dataPoints":[{{"asDouble":"NaN","timeUnixNano":"{time}"}},
             {{"asDouble":"Infinity","timeUnixNano":"{time}"}},{{"asDouble":"-Infinity","timeUnixNano":"{time}"}}]}}}},
           {{"name":"took","histogram":{{"aggregationTemporality":1,"dataPoints":[{{"timeUnixNano":"{time}","count":"1",
             "sum":"Infinity","bucketCounts":["0","1"],"explicitBounds":["-Infinity"],"min":"-Infinity","max":"NaN"}}]}}}},
           {{"name":"quantiles","summary":{{"dataPoints":[{{"timeUnixNano":{time},"count":2,"sum":"NaN",
             "quantileValues":[{{"quantile":0.5,"value":"NaN"}}]}}]}}}}
           ]}}]}}]}}"#
    );
    let seen = stored("/v1/metrics", &body);
    let values: Vec<_> =
        seen.metrics.iter().map(|metric| (metric.name.as_str(), format!("{:?}", metric.value))).collect();
    let expected = [
        ("level", "Number(NaN)"),
        ("level", "Number(inf)"),
        ("level", "Number(-inf)"),
        (
            "took",
            "Histogram { count: 1, sum: inf, bounds: [-inf], buckets: [0, 1], min: Some(-inf), max: Some(NaN) }",
        ),
        ("quantiles", "Summary { count: 2, sum: NaN, quantiles: [(0.5, NaN)] }"),
    ];
    assert_eq!(values, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(
        (seen.metrics[0].attributes["text"].as_str(), seen.metrics[0].attributes["ratio"].as_str()),
        ("NaN", "-Inf")
    );
    for not_a_double in [r#""nan""#, r#""inf""#, r#""""#, "[]", "{}"] {
        let wrong = body.replace(r#""doubleValue":"-Infinity""#, &format!(r#""doubleValue":{not_a_double}"#));
        let answer = post(&receiver(), "/v1/metrics", &wrong);
        assert_eq!(answer.status, 400, "{not_a_double}: {}", answer.text());
    }
}

#[test]
fn the_empty_request_is_valid() {
    for body in ["{}", "", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":null}"#] {
        assert!(stored("/v1/traces", body).spans.is_empty());
    }
}

#[test]
fn what_is_no_otlp_is_said_and_harmless() {
    let receiver = receiver();
    let nested =
        |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let deep_value = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}1{}}}]}}]}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(100_000),
        "]}}".repeat(100_000)
    );
    let bodies = [
        "garbage".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        r#"{"resourceSpans":7}"#.to_owned(),
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#.to_owned(),
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":-1}]}]}]}"#.to_owned(),
        r#"{"resourceLogs":[{"#.to_owned(),
        nested("[", "]", 1_000_000),
        nested(r#"{"a":"#, "}", 200_000),
        deep_value,
        "\u{0}\u{ffff}".to_owned(),
    ];
    for body in &bodies {
        let path = if body.contains("resourceSpans") { "/v1/traces" } else { "/v1/logs" };
        let answer = post(&receiver, path, body);
        assert_eq!(answer.status, 400, "{body:.80}");
        assert!(answer.text().contains("not an OTLP JSON message"), "{}", answer.text());
    }
    assert_eq!(post(&receiver, "/v1/traces", &javascript_trace()).status, 200, "it is still there");
    assert_eq!(receiver.store().snapshot().spans.len(), 1);
}
