//! Which spans the server gets, and that nothing else depends on it.

use highlight::{KeyValue, Level, SpanBuilder, SpanKind};

use crate::stage::Stage;

/// A root span of this kind with a child, a log and an error in it.
fn work(stage: &Stage, header: &str, name: &'static str, kind: SpanKind) {
    stage.request(header, || {
        let root = SpanBuilder::new(name).kind(kind).attributes([KeyValue::new("url.path", name)]);
        root.in_span(|_| {
            SpanBuilder::new("child").kind(SpanKind::Client).in_span(|_| {
                highlight::log(Level::Info, name, []);
                highlight::consume_error(&std::fmt::Error);
            });
        });
    });
}

#[test]
fn the_kind_of_the_root_decides_and_children_follow() {
    let stage = Stage::with(|config| {
        config.sample_rate(0.0).sample_rate_for(SpanKind::Server, 1.0).sample_rate_for(SpanKind::Client, 0.5)
    });
    work(&stage, "s/request001", "in", SpanKind::Server);
    work(&stage, "s/request002", "job", SpanKind::Internal);
    work(&stage, "s/request003", "message", SpanKind::Consumer);
    let stored = stage.stored();
    let mut spans: Vec<_> = stored.spans.iter().map(|span| (span.name.as_str(), span.kind)).collect();
    spans.sort_unstable();
    assert_eq!(spans, [("child", "Client"), ("in", "Server")]);
    assert_eq!((stored.logs.len(), stored.errors.len()), (6, 3), "three lines, three errors with theirs");
    assert_eq!(stage.client.stats().dropped.sampled_out, 4);
}

#[test]
fn the_function_decides_before_the_rates_and_may_fail() {
    let stage = Stage::with(|config| {
        config.sample_rate(1.0).sampler(|root| match root.path().as_deref() {
            Some("/health") => Some(0.0),
            Some("/broken") => panic!("a bug of the program's"),
            _ => None,
        })
    });
    for path in ["/health", "/broken", "/orders"] {
        work(&stage, "s/request001", path, SpanKind::Server);
    }
    let stored = stage.stored();
    let mut roots: Vec<_> = stored.spans.iter().filter(|span| span.kind == "Server").collect();
    roots.sort_by_key(|span| span.name.clone());
    assert_eq!(roots.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["/broken", "/orders"]);
}

#[test]
fn services_with_the_same_rate_decide_alike() {
    let kept = |stage: &Stage| {
        for n in 0..64 {
            work(stage, &format!("s/request{n:03}"), "in", SpanKind::Server);
        }
        let mut kept: Vec<_> = stage.stored().spans.iter().map(|span| span.trace_id.clone()).collect();
        kept.sort_unstable();
        kept
    };
    let by_rate = kept(&Stage::with(|config| config.sample_rate(0.5)));
    let by_kind = kept(&Stage::with(|config| config.sample_rate_for(SpanKind::Server, 0.5)));
    let by_function = kept(&Stage::with(|config| config.sampler(|_| Some(0.5))));
    assert!((20..108).contains(&by_rate.len()), "{}", by_rate.len());
    assert_eq!(by_rate, by_kind);
    assert_eq!(by_rate, by_function);
}
