//! Panics on the worker.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

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
fn a_panic_of_the_workers_own_costs_what_was_in_hand_and_telemetry_goes_on() {
    let server = Server::reluctant(|| Reply::Status(400));
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
