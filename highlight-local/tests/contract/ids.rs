//! Whose it is: projects, sessions, requests.

use super::*;

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
