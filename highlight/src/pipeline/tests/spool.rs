//! The spool under a pipeline: outages, ends and next starts, over real sockets and a real directory.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use tempfile::TempDir;

use super::*;
use crate::pipeline::{retry::Delays, spool::SpoolSettings};

/// A server that is away until it is given another status.
fn switched() -> (Server, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(503));
    let says = Arc::clone(&status);
    (Server::start(move |_, _| Reply::Status(says.load(Ordering::Relaxed))), status)
}

fn spooling(server: &Server, directory: &Path) -> Settings {
    let max_age = Duration::from_secs(3600);
    let spool = SpoolSettings { path: directory.to_owned(), max_bytes: 64 << 20, max_age };
    Settings {
        spool: Some(spool),
        interval: Duration::from_millis(5),
        delays: Delays { first: Duration::from_millis(20), longest: Duration::from_millis(50) },
        ..settings(&server.url())
    }
}

fn patiently(settings: Settings) -> Settings {
    let never = Duration::from_secs(3600);
    Settings { delays: Delays { first: never, longest: never }, ..settings }
}

fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).unwrap().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "batch")).count()
}

#[test]
fn an_outage_is_spent_on_disk_and_everything_arrives_in_order() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    let pipeline = start(patiently(spooling(&server, directory.path())));
    for name in ["a", "b", "c"] {
        pipeline.push(span(name));
        // Due, although the next try is an hour away.
        let stats = until(&pipeline, "on disk", |stats| stats.queued == 0);
        assert_eq!((stats.spooled, stats.dropped.total()), (stats.produced, 0));
    }
    assert_eq!(files(directory.path()), 3);
    assert_eq!(server.seen().len(), 1, "the endpoint is left alone");
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 3 }));
    status.store(200, Ordering::Relaxed);
    pipeline.flush(HANG_GUARD).unwrap();
    let stats = pipeline.stats();
    assert_eq!((stats.exported, stats.spooled), (3, 0));
    assert_eq!(server.taken(), ["a", "b", "c"]);
    assert_eq!(files(directory.path()), 0);
}

#[test]
fn the_end_of_an_outage_needs_no_call() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    let pipeline = start(spooling(&server, directory.path()));
    pipeline.push(error("a"));
    until(&pipeline, "on disk", |stats| stats.spooled == 1);
    server.wait_for(4);
    assert_eq!(files(directory.path()), 1, "tried again, not written again");
    status.store(200, Ordering::Relaxed);
    until(&pipeline, "delivered", |stats| stats.exported == 1);
    assert_eq!(server.taken(), ["a"]);
}

#[test]
fn what_the_end_could_not_deliver_the_next_start_does_oldest_first() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    for names in [["a", "b"], ["c", "d"]] {
        let mut settings = patiently(spooling(&server, directory.path()));
        settings.limits.batch_items = 1;
        settings.interval = Duration::from_secs(3600);
        let pipeline = start(settings);
        until(&pipeline, "found what was there", |stats| stats.spooled == stats.produced);
        for name in names {
            pipeline.push(span(name));
        }
        assert!(pipeline.shutdown(HANG_GUARD).is_err());
        let stats = pipeline.stats();
        books(&stats);
        assert_eq!((stats.queued, stats.dropped.total(), stats.spooled), (0, 0, stats.produced));
    }
    assert_eq!(files(directory.path()), 4);
    status.store(200, Ordering::Relaxed);
    let pipeline = start(spooling(&server, directory.path()));
    let stats = until(&pipeline, "delivered", |stats| stats.exported == 4);
    assert_eq!((stats.produced, stats.spooled), (4, 0), "produced where they are found");
    assert_eq!(server.taken(), ["a", "b", "c", "d"]);
    pipeline.shutdown(HANG_GUARD).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn at_the_end_one_failure_is_enough_and_there_is_time_to_write() {
    for reply in [Reply::Hang, Reply::Status(503)] {
        let directory = TempDir::new().unwrap();
        let says = reply.clone();
        let server = Server::start(move |_, _| says.clone());
        let settings = Settings {
            interval: Duration::from_secs(3600),
            limits: Limits { batch_items: 10, ..Limits::default() },
            ..spooling(&server, directory.path())
        };
        let pipeline = start(settings);
        for name in ["a", "b", "c"] {
            pipeline.push(span(name));
            pipeline.push(log(name));
        }
        assert!(promptly(|| pipeline.shutdown(Duration::from_secs(4))).is_err());
        let stats = pipeline.stats();
        books(&stats);
        assert_eq!((stats.spooled, stats.dropped.total()), (6, 0), "{reply:?}: {stats:?}");
        assert_eq!(server.seen().len(), 1, "{reply:?}");
    }
}

#[test]
fn a_request_that_hangs_when_the_end_comes_costs_nothing_that_waits_behind_it() {
    let directory = TempDir::new().unwrap();
    let server = Server::start(|_, _| Reply::Hang);
    let mut settings = spooling(&server, directory.path());
    settings.transport.timeout = HANG_GUARD;
    settings.limits = Limits { batch_items: 2, ..Limits::default() };
    let pipeline = start(settings);
    pipeline.push(span("hangs"));
    server.wait_for(1);
    for name in ["a", "b", "c", "d", "e"] {
        pipeline.push(span(name));
    }
    let outcome = promptly(|| pipeline.shutdown(Duration::from_secs(2)));
    assert_eq!(outcome, Err(FlushError::Undelivered { items: 6 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.spooled, stats.dropped.total()), (6, 0), "{stats:?}");

    let healed = Server::start(|_, _| Reply::Status(200));
    let next = start(spooling(&healed, directory.path()));
    until(&next, "delivered", |stats| stats.exported == 6);
    assert_eq!(healed.taken(), ["hangs", "a", "b", "c", "d", "e"]);
}

/// What a process could not deliver, each item in a file of its own.
fn leave_fifty_in(directory: &Path) {
    let (server, _) = switched();
    let mut settings = patiently(spooling(&server, directory));
    settings.limits.batch_items = 1;
    let pipeline = start(settings);
    for number in 0..50 {
        pipeline.push(span(&format!("old {number}")));
    }
    until(&pipeline, "on disk", |stats| stats.spooled == 50);
    pipeline.shutdown(HANG_GUARD).unwrap_err();
}

#[test]
fn fresh_telemetry_does_not_wait_for_the_old() {
    let directory = TempDir::new().unwrap();
    leave_fifty_in(directory.path());

    // Fresh ones come whenever one arrives.
    let pushes = Arc::new(Mutex::new(None::<Pipeline>));
    let pusher = Arc::clone(&pushes);
    let second = Server::start(move |number, _| {
        if let Some(pipeline) = &*pusher.lock().unwrap() {
            if number < 30 {
                pipeline.push(span(&format!("fresh {number}")));
            }
        }
        Reply::Status(200)
    });
    let mut settings = spooling(&second, directory.path());
    settings.interval = Duration::from_secs(3600);
    let pipeline = {
        let mut slot = pushes.lock().unwrap();
        slot.insert(start(settings)).clone()
    };
    until(&pipeline, "delivered", |stats| stats.exported == 80);
    pushes.lock().unwrap().take();
    let requests: Vec<_> = second.seen().iter().map(|seen| seen.body.clone()).collect();
    for number in 0..29 {
        let fresh = requests.iter().position(|body| body.contains(&format!("fresh {number}\n"))).unwrap();
        assert!(fresh <= number + 2, "fresh {number} was request {fresh}: {requests:?}");
    }
}

#[test]
fn the_end_does_not_wait_for_a_flush_of_the_old() {
    let directory = TempDir::new().unwrap();
    leave_fifty_in(directory.path());

    let slow = Server::start(|_, _| Reply::Slow(Duration::from_millis(400)));
    let pipeline = start(spooling(&slow, directory.path()));
    pipeline.flush(Duration::from_millis(1)).unwrap_err();
    slow.wait_for(2);
    pipeline.push(span("fresh"));
    let outcome = promptly(|| pipeline.shutdown(Duration::from_secs(5)));
    assert!(matches!(outcome, Err(FlushError::Undelivered { .. })), "{outcome:?}");
    let stats = pipeline.stats();
    assert_eq!(stats.dropped.total(), 0, "{stats:?}");
    assert!(slow.items().contains(&"fresh".to_owned()) && stats.spooled > 0, "{stats:?}");
}

#[test]
fn a_stored_request_is_judged_like_any_other() {
    type Judged = (u16, fn(&Stats) -> u64);
    let table: [Judged; 2] = [(400, |stats| stats.dropped.rejected), (413, |stats| stats.dropped.too_large)];
    for (verdict, counter) in table {
        let directory = TempDir::new().unwrap();
        let (server, status) = switched();
        let pipeline = start(patiently(spooling(&server, directory.path())));
        for name in ["a", "b"] {
            pipeline.push(span(name));
        }
        assert!(pipeline.flush(HANG_GUARD).is_err());
        status.store(verdict, Ordering::Relaxed);
        assert!(pipeline.flush(HANG_GUARD).is_err());
        let stats = pipeline.stats();
        books(&stats);
        assert_eq!((counter(&stats), stats.spooled, stats.queued), (2, 0, 0), "{stats:?}");
        assert_eq!(files(directory.path()), 0);
    }
}

#[test]
fn halves_of_a_stored_request_are_on_disk_before_the_whole_goes() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_owned();
    let on_disk = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&on_disk);
    let server = Server::start(move |_, request| {
        seen.lock().unwrap().push((request.items().len(), files(&path)));
        Reply::Status(if request.items().len() > 1 { 413 } else { 503 })
    });
    let mut settings = patiently(spooling(&server, directory.path()));
    settings.limits.batch_items = 2;
    settings.interval = Duration::from_secs(3600);
    let (away, status) = switched();
    let pipeline = start(patiently(Settings {
        interval: Duration::from_secs(3600),
        ..spooling(&away, directory.path())
    }));
    for name in ["a", "b"] {
        pipeline.push(span(name));
    }
    pipeline.shutdown(HANG_GUARD).unwrap_err();
    drop(status);

    let pipeline = start(settings);
    let stats = until(&pipeline, "split", |stats| stats.spooled == 2 && server.seen().len() == 2);
    assert_eq!((stats.produced, stats.dropped.total()), (2, 0));
    assert_eq!(*on_disk.lock().unwrap(), [(2, 1), (1, 2)], "items of the request, files at that moment");
    assert_eq!(files(directory.path()), 2);
}

#[test]
fn size_and_age_have_their_limits_and_are_counted() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    let mut settings = patiently(spooling(&server, directory.path()));
    settings.limits.batch_items = 1;
    let limits = settings.spool.as_mut().unwrap();
    limits.max_bytes = 2 * 4096;
    let said = listen(&mut settings);
    let pipeline = start(settings);
    for name in ["a", "b", "c"] {
        pipeline.push(span(name));
    }
    let stats = until(&pipeline, "evicted", |stats| stats.spooled == 2 && stats.queued == 0);
    assert_eq!(stats.dropped.spool, 1);
    assert!(said.lock().unwrap().iter().any(|(_, line)| line.contains("no room")), "{said:?}");
    pipeline.shutdown(HANG_GUARD).unwrap_err();

    status.store(200, Ordering::Relaxed);
    let mut settings = spooling(&server, directory.path());
    settings.spool.as_mut().unwrap().max_age = Duration::ZERO;
    thread::sleep(Duration::from_millis(2));
    let pipeline = start(settings);
    let stats = until(&pipeline, "expired", |stats| stats.dropped.expired == 2);
    assert_eq!((stats.produced, stats.spooled), (2, 0));
    assert_eq!(server.taken(), [""; 0]);
}

#[test]
fn a_spool_that_cannot_be_written_costs_nothing_that_memory_keeps() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let (server, status) = switched();
    let mut settings = spooling(&server, &file);
    let said = listen(&mut settings);
    let pipeline = start(settings);
    for name in ["a", "b"] {
        pipeline.push(error(name));
    }
    server.wait_for(4);
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.queued, stats.spooled, stats.dropped.total()), (2, 0, 0));
    status.store(200, Ordering::Relaxed);
    until(&pipeline, "delivered", |stats| stats.exported == 2);
    let lines = said.lock().unwrap().clone();
    let about = lines.iter().filter(|(_, line)| line.contains("spool"));
    assert_eq!(about.count(), 1, "said once: {lines:?}");
}

#[test]
fn two_pipelines_in_one_directory_deliver_each_item_once() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    let pipelines = [0; 2].map(|_| start(spooling(&server, directory.path())));
    for (number, pipeline) in pipelines.iter().enumerate() {
        for item in 0..20 {
            pipeline.push(span(&format!("{number}.{item}")));
        }
        until(pipeline, "on disk", |stats| stats.spooled == 20);
    }
    status.store(200, Ordering::Relaxed);
    for pipeline in &pipelines {
        until(pipeline, "delivered", |stats| stats.exported == 20);
    }
    let mut arrived = server.taken();
    arrived.sort();
    let before = arrived.len();
    arrived.dedup();
    assert_eq!((before, arrived.len()), (40, 40));
}

#[test]
fn a_report_of_losses_goes_to_disk_and_stays_uncounted() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    let settings =
        Settings { report_losses: Some(Duration::ZERO), ..patiently(spooling(&server, directory.path())) };
    let pipeline = start(settings);
    pipeline.push(span("lose"));
    pipeline.push(span("a"));
    pipeline.shutdown(HANG_GUARD).unwrap_err();
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.spooled, stats.dropped.internal), (1, 1));
    status.store(200, Ordering::Relaxed);
    let next = start(spooling(&server, directory.path()));
    server_has(&server, &["a", "telemetry was lost"]);
    let stats = until(&next, "delivered", |stats| stats.exported == 1);
    assert_eq!(stats.produced, 1);
}

fn server_has(server: &Server, items: &[&str]) {
    let give_up = Instant::now() + HANG_GUARD;
    while server.taken() != items {
        assert!(Instant::now() < give_up, "{:?}", server.taken());
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_was_on_its_way_when_the_worker_panics_is_not_lost_on_disk() {
    let directory = TempDir::new().unwrap();
    let (server, status) = switched();
    let pipeline = start(patiently(spooling(&server, directory.path())));
    pipeline.push(span("a"));
    until(&pipeline, "on disk", |stats| stats.spooled == 1);
    pipeline.push(span("panic"));
    let stats = until(&pipeline, "contained", |stats| stats.dropped.internal == 1);
    assert_eq!(stats.spooled, 1);
    status.store(200, Ordering::Relaxed);
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(server.taken(), ["a"]);
}
