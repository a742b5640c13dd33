//! The queue and the flush hand-shake under every order in which threads may run: see [`sync`](super::super::sync).
//!
//! A wake-up that gets lost shows as a deadlock, which the checker reports.

use std::time::Duration;

use loom::thread;

use super::*;
use crate::pipeline::{
    sync::Arc,
    tests::items::{error, log},
};

const NEVER: Duration = Duration::MAX;
const HOUR: Duration = Duration::from_secs(3600);

/// Runs the model under every order with at most three switches that nobody asked for.
fn model(check: impl Fn(Arc<Queue>) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let limits = Limits { batch_items: 2, ..Limits::default() };
        check(Arc::new(Queue::new(limits, HOUR)));
    });
}

fn spawn<T: 'static>(queue: &Arc<Queue>, work: impl FnOnce(&Queue) -> T + 'static) -> thread::JoinHandle<T> {
    let queue = Arc::clone(queue);
    thread::spawn(move || work(&queue))
}

fn next_call(queue: &Queue) -> Call {
    queue.next_call(Sleep::UntilWork { wake_at: None })
}

/// Delivers what is due, as the worker does.
fn deliver(queue: &Queue, mut due: Due) {
    while let Some(batch) = queue.take(&mut due) {
        queue.settle(batch.len(), Fate::Exported);
    }
}

/// The worker's life: until it is told to stop.
fn serve(queue: &Queue) {
    loop {
        match next_call(queue) {
            Call::Work(due) => deliver(queue, due),
            Call::Flush(tickets, due) => {
                deliver(queue, due);
                for ticket in tickets {
                    ticket.resolve(Ok(()));
                }
            }
            Call::Stop(stop, tickets, due) => {
                deliver(queue, due);
                tickets.iter().chain([&stop.ticket]).for_each(|ticket| ticket.resolve(Ok(())));
                queue.finish();
                return;
            }
        }
    }
}

fn flush(queue: &Queue) -> Option<Flushed> {
    queue.request_flush().wait(Deadline::after(NEVER))
}

fn stop(queue: &Queue) -> Option<Flushed> {
    let deadline = Deadline::after(NEVER);
    queue.request_stop(deadline).wait(deadline)
}

/// Everything is in its place, and nothing is left.
fn settled(queue: &Queue, produced: u64) -> Stats {
    let stats = queue.stats();
    assert_eq!((stats.produced, stats.queued), (produced, 0), "{stats:?}");
    assert_eq!(stats.produced, stats.exported + stats.dropped.total(), "{stats:?}");
    stats
}

#[test]
fn an_error_wakes_a_worker_that_sleeps_or_is_about_to() {
    model(|queue| {
        let pusher = spawn(&queue, |queue| queue.push(error("e")));
        let Call::Work(due) = next_call(&queue) else { panic!("nobody called") };
        deliver(&queue, due);
        assert!(pusher.join().unwrap());
        assert_eq!(settled(&queue, 1).exported, 1);
    });
}

#[test]
fn a_full_batch_wakes_a_worker_that_waits_for_its_interval() {
    model(|queue| {
        let pushers = [(); 2].map(|()| spawn(&queue, |queue| queue.push(log("l"))));
        let Call::Work(due) = next_call(&queue) else { panic!("nobody called") };
        deliver(&queue, due);
        for pusher in pushers {
            pusher.join().unwrap();
        }
        assert_eq!(settled(&queue, 2).exported, 2);
    });
}

#[test]
fn what_was_pushed_before_a_flush_is_delivered_by_it() {
    model(|queue| {
        let caller = spawn(&queue, |queue| {
            queue.push(log("l"));
            assert_eq!(flush(queue), Some(Ok(())));
            queue.stats().exported
        });
        let Call::Flush(tickets, due) = next_call(&queue) else { panic!("one item is no reason to call") };
        deliver(&queue, due);
        tickets.iter().for_each(|ticket| ticket.resolve(Ok(())));
        assert_eq!(caller.join().unwrap(), 1);
    });
}

#[test]
fn what_is_pushed_while_the_end_comes_is_delivered_or_counted() {
    model(|queue| {
        let worker = spawn(&queue, serve);
        let pusher = spawn(&queue, |queue| queue.push(log("l")));
        assert_eq!(stop(&queue), Some(Ok(())));
        let in_time = pusher.join().unwrap();
        worker.join().unwrap();
        let stats = settled(&queue, 1);
        assert_eq!(stats.exported, u64::from(in_time));
    });
}

#[test]
fn nobody_waits_for_a_worker_that_has_ended() {
    model(|queue| {
        let worker = spawn(&queue, serve);
        let caller = spawn(&queue, flush);
        assert_eq!(stop(&queue), Some(Ok(())));
        assert_eq!(caller.join().unwrap(), Some(Ok(())));
        assert_eq!(stop(&queue), Some(Ok(())), "again");
        worker.join().unwrap();
        settled(&queue, 0);
    });
}

#[test]
fn who_gives_up_waiting_leaves_balanced_books() {
    model(|queue| {
        queue.push(log("l"));
        let worker = spawn(&queue, serve);
        queue.request_stop(Deadline::after(NEVER));
        queue.abandon(Ok(()));
        worker.join().unwrap();
        let stats = settled(&queue, 1);
        assert_eq!(stats.exported + stats.dropped.shut_down, 1);
    });
}
