//! What the server would store of a message's way from a request to a worker.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's panic is its verdict")]

use std::{collections::HashMap, io, time::Duration};

use highlight::{
    Client, Config, KeyValue, Level, RequestContext, SpanBuilder, messaging::Message, parse_headers,
    propagation,
};
use highlight_local::{Receiver, Snapshot, model::Span};

const HANG: Duration = Duration::from_secs(60);
const W3C: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

type Headers = HashMap<String, Vec<u8>>;

fn client(receiver: &Receiver, service: &str) -> Client {
    Client::new(Config::new("1").endpoint(receiver.endpoint()).service_name(service)).unwrap()
}

fn orders() -> Message {
    Message::new("kafka", "orders")
}

/// Serves a request from a browser, and ends with its process: what it sent is all that is left.
fn in_a_request<T>(receiver: &Receiver, request: &[(&str, &str)], serve: impl FnOnce() -> T) -> T {
    let shop = client(receiver, "shop");
    let request = parse_headers(request);
    let result =
        shop.in_scope(|| SpanBuilder::new("POST /orders").request_context(&request).in_span(|_| serve()));
    shop.shutdown(HANG).unwrap();
    result
}

fn send() -> Headers {
    orders().send_span().in_span(|span| {
        span.set_attribute("messaging.message.id", "7");
        let mut headers = Headers::new();
        propagation::inject(&mut headers);
        headers
    })
}

/// Runs in a process of its own.
fn consume<T>(receiver: &Receiver, work: impl FnOnce() -> T) -> T {
    let worker = client(receiver, "worker");
    // What is current on the consumer's task has nothing to do with the message.
    let result = worker.in_scope(|| highlight::in_span("consumer loop", |_| work()));
    worker.shutdown(HANG).unwrap();
    result
}

fn ship() -> Result<(), io::Error> {
    highlight::log(Level::Info, "order shipped", [KeyValue::new("order.id", 7)]);
    highlight::in_span("print label", |_| Err(io::Error::other("out of paper")))
}

fn span<'a>(stored: &'a Snapshot, name: &str) -> &'a Span {
    stored.spans.iter().find(|span| span.name == name).unwrap()
}

/// Every way for a request to arrive (C§4.3): header, `traceparent`, session and trace id that all is stored under.
const REQUESTS: [(&str, Option<&str>, &str, Option<&str>); 6] = [
    ("session1/9k2hTq81Lx", None, "session1", Some("9k2hTq81Lx")),
    ("session1/0af7651916cd43dd8448eb211c80319c", None, "session1", Some(W3C)),
    ("session1/9k2hTq81Lx", Some(TRACEPARENT), "session1", Some(W3C)),
    ("session1/", None, "session1", None),
    ("", Some(TRACEPARENT), "", Some(W3C)),
    ("", None, "", None),
];

fn request_headers(
    request: &'static str,
    traceparent: Option<&'static str>,
) -> Vec<(&'static str, &'static str)> {
    let traceparent = traceparent.map(|value| ("traceparent", value));
    [("x-highlight-request", request)].into_iter().chain(traceparent).collect()
}

fn assert_one_trace(stored: &Snapshot, session_id: &str, trace_id: Option<&str>, case: &str) {
    let request = span(stored, "POST /orders");
    let trace_id = trace_id.unwrap_or(&request.otel_trace_id);
    let names = ["POST /orders", "send orders", "process orders", "print label"];
    for span in names.map(|name| span(stored, name)) {
        assert_eq!((&*span.origin.session_id, &*span.trace_id), (session_id, trace_id), "{case}: {span:#?}");
        assert_eq!(span.otel_trace_id, request.otel_trace_id, "{case}: {span:#?}");
    }
    let [log] = stored.logs.iter().filter(|log| log.message == "order shipped").collect::<Vec<_>>()[..]
    else {
        panic!("{case}: {:#?}", stored.logs);
    };
    assert_eq!((&*log.origin.session_id, &*log.trace_id), (session_id, trace_id), "{case}: {log:#?}");
    let [error] = &stored.errors[..] else { panic!("{case}: {:#?}", stored.errors) };
    assert_eq!(error.event, "out of paper", "{case}");
    assert_eq!((&*error.origin.session_id, &*error.trace_id), (session_id, trace_id), "{case}: {error:#?}");
    let around = span(stored, "consumer loop");
    assert_eq!(around.origin.session_id, "", "{case}");
    assert_ne!(around.trace_id, trace_id, "{case}");
    assert!(stored.dropped.is_empty(), "{case}: {:#?}", stored.dropped);
}

#[test]
fn c4_3_a_message_is_processed_in_the_request_that_sent_it() {
    for (request, traceparent, session_id, trace_id) in REQUESTS {
        let case = format!("{request:?} {traceparent:?}");
        let receiver = Receiver::start(0).unwrap();
        let headers = in_a_request(&receiver, &request_headers(request, traceparent), send);
        consume(&receiver, || orders().process_span(&parse_headers(&headers)).try_in_span(|_| ship()))
            .unwrap_err();

        let stored = receiver.store().snapshot();
        assert_one_trace(&stored, session_id, trace_id, &case);
        let [request, send, process] =
            ["POST /orders", "send orders", "process orders"].map(|name| span(&stored, name));
        assert_eq!(send.parent_span_id, request.span_id, "{case}");
        assert_eq!(process.parent_span_id, send.span_id, "{case}");
        assert_eq!(process.status_code, "Error", "{case}");
    }
}

#[test]
fn c4_3_a_stored_context_is_enough_for_session_and_trace() {
    for (request, traceparent, session_id, trace_id) in REQUESTS {
        let case = format!("{request:?} {traceparent:?}");
        let receiver = Receiver::start(0).unwrap();
        let column = in_a_request(&receiver, &request_headers(request, traceparent), || {
            orders().send_span().in_span(|_| RequestContext::current().to_string())
        });
        let producer: RequestContext = column.parse().unwrap();
        consume(&receiver, || orders().process_span(&producer).try_in_span(|_| ship())).unwrap_err();

        let stored = receiver.store().snapshot();
        assert_one_trace(&stored, session_id, trace_id, &case);
        assert_eq!(span(&stored, "process orders").parent_span_id, "", "{case}");
    }
}

#[tokio::test]
async fn spans_follow_the_semantic_conventions() {
    let receiver = Receiver::start(0).unwrap();
    let client = client(&receiver, "shop");
    let sent = Message::new("nats", "orders.7").template("orders.{id}");
    let headers = client.scope(sent.send_span().start_active_span(async |span| {
        span.set_attribute("messaging.message.id", "m1");
        let mut headers = Vec::<(&str, String)>::new();
        propagation::inject(&mut headers);
        headers
    }));
    let headers = headers.await;
    let consumed = Message::new("kafka", "orders")
        .id("m1")
        .consumer_group("shipping")
        .partition(3)
        .attribute("messaging.kafka.offset", 42);
    client.scope(consumed.process_span(&parse_headers(&headers)).start_active_span(async |_| ())).await;
    client.flush_async(HANG).await.unwrap();

    let stored = receiver.store().snapshot();
    let send = span(&stored, "send orders.{id}");
    assert_eq!(send.kind, "Producer");
    let process = span(&stored, "process orders");
    assert_eq!(process.kind, "Consumer");
    for (span, key, value) in [
        (send, "messaging.system", "nats"),
        (send, "messaging.destination.name", "orders.7"),
        (send, "messaging.destination.template", "orders.{id}"),
        (send, "messaging.operation.name", "send"),
        (send, "messaging.operation.type", "send"),
        (send, "messaging.message.id", "m1"),
        (process, "messaging.system", "kafka"),
        (process, "messaging.destination.name", "orders"),
        (process, "messaging.operation.name", "process"),
        (process, "messaging.operation.type", "process"),
        (process, "messaging.message.id", "m1"),
        (process, "messaging.consumer.group.name", "shipping"),
        (process, "messaging.destination.partition.id", "3"),
        (process, "messaging.kafka.offset", "42"),
    ] {
        assert_eq!(span.attributes.get(key).map(String::as_str), Some(value), "{key}: {span:#?}");
    }
}

#[test]
fn a_batch_links_to_its_producers_and_each_message_keeps_its_request() {
    let receiver = Receiver::start(0).unwrap();
    let messages = ["session1/request001", "session2/request002"]
        .map(|request| parse_headers(&in_a_request(&receiver, &[("x-highlight-request", request)], send)));
    consume(&receiver, || {
        orders().process_batch_span(&messages).in_span(|_| {
            highlight::log(Level::Info, "batch opened", []);
            for message in &messages {
                orders().process_span(message).try_in_span(|_| ship()).unwrap_err();
            }
        });
    });

    let stored = receiver.store().snapshot();
    let sends: Vec<_> = stored.spans.iter().filter(|span| span.name == "send orders").collect();
    let (batches, singles): (Vec<_>, Vec<_>) = stored
        .spans
        .iter()
        .filter(|span| span.name == "process orders")
        .partition(|span| span.attributes.contains_key("messaging.batch.message_count"));
    let [batch] = batches[..] else { panic!("{batches:#?}") };
    assert_eq!(batch.attributes["messaging.batch.message_count"], "2");
    assert_eq!((&*batch.origin.session_id, &*batch.parent_span_id), ("", ""));
    let links: Vec<_> = batch.links.iter().map(|link| (&link.trace_id, &link.span_id)).collect();
    let sent: Vec<_> = sends.iter().map(|send| (&send.otel_trace_id, &send.span_id)).collect();
    assert_eq!(links, sent);
    let of = |span: &Span| (span.origin.session_id.clone(), span.trace_id.clone());
    assert_eq!(
        singles.iter().map(|span| of(span)).collect::<Vec<_>>(),
        sends.iter().map(|span| of(span)).collect::<Vec<_>>(),
    );
    // The same failure of two messages is two errors: each is in a request of its own.
    let failed: Vec<_> = stored.errors.iter().map(|error| error.origin.session_id.as_str()).collect();
    assert_eq!(failed, ["session1", "session2"]);
}

#[test]
fn a_message_of_nobody_is_in_no_request() {
    let receiver = Receiver::start(0).unwrap();
    in_a_request(&receiver, &[("x-highlight-request", "session1/request001")], || {
        orders().process_span(&RequestContext::default()).try_in_span(|_| ship()).unwrap_err();
    });
    let stored = receiver.store().snapshot();
    let [request, process, label] =
        ["POST /orders", "process orders", "print label"].map(|name| span(&stored, name));
    assert_eq!((&*process.origin.session_id, &*process.parent_span_id), ("", ""));
    assert_ne!(process.trace_id, request.otel_trace_id);
    assert_eq!((&label.parent_span_id, &label.trace_id), (&process.span_id, &process.trace_id));
    assert_eq!(stored.errors[0].origin.session_id, "");
}

/// A service that is switched off still passes the request on.
#[test]
fn a_disabled_client_forwards_the_request() {
    let off = Client::new(Config::new("1").enabled(false)).unwrap();
    let producer = parse_headers(&[("x-highlight-request", "session1/request001")]);
    let headers = off.in_scope(|| orders().process_span(&producer).in_span(|_| send()));
    assert_eq!(parse_headers(&headers), producer);
}
