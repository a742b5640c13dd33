//! Spans of the program's own with a kind, attributes and links.

use highlight::{KeyValue, RequestContext, SpanBuilder, SpanKind};

use crate::stage::Stage;

#[test]
fn a_span_starts_with_what_its_builder_was_told() {
    let stage = Stage::new();
    let kinds = [
        (SpanKind::Internal, "Internal"),
        (SpanKind::Server, "Server"),
        (SpanKind::Client, "Client"),
        (SpanKind::Producer, "Producer"),
        (SpanKind::Consumer, "Consumer"),
    ];
    stage.request("session1/request001", || {
        for (kind, name) in kinds {
            SpanBuilder::new(name)
                .kind(kind)
                .attribute("messaging.system", "kafka")
                .attributes([KeyValue::new("a", 1), KeyValue::new("b", true)])
                .in_span(|span| span.set_attribute("c", 2.5));
        }
    });
    let stored = stage.stored();
    assert_eq!(stored.spans.len(), kinds.len());
    for span in &stored.spans {
        assert_eq!(span.kind, span.name);
        assert_eq!((span.origin.session_id.as_str(), span.trace_id.as_str()), ("session1", "request001"));
        for (key, value) in [("messaging.system", "kafka"), ("a", "1"), ("b", "true"), ("c", "2.5")] {
            assert_eq!(span.attributes[key], value, "{key}");
        }
    }
}

#[test]
fn a_batch_is_linked_to_the_spans_that_sent_its_messages() {
    let stage = Stage::new();
    let send = |header| {
        stage.request(header, || {
            SpanBuilder::new("send").kind(SpanKind::Producer).in_span(|_| RequestContext::current())
        })
    };
    let messages = [send("s1/request001"), send("s2/request002")];
    stage.client.in_scope(|| {
        let batch = messages.iter().fold(SpanBuilder::new("process"), SpanBuilder::link);
        batch.kind(SpanKind::Consumer).in_span(|_| ());
    });
    let stored = stage.stored();
    let batch = stored.spans.iter().find(|span| span.name == "process").unwrap();
    let mut linked: Vec<_> = batch.links.iter().map(|link| link.span_id.clone()).collect();
    let mut sent: Vec<_> =
        stored.spans.iter().filter(|span| span.name == "send").map(|span| span.span_id.clone()).collect();
    linked.sort_unstable();
    sent.sort_unstable();
    assert_eq!(linked, sent);
    assert_eq!(batch.parent_span_id, "");
}
