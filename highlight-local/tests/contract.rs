//! The contract's testable statements (C§13), each under its number, with bytes written by hand
//! and sent over a socket.
//!
//! Not here, because they are not about what a receiver does with bytes:
//! - 3: a header straight to the backend; this receiver plays the collector too, so 4 holds;
//! - 26: grouping of errors is left out;
//! - 48, 50: what browsers send and services do with it;
//! - 49: source links.

mod support;

use std::time::{Duration, SystemTime};

use highlight_local::{
    Snapshot, model,
    note::{ChangeReason, DropReason, Item},
};
use support::{DAY, SECOND, client, nanos, now, otlp::*, receiver, stored, wire::Message};

fn traces(message: &Message) -> Snapshot {
    stored("/v1/traces", message)
}

fn logs(message: &Message) -> Snapshot {
    stored("/v1/logs", message)
}

fn metrics(message: &Message) -> Snapshot {
    stored("/v1/metrics", message)
}

/// The one span of a request with one span.
fn one_span(attributes: &[Message]) -> std::sync::Arc<model::Span> {
    let seen = traces(&of_project(&[span_with("s", attributes)]));
    assert_eq!(seen.spans.len(), 1);
    seen.spans[0].clone()
}

/// The one log of a request with one record.
fn one_log(record: Message) -> (std::sync::Arc<model::Log>, Snapshot) {
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.logs.len(), 1);
    (seen.logs[0].clone(), seen)
}

/// The errors of a log record with this stack.
fn error_with_stack(stack: &str) -> (std::sync::Arc<model::ErrorObject>, Snapshot) {
    let record = log("b", &[text("exception.message", "m"), text("exception.stacktrace", stack)]);
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.errors.len(), 1);
    (seen.errors[0].clone(), seen)
}

#[test]
fn s01_a_project_on_the_resource_is_enough_and_is_removed() {
    let seen = traces(&request(&[project()], &[], &[span("s")]));
    assert_eq!(seen.spans[0].origin.project, "1");
    assert!(seen.spans[0].attributes.is_empty());
    assert!(seen.dropped.is_empty() && seen.changed.is_empty());
}

#[test]
fn s02_a_bad_project_skips_the_record_and_answers_200() {
    for (resource, reason) in [
        (vec![text("highlight.project_id", "asdf")], DropReason::InvalidProject),
        (vec![], DropReason::MissingProject),
    ] {
        let seen = traces(&request(&resource, &[], &[span("s")]));
        assert!(seen.spans.is_empty());
        assert_eq!(seen.dropped_for(reason), 1);
        assert_eq!(seen.dropped[0].subject.item, Item::Span);
        let seen = logs(&request(&resource, &[], &[log("b", &[text("exception.message", "m")])]));
        assert!(seen.logs.is_empty() && seen.errors.is_empty());
        assert_eq!(seen.dropped_for(reason), 1);
        let seen = metrics(&request(&resource, &[], &[gauge("g", &[number(1.0, &[])])]));
        assert!(seen.metrics.is_empty());
        assert_eq!(seen.dropped_for(reason), 1);
    }
}

#[test]
fn s04_a_project_header_yields_only_to_the_records_own() {
    let own = text("highlight.project_id", "7");
    for (resource, attributes, expected) in
        [(vec![], vec![], "123"), (vec![project()], vec![], "123"), (vec![project()], vec![own], "7")]
    {
        let receiver = receiver();
        let message = request(&resource, &[], &[log("b", &attributes)]);
        let header = ("x-highlight-project", "123");
        client::post_with(&receiver, "/v1/logs", header, &message.bytes());
        assert_eq!(receiver.store().snapshot().logs[0].origin.project, expected);
    }
}

#[test]
fn s05_a_project_may_be_an_integer() {
    let seen = traces(&request(&[attribute("highlight.project_id", int(1))], &[], &[span("s")]));
    assert_eq!(seen.spans[0].origin.project, "1");
}

#[test]
fn s06_later_layers_win() {
    let of = |value| text("who", value);
    let spanned = span_with("s", &[of("span")])
        .message(11, &event("exception", &[text("exception.message", "m"), of("event")]));
    let seen = traces(&request(&[project(), of("resource")], &[of("scope")], &[spanned]));
    assert_eq!(seen.spans[0].attributes["who"], "span", "scope attributes are not the span's");
    assert_eq!(seen.errors[0].payload["who"], "scope", "but they beat the event's");
    let seen = logs(&request(&[project(), of("resource")], &[of("scope")], &[log("b", &[of("log")])]));
    assert_eq!(seen.logs[0].attributes["who"], "log");
    let seen = metrics(&request(
        &[project(), of("resource")],
        &[of("scope")],
        &[gauge("g", &[number(1.0, &[of("point")])]).message(12, &of("metric"))],
    ));
    assert_eq!(seen.metrics[0].attributes["who"], "point");
}

#[test]
fn s07_a_session_on_the_resource_is_everybodys() {
    let resource = [project(), text("highlight.session_id", "S")];
    let erring = span("s").message(11, &event("exception", &[text("exception.message", "m")]));
    let seen = traces(&request(&resource, &[], &[erring]));
    assert_eq!(seen.spans[0].origin.session_id, "S");
    assert_eq!(seen.logs[0].origin.session_id, "S");
    assert_eq!(seen.errors[0].origin.session_id, "S");
    assert_eq!(seen.sessions(), ["S"]);
}

#[test]
fn s08_a_request_id_replaces_a_spans_trace_id() {
    let siblings = [span_with("a", &[text("highlight.trace_id", "R")]), span("b")];
    let seen = traces(&of_project(&siblings));
    assert_eq!(seen.spans[0].trace_id, "R");
    assert_eq!(seen.spans[0].otel_trace_id, TRACE_HEX);
    assert_eq!(seen.spans[0].origin.request_id, "R");
    assert_eq!(seen.spans[1].trace_id, TRACE_HEX);
    assert_eq!(seen.spans_of("R").len(), 1);
}

#[test]
fn s09_a_request_id_replaces_a_logs_trace_id() {
    let (log, _) = one_log(log("b", &[text("highlight.trace_id", "R")]));
    assert_eq!((log.trace_id.as_str(), log.otel_trace_id.as_str()), ("R", TRACE_HEX));
}

#[test]
fn s10_an_empty_request_id_is_none() {
    let span = one_span(&[text("highlight.trace_id", "")]);
    assert_eq!(span.trace_id, TRACE_HEX);
    assert_eq!(span.origin.request_id, "");
}

#[test]
fn s11_a_request_id_on_an_event_is_only_its_errors_request_id() {
    let attributes = [text("exception.message", "m"), text("highlight.trace_id", "R")];
    let seen = traces(&of_project(&[span("s").message(11, &event("exception", &attributes))]));
    assert_eq!(seen.logs[0].trace_id, TRACE_HEX);
    assert_eq!(seen.errors[0].trace_id, TRACE_HEX);
    assert_eq!(seen.errors[0].origin.request_id, "R");
}

#[test]
fn s12_an_exception_event_is_a_log_an_error_and_a_flag() {
    let attributes = [text("exception.message", "m"), text("exception.type", "T"), text("extra", "x")];
    let seen = traces(&of_project(&[span("s").message(11, &event("exception", &attributes))]));
    assert_eq!((seen.logs.len(), seen.errors.len()), (1, 1));
    assert_eq!(seen.logs[0].level, "error");
    assert_eq!(seen.logs[0].message, "m");
    assert!(seen.spans[0].has_errors);
    let error = &seen.errors[0];
    assert_eq!(error.event, "m");
    assert_eq!(error.span_id, SPAN_HEX);
    assert_eq!(error.log_cursor, seen.logs[0].cursor);
    assert_eq!(error.shape, model::Shape::SpanEvent);
    assert_eq!(error.payload, [("extra".to_owned(), "x".to_owned())].into());
}

#[test]
fn s13_an_exception_event_without_message_is_nothing() {
    let attributes = [text("exception.type", "T"), text("exception.stacktrace", "\nf\n\tf.rs:1\n")];
    let seen = traces(&of_project(&[span("s").message(11, &event("exception", &attributes))]));
    assert!(seen.errors.is_empty() && seen.logs.is_empty());
    assert!(!seen.spans[0].has_errors);
    assert_eq!(seen.dropped_for(DropReason::ExceptionWithoutMessage), 1);
}

#[test]
fn s14_events_of_fs_spans_are_ignored() {
    let event = event("exception", &[text("exception.message", "m")]);
    let seen = traces(&of_project(&[span("fs readFile").message(11, &event)]));
    assert_eq!(seen.spans.len(), 1);
    assert!(seen.errors.is_empty() && seen.logs.is_empty());
    assert_eq!(seen.dropped_for(DropReason::IgnoredSpanEvents), 1);
}

#[test]
fn s15_other_event_names_are_no_errors() {
    for name in ["Exception", "error"] {
        let event = event(name, &[text("exception.message", "m")]);
        let seen = traces(&of_project(&[span("s").message(11, &event)]));
        assert!(seen.errors.is_empty() && seen.logs.is_empty());
        assert_eq!(seen.spans[0].events[0].name, name);
    }
}

#[test]
fn s16_a_log_record_with_exception_message_is_a_log_and_an_error() {
    let (log, seen) = one_log(log("b", &[text("exception.message", "m")]));
    assert_eq!(log.message, "b");
    let error = &seen.errors[0];
    assert_eq!(error.event, "m");
    assert_eq!(error.log_cursor, log.cursor);
    assert_eq!((error.trace_id.as_str(), error.span_id.as_str()), (TRACE_HEX, SPAN_HEX));
    assert_eq!(error.shape, model::Shape::LogRecord);
}

#[test]
fn s16_a_type_alone_is_rejected_and_a_stack_alone_is_a_plain_log() {
    let (_, seen) = one_log(log("b", &[text("exception.type", "T")]));
    assert!(seen.errors.is_empty());
    assert_eq!(seen.dropped_for(DropReason::ExceptionWithoutMessage), 1);
    let (_, seen) = one_log(log("b", &[text("exception.stacktrace", "\nf\n\tf.rs:1\n")]));
    assert!(seen.errors.is_empty() && seen.dropped.is_empty());
    let (_, seen) = one_log(log("b", &[text("exception.message", "[{}]")]));
    assert_eq!(seen.dropped_for(DropReason::ExcludedMessage), 1);
}

#[test]
fn s17_severity_error_alone_is_no_error() {
    let record = bare_log(&[]).fixed64(1, now()).text(3, "ERROR").message(5, &string("b"));
    let (log, seen) = one_log(record);
    assert_eq!(log.level, "error");
    assert!(seen.errors.is_empty());
}

#[test]
fn s18_an_error_needs_no_stack() {
    for stack in ["", "null"] {
        let (error, seen) = error_with_stack(stack);
        assert!(error.frames.is_empty());
        assert_eq!(seen.dropped_for(DropReason::StackNotUnderstood), 0);
    }
}

#[test]
fn s19_the_type_is_not_in_the_stored_error() {
    let record = log("b", &[text("exception.message", "m"), text("exception.type", "T")]);
    let seen = logs(&of_project(&[record]));
    assert!(seen.errors[0].payload.is_empty());
    assert_eq!(seen.errors[0].sent_type, "T", "kept aside for tests of senders");
}

#[test]
fn s20_url_fills_the_errors_url() {
    let record = log("b", &[text("exception.message", "m"), text("URL", "https://x/")]);
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.errors[0].url, "https://x/");
    assert!(seen.errors[0].payload.is_empty() && seen.dropped.is_empty());
    let event = event("exception", &[text("exception.message", "m")]);
    let spanned = span_with("s", &[text("URL", "https://y/")]).message(11, &event);
    assert_eq!(traces(&of_project(&[spanned])).errors[0].url, "https://y/");
}

#[test]
fn s21_go_shaped_stacks_come_out_whole() {
    let (error, seen) = error_with_stack("\nshop::pay\n\t/src/pay.rs:7\nshop::main\n\t/src/main.rs:2\n");
    let frames: Vec<_> = error
        .frames
        .iter()
        .map(|frame| (frame.function.as_deref(), frame.file.as_deref(), frame.line))
        .collect();
    assert_eq!(
        frames,
        [
            (Some("shop::pay"), Some("/src/pay.rs"), Some(7)),
            (Some("shop::main"), Some("/src/main.rs"), Some(2))
        ]
    );
    assert!(seen.changed.is_empty() && seen.dropped.is_empty());
}

#[test]
fn s22_std_backtraces_lose_their_functions() {
    let stack =
        "stack backtrace:\n   0: f\n             at ./a.rs:1:2\n   1: g\n             at ./b.rs:3:4\n";
    let (error, seen) = error_with_stack(stack);
    assert_eq!(error.frames.len(), 4);
    let contents: Vec<_> = error.frames.iter().filter_map(|f| f.line_content.as_deref()).collect();
    assert_eq!(contents, ["   0: f", "   1: g"]);
    assert_eq!(error.shown_frames().len(), 2);
    assert_eq!(seen.changed_for(ChangeReason::StackHasColumns), 1);
}

#[test]
fn s23_columns_trigger_source_mapping() {
    assert!(error_with_stack("E: m\n    at f (a.js:1:2)").0.is_source_mapped());
    assert!(!error_with_stack("\nf\n\ta.rs:1\n").0.is_source_mapped());
}

#[test]
fn s24_a_json_array_gives_no_frames_and_a_json_string_is_unwrapped() {
    let (error, seen) = error_with_stack(r#"[{"fileName":"a.rs","lineNumber":1}]"#);
    assert!(error.frames.is_empty());
    assert_eq!(seen.dropped_for(DropReason::StackNotUnderstood), 1);
    assert_eq!(error_with_stack(r#""\nf\n\ta.rs:1\n""#).0.frames.len(), 1);
}

#[test]
fn s25_messages_are_cut_at_10_000_bytes() {
    let record = log("b", &[text("exception.message", &"x".repeat(10_001))]);
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.errors[0].event.len(), 10_000);
    assert_eq!(seen.changed_for(ChangeReason::MessageTooLong), 1);
}

#[test]
fn s27_booleans_are_lost_on_spans_and_kept_on_events() {
    let flag = [attribute("flag", boolean(true)), attribute("raw", bytes(&[1]))];
    let spanned = span_with("s", &flag).message(11, &event("e", &flag));
    let seen = traces(&of_project(&[spanned]));
    assert!(seen.spans[0].attributes.is_empty());
    assert_eq!(seen.spans[0].events[0].attributes["flag"], "true");
    assert_eq!(seen.dropped_for(DropReason::BoolAttribute), 1);
    assert_eq!(seen.dropped_for(DropReason::BytesAttribute), 1);
    let bool_note = seen.dropped.iter().find(|n| n.reason == DropReason::BoolAttribute).unwrap();
    assert_eq!((bool_note.subject.item, bool_note.subject.name.as_str()), (Item::Attribute, "flag"));
    let (log, _) = one_log(log("b", &flag));
    assert!(log.attributes.is_empty());
}

#[test]
fn s27_a_loss_on_the_resource_is_noted_once() {
    let resource = [project(), attribute("flag", boolean(true))];
    let event = event("exception", &[text("exception.message", "m")]);
    let seen = traces(&request(&resource, &[], &[span("a").message(11, &event), span("b")]));
    assert_eq!(seen.dropped_for(DropReason::BoolAttribute), 1);
}

#[test]
fn s28_long_values_are_cut() {
    let span = one_span(&[text("long", &"x".repeat(131_072))]);
    assert_eq!(span.attributes["long"].len(), 65_539);
    let (log, seen) = one_log(log(&"x".repeat(70_000), &[]));
    assert_eq!(log.message.len(), 65_539);
    assert_eq!(seen.changed_for(ChangeReason::TooLong), 1);
    let seen = traces(&of_project(&[span_named(&"n".repeat(70_000))]));
    assert_eq!(seen.spans[0].name.len(), 65_539);
}

fn span_named(name: &str) -> Message {
    span(name).message(15, &status(2, name))
}

#[test]
fn s29_arrays_are_flattened() {
    let span = one_span(&[
        attribute("a", array(&[string("x"), string("y")])),
        attribute("m", map(&[text("k", "v")])),
        attribute("d", double(0.5)),
    ]);
    let expected = [("a.0", "x"), ("a.1", "y"), ("d", "0.5"), ("m.k", "v")];
    assert_eq!(span.attributes, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
}

#[test]
fn s30_spaces_in_keys_become_underscores() {
    assert_eq!(one_span(&[text("my key", "v")]).attributes["my_key"], "v");
}

#[test]
fn s31_a_severity_number_alone_is_info() {
    let record = bare_log(&[]).fixed64(1, now()).varint(2, 17).message(5, &string("b"));
    let (log, seen) = one_log(record);
    assert_eq!(log.level, "info");
    assert_eq!(seen.changed_for(ChangeReason::SeverityNumberIgnored), 1);
}

#[test]
fn s32_severity_texts() {
    for (text, level, unknown) in [
        ("CRITICAL", "info", 1),
        ("WARNING", "warn", 0),
        ("panic", "panic", 0),
        ("Fatal", "fatal", 0),
        ("info", "info", 0),
    ] {
        let record = bare_log(&[]).fixed64(1, now()).text(3, text).message(5, &string("b"));
        let (log, seen) = one_log(record);
        assert_eq!(log.level, level);
        assert_eq!(seen.changed_for(ChangeReason::SeverityUnknown), unknown, "{text}");
    }
}

#[test]
fn s33_a_level_attribute_beats_the_severity_text() {
    let (log, seen) = one_log(log("b", &[text("level", "error")]));
    assert_eq!(log.level, "error");
    assert!(log.attributes.is_empty());
    assert_eq!(seen.changed_for(ChangeReason::ReservedName), 1);
}

#[test]
fn s33_other_reserved_names_are_swallowed_and_noted() {
    for name in ["message", "Source", "URL", "metric.name"] {
        let (log, seen) = one_log(log("b", &[text(name, "x")]));
        assert!(log.attributes.is_empty());
        assert_eq!(log.message, "b");
        assert_eq!(seen.dropped_for(DropReason::ReservedName), 1, "{name}");
    }
    let span = one_span(&[text("level", "x"), text("severity", "y")]);
    assert!(span.attributes.is_empty());
}

#[test]
fn s34_without_time_it_is_the_time_of_receipt() {
    let before = SystemTime::now();
    let record = bare_log(&[]).fixed64(11, now() - DAY).message(5, &string("b"));
    let (log, seen) = one_log(record);
    assert!(log.sent_time >= before && log.sent_time <= SystemTime::now());
    assert_eq!(seen.changed_for(ChangeReason::TimeMissing), 1);
}

#[test]
fn s35_times_over_30_days_away_become_now() {
    let at = |time| bare_log(&[]).fixed64(1, time).message(5, &string("b"));
    let before = SystemTime::now();
    let (log, seen) = one_log(at(now() + 31 * DAY));
    assert!(log.sent_time >= before && log.sent_time <= SystemTime::now());
    assert_eq!(seen.changed_for(ChangeReason::TimeOutOfRange), 1);
    let kept = now() - 29 * DAY;
    let (log, seen) = one_log(at(kept));
    assert_eq!(nanos(log.sent_time), kept);
    assert!(seen.changed.is_empty());
}

#[test]
fn s36_logs_are_stored_by_the_second_and_spans_by_the_nanosecond() {
    let second = now() / SECOND * SECOND;
    let at = |time| bare_log(&[]).fixed64(1, time).message(5, &string("b"));
    let seen = logs(&of_project(&[at(second + 1), at(second + 10_000_001)]));
    assert_eq!(seen.logs[0].time, seen.logs[1].time);
    assert_eq!(nanos(seen.logs[0].time), second);
    let exact = Message::new().text(5, "s").fixed64(7, second + 1).fixed64(8, second + 3);
    let seen = traces(&of_project(&[exact]));
    assert_eq!(nanos(seen.spans[0].start), second + 1);
    assert_eq!(seen.spans[0].duration, Duration::from_nanos(2));
}

#[test]
fn s37_a_body_loses_what_is_before_a_less_than() {
    let (stored, seen) = one_log(log("expected Vec <u8>", &[]));
    assert_eq!(stored.message, "<u8>");
    assert_eq!(stored.origin.project, "1");
    assert_eq!(seen.changed_for(ChangeReason::BodyTruncated), 1);
    let (stored, _) = one_log(log("<a <b>", &[]));
    assert_eq!(stored.message, "<a <b>");
    // Without a project attribute the prefix is the project.
    let seen = logs(&request(&[], &[], &[log("1jdkoe52 <b>", &[])]));
    assert_eq!(seen.logs[0].origin.project, "1jdkoe52");
}

#[test]
fn s37_a_syslog_body_is_taken_apart() {
    let (log, seen) = one_log(log("<14>1 - host app 7 id - hello", &[]));
    assert_eq!(log.message, "hello");
    assert_eq!(log.attributes["hostname"], "host");
    assert_eq!(seen.changed_for(ChangeReason::BodyParsedAsSyslog), 1);
}

#[test]
fn s38_map_bodies_are_taken_for_systemd() {
    let with_body = |body| bare_log(&[]).fixed64(1, now()).text(3, "INFO").message(5, &body);
    let (log, seen) =
        one_log(with_body(map(&[text("MESSAGE", "hi"), text("PRIORITY", "3"), text("UNIT", "u")])));
    assert_eq!((log.message.as_str(), log.level), ("hi", model::Level::Error));
    assert_eq!(log.attributes["UNIT"], "u");
    assert!(seen.changed.is_empty());
    for body in [map(&[text("other", "x")]), int(7), boolean(true), bytes(b"x"), array(&[string("x")])] {
        let (log, seen) = one_log(with_body(body));
        assert_eq!(log.message, "");
        assert_eq!(seen.changed_for(ChangeReason::BodyNotText), 1);
    }
}

#[test]
fn s39_log_events_are_logs_and_their_carriers_are_not_stored() {
    let event = event("log", &[text("log.severity", "warn"), text("log.message", "m")]);
    for (name, spans) in [("highlight.log", 0), ("highlight.go.log", 0), ("work", 1)] {
        let seen = traces(&of_project(&[span(name).message(11, &event)]));
        assert_eq!(seen.spans.len(), spans, "{name}");
        assert_eq!((seen.logs[0].message.as_str(), seen.logs[0].level), ("m", model::Level::Warn));
        assert_eq!(seen.logs[0].span_id, "");
        assert_eq!(seen.logs[0].trace_id, TRACE_HEX);
        assert_eq!(seen.dropped_for(DropReason::LogCarrierSpan), 1 - spans);
    }
}

#[test]
fn s40_environments() {
    let of = |attributes: &[Message]| {
        let resource: Vec<_> = [&[project()], attributes].concat();
        traces(&request(&resource, &[], &[span("s")])).spans[0].clone()
    };
    let old = text("deployment.environment", "x");
    assert_eq!(of(std::slice::from_ref(&old)).origin.environment, "x");
    assert_eq!(of(&[old, text("environment", "y")]).origin.environment, "y");
    let new = of(&[text("deployment.environment.name", "x")]);
    assert_eq!(new.origin.environment, "");
    assert_eq!(new.attributes["deployment.environment.name"], "x");
}

#[test]
fn s40_service_columns() {
    let resource = [project(), text("service.name", "shop"), text("service.version", "abc1234")];
    let seen = traces(&request(&resource, &[], &[span("s")]));
    assert_eq!(seen.spans[0].origin.service, "shop");
    assert_eq!(seen.spans[0].origin.version, "abc1234");
    let seen = traces(&request(&[project(), text("service.name", "unknown_service:x")], &[], &[span("s")]));
    assert_eq!(seen.spans[0].origin.service, "");
    assert_eq!(seen.changed_for(ChangeReason::ServiceNameDiscarded), 1);
}

#[test]
fn s41_sources() {
    for (sent, source) in [("frontend", model::Source::Frontend), ("rust", model::Source::Backend)] {
        let (log, _) = one_log(log("b", &[text("highlight.source", sent)]));
        assert_eq!(log.source, source);
        assert!(log.attributes.is_empty());
    }
}

#[test]
fn s42_a_row_per_point_and_none_for_exponential_histograms() {
    let points = [number(1.0, &[]), number(2.0, &[])];
    let seen = metrics(&of_project(&[gauge("g", &points)]));
    assert_eq!(seen.metrics.len(), 2);
    // Metric.exponential_histogram = 10, its data_points = 1, count = 4.
    let exponential =
        Message::new().text(1, "e").message(10, &Message::new().message(1, &Message::new().fixed64(4, 3)));
    let seen = metrics(&of_project(&[exponential]));
    assert!(seen.metrics.is_empty());
    assert_eq!(seen.dropped_for(DropReason::ExponentialHistogram), 1);
}

#[test]
fn s42_histograms_and_summaries_have_their_own_tables() {
    let bounds = [1.0f64, 5.0].map(f64::to_le_bytes).concat();
    let counts = [2u64, 1, 0].map(u64::to_le_bytes).concat();
    let point = Message::new()
        .fixed64(4, 3)
        .double(5, 6.5)
        .bytes_field(6, &counts)
        .bytes_field(7, &bounds)
        .double(11, 0.5)
        .double(12, 4.0);
    let histogram =
        Message::new().text(1, "h").text(3, "s").message(9, &Message::new().message(1, &point).varint(2, 1));
    let quantile = Message::new().double(1, 0.5).double(2, 9.0);
    let point = Message::new().fixed64(4, 2).double(5, 18.0).message(6, &quantile);
    let summary = Message::new().text(1, "q").message(11, &Message::new().message(1, &point));
    let seen = metrics(&of_project(&[histogram, summary]));
    let values: Vec<_> = seen.metrics.iter().map(|metric| metric.value.clone()).collect();
    assert_eq!(
        values,
        [
            model::MetricValue::Histogram {
                count: 3,
                sum: 6.5,
                bounds: vec![1.0, 5.0],
                buckets: vec![2, 1, 0],
                min: Some(0.5),
                max: Some(4.0),
            },
            model::MetricValue::Summary { count: 2, sum: 18.0, quantiles: vec![(0.5, 9.0)] },
        ]
    );
    assert_eq!(seen.metrics[0].unit, "s");
    assert_eq!(seen.metrics[0].sent_temporality, Some(model::Temporality::Delta));
}

#[test]
fn s43_points_are_stored_at_the_time_of_receipt() {
    let before = SystemTime::now();
    let sent = now() - 3_600 * SECOND;
    let point = Message::new().fixed64(2, sent - 1).fixed64(3, sent).fixed64(6, 4);
    let seen = metrics(&of_project(&[gauge("g", &[point])]));
    let metric = &seen.metrics[0];
    assert!(metric.time >= before && metric.time <= SystemTime::now());
    assert_eq!((nanos(metric.start), nanos(metric.sent_time)), (sent - 1, sent));
    assert_eq!(metric.value, model::MetricValue::Number(4.0));
}

#[test]
fn s43_sessions_come_with_points_and_exemplars() {
    // Exemplar: time 2, as_double 3, span_id 4, trace_id 5, filtered_attributes 7.
    let exemplar = Message::new()
        .fixed64(2, now())
        .double(3, 1.5)
        .bytes_field(4, &SPAN)
        .bytes_field(5, &TRACE)
        .messages(7, &[text("highlight.session_id", "E"), text("k", "v")]);
    let point = number(1.0, &[text("highlight.session_id", "S")]).message(5, &exemplar);
    let seen = metrics(&of_project(&[gauge("g", &[point])]));
    assert_eq!(seen.metrics[0].origin.session_id, "S");
    let exemplar = &seen.metrics[0].exemplars[0];
    assert_eq!((exemplar.session_id.as_str(), exemplar.value), ("E", 1.5));
    assert_eq!((exemplar.trace_id.as_str(), exemplar.span_id.as_str()), (TRACE_HEX, SPAN_HEX));
    assert_eq!(exemplar.attributes, [("k".to_owned(), "v".to_owned())].into());
}

#[test]
fn s43_metric_events_are_gauges_without_session() {
    let event = event("metric", &[text("metric.name", "n"), text("metric.value", "2.5")]);
    let spanned = span_with("s", &[text("highlight.session_id", "S")]);
    let seen = traces(&of_project(&[spanned.message(11, &event)]));
    let metric = &seen.metrics[0];
    assert_eq!((metric.name.as_str(), &metric.value), ("n", &model::MetricValue::Number(2.5)));
    assert_eq!(metric.origin.session_id, "");
    let nameless = support::otlp::event("metric", &[attribute("metric.value", int(2))]);
    let seen = traces(&of_project(&[span("s").message(11, &nameless)]));
    assert_eq!(seen.dropped_for(DropReason::MetricEventWithoutName), 1);
}

#[test]
fn s44_cumulative_points_are_added_up() {
    let receiver = receiver();
    for value in [5.0, 10.0, 15.0] {
        let message = of_project(&[sum("c", 2, &[number(value, &[])])]);
        client::post(&receiver, "/v1/metrics", &message.bytes());
    }
    let seen = receiver.store().snapshot();
    assert!((seen.metric_sum("c") - 30.0).abs() < f64::EPSILON);
    assert_eq!(seen.changed_for(ChangeReason::CumulativeSum), 3);
    let delta = metrics(&of_project(&[sum("c", 1, &[number(5.0, &[])])]));
    assert!(delta.changed.is_empty());
}

#[test]
fn s45_bad_bodies_are_answered_with_400() {
    let receiver = receiver();
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        let answer = client::post(&receiver, path, b"hello, world");
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("OTLP protobuf"), "{}", answer.text());
        let gzip = ("content-encoding", "gzip");
        let answer = client::post_with(&receiver, path, gzip, b"no gzip");
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("broken"), "{}", answer.text());
    }
    assert!(receiver.store().snapshot().spans.is_empty());
}

/// The backend answers 400, the collector in front of it would unpack it; this receiver says 415
/// and what to send instead.
#[test]
fn s46_zstd_is_refused() {
    let receiver = receiver();
    let answer = client::post_with(&receiver, "/v1/traces", ("content-encoding", "zstd"), b"");
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("gzip"));
}

#[test]
fn s47_a_body_of_21_mib_is_refused() {
    let receiver = receiver();
    let long = vec![0; 21 << 20];
    assert_eq!(client::post(&receiver, "/v1/traces", &long).status, 413);
    let gzip = ("content-encoding", "gzip");
    let bomb = client::gzip(&long);
    assert_eq!(client::post_with(&receiver, "/v1/traces", gzip, &bomb).status, 413);
}
