//! Random loads meet random faults: what the client calls exported is what the receiver acknowledged, item for item.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};
use proptest::prelude::*;
use prost::Message;
use tempfile::TempDir;

use super::{
    Limits, Lines, Pipeline, books, error, listen, log, monotone,
    server::{HANG_GUARD, Reply, Seen, Server},
    settings, span, start, until,
};
use crate::{
    pipeline::{Settings, retry::Delays, spool::SpoolSettings},
    stats::Stats,
};

/// How the receiver takes a request.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Good,
    /// Refuses this many items of it.
    Partial(u64),
    Status(u16),
    /// Will not have more than two items at once.
    Narrow,
    /// Keeps the request, and goes away without a word.
    Cut,
    /// Acknowledges, and goes away in the middle of it.
    CutAnswer,
    Garbage,
    Endless,
    TooLong,
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        6 => Just(Mood::Good),
        2 => (1_u64..4).prop_map(Mood::Partial),
        3 => prop::sample::select(vec![400, 401, 429, 500, 502, 503, 504, 307]).prop_map(Mood::Status),
        2 => Just(Mood::Narrow),
        1 => Just(Mood::Cut),
        1 => Just(Mood::CutAnswer),
        1 => Just(Mood::Garbage),
        1 => Just(Mood::Endless),
        1 => Just(Mood::TooLong),
    ]
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Log,
    Span,
    Error,
    SampledOut,
    /// One that the encoder loses, or chokes on.
    Lose,
    Panic,
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => Just(Step::Log),
        10 => Just(Step::Span),
        4 => Just(Step::Error),
        2 => Just(Step::SampledOut),
        1 => Just(Step::Lose),
        1 => Just(Step::Panic),
        1 => Just(Step::Flush),
    ]
}

#[derive(Debug, Clone)]
struct Round {
    /// What each thread does.
    load: Vec<Vec<Step>>,
    /// One for each request, over and over.
    moods: Vec<Mood>,
    limits: (usize, usize, usize),
    gives_up_at_once: bool,
    reports: bool,
    /// The blocks that a spool may have, if there is one.
    spool: Option<u64>,
    ends_with_a_flush: bool,
}

fn round() -> impl Strategy<Value = Round> {
    let load = prop::collection::vec(prop::collection::vec(step(), 0..40), 1..3);
    let moods = prop::collection::vec(mood(), 1..12);
    let limits = (1_usize..60, 0_usize..20, 1_usize..20);
    let spool = prop::option::of(0_u64..6);
    (load, moods, limits, any::<bool>(), any::<bool>(), any::<bool>(), spool).prop_map(
        |(load, moods, limits, gives_up_at_once, reports, ends_with_a_flush, spool)| Round {
            load,
            moods,
            limits,
            gives_up_at_once,
            reports,
            spool,
            ends_with_a_flush,
        },
    )
}

/// A receiver in these moods, and the number of items that it has acknowledged.
fn receiver(moods: Vec<Mood>) -> (Server, Arc<AtomicU64>) {
    let acknowledged = Arc::new(AtomicU64::new(0));
    let ledger = Arc::clone(&acknowledged);
    let server = Server::start(move |number, seen| {
        // A report of losses is in no book.
        let items = seen.items().iter().filter(|item| **item != "telemetry was lost").count() as u64;
        let (reply, taken) = match moods[number % moods.len()] {
            Mood::Partial(refused) => (partial(seen, refused), items.saturating_sub(refused)),
            Mood::Status(status) => (Reply::Status(status), 0),
            Mood::Narrow if seen.items().len() > 2 => (Reply::Status(413), 0),
            Mood::Good | Mood::Narrow => (Reply::Status(200), items),
            Mood::Cut => (Reply::Cut, 0),
            Mood::CutAnswer => (Reply::CutAnswer, items),
            Mood::Garbage => (Reply::Garbage, 0),
            Mood::Endless => (Reply::Endless, items),
            Mood::TooLong => (Reply::TooLong, items),
        };
        ledger.fetch_add(taken, Ordering::Relaxed);
        reply
    });
    (server, acknowledged)
}

fn partial(seen: &Seen, refused: u64) -> Reply {
    let refused = i64::try_from(refused).unwrap();
    let error_message = String::new();
    let body = if seen.path.ends_with("traces") {
        let partial_success = Some(ExportTracePartialSuccess { rejected_spans: refused, error_message });
        ExportTraceServiceResponse { partial_success }.encode_to_vec()
    } else {
        let partial_success = Some(ExportLogsPartialSuccess { rejected_log_records: refused, error_message });
        ExportLogsServiceResponse { partial_success }.encode_to_vec()
    };
    Reply::Full(200, ("content-type", "application/x-protobuf".to_owned()), body)
}

/// Does one thread's part; says how much it recorded.
fn work(pipeline: &Pipeline, thread: usize, steps: &[Step]) -> u64 {
    let mut recorded = 0;
    let mut last = Stats::default();
    for (number, step) in steps.iter().enumerate() {
        let name = format!("{thread}.{number}");
        recorded += 1;
        match step {
            Step::Log => pipeline.push(log(&name)),
            Step::Span => pipeline.push(span(&name)),
            Step::Error => pipeline.push(error(&name)),
            Step::SampledOut => pipeline.count_sampled_out(),
            Step::Lose => pipeline.push(span("lose")),
            Step::Panic => pipeline.push(log("panic")),
            Step::Flush => {
                recorded -= 1;
                let _ = pipeline.flush(Duration::from_millis(1));
            }
        }
        let stats = pipeline.stats();
        books(&stats);
        monotone(&last, &stats);
        last = stats;
    }
    recorded
}

fn play(round: &Round) {
    let (server, acknowledged) = receiver(round.moods.clone());
    let (max_items, error_reserve, batch_items) = round.limits;
    let directory = TempDir::new().unwrap();
    let spool = |blocks: u64| SpoolSettings {
        path: directory.path().to_owned(),
        max_bytes: blocks * 4096,
        max_age: HANG_GUARD,
    };
    let mut settings = Settings {
        interval: Duration::from_micros(200),
        spool: round.spool.map(spool),
        retry_for: if round.gives_up_at_once { Duration::ZERO } else { HANG_GUARD },
        delays: Delays { first: Duration::from_micros(50), longest: Duration::from_micros(500) },
        report_losses: round.reports.then_some(Duration::ZERO),
        limits: Limits { max_items, error_reserve, batch_items, ..Limits::default() },
        ..settings(&server.url())
    };
    let _said = listen(&mut settings);
    let pipeline = Pipeline::start(settings, Box::new(Lines), None).unwrap();
    let recorded: u64 = thread::scope(|scope| {
        let threads: Vec<_> = round.load.iter().enumerate().collect();
        let threads = threads.into_iter().map(|(thread, steps)| {
            let pipeline = &pipeline;
            scope.spawn(move || work(pipeline, thread, steps))
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    if round.ends_with_a_flush {
        let _ = pipeline.flush(HANG_GUARD);
    }
    let _ = pipeline.shutdown(HANG_GUARD);
    let stats = until(&pipeline, "at rest", |stats| stats.queued == 0);

    assert_eq!(stats.produced, recorded, "{stats:?}");
    assert_eq!(stats.exported, acknowledged.load(Ordering::Relaxed), "{stats:?}");
    // What never arrived was counted as lost.
    let arrived: HashSet<_> = server.taken().into_iter().collect();
    let names = round.load.iter().enumerate().flat_map(|(thread, steps)| {
        let kept = |step: &Step| matches!(step, Step::Log | Step::Span | Step::Error);
        let numbers = steps.iter().enumerate().filter(move |(_, step)| kept(step));
        numbers.map(move |(number, _)| format!("{thread}.{number}"))
    });
    let missing = names.filter(|name| !arrived.contains(name)).count() as u64;
    let lost = stats.dropped.total() - stats.dropped.sampled_out;
    assert!(missing <= lost + stats.spooled, "{missing} missing: {stats:?}");

    // What was left on disk is what the next one finds.
    let (server, _) = receiver(vec![Mood::Good]);
    let next = Settings { spool: round.spool.map(|_| spool(1 << 20)), ..super::settings(&server.url()) };
    let next = Pipeline::start(next, Box::new(Lines), None).unwrap();
    let _ = next.flush(HANG_GUARD);
    // The first lets go of it when its worker is gone, which may be a moment after the end.
    let found = until(&next, "what was left on disk", |found| {
        let _ = next.flush(HANG_GUARD);
        (found.produced, found.exported) == (stats.spooled, stats.spooled)
    });
    books(&found);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_books_agree_with_the_receiver_in_a_thousand_rounds(round in round()) {
        play(&round);
    }
}

#[test]
fn a_full_queue_keeps_errors_and_counts_the_rest() {
    let server = Server::reluctant(|| Reply::Hang);
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
