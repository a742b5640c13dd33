//! Attributes, times, levels and bodies.

use super::*;

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
