//! What a failed assertion says.

use std::panic::{AssertUnwindSafe, catch_unwind};

use highlight::{
    Config, RequestContext,
    testing::{Capture, capture, capture_with},
};

/// The text of the panic that `assertion` ends in.
fn failure<T>(assertion: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(assertion)).err();
    *payload.unwrap().downcast::<String>().unwrap()
}

fn recorded() -> Capture {
    let telemetry = capture();
    telemetry.in_scope(|| {
        highlight::in_span("pay", |_| tracing::info!("paid"));
        tracing::info!("bye");
    });
    telemetry
}

#[test]
fn assertions_say_what_they_wanted_and_all_there_was() {
    let telemetry = recorded();
    let everything = telemetry.to_string();
    for (said, expected) in [
        (failure(|| telemetry.errors().one()), "expected exactly one error, found 0"),
        (failure(|| telemetry.logs().one()), "expected exactly one log line, found 2"),
        (
            failure(|| telemetry.logs().with_message("hi").one()),
            "expected exactly one log line with message \"hi\", found 0",
        ),
        (
            failure(|| telemetry.spans().named("ship").filter(|_| true).one()),
            "expected exactly one span named \"ship\" that meets the condition, found 0",
        ),
        (
            failure(|| telemetry.metrics().named("n").one()),
            "expected exactly one metric named \"n\", found 0",
        ),
        (failure(|| telemetry.spans().assert_none()), "expected no span, found 1"),
    ] {
        assert_eq!(said, format!("{expected}\n\n{everything}"));
    }
}

#[test]
fn one_trace_means_one_and_not_none() {
    let telemetry = recorded();
    let said = failure(|| telemetry.assert_one_trace());
    assert!(said.starts_with("expected one trace, found 2: "), "{said}");
    assert!(said.contains("no trace at all"), "{said}");
    let said = failure(|| capture().assert_one_trace());
    assert!(said.starts_with("expected one trace, found nothing"), "{said}");

    let telemetry = capture();
    telemetry.in_scope(|| highlight::in_span("pay", |_| tracing::info!("paid")));
    telemetry.assert_one_trace();

    // What counts is the id that all of a request is stored under, whatever OpenTelemetry's is.
    let request: RequestContext = "session1/request001".parse().unwrap();
    let telemetry = capture();
    telemetry.in_scope(|| {
        request.in_scope(|| {
            highlight::in_span("pay", |_| drop(tracing::info_span!(parent: None, "aside")));
        });
    });
    let spans = telemetry.spans();
    assert_ne!(spans[0].trace_id, spans[1].trace_id);
    telemetry.assert_one_trace();
}

#[test]
fn nothing_captured_says_why() {
    let unused = capture();
    tracing::info!("outside");
    let disabled = capture_with(Config::new("1").enabled(false));
    disabled.in_scope(|| tracing::info!("off"));
    let errors_only = capture_with(Config::new("1").signals(highlight::Signals::ERRORS));
    errors_only.in_scope(|| tracing::info!("off"));
    let sampled = capture_with(Config::new("1").sample_rate(0.0));
    sampled.in_scope(|| highlight::in_span("pay", |_| ()));
    let quiet = capture();
    quiet.in_scope(|| tracing::debug!("below the level"));
    for (telemetry, reason) in [
        (unused, "in_scope(..)"),
        (disabled, "disables the client"),
        (errors_only, "sends only"),
        (sampled, "spans that were sampled out: 1"),
        (quiet, "up to level info"),
    ] {
        let said = failure(|| telemetry.logs().one());
        assert!(said.contains("nothing was captured"), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

#[test]
fn a_failure_is_the_callers() {
    let (telemetry, witness) = (capture(), capture());
    let line = line!() + 1;
    failure(|| witness.in_scope(|| telemetry.errors().one()));
    let attributes = witness.errors().one().attributes;
    assert_eq!(attributes["code.file.path"], file!());
    assert_eq!(attributes["code.line.number"], line.to_string());
}

#[test]
fn an_invalid_configuration_says_the_option() {
    let said = failure(|| capture_with(Config::new("1").sample_rate(2.0)));
    assert!(said.contains("sample_rate"), "{said}");
}
