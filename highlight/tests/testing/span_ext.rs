//! What other crates do to spans through `OpenTelemetrySpanExt`, at any time of a span's life.

use highlight::{
    otel::{
        opentelemetry::{
            Context,
            trace::{Status, TraceContextExt},
        },
        tracing_opentelemetry::{OpenTelemetrySpanExt, SetParentError},
    },
    testing::{Capture, Span, capture},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// What came with a message of another process.
fn received() -> Context {
    let headers = [("traceparent", format!("00-{TRACE}-0000000000000009-01"))];
    highlight::parse_headers(&headers).in_scope(Context::current)
}

/// The one span that came of what was done.
fn one(telemetry: &Capture) -> Span {
    telemetry.spans().one()
}

/// How far a span is when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    Waiting,
    Entered,
    Left,
}

/// Does it to a span at each time of its life.
fn each_time(work: impl Fn(&tracing::Span), check: impl Fn(Life, Span)) {
    for life in [Life::Waiting, Life::Entered, Life::Left] {
        let telemetry = capture();
        telemetry.in_scope(|| {
            let span = tracing::info_span!("work", first = 1, late = tracing::field::Empty);
            match life {
                Life::Waiting => work(&span),
                Life::Entered => span.in_scope(|| work(&span)),
                Life::Left => {
                    span.in_scope(|| ());
                    work(&span);
                }
            }
            span.record("late", 3);
            span.in_scope(|| tracing::info!("inside"));
        });
        let span = one(&telemetry);
        assert_eq!(
            (span.attributes["first"].as_str(), span.attributes["late"].as_str()),
            ("1", "3"),
            "{life:?}"
        );
        assert_eq!(telemetry.logs().one().span_id.as_ref(), Some(&span.span_id), "{life:?}");
        check(life, span);
    }
}

#[test]
fn attributes_status_events_and_links_are_the_spans() {
    let work = |span: &tracing::Span| {
        span.set_attribute("second", 2);
        span.set_status(Status::error("no stock"));
        span.add_event("retried", Vec::new());
        span.add_link(received().span().span_context().clone());
    };
    each_time(work, |life, span| {
        assert_eq!(span.name, "work", "{life:?}");
        assert_eq!(span.attributes["second"], "2", "{life:?}");
        assert!(span.has_failed(), "{life:?}");
        assert!(!span.attributes.keys().any(|key| key.contains("number")), "{:?}", span.attributes);
    });
}

#[test]
fn the_context_is_that_of_the_span_and_keeps_its_ids() {
    let ids = std::sync::Mutex::new(Vec::new());
    let work = |span: &tracing::Span| {
        let of = |cx: Context| cx.span().span_context().span_id().to_string();
        let (first, again) = (of(span.context()), of(span.context()));
        assert_eq!(first, again);
        ids.lock().unwrap().push(first);
    };
    each_time(work, |life, span| {
        assert_eq!(ids.lock().unwrap().pop(), Some(span.span_id), "{life:?}");
    });
}

#[test]
fn only_a_span_that_waits_gets_another_parent() {
    let results = std::sync::Mutex::new(Vec::new());
    let work = |span: &tracing::Span| results.lock().unwrap().push(span.set_parent(received()));
    each_time(work, |life, span| {
        let result = results.lock().unwrap().pop().unwrap();
        if life == Life::Waiting {
            assert!(result.is_ok());
            assert_eq!(
                (span.trace_id.as_str(), span.parent_span_id.as_deref()),
                (TRACE, Some("0000000000000009"))
            );
        } else {
            assert!(matches!(result, Err(SetParentError::AlreadyStarted)), "{result:?}");
            assert_ne!(span.trace_id, TRACE);
        }
    });
}

#[test]
fn what_is_below_a_span_with_a_new_parent_goes_with_it() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        let consumer = tracing::info_span!("consume", otel.kind = "consumer", otel.name = "orders process");
        consumer.set_parent(received()).unwrap();
        // A shadow may be asked for again, before and after it starts.
        consumer.set_attribute("batch", 1);
        let below = tracing::info_span!(parent: &consumer, "below");
        drop(below);
        consumer.set_attribute("batch.size", 2);
    });
    let spans = telemetry.spans();
    let consumer = spans.clone().named("orders process").one();
    let below = spans.named("below").one();
    assert_eq!((consumer.trace_id.as_str(), below.trace_id.as_str()), (TRACE, TRACE));
    assert!(below.is_child_of(&consumer));
    assert_eq!(
        (consumer.attributes["batch"].as_str(), consumer.attributes["batch.size"].as_str()),
        ("1", "2")
    );
}

#[test]
fn a_span_that_nobody_records_is_its_parents() {
    let telemetry = capture();
    telemetry.in_scope(|| {
        let outer = tracing::info_span!("outer").entered();
        // Below the client's level.
        let hidden = tracing::trace_span!("hidden");
        hidden.set_attribute("of", "outer");
        hidden.in_scope(|| tracing::info!("inside"));
        drop(outer);
    });
    let outer = one(&telemetry);
    assert!(telemetry.logs().one().is_in(&outer));
}

#[test]
fn spans_of_many_threads_do_not_mix() {
    let telemetry = capture();
    std::thread::scope(|scope| {
        for thread in 0..8_i64 {
            let client = telemetry.client().clone();
            scope.spawn(move || {
                client.in_scope(|| {
                    for number in 0..100 {
                        let span = tracing::info_span!("work", thread);
                        span.set_attribute("twice", 2 * thread);
                        if number % 2 == 0 {
                            span.in_scope(|| span.set_attribute("inside", thread));
                        }
                    }
                });
            });
        }
    });
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 800);
    for span in spans {
        let thread: i64 = span.attributes["thread"].parse().unwrap();
        assert_eq!(span.attributes["twice"], (2 * thread).to_string());
    }
}
