//! The pipeline against a server that answers, refuses, hangs, cuts and lies, over real sockets.

mod balance;
mod delivery;
mod end;
mod faults;
pub(crate) mod items;
mod losses;
mod metrics;
mod panics;
mod retry;
pub(crate) mod server;
mod spool;
pub(crate) mod tls;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use self::{
    items::{error, log, span},
    server::{HANG_GUARD, Reply, Server},
};
use super::{
    Encode, Encoded, FlushError, Limits, Pipeline, Settings, TransportSettings,
    announce::Voice,
    segment::{Segment, Weighed},
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
    Segment::new(format!("{line}\n").into_bytes(), 1)
}

impl Encode for Lines {
    fn spans(&mut self, spans: Weighed<'_, SpanRecord>) -> Encoded {
        Self::segments(spans.items.iter().map(|span| span.name.to_string()).collect())
    }

    fn logs(&mut self, logs: Weighed<'_, LogRecord>) -> Encoded {
        let text = |log: &LogRecord| match &log.exception {
            Some(exception) => exception.message.clone(),
            None => log.body.to_string(),
        };
        Self::segments(logs.items.iter().map(text).collect())
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

fn monotone(before: &Stats, after: &Stats) {
    let counters = |stats: &Stats| {
        let others = [stats.produced, stats.exported, stats.suppressed];
        others.into_iter().chain(stats.dropped.by_reason().map(|(_, items)| items))
    };
    for (before, after) in counters(before).zip(counters(after)) {
        assert!(before <= after, "{before} then {after}");
    }
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
