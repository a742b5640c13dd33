//! Who a request is served for is on everything of it, from when it is known.

use std::{collections::HashMap, sync::mpsc};

use highlight::{
    Level, RequestContext, SpanBuilder, SpanKind, User,
    http::{ServerOptions, ServerRequest},
    propagation,
};
use highlight_local::{Snapshot, model::Attributes};

use crate::stage::Stage;

fn ada() -> User {
    User::new().id("7").email("ada@example.com").name("ada").attribute("tenant", "acme")
}

fn is_ada(attributes: &Attributes) -> bool {
    let all = [("user.id", "7"), ("user.email", "ada@example.com"), ("user.name", "ada"), ("tenant", "acme")];
    all.iter().all(|(key, value)| attributes.get(*key).map(String::as_str) == Some(*value))
}

fn is_nobody(attributes: &Attributes) -> bool {
    !attributes.keys().any(|key| key.starts_with("user.") || key == "tenant")
}

fn span<'a>(stored: &'a Snapshot, name: &str) -> &'a Attributes {
    &stored.spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}")).attributes
}

fn log<'a>(stored: &'a Snapshot, message: &str) -> &'a Attributes {
    &stored
        .logs
        .iter()
        .find(|log| log.message == message)
        .unwrap_or_else(|| panic!("no {message}"))
        .attributes
}

/// Serves one request under a server span.
fn serve(stage: &Stage, handler: impl FnOnce()) {
    let options = ServerOptions::default().client(stage.client.clone());
    let request = ServerRequest::new("GET", "/");
    let incoming = "session1/request001".parse().unwrap();
    let mut span = options.tracer().unwrap().start(&request, incoming);
    span.in_scope(handler);
    span.set_status(200);
}

#[test]
fn everything_from_then_on_and_the_server_span() {
    let stage = Stage::new();
    serve(&stage, || {
        highlight::in_span("before", |_| highlight::log(Level::Info, "early", []));
        highlight::in_span("authenticate", |_| highlight::set_user(ada()));
        highlight::in_span("after", |_| {
            highlight::log(Level::Info, "late", []);
            highlight::consume_error(&std::fmt::Error);
        });
    });
    let stored = stage.stored();
    assert!(is_nobody(span(&stored, "before")) && is_nobody(log(&stored, "early")));
    for name in ["authenticate", "after", "GET"] {
        assert!(is_ada(span(&stored, name)), "{name}: {:#?}", stored.spans);
    }
    assert!(is_ada(log(&stored, "late")));
    assert!(is_ada(&stored.errors[0].payload), "{:#?}", stored.errors);
    for span in &stored.spans {
        assert!(span.origin.session_id == "session1" && span.trace_id == "request001");
    }
}

#[test]
fn work_that_was_started_before_gets_to_know_it_too() {
    let stage = Stage::new();
    serve(&stage, || {
        let (known, waits) = mpsc::channel::<()>();
        let thread = highlight::spawn_thread(move || {
            waits.recv().unwrap();
            highlight::in_span("thread", |_| ());
        });
        let taken_along = RequestContext::current();
        highlight::set_user(ada());
        known.send(()).unwrap();
        thread.unwrap().join().unwrap();
        taken_along.in_scope(|| highlight::in_span("taken along", |_| ()));
    });
    let stored = stage.stored();
    assert!(is_ada(span(&stored, "thread")) && is_ada(span(&stored, "taken along")));
}

#[test]
fn what_the_request_says_elsewhere_comes_back() {
    let stage = Stage::new();
    serve(&stage, || {
        let taken_along = RequestContext::current();
        std::thread::scope(|scope| {
            scope.spawn(|| taken_along.in_scope(|| highlight::set_user(ada())));
        });
        highlight::in_span("after", |_| ());
    });
    assert!(is_ada(span(&stage.stored(), "after")));
}

#[test]
fn a_consumers_span_has_it_at_its_end() {
    let stage = Stage::new();
    stage.request("session1/request001", || {
        SpanBuilder::new("process").kind(SpanKind::Consumer).in_span(|_| {
            highlight::in_span("look up", |_| highlight::set_user(ada()));
        });
        SpanBuilder::new("process next").kind(SpanKind::Consumer).in_span(|_| ());
    });
    let stored = stage.stored();
    for name in ["process", "look up", "process next"] {
        assert!(is_ada(span(&stored, name)), "{name}");
    }
}

#[test]
fn it_is_the_requests_own() {
    let stage = Stage::new();
    serve(&stage, || {
        highlight::set_user(ada());
        let mut outgoing = HashMap::<String, String>::new();
        propagation::inject(&mut outgoing);
        assert!(!format!("{outgoing:?}").contains("ada"), "{outgoing:?}");
    });
    stage.request("session2/request002", || highlight::in_span("another request", |_| ()));
    stage.client.in_scope(|| highlight::in_span("no request", |_| ()));
    let stored = stage.stored();
    assert!(is_nobody(span(&stored, "another request")) && is_nobody(span(&stored, "no request")));
}

#[test]
fn the_last_user_counts_and_an_attribute_of_the_record_comes_before_it() {
    let stage = Stage::new();
    serve(&stage, || {
        highlight::set_user(ada());
        highlight::set_user(User::new().id("8"));
        SpanBuilder::new("mine").attribute("user.id", "9").in_span(|_| ());
        highlight::in_span("theirs", |span| span.set_attribute("user.id", "9"));
        highlight::log(Level::Info, "log", [highlight::KeyValue::new("user.id", "9")]);
        highlight::in_span("plain", |_| ());
    });
    let stored = stage.stored();
    assert_eq!(span(&stored, "theirs")["user.id"], "9");
    assert_eq!(log(&stored, "log")["user.id"], "9");
    assert_eq!(span(&stored, "plain")["user.id"], "8");
    assert_eq!(span(&stored, "GET")["user.id"], "8");
    assert!(!span(&stored, "plain").contains_key("user.email"), "the first user is forgotten");
    assert_eq!(span(&stored, "mine")["user.id"], "9");
}
