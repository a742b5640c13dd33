use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use proptest::prelude::*;

use super::*;
use crate::{
    model::{Attributes, Frame, Origin, Shape, Source},
    note::{DropReason, Dropped, Item, Subject},
    row::Row,
    store::{Store, StoreLimits},
};

fn at(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_millis(millis)
}

fn attributes(entries: &[(&str, &str)]) -> Attributes {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn origin(service: &str) -> Origin {
    Origin {
        session_id: "7f3aQ9xLmW2pR8kT4vB6nZ1cY5dH".to_owned(),
        request_id: "9k2hTq81Lx".to_owned(),
        service: service.to_owned(),
        ..Origin::default()
    }
}

fn span(service: &str, name: &str, ids: (&str, &str), millis: (u64, u64)) -> Span {
    Span {
        origin: origin(service),
        trace_id: "9k2hTq81Lx".to_owned(),
        otel_trace_id: "ab".repeat(16),
        span_id: ids.0.to_owned(),
        parent_span_id: ids.1.to_owned(),
        trace_state: String::new(),
        name: name.to_owned(),
        kind: "Internal",
        start: at(millis.0),
        duration: Duration::from_millis(millis.1),
        status_code: "Unset",
        status_message: String::new(),
        has_errors: false,
        attributes: Attributes::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

fn log(service: &str, cursor: u64, millis: u64, message: &str) -> Log {
    Log {
        origin: origin(service),
        cursor,
        time: at(0),
        sent_time: at(millis),
        level: Level::Info,
        message: message.to_owned(),
        trace_id: "9k2hTq81Lx".to_owned(),
        otel_trace_id: "ab".repeat(16),
        span_id: String::new(),
        attributes: attributes(&[("amount", "4200"), ("telemetry.sdk.name", "x")]),
        source: Source::Backend,
        shape: Shape::LogRecord,
    }
}

fn error(log: &Log) -> ErrorObject {
    let frame = |function: &str, file: &str, line| Frame {
        function: Some(function.to_owned()),
        file: Some(file.to_owned()),
        line: Some(line),
        ..Frame::default()
    };
    ErrorObject {
        origin: log.origin.clone(),
        log_cursor: log.cursor,
        level: log.level,
        time: log.sent_time,
        event: log.message.clone(),
        sent_type: "CardError".to_owned(),
        stack_text: String::new(),
        frames: vec![frame("payments::charge", "src/pay.rs", 88), frame("main", "src/main.rs", 4)],
        payload: attributes(&[("error.cause.0", "402 from gateway"), ("amount", "4200")]),
        url: String::new(),
        trace_id: log.trace_id.clone(),
        otel_trace_id: log.otel_trace_id.clone(),
        span_id: String::new(),
        source: Source::Backend,
        shape: Shape::LogRecord,
    }
}

/// A checkout over two services that fails.
fn checkout() -> Vec<Row> {
    let mut root = span("storefront", "POST /api/checkout", ("a", "browser"), (0, 184));
    root.attributes = attributes(&[
        ("http.request.method", "POST"),
        ("http.route", "/api/checkout"),
        ("http.response.status_code", "500"),
    ]);
    root.status_code = "Error";
    let mut charge = span("payments", "POST /charge", ("c", "b"), (24, 33));
    charge.status_code = "Error";
    charge.status_message = "card declined".to_owned();
    let mut failure = log("payments", 2, 50, "card declined by issuer");
    failure.level = Level::Error;
    let mut alone = log("storefront", 3, 0, "started");
    alone.trace_id.clear();
    let subject = Subject { item: Item::Attribute, name: "retry".to_owned(), origin: origin("payments") };
    vec![
        error(&failure).into(),
        failure.into(),
        charge.into(),
        span("storefront", "POST payments", ("b", "a"), (20, 41)).into(),
        span("storefront", "render", ("d", "a"), (70, 100)).into(),
        root.into(),
        log("payments", 1, 30, "charging card").into(),
        alone.into(),
        Dropped { subject: subject.clone(), reason: DropReason::BoolAttribute }.into(),
        Dropped { subject, reason: DropReason::BoolAttribute }.into(),
    ]
}

fn printed(rows: impl IntoIterator<Item = Row>) -> String {
    let store = Store::new(StoreLimits::default());
    store.add(rows);
    Timeline::new(&store.snapshot()).to_string()
}

const CHECKOUT: &str = "\
session 7f3aQ9xL…                         1 request, 1 error
├─ POST /api/checkout  500                                        184 ms  request 9k2hTq81Lx
│  ├─ storefront  POST /api/checkout      ████████████████████    184 ms  500  error
│  │  ├─ storefront  POST payments          ████▍                  41 ms
│  │  │  └─ payments  POST /charge          ███▌                   33 ms  error: card declined
│  │  └─ storefront  render                      ██████████▊      100 ms
│  ├─ INFO  payments  charging card  amount=4200
│  └─ ERROR payments  card declined by issuer  (CardError)
│           <- 402 from gateway
│           payments::charge  src/pay.rs:88
│           main              src/main.rs:4
└─ INFO  storefront  started  amount=4200
not stored
     2 × attribute retry: boolean attributes are not stored (C§3.3)
";

#[test]
fn a_request_over_two_services() {
    let text = printed(checkout());
    assert_eq!(text, CHECKOUT, "\n{text}");
}

#[test]
fn color_changes_nothing_but_color() {
    let store = Store::new(StoreLimits::default());
    store.add(checkout());
    let colored = Timeline::new(&store.snapshot()).color(true).to_string();
    assert!(colored.contains("\u{1b}[31m"));
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(plain + rest, CHECKOUT);
}

#[test]
fn a_row_that_lost_the_session_stays_in_its_request() {
    let mut lost = span("worker", "job", ("z", "a"), (10, 5));
    lost.origin.session_id.clear();
    let text = printed([lost.into(), span("shop", "GET /", ("a", ""), (0, 50)).into()]);
    assert!(text.contains("worker  job") && !text.contains("no session"), "{text}");
}

#[test]
fn spans_in_a_circle_are_shown() {
    let text = printed([
        span("s", "hen", ("1", "2"), (0, 10)).into(),
        span("s", "egg", ("2", "1"), (1, 10)).into(),
        span("s", "self", ("3", "3"), (2, 10)).into(),
    ]);
    for name in ["hen", "egg", "self"] {
        assert_eq!(text.matches(&format!("s  {name}")).count(), 1, "{text}");
    }
}

#[test]
fn a_very_deep_trace_is_printed() {
    let deep = (0..20_000u64).map(|depth| {
        let parent = depth.checked_sub(1).map_or_else(String::new, |parent| parent.to_string());
        Row::from(span("s", "n", (&depth.to_string(), &parent), (depth, 1)))
    });
    assert_eq!(printed(deep).lines().count(), 20_002);
}

#[test]
fn what_was_received_cannot_steer_the_terminal() {
    let evil = "\u{1b}[2J\r\nspan\u{202e}";
    let mut row = span(evil, evil, (evil, ""), (0, 1));
    row.origin.session_id = evil.to_owned();
    row.trace_id = evil.to_owned();
    row.status_message = evil.to_owned();
    row.status_code = "Error";
    row.attributes = attributes(&[("http.response.status_code", evil)]);
    let mut entry = log(evil, 1, 1, evil);
    entry.attributes = attributes(&[(evil, evil)]);
    let rows: Vec<Row> = vec![row.into(), error(&entry).into(), log(evil, 2, 2, evil).into()];
    let live: Vec<String> = rows.iter().map(|row| LiveLine::new(row).to_string()).collect();
    for text in [printed(rows), live.join("\n")] {
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']), "{text:?}");
    }
    assert_eq!(live.len(), live.join("\n").lines().count());
}

#[test]
fn a_live_line_says_whose_it_is() {
    let row = Row::from(span("shop", "GET /", ("a", ""), (0, 50)));
    assert_eq!(LiveLine::new(&row).to_string(), "span     shop           7f3aQ9xL… 9k2hTq81…  GET /  50 ms");
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(rows in Just(checkout()).prop_shuffle()) {
        prop_assert_eq!(printed(rows), CHECKOUT);
    }

    /// Any parents: every span is printed exactly once.
    #[test]
    fn every_span_is_printed_once(parents in prop::collection::vec(0usize..30, 0..30)) {
        let rows = parents.iter().enumerate().map(|(id, parent)| {
            span("s", &format!("<{id}>"), (&id.to_string(), &parent.to_string()), (7 * id as u64 % 10, 1)).into()
        });
        let text = printed(rows);
        for id in 0..parents.len() {
            prop_assert_eq!(text.matches(&format!("s  <{id}>")).count(), 1);
        }
    }
}

#[test]
fn nothing_is_said_to_be_nothing() {
    assert_eq!(Timeline::new(&Snapshot::default()).to_string(), "nothing received yet\n");
    let rows = Arc::new(span("s", "n", ("a", ""), (0, 0)));
    assert!(printed([Row::Span(rows)]).starts_with("session"));
}
