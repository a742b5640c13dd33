use proptest::prelude::*;

use super::*;
use crate::pipeline::lane::Chunk;
use crate::pipeline::tests::items::{error, log, span};

const HOUR: Duration = Duration::from_secs(3600);

fn queue(limits: Limits) -> Queue {
    Queue::new(limits, HOUR)
}

fn small() -> Limits {
    Limits { max_items: 10, error_reserve: 3, batch_items: 4, ..Limits::default() }
}

/// The names in a batch: errors with their message, logs with their body.
fn names(batch: Option<Batch>) -> Vec<String> {
    match batch {
        None => Vec::new(),
        Some(Batch::Spans(chunks)) => {
            chunks.into_iter().flat_map(Chunk::into_items).map(|span| span.name.into_owned()).collect()
        }
        Some(Batch::Logs(chunks)) => chunks
            .into_iter()
            .flat_map(Chunk::into_items)
            .map(|log| match log.exception {
                Some(exception) => exception.message,
                None => log.body.into_owned(),
            })
            .collect(),
    }
}

fn due(queue: &Queue) -> Due {
    lock(&queue.state).everything()
}

#[test]
fn a_flood_leaves_the_reserve_to_errors() {
    let queue = queue(small());
    for n in 0..20 {
        queue.push(log(&n.to_string()));
    }
    assert_eq!(queue.stats().queued, 7);
    for n in 0..3 {
        queue.push(error(&n.to_string()));
    }
    let stats = queue.stats();
    assert_eq!((stats.queued, stats.dropped.queue_full), (10, 13));
}

#[test]
fn an_error_takes_the_place_of_the_newest_item_that_is_none() {
    let queue = queue(small());
    for name in ["l1", "l2", "l3"] {
        queue.push(log(name));
    }
    for name in ["s1", "s2", "s3", "s4"] {
        queue.push(span(name));
    }
    for n in 0..5 {
        queue.push(error(&format!("e{n}")));
    }
    // Three fit the reserve; two took the places of s4 (the longer lane) and s3 (spans first if equal).
    assert_eq!(queue.stats().dropped.queue_full, 2);
    let mut due = due(&queue);
    assert_eq!(names(queue.take(&mut due)), ["e0", "e1", "e2", "e3"]);
    assert_eq!(names(queue.take(&mut due)), ["e4", "l1", "l2", "l3"]);
    assert_eq!(names(queue.take(&mut due)), ["s1", "s2"]);
    assert!(queue.take(&mut due).is_none());
}

#[test]
fn when_only_errors_are_left_the_newest_is_dropped() {
    let queue = queue(small());
    for n in 0..12 {
        queue.push(error(&n.to_string()));
    }
    let stats = queue.stats();
    assert_eq!((stats.queued, stats.dropped.queue_full), (10, 2));
    let mut due = due(&queue);
    assert_eq!(names(queue.take(&mut due)), ["0", "1", "2", "3"]);
}

#[test]
fn bytes_are_bounded_like_items() {
    let limits = Limits { max_bytes: 100_000, max_items: 100, error_reserve: 20, ..Limits::default() };
    let queue = queue(limits);
    let text = "x".repeat(30_000);
    for _ in 0..5 {
        queue.push(log(&text));
    }
    // 80,000 bytes without the reserve: two of them.
    assert_eq!(queue.stats().queued, 2);
    queue.push(error(&text));
    assert_eq!(queue.stats().queued, 3, "into the reserve");
    queue.push(error(&text));
    assert_eq!(queue.stats().queued, 3, "in exchange for a log");
    queue.push(log(&"x".repeat(90_000)));
    queue.push(error(&"x".repeat(110_000)));
    let dropped = queue.stats().dropped;
    assert_eq!((dropped.queue_full, dropped.too_large), (4, 2));
}

#[test]
fn a_batch_is_bounded_but_never_empty() {
    let limits = Limits { batch_bytes: 50_000, ..Limits::default() };
    let queue = queue(limits);
    for size in [60_000, 20_000, 20_000, 20_000] {
        queue.push(span(&"x".repeat(size)));
    }
    let mut due = due(&queue);
    let sizes: Vec<_> = std::iter::from_fn(|| queue.take(&mut due)).map(|batch| batch.len()).collect();
    assert_eq!(sizes, [1, 2, 1]);
}

#[test]
fn logs_and_spans_take_turns() {
    let queue = queue(Limits { batch_items: 2, ..Limits::default() });
    for n in 0..4 {
        queue.push(log(&format!("l{n}")));
        queue.push(span(&format!("s{n}")));
    }
    let mut nothing = Due::default();
    let order: Vec<_> =
        std::iter::from_fn(|| queue.take(&mut nothing)).map(|batch| names(Some(batch)).concat()).collect();
    assert_eq!(order, ["l0l1", "s0s1", "l2l3", "s2s3"]);
}

#[test]
fn less_than_a_batch_waits_until_it_is_due() {
    let queue = queue(small());
    queue.push(span("s"));
    queue.push(log("l"));
    assert!(queue.take(&mut Due::default()).is_none());
    let mut due = due(&queue);
    queue.push(span("later"));
    assert!(!due.is_empty());
    assert_eq!(names(queue.take(&mut due)), ["l"]);
    assert_eq!(names(queue.take(&mut due)), ["s", "later"]);
    assert!(due.is_empty());
}

/// What the worker gets to send, at a moment of its choice.
fn work(queue: &Queue, collect_at: Option<Instant>) -> Due {
    match queue.next_call(Sleep::UntilWork { wake_at: collect_at }) {
        Call::Work(due) => due,
        call => panic!("{call:?}"),
    }
}

#[test]
fn the_interval_goes_on_while_there_is_something_else_to_do() {
    const INTERVAL: Duration = Duration::from_millis(20);
    let queue = Queue::new(small(), INTERVAL);
    let collect_now = || Some(Instant::now());
    // Longer than the time between two collections.
    queue.push(log("l"));
    let _ = work(&queue, collect_now());
    std::thread::sleep(INTERVAL);
    assert_eq!(names(queue.take(&mut work(&queue, collect_now()))), ["l"]);
    // An error now and again.
    queue.push(span("s"));
    queue.push(error("e1"));
    let mut due = work(&queue, None);
    assert_eq!(names(queue.take(&mut due)), ["e1"]);
    std::thread::sleep(INTERVAL);
    queue.push(error("e2"));
    let mut due = work(&queue, None);
    assert_eq!(names(queue.take(&mut due)), ["e2"]);
    assert_eq!(names(queue.take(&mut due)), ["s"]);
}

#[test]
fn an_interval_ends_with_what_it_was_for() {
    let queue = queue(small());
    queue.push(log("l"));
    queue.push(error("e"));
    assert!(work(&queue, None).is_empty(), "the error is urgent, and the log not due");
    assert!(lock(&queue.state).linger_until.is_some());
    assert_eq!(names(queue.take(&mut Due::default())), ["e", "l"]);
    assert_eq!(lock(&queue.state).linger_until, None);
}

#[test]
fn a_stream_of_errors_does_not_hold_up_what_is_due() {
    let queue = queue(small());
    queue.push(span("s"));
    queue.push(error("e0"));
    let mut due = due(&queue);
    let mut order = Vec::new();
    while !due.is_empty() && order.len() < 5 {
        order.extend(names(queue.take(&mut due)));
        queue.push(error("later"));
    }
    assert_eq!(order, ["e0", "s"]);
}

#[test]
fn who_waits_for_a_flush_is_handed_over_to_the_end() {
    let queue = queue(small());
    let flush = queue.request_flush();
    queue.request_stop(Deadline::after(HOUR));
    let Call::Stop(stop, tickets, _) = queue.next_call(Sleep::UntilWork { wake_at: None }) else {
        panic!("the end was asked for");
    };
    let outcome = Err(FlushError::Undelivered { items: 1 });
    tickets.iter().chain([&stop.ticket]).for_each(|ticket| ticket.resolve(outcome));
    queue.finish();
    assert_eq!(flush.wait(Deadline::after(HOUR)), Some(outcome));
}

#[test]
fn while_the_endpoint_is_away_only_a_caller_wakes_the_worker() {
    let queue = queue(small());
    queue.push(error("e"));
    let until = Instant::now() + Duration::from_millis(20);
    assert!(matches!(queue.next_call(Sleep::BackOff { until }), Call::Work(_)));
    assert!(Instant::now() >= until, "the error did not shorten the wait");
    queue.request_flush();
    let until = Instant::now() + HOUR;
    assert!(matches!(queue.next_call(Sleep::BackOff { until }), Call::Flush(..)));
    queue.request_stop(Deadline::after(HOUR));
    assert!(matches!(queue.next_call(Sleep::BackOff { until }), Call::Stop(..)));
}

#[test]
fn a_worker_that_dies_leaves_balanced_books_and_nobody_waiting() {
    let queue = queue(small());
    queue.push(error("taken"));
    let batch = queue.take(&mut Due::default());
    assert_eq!(names(batch), ["taken"]);
    queue.push(log("waiting"));
    let ticket = queue.request_flush();
    queue.finish();
    let stats = queue.stats();
    assert_eq!((stats.dropped.internal, stats.queued), (2, 0));
    let outcome = ticket.wait(Deadline::after(HOUR));
    assert_eq!(outcome, Some(Err(FlushError::Undelivered { items: 2 })));
    queue.push(log("late"));
    assert_eq!(queue.stats().dropped.shut_down, 1);
    assert!(!queue.is_running());
    for ticket in [queue.request_flush(), queue.request_stop(Deadline::after(HOUR))] {
        assert_eq!(ticket.wait(Deadline::after(HOUR)), Some(Ok(())));
    }
}

#[derive(Debug, Clone)]
enum Step {
    Log(usize),
    Span(usize),
    Error(usize),
    Take,
    Abandon,
}

fn step() -> impl Strategy<Value = Step> {
    let size = 0_usize..3000;
    prop_oneof![
        10 => size.clone().prop_map(Step::Log),
        10 => size.clone().prop_map(Step::Span),
        5 => size.prop_map(Step::Error),
        4 => Just(Step::Take),
        1 => Just(Step::Abandon),
    ]
}

proptest! {
    #[test]
    fn the_bounds_hold_and_the_books_balance(
        steps in prop::collection::vec(step(), 0..200),
        max_items in 1_usize..40,
        error_reserve in 0_usize..50,
        max_bytes in 500_usize..60_000,
        batch_items in 0_usize..20,
    ) {
        let limits = Limits { max_items, max_bytes, error_reserve, batch_items, batch_bytes: 5000 };
        let queue = queue(limits);
        let mut pushed = 0;
        for step in steps {
            let text = |size| "x".repeat(size);
            let item = match step {
                Step::Log(size) => Some(log(&text(size))),
                Step::Span(size) => Some(span(&text(size))),
                Step::Error(size) => Some(error(&text(size))),
                Step::Take => {
                    let mut due = due(&queue);
                    if let Some(batch) = queue.take(&mut due) {
                        queue.settle(batch.len(), Fate::Exported);
                    }
                    None
                }
                Step::Abandon => {
                    queue.abandon(Ok(()));
                    None
                }
            };
            if let Some(item) = item {
                queue.push(item);
                pushed += 1;
            }
            let stats = queue.stats();
            prop_assert_eq!(stats.produced, pushed);
            prop_assert_eq!(stats.produced, stats.exported + stats.dropped.total() + stats.queued);
            let state = lock(&queue.state);
            prop_assert!(state.waiting() <= max_items);
            prop_assert!(state.bytes() <= max_bytes);
        }
    }
}
