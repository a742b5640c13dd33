//! The pipeline against a server that answers, refuses, hangs, cuts and lies, over real sockets.

mod balance;
mod faults;
pub(crate) mod items;
pub(crate) mod server;
mod spool;
pub(crate) mod tls;

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant, SystemTime},
};

use http::HeaderValue;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};
use prost::Message;

use self::{
    items::{error, log, span},
    server::{HANG_GUARD, Reply, Server},
};
use super::{
    CollectMetrics, Deadline, Encode, Encoded, FlushError, Limits, Pipeline, Settings, TransportSettings,
    announce::Voice, segment::Segment,
};
use crate::{
    Level,
    config::Endpoint,
    record::{LogRecord, SpanRecord},
    stats::Stats,
};

/// Writes each item as a line, in a segment of its own. Some names have an effect.
struct Lines;

/// What was said, with its level.
type Said = Arc<Mutex<Vec<(Level, String)>>>;

/// Settings whose lines are kept instead of said.
fn listen(settings: &mut Settings) -> Said {
    let said = Said::default();
    let heard = Arc::clone(&said);
    settings.voice = Voice(Arc::new(move |line| heard.lock().unwrap().push((line.level, line.text.clone()))));
    said
}

impl Lines {
    fn segments(mut lines: Vec<String>) -> Encoded {
        assert!(!lines.iter().any(|line| line == "panic"), "as asked");
        let given = lines.len();
        lines.retain(|line| line != "unwanted");
        let dropped = (given - lines.len()) as u64;
        let kept = lines.into_iter().filter(|line| line != "lose");
        let segments = kept.map(|line| match line.as_str() {
            "huge" => segment(&"x".repeat(9 << 20)),
            "large" => segment(&"y".repeat(5 << 20)),
            line => segment(line),
        });
        Encoded { segments: segments.collect(), dropped }
    }
}

fn segment(line: &str) -> Segment {
    Segment { bytes: format!("{line}\n").into_bytes(), items: 1 }
}

impl Encode for Lines {
    fn spans(&mut self, spans: &mut [SpanRecord]) -> Encoded {
        Self::segments(spans.iter().map(|span| span.name.to_string()).collect())
    }

    fn logs(&mut self, logs: &mut [LogRecord]) -> Encoded {
        let text = |log: &LogRecord| match &log.exception {
            Some(exception) => exception.message.clone(),
            None => log.body.to_string(),
        };
        Self::segments(logs.iter().map(text).collect())
    }
}

/// Nothing leaves but for errors, full batches and flushes.
fn settings(endpoint: &str) -> Settings {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    let transport = TransportSettings { timeout: HANG_GUARD * 10, ..TransportSettings::to(endpoint) };
    Settings { interval: Duration::from_secs(3600), ..Settings::over(transport) }
}

fn start(settings: Settings) -> Pipeline {
    Pipeline::start(settings, Box::new(Lines), None).unwrap()
}

fn started(server: &Server) -> Pipeline {
    start(settings(&server.url()))
}

fn books(stats: &Stats) {
    assert_eq!(
        stats.produced,
        stats.exported + stats.dropped.total() + stats.queued + stats.spooled,
        "{stats:?}"
    );
}

/// Waits for the books to say something.
fn until(pipeline: &Pipeline, what: &str, condition: impl Fn(&Stats) -> bool) -> Stats {
    let give_up = Instant::now() + HANG_GUARD;
    loop {
        let stats = pipeline.stats();
        books(&stats);
        if condition(&stats) {
            return stats;
        }
        assert!(Instant::now() < give_up, "{what}: {stats:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a call that has to return long before the endpoint does.
fn promptly<T>(call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    assert!(start.elapsed() < HANG_GUARD, "took {:?}", start.elapsed());
    result
}

fn refused() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn each_signal_arrives_at_its_path_with_its_headers() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&format!("{}/prefix/", server.url()));
    settings.transport.headers.insert("x-key", HeaderValue::from_static("secret"));
    let pipeline = Pipeline::start(settings, Box::new(Lines), Some(Box::new(Points::new(1)))).unwrap();
    pipeline.push(span("s1"));
    pipeline.push(log("l1"));
    pipeline.push(span("s2"));
    pipeline.flush(HANG_GUARD).unwrap();
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.produced, stats.exported, stats.queued), (4, 4, 0));

    let mut arrived: Vec<_> =
        server.seen().iter().map(|seen| (seen.path.clone(), seen.body.clone())).collect();
    arrived.sort();
    let expected = [("logs", "l1\n"), ("metrics", "point\n"), ("traces", "s1\ns2\n")]
        .map(|(signal, body)| (format!("/prefix/v1/{signal}"), body.to_owned()));
    assert_eq!(arrived, expected);
    for seen in server.seen() {
        let header = |name: &str| seen.headers.get(name).map(String::as_str);
        assert_eq!(header("content-type"), Some("application/x-protobuf"));
        assert_eq!(header("content-encoding"), Some("gzip"));
        assert_eq!(header("x-key"), Some("secret"));
        let agent = format!("highlight-rust/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(header("user-agent"), Some(agent.as_str()));
    }
}

#[test]
fn compression_can_be_switched_off() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.transport.gzip = false;
    let pipeline = start(settings);
    pipeline.push(span("a"));
    pipeline.push(span("b"));
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(server.items(), ["a", "b"]);
    assert!(!server.seen()[0].headers.contains_key("content-encoding"));
}

#[test]
fn what_was_pushed_just_before_a_flush_is_part_of_it() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for round in 0..200 {
        pipeline.push(log(&round.to_string()));
        pipeline.flush(HANG_GUARD).unwrap();
        assert_eq!(pipeline.stats().exported, round + 1);
    }
}

#[test]
fn errors_and_full_batches_do_not_wait_for_the_interval() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.limits.batch_items = 4;
    let pipeline = start(settings);
    pipeline.push(log("l"));
    pipeline.push(error("e"));
    server.wait_for(1);
    assert_eq!(server.seen()[0].items(), ["e", "l"], "the error first, the log fills its batch");
    for name in ["1", "2", "3", "4"] {
        pipeline.push(span(name));
    }
    server.wait_for(2);
    assert_eq!(server.seen()[1].items(), ["1", "2", "3", "4"]);
}

#[test]
fn the_interval_sends_what_fills_no_batch() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.interval = Duration::from_millis(20);
    let pipeline = start(settings);
    for name in ["a", "b"] {
        pipeline.push(span(name));
        until(&pipeline, "sent", |stats| stats.queued == 0);
    }
    assert_eq!(server.items(), ["a", "b"]);
}

#[test]
fn what_is_worth_another_try_is_delivered_in_the_end() {
    type Reluctant = (&'static str, fn() -> Reply);
    let table: [Reluctant; 8] = [
        ("408", || Reply::Status(408)),
        ("429", || Reply::Status(429)),
        ("502", || Reply::Status(502)),
        ("503", || Reply::Status(503)),
        ("504", || Reply::Status(504)),
        ("cut", || Reply::Cut),
        ("garbage", || Reply::Garbage),
        ("retry-after date in the past", || {
            let date = "Sun, 06 Nov 1994 08:49:37 GMT".to_owned();
            Reply::Full(503, ("retry-after", date), Vec::new())
        }),
    ];
    for (name, first) in table {
        // Two, because a disconnect is tried again at once.
        let server = Server::start(move |number, _| match number {
            0 | 1 => first(),
            _ => Reply::Status(200),
        });
        let pipeline = started(&server);
        pipeline.push(error("e"));
        let stats = until(&pipeline, name, |stats| stats.exported == 1);
        assert_eq!(stats.dropped.total(), 0, "{name}");
        assert_eq!(server.items(), ["e", "e", "e"], "{name}");
    }
}

#[test]
fn the_server_says_when_to_come_back() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Full(503, ("retry-after", "2".to_owned()), Vec::new()),
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    pipeline.push(error("e"));
    until(&pipeline, "delivered", |stats| stats.exported == 1);
    let seen = server.seen();
    let waited = seen[1].at - seen[0].at;
    // Without the header the wait would be 250 ms at most.
    assert!(waited >= Duration::from_millis(1900), "{waited:?}");
}

#[test]
fn a_flush_tries_at_once_whatever_the_wait() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Full(503, ("retry-after", "300".to_owned()), Vec::new()),
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    pipeline.push(error("e"));
    server.wait_for(1);
    promptly(|| pipeline.flush(HANG_GUARD)).unwrap();
    assert_eq!(pipeline.stats().exported, 1);
}

#[test]
fn what_is_refused_for_good_is_not_tried_again() {
    for status in [301, 307, 400, 401, 404, 500, 501] {
        let location = ("location", "/elsewhere".to_owned());
        let server = Server::start(move |_, _| Reply::Full(status, location.clone(), Vec::new()));
        let pipeline = started(&server);
        pipeline.push(span("s"));
        pipeline.push(span("t"));
        assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 2 }), "{status}");
        let stats = pipeline.stats();
        books(&stats);
        assert_eq!((stats.dropped.rejected, stats.queued), (2, 0), "{status}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[test]
fn a_request_too_large_for_the_server_is_halved_until_it_fits() {
    let server = Server::start(|_, seen| match seen.items().as_slice() {
        ["poison"] => Reply::Status(413),
        items if items.len() > 3 => Reply::Status(413),
        items if items.contains(&"poison") => Reply::Status(413),
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for name in &names {
        pipeline.push(span(name));
    }
    pipeline.push(span("poison"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.too_large), (20, 1));
    let seen = server.seen();
    let accepted = seen.iter().map(server::Seen::items);
    let accepted = accepted.filter(|items| items.len() <= 3 && !items.contains(&"poison"));
    assert_eq!(accepted.flatten().collect::<Vec<_>>(), names, "all, once, in order");
}

#[test]
fn bodies_stay_below_the_limit() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for name in ["large", "small", "huge", "large"] {
        pipeline.push(span(name));
    }
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.too_large), (3, 1));
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| seen.items().len()).collect::<Vec<_>>(), [2, 1]);
    assert!(seen.iter().all(|seen| seen.body.len() <= 8 << 20));
}

#[test]
fn partial_success_counts_what_was_refused() {
    let server = Server::start(|_, seen| {
        let body = match seen.path.as_str() {
            "/v1/traces" => ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: 2,
                    error_message: "two of them".to_owned(),
                }),
            }
            .encode_to_vec(),
            // More than there were: a server cannot refuse what it was not given.
            _ => ExportLogsServiceResponse {
                partial_success: Some(ExportLogsPartialSuccess {
                    rejected_log_records: 99,
                    error_message: String::new(),
                }),
            }
            .encode_to_vec(),
        };
        Reply::Full(200, ("content-type", "application/x-protobuf".to_owned()), body)
    });
    let pipeline = started(&server);
    for name in ["1", "2", "3"] {
        pipeline.push(span(name));
    }
    pipeline.push(log("l"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 3 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.rejected), (1, 3));
}

#[test]
fn an_answer_cut_short_is_an_answer() {
    let server = Server::start(|_, _| Reply::CutAnswer);
    let pipeline = started(&server);
    pipeline.push(span("s"));
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(pipeline.stats().exported, 1);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn an_endpoint_that_is_not_there_costs_the_caller_nothing() {
    let pipeline = start(settings(&refused()));
    for _ in 0..10 {
        pipeline.push(error("e"));
    }
    let kept = promptly(|| pipeline.flush(HANG_GUARD));
    assert_eq!(kept, Err(FlushError::Undelivered { items: 10 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.queued, stats.dropped.total()), (10, 0), "kept for another try");
    let lost = promptly(|| pipeline.shutdown(HANG_GUARD));
    assert_eq!(lost, Err(FlushError::Undelivered { items: 10 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.queued, stats.dropped.shut_down), (0, 10));
    assert_eq!(pipeline.flush(HANG_GUARD), lost, "the shutdown's outcome");
}

#[test]
fn after_an_outage_the_interval_counts_again() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Status(503),
        _ => Reply::Status(200),
    });
    let mut settings = settings(&server.url());
    settings.interval = Duration::from_millis(20);
    let pipeline = start(settings);
    pipeline.push(error("e"));
    until(&pipeline, "recovered", |stats| stats.exported == 1);
    pipeline.push(log("l"));
    until(&pipeline, "sent", |stats| stats.exported == 2);
}

#[test]
fn what_cannot_be_delivered_for_too_long_expires() {
    let mut settings = settings(&refused());
    settings.retry_for = Duration::ZERO;
    let pipeline = start(settings);
    pipeline.push(error("e"));
    let stats = until(&pipeline, "expired", |stats| stats.queued == 0);
    assert_eq!(stats.dropped.expired, 1);
}

#[test]
fn flush_and_shutdown_keep_their_deadline_while_the_endpoint_hangs() {
    let server = Server::start(|_, _| Reply::Hang);
    let pipeline = started(&server);
    pipeline.push(error("in flight"));
    server.wait_for(1);
    pipeline.push(log("waiting"));
    let short = Duration::from_millis(50);
    let timeout = Err(FlushError::Timeout(short));
    assert_eq!(promptly(|| pipeline.flush(short)), timeout);
    assert_eq!(pipeline.stats().queued, 2);
    assert_eq!(promptly(|| pipeline.shutdown(short)), timeout);
    assert_eq!(promptly(|| pipeline.shutdown(HANG_GUARD)), timeout, "the first outcome stays");
    pipeline.push(log("late"));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.dropped.shut_down, stats.queued), (2, 1), "the one in flight may still arrive");
    assert!(!pipeline.is_running());
    // The connection breaks; the worker, left behind, books the last one.
    drop(server);
    let stats = until(&pipeline, "closed", |stats| stats.queued == 0);
    assert_eq!((stats.dropped.shut_down, stats.exported), (3, 0));
}

#[test]
fn what_was_in_flight_at_the_shutdown_and_still_arrives_is_exported() {
    let (answer, answers) = mpsc::channel();
    let answers = Mutex::new(answers);
    let server = Server::start(move |_, _| {
        let _ = answers.lock().unwrap().recv();
        Reply::Status(200)
    });
    let pipeline = started(&server);
    pipeline.push(error("in flight"));
    server.wait_for(1);
    pipeline.push(log("waiting"));
    assert!(pipeline.shutdown(Duration::from_millis(20)).is_err());
    answer.send(()).unwrap();
    let stats = until(&pipeline, "closed", |stats| stats.queued == 0);
    assert_eq!((stats.exported, stats.dropped.shut_down), (1, 1));
}

#[test]
fn nothing_more_is_sent_once_the_shutdown_has_given_up() {
    let (answer, answers) = mpsc::channel();
    let answers = Mutex::new(answers);
    let server = Server::start(move |_, _| {
        let _: Result<(), _> = answers.lock().unwrap().recv();
        Reply::Status(200)
    });
    let pipeline = started(&server);
    // Two requests of one batch.
    pipeline.push(span("large"));
    pipeline.push(span("large"));
    let short = Duration::from_millis(20);
    assert_eq!(pipeline.flush(short), Err(FlushError::Timeout(short)));
    server.wait_for(1);
    assert_eq!(pipeline.shutdown(short), Err(FlushError::Timeout(short)));
    drop(answer);
    let stats = until(&pipeline, "closed", |stats| stats.queued == 0);
    assert_eq!((stats.exported, stats.dropped.shut_down), (1, 1));
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn the_last_try_of_a_shutdown_ends_with_its_deadline() {
    let server = Server::start(|_, _| Reply::Hang);
    let pipeline = started(&server);
    pipeline.push(span("s"));
    assert!(promptly(|| pipeline.shutdown(Duration::from_millis(100))).is_err());
    // The request's own limit is minutes: it was cut to the deadline.
    let stats = promptly(|| until(&pipeline, "closed", |stats| stats.queued == 0));
    assert_eq!(stats.dropped.shut_down, 1);
}

#[test]
fn shutdown_delivers_what_is_left_and_later_items_are_counted() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for n in 0..2000 {
        pipeline.push(span(&n.to_string()));
        pipeline.push(log(&n.to_string()));
    }
    assert!(pipeline.is_running());
    pipeline.shutdown(HANG_GUARD).unwrap();
    assert!(!pipeline.is_running());
    pipeline.shutdown(Duration::ZERO).unwrap();
    pipeline.push(span("late"));
    pipeline.push(error("late"));
    pipeline.flush(HANG_GUARD).unwrap();
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.shut_down, stats.queued), (4000, 2, 0));
    assert_eq!(server.items().len(), 4000);
}

#[test]
fn a_shutdown_does_not_wait_for_the_next_try() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Full(503, ("retry-after", "300".to_owned()), Vec::new()),
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    pipeline.push(error("e"));
    server.wait_for(1);
    promptly(|| pipeline.shutdown(HANG_GUARD)).unwrap();
    assert_eq!(pipeline.stats().exported, 1);
}

#[test]
fn the_last_handle_dropped_ends_the_worker_after_a_last_delivery() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    let queue = Arc::clone(&pipeline.handle.queue);
    pipeline.push(span("s"));
    drop(pipeline);
    server.wait_for(1);
    let give_up = Instant::now() + HANG_GUARD;
    // The worker's reference is the only other one.
    while Arc::strong_count(&queue) > 1 {
        assert!(Instant::now() < give_up, "the worker is still there");
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(queue.stats().exported, 1);
}

#[test]
fn a_panic_in_the_encoder_is_contained_and_counted() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    pipeline.push(span("panic"));
    pipeline.push(span("with it"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 2 }));
    pipeline.push(span("lose"));
    pipeline.push(span("after"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.dropped.internal, stats.exported), (3, 1));
    assert!(pipeline.is_running());
}

#[test]
fn encoding_and_sending_produce_no_telemetry() {
    struct Probe(mpsc::Sender<bool>);
    impl Encode for Probe {
        fn spans(&mut self, _: &mut [SpanRecord]) -> Encoded {
            let suppressed = opentelemetry::Context::is_current_telemetry_suppressed();
            self.0.send(suppressed).unwrap();
            Encoded::default()
        }
        fn logs(&mut self, _: &mut [LogRecord]) -> Encoded {
            Encoded::default()
        }
    }
    let (sender, suppressed) = mpsc::channel();
    let pipeline = Pipeline::start(settings(&refused()), Box::new(Probe(sender)), None).unwrap();
    pipeline.push(span("s"));
    let _ = pipeline.flush(HANG_GUARD);
    assert!(suppressed.recv_timeout(HANG_GUARD).unwrap());
}

#[test]
fn what_a_hook_drops_is_counted_and_is_no_loss() {
    let server = Server::start(|_, _| Reply::Status(200));
    let points = Box::new(Points::new(10));
    let pipeline = Pipeline::start(settings(&server.url()), Box::new(Lines), Some(points)).unwrap();
    pipeline.push(span("unwanted"));
    pipeline.push(span("wanted"));
    pipeline.push(log("unwanted"));
    pipeline.flush(HANG_GUARD).unwrap();
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.dropped.before_send, stats.dropped.total(), stats.exported), (3, 3, 11));
}

/// A collector that has something to say every time, and panics when told to.
struct Points {
    per_call: u64,
    calls: Arc<AtomicU64>,
    panic_on: Option<u64>,
}

impl Points {
    fn new(per_call: u64) -> Self {
        Self { per_call, calls: Arc::default(), panic_on: None }
    }
}

impl CollectMetrics for Points {
    fn collect(&mut self) -> Encoded {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        assert_ne!(Some(call), self.panic_on, "as asked");
        let segments = vec![Segment { bytes: b"point\n".to_vec(), items: self.per_call }];
        // One in ten is not wanted.
        Encoded { segments, dropped: self.per_call / 10 }
    }
}

#[test]
fn metrics_are_collected_by_the_clock_and_survive_a_panic() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.metrics_interval = Duration::from_millis(10);
    let mut points = Points::new(7);
    points.panic_on = Some(1);
    let pipeline = Pipeline::start(settings, Box::new(Lines), Some(Box::new(points))).unwrap();
    let stats = until(&pipeline, "collected", |stats| stats.exported >= 21);
    assert_eq!(stats.exported % 7, 0);
    assert!(server.seen().iter().all(|seen| seen.path == "/v1/metrics"));
}

#[test]
fn metrics_are_left_to_the_sdk_while_the_endpoint_is_away() {
    let mut settings = settings(&refused());
    settings.metrics_interval = Duration::from_millis(1);
    let points = Points::new(1);
    let calls = Arc::clone(&points.calls);
    let pipeline = Pipeline::start(settings, Box::new(Lines), Some(Box::new(points))).unwrap();
    until(&pipeline, "collected", |stats| stats.queued == 1);
    for _ in 0..5 {
        assert!(pipeline.flush(HANG_GUARD).is_err());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn a_flush_overtaken_by_the_end_shares_its_outcome() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Hang,
        _ => Reply::Status(503),
    });
    let mut settings = settings(&server.url());
    settings.transport.timeout = Duration::from_millis(500);
    let pipeline = start(settings);
    pipeline.push(error("in flight"));
    server.wait_for(1);
    // The worker is busy until both have called.
    let flush = pipeline.handle.queue.request_flush();
    assert!(pipeline.shutdown(HANG_GUARD).is_err());
    let outcome = flush.wait(Deadline::after(HANG_GUARD));
    assert!(matches!(outcome, Some(Err(FlushError::Undelivered { items: 1 }))), "{outcome:?}");
}

#[test]
fn flush_async_needs_no_runtime() {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = std::pin::pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return value;
            }
            thread::park_timeout(HANG_GUARD);
        }
    }
    let server = Server::start(|number, _| match number {
        0 => Reply::Status(200),
        _ => Reply::Hang,
    });
    let pipeline = started(&server);
    pipeline.push(span("s"));
    assert_eq!(block_on(pipeline.flush_async(HANG_GUARD)), Ok(()));
    assert_eq!(pipeline.stats().exported, 1);
    pipeline.push(span("t"));
    let short = Duration::from_millis(20);
    let outcome = promptly(|| block_on(pipeline.flush_async(short)));
    assert_eq!(outcome, Err(FlushError::Timeout(short)));
}

#[test]
fn a_full_queue_keeps_errors_and_counts_the_rest() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Hang,
        _ => Reply::Status(200),
    });
    let mut settings = settings(&server.url());
    settings.transport.timeout = Duration::from_secs(1);
    settings.limits = Limits { max_items: 100, error_reserve: 10, ..Limits::default() };
    let pipeline = start(settings);
    pipeline.push(error("in flight"));
    server.wait_for(1);
    for n in 0..500 {
        pipeline.push(log(&n.to_string()));
    }
    for n in 0..30 {
        pipeline.push(error(&format!("e{n}")));
    }
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!(stats.dropped.queue_full, 410 + 20, "refused, then evicted by errors");
    let stats = until(&pipeline, "delivered", |stats| stats.exported >= 31);
    assert_eq!(stats.dropped.total(), 430);
    let items = server.items();
    for n in 0..30 {
        assert!(items.contains(&format!("e{n}")), "e{n}");
    }
}

#[test]
fn the_books_balance_at_every_moment_whatever_the_server_does() {
    const PUSHERS: u64 = 4;
    const ITEMS: u64 = 3000;
    let server = Server::start(|number, seen| match number % 7 {
        1 => Reply::Status(503),
        2 => Reply::Status(400),
        3 if seen.items().len() > 5 => Reply::Status(413),
        4 => Reply::Cut,
        5 => Reply::Full(
            200,
            ("x", "y".to_owned()),
            ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: 3,
                    error_message: String::new(),
                }),
            }
            .encode_to_vec(),
        ),
        _ => Reply::Status(200),
    });
    let mut settings = settings(&server.url());
    settings.interval = Duration::from_millis(1);
    settings.limits = Limits { max_items: 600, error_reserve: 50, batch_items: 64, ..Limits::default() };
    let pipeline = start(settings);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|pusher| {
                let pipeline = pipeline.clone();
                scope.spawn(move || {
                    for n in 0..ITEMS {
                        match (pusher + n) % 5 {
                            0 => pipeline.push(error("e")),
                            1 | 2 => pipeline.push(log("l")),
                            3 => pipeline.push(span("s")),
                            _ => pipeline.count_sampled_out(),
                        }
                        if n % 500 == 0 {
                            let _ = pipeline.flush(Duration::from_millis(20));
                        }
                    }
                })
            })
            .collect();
        let observer = scope.spawn(|| {
            let mut last = Stats::default();
            while !done.load(Ordering::Relaxed) {
                let stats = pipeline.stats();
                books(&stats);
                monotone(&last, &stats);
                last = stats;
            }
        });
        for pusher in pushers {
            pusher.join().unwrap();
        }
        let _ = pipeline.shutdown(HANG_GUARD);
        done.store(true, Ordering::Relaxed);
        observer.join().unwrap();
    });
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.produced, stats.queued), (PUSHERS * ITEMS, 0));
    assert_eq!(stats.dropped.sampled_out, PUSHERS * ITEMS / 5);
    assert!(stats.exported > 0 && stats.dropped.rejected > 0, "{stats:?}");
}

#[test]
fn losses_are_reported_to_the_server_and_are_in_no_book() {
    let server = Server::start(|_, seen| match seen.items().as_slice() {
        ["telemetry was lost"] => Reply::Status(200),
        _ => Reply::Status(400),
    });
    let mut settings = settings(&server.url());
    settings.report_losses = Some(Duration::ZERO);
    let pipeline = start(settings);
    pipeline.push(span("s"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    assert_eq!(server.taken(), ["telemetry was lost"]);
    assert_eq!(server.seen()[1].path, "/v1/logs");
    assert_eq!(pipeline.flush(HANG_GUARD), Ok(()), "nothing new");
    assert_eq!(server.seen().len(), 2);
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.produced, stats.exported, stats.dropped.total()), (1, 0, 1));
}

#[test]
fn a_report_of_losses_that_is_refused_is_no_loss_to_report() {
    let server = Server::start(|_, _| Reply::Status(400));
    let mut settings = settings(&server.url());
    settings.report_losses = Some(Duration::ZERO);
    let said = listen(&mut settings);
    let pipeline = start(settings);
    pipeline.push(span("s"));
    let _ = pipeline.flush(HANG_GUARD);
    let _ = pipeline.flush(HANG_GUARD);
    assert_eq!(server.items(), ["s", "telemetry was lost"]);
    assert_eq!(pipeline.stats().dropped.total(), 1);
    assert_eq!(said.lock().unwrap().len(), 1);
}

#[test]
fn after_an_outage_the_report_comes_last() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Status(503),
        _ => Reply::Status(200),
    });
    let mut settings = settings(&server.url());
    settings.report_losses = Some(Duration::from_secs(60));
    settings.limits = Limits { max_items: 2, error_reserve: 1, ..Limits::default() };
    let pipeline = start(settings);
    pipeline.push(error("first"));
    server.wait_for(1);
    for n in 0..5 {
        pipeline.push(log(&n.to_string()));
    }
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(server.taken(), ["first", "0", "telemetry was lost"]);
    assert_eq!(pipeline.stats().dropped.queue_full, 4);
}

#[test]
fn many_requests_share_one_connection() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for round in 0..50 {
        pipeline.push(log(&round.to_string()));
        pipeline.push(span(&round.to_string()));
        pipeline.flush(HANG_GUARD).unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (100, 1));
}

#[test]
fn the_server_may_say_a_date_to_come_back_at() {
    let second = Duration::from_secs(1);
    let server = Server::start(move |number, _| match number {
        0 => {
            let date = httpdate::fmt_http_date(SystemTime::now() + 2 * second);
            Reply::Full(429, ("retry-after", date), Vec::new())
        }
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    pipeline.push(error("e"));
    until(&pipeline, "delivered", |stats| stats.exported == 1);
    let seen = server.seen();
    // A date has whole seconds. Without it the wait would be 250 ms at most.
    let waited = seen[1].at - seen[0].at;
    assert!(waited >= second, "{waited:?}");
}

#[test]
fn a_panic_of_the_workers_own_costs_what_was_in_hand_and_telemetry_goes_on() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Status(400),
        _ => Reply::Status(200),
    });
    let mut settings = settings(&server.url());
    settings.limits.batch_items = 2;
    let left = AtomicU64::new(1);
    settings.voice = Voice(Arc::new(move |_| {
        let panics = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(panics.is_err(), "as asked");
    }));
    let pipeline = start(settings);
    for name in ["1", "2", "3"] {
        pipeline.push(span(name));
    }
    // The first two are refused, which the voice should say.
    let outcome = promptly(|| pipeline.flush(HANG_GUARD));
    assert!(matches!(outcome, Err(FlushError::Undelivered { .. })), "{outcome:?}");
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!(stats.dropped.rejected, 2, "booked before it was said");
    pipeline.push(span("4"));
    promptly(|| pipeline.flush(HANG_GUARD)).unwrap();
    assert_eq!(server.taken(), ["3", "4"]);
    assert_eq!((pipeline.stats().exported, pipeline.stats().dropped.total()), (2, 2));
}

#[test]
fn what_the_worker_had_in_hand_when_it_panicked_is_counted() {
    let server = Server::start(|_, _| Reply::Status(503));
    let mut settings = settings(&server.url());
    let left = AtomicU64::new(1);
    settings.voice = Voice(Arc::new(move |_| {
        let panics = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        assert!(panics.is_err(), "as asked");
    }));
    let pipeline = start(settings);
    pipeline.push(span("in hand"));
    assert_eq!(promptly(|| pipeline.flush(HANG_GUARD)), Err(FlushError::Undelivered { items: 1 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.dropped.internal, stats.queued), (1, 0));
    assert!(pipeline.is_running());
    let end = promptly(|| pipeline.shutdown(HANG_GUARD));
    assert_eq!(end, Ok(()), "nothing was left");
}

fn monotone(before: &Stats, after: &Stats) {
    let counters = |stats: &Stats| {
        let others = [stats.produced, stats.exported, stats.suppressed];
        others.into_iter().chain(stats.dropped.by_reason().map(|(_, items)| items))
    };
    for (before, after) in counters(before).zip(counters(after)) {
        assert!(before <= after, "{before} then {after}");
    }
}
