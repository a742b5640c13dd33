//! OpenTelemetry's globals after `init`. One test, because there is one of each in a process.

use std::{collections::HashMap, time::Duration};

use highlight::{Config, Level, RequestContext, User};
use highlight_local::{Receiver, model::Span};
use opentelemetry::{
    Context, KeyValue, global,
    trace::{SpanKind, TraceContextExt, Tracer},
};

const HANG: Duration = Duration::from_secs(60);

#[test]
fn what_instruments_itself_with_opentelemetry_is_part_of_the_request() {
    let receiver = Receiver::start(0).unwrap();
    let config = Config::new("1").endpoint(receiver.endpoint()).console(false);
    let guard = highlight::init(config).unwrap();
    let library = global::tracer("a library");
    let context: RequestContext = "session1/9k2hTq81Lx".parse().unwrap();

    let outgoing = context.in_scope(|| {
        highlight::in_span("ours", |_| {
            highlight::set_user(User::new().id("7"));
            // Through the current context, with ours inside of it.
            library.in_span("query", |_| {
                highlight::in_span("inside", |_| highlight::log(Level::Info, "in the query", []));
                tracing::info_span!("also inside").in_scope(|| ());
            });
            // Through a context that is handed over, to another thread.
            let cx = Context::current();
            let thread = std::thread::spawn(move || {
                let library = global::tracer("a library");
                let span = library.span_builder("job").with_kind(SpanKind::Client);
                drop(span.start_with_context(&library, &cx));
            });
            thread.join().unwrap();
            global::meter("a library")
                .u64_counter("queries")
                .build()
                .add(2, &[KeyValue::new("db", "orders")]);
            let mut outgoing = HashMap::new();
            global::get_text_map_propagator(|propagator| {
                propagator.inject_context(&Context::current(), &mut outgoing);
            });
            outgoing
        })
    });

    // The global propagator does not know which host it writes for: it tells nobody the session.
    let mut headers: Vec<_> = outgoing.keys().map(String::as_str).collect();
    headers.sort_unstable();
    assert!(headers == ["traceparent"] || headers == ["traceparent", "tracestate"], "{outgoing:?}");
    assert!(!format!("{outgoing:?}").contains("session1"), "{outgoing:?}");

    // What a library reads from a `traceparent` continues the trace that this one began.
    let remote = global::get_text_map_propagator(|propagator| propagator.extract(&outgoing));
    assert!(remote.span().span_context().is_remote());

    guard.flush(HANG).unwrap();
    let stored = receiver.store().snapshot();
    let span = |name: &str| -> Span {
        let found = stored.spans.iter().find(|span| span.name == name);
        Span::clone(found.unwrap_or_else(|| panic!("no {name} in {:#?}", stored.spans)))
    };
    for name in ["ours", "query", "inside", "also inside", "job"] {
        let span = span(name);
        assert_eq!(span.origin.session_id, "session1", "{name}");
        assert_eq!(span.trace_id, "9k2hTq81Lx", "{name}");
        assert_eq!(span.attributes["user.id"], "7", "{name}");
    }
    for (child, parent) in [("query", "ours"), ("job", "ours"), ("inside", "query"), ("also inside", "query")]
    {
        assert_eq!(span(child).parent_span_id, span(parent).span_id, "{child}");
    }
    assert_eq!(stored.logs[0].trace_id, "9k2hTq81Lx");
    let queries = stored.metrics.iter().find(|metric| metric.name == "queries").unwrap();
    assert_eq!(queries.attributes["db"], "orders");

    let stats = guard.stats();
    assert_eq!(stats.produced, 5 + 1 + stored.metrics.len() as u64, "everything is counted: {stats:?}");
    assert_eq!(stats.produced, stats.exported, "{stats:?}");
}
