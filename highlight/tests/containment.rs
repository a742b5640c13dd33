//! What no well-behaved program does: nothing of it leaves the bounds, goes uncounted, or stops telemetry.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's panic is its verdict")]

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, SystemTime},
};

use highlight::{
    Client, Config, ErrorReport, KeyValue, Level, RequestContext, SpanBuilder, Stats, in_span, metrics,
    otel::opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity},
    parse_headers,
};
use highlight_local::{Receiver, Snapshot};

const HANG: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The server's limit of a value (C§1.3).
const VALUE: usize = 65_536;

struct Stage {
    client: Client,
    receiver: Receiver,
}

impl Stage {
    fn new() -> Self {
        let receiver = Receiver::start(0).unwrap();
        let config = Config::new("1").endpoint(receiver.endpoint()).service_name("test");
        Self { client: Client::new(config).unwrap(), receiver }
    }

    /// Runs `f` as part of a request of session `s`.
    fn request<T>(&self, f: impl FnOnce() -> T) -> T {
        let context: RequestContext = "s/request0001".parse().unwrap();
        self.client.in_scope(|| context.in_scope(f))
    }

    /// What the server has stored by now; nothing was lost.
    fn stored(&self) -> Snapshot {
        self.client.flush(HANG).unwrap();
        let stats = self.client.stats();
        assert_eq!(stats.dropped.total(), 0, "{stats:?}");
        balanced(&stats);
        let stored = self.receiver.store().snapshot();
        assert!(
            stored.dropped.is_empty() && stored.changed.is_empty(),
            "{:?} {:?}",
            stored.dropped,
            stored.changed
        );
        stored
    }
}

fn balanced(stats: &Stats) {
    assert_eq!((stats.produced, stats.queued), (stats.exported + stats.dropped.total(), 0), "{stats:?}");
}

#[test]
fn a_message_of_10_mib_arrives_as_long_as_the_server_keeps_it() {
    let stage = Stage::new();
    let long = "ä".repeat(5 << 20);
    stage.request(|| {
        highlight::log(Level::Info, long.clone(), [KeyValue::new("key", long.clone())]);
        ErrorReport::new(&long).attribute("key", long.clone()).consume();
        in_span(long.clone(), |span| span.set_attribute("key", long.clone()));
    });
    let stored = stage.stored();
    assert_eq!((stored.logs.len(), stored.errors.len(), stored.spans.len()), (2, 1, 1));
    for log in &stored.logs {
        assert!(log.message.len() <= VALUE && log.message.len() > 9_000, "{}", log.message.len());
        assert!(log.attributes["key"].len() <= VALUE);
        assert_eq!(log.origin.session_id, "s");
    }
    assert!(stored.errors[0].event.len() <= 10_000);
    let span = &stored.spans[0];
    assert!(span.name.len() <= VALUE && span.attributes["key"].len() <= VALUE);
}

#[test]
fn attributes_by_the_thousand_cost_neither_the_item_nor_its_session() {
    let stage = Stage::new();
    let attributes = || (0..5000).map(|n| KeyValue::new(format!("key{n:04}"), "x".repeat(300)));
    stage.request(|| {
        highlight::log(Level::Info, "log", attributes());
        SpanBuilder::new("at its start").attributes(attributes()).in_span(drop);
        in_span("later", |span| {
            for n in 0..5000 {
                span.set_attribute(format!("key{n:04}"), n);
            }
        });
    });
    let stored = stage.stored();
    assert_eq!((stored.logs.len(), stored.spans.len()), (1, 2));
    // 128 of the item's own, without those that name the session and the request; and those of the resource.
    let log = &stored.logs[0];
    assert!((100..=150).contains(&log.attributes.len()), "{}", log.attributes.len());
    assert_eq!((log.origin.session_id.as_str(), log.attributes["key0000"].len()), ("s", 300));
    for span in &stored.spans {
        assert_eq!(span.origin.session_id, "s", "{}", span.name);
        assert!((100..=150).contains(&span.attributes.len()), "{}", span.attributes.len());
        assert!(span.attributes.contains_key("key0000") && !span.attributes.contains_key("key4999"));
    }
}

#[test]
fn clocks_that_jump_cost_nothing() {
    let stage = Stage::new();
    let now = SystemTime::now();
    let times = [
        SystemTime::UNIX_EPOCH - DAY,
        SystemTime::UNIX_EPOCH,
        now - 31 * DAY,
        now + 31 * DAY,
        now + 300_000 * DAY,
    ];
    let logger = stage.client.logger_provider().logger("test");
    stage.client.in_scope(|| {
        for time in times {
            let mut record = logger.create_log_record();
            record.set_severity_number(Severity::Info);
            record.set_body("log".into());
            record.set_timestamp(time);
            logger.emit(record);
        }
    });
    stage.client.flush(HANG).unwrap();
    balanced(&stage.client.stats());
    let stored = stage.receiver.store().snapshot();
    // The server replaces what is more than 30 days off by its own time (C§3.4).
    assert_eq!(stored.logs.len(), times.len());
    for log in &stored.logs {
        let off = log.time.duration_since(now).unwrap_or_else(|error| error.duration());
        assert!(off < DAY, "{off:?}");
    }
}

#[test]
fn numbers_that_are_none_are_refused_and_counted() {
    let stage = Stage::new();
    stage.client.in_scope(|| {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            metrics::record_metric("gauge", number, []);
            metrics::record_histogram("histogram", number, []);
            highlight::log(Level::Info, "log", [KeyValue::new("number", number)]);
        }
        metrics::record_metric("gauge", 1.0, [KeyValue::new("number", f64::NAN)]);
    });
    let stored = stage.stored();
    assert_eq!(stage.client.stats().refused_measurements, 6);
    let texts: Vec<_> = stored.logs.iter().map(|log| log.attributes["number"].as_str()).collect();
    assert_eq!(texts, ["NaN", "Infinity", "-Infinity"]);
    assert_eq!(stored.metrics.iter().filter(|metric| metric.name == "gauge").count(), 1);
}

#[test]
fn headers_that_are_no_text_are_no_request() {
    let stage = Stage::new();
    let mut headers = http::HeaderMap::new();
    for name in ["x-highlight-request", "traceparent", "baggage", "cookie"] {
        headers.insert(name, http::HeaderValue::from_bytes(b"\xff\xfe/\x80").unwrap());
    }
    let context = parse_headers(&headers);
    assert_eq!((context.session_id(), context.request_id()), (None, None));
    stage.client.in_scope(|| context.in_scope(|| highlight::log(Level::Info, "served all the same", [])));
    assert_eq!(stage.stored().logs[0].origin.session_id, "");
}

/// An error that is its own cause.
#[derive(Debug)]
struct Ouroboros;

impl fmt::Display for Ouroboros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bites its tail")
    }
}

impl std::error::Error for Ouroboros {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self)
    }
}

#[test]
fn loops_end() {
    fn nest(depth: usize) {
        if depth > 0 {
            in_span("deeper", |_| nest(depth - 1));
        }
    }
    let stage = Stage::new();
    stage.request(|| {
        nest(300);
        in_span("a thousand links", |_| {
            let own = RequestContext::current();
            let links = (0..1000).fold(SpanBuilder::new("links"), |builder, _| builder.link(&own));
            links.in_span(drop);
        });
        highlight::consume_error(&Ouroboros);
    });
    let stored = stage.stored();
    assert_eq!((stored.spans.len(), stored.errors.len()), (302, 1));
    let linked = stored.spans.iter().find(|span| span.name == "links").unwrap();
    assert_eq!(linked.links.len(), 128);
    assert!(stored.errors[0].payload.len() < 64, "{:#?}", stored.errors[0].payload);
}

/// Panics where the crate asks it for its text.
struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text")
    }
}

#[test]
fn a_panic_of_the_programs_own_code_poisons_nothing() {
    let stage = Stage::new();
    for _ in 0..3 {
        let work = || stage.request(|| in_span("panics", |_| Bomb.to_string()));
        let panicked = catch_unwind(AssertUnwindSafe(work)).is_err();
        assert!(panicked, "the program's panic is the program's");
        stage.request(|| {
            highlight::log(Level::Info, "goes on", []);
            metrics::record_incr("goes.on", []);
            highlight::consume_error(&fmt::Error);
        });
    }
    let stored = stage.stored();
    assert_eq!(stored.spans.len(), 3);
    assert_eq!(stored.logs.iter().filter(|log| log.message == "goes on").count(), 3);
    assert!(stored.spans.iter().all(|span| span.status_message == "panicked"), "{:#?}", stored.spans);
}
