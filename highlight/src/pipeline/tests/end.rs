//! Flush and shutdown: their deadlines, and what becomes of the rest.

use std::{
    sync::mpsc,
    task::{Context, Poll, Wake, Waker},
};

use super::*;
use crate::pipeline::Deadline;

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
    let server = Server::reluctant(|| Reply::Full(503, ("retry-after", "300".to_owned()), Vec::new()));
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
