//! The one bounded queue between the request path and the worker, and the books.
//!
//! A push is one short lock: no I/O, no clock, no system call unless the worker must be woken. The books
//! live under the same lock as the items they count, so every snapshot balances, not only one at rest.
//!
//! Items wait in three lanes rather than in one list that the worker swaps whole: what the worker has not
//! sent yet stays where an error can still claim its place, and errors always leave first. Taking a batch
//! moves a few chunks of items under the lock.

use std::{
    mem,
    time::{Duration, Instant},
};

mod call;

pub(super) use self::call::{Batch, Call, Due, Sleep, Stop};
use super::{
    books::{Books, Fate},
    deadline::{self, Deadline},
    flush::{FlushError, Flushed, Ticket},
    lane::{Lane, Room},
    limits::Limits,
    sync::{AtomicU64, Condvar, Mutex, Ordering, lock, wait},
    trim::trim,
};
use crate::{
    record::{Entry, LogRecord, SpanRecord},
    stats::Stats,
};

/// See the module.
#[derive(Debug)]
pub(super) struct Queue {
    limits: Limits,
    interval: Duration,
    state: Mutex<State>,
    /// Only the worker waits on it.
    call: Condvar,
    /// Spans the sample rate left out. Counted on their own, because most requests may be such spans; a
    /// snapshot adds them to both sides.
    sampled_out: AtomicU64,
    suppressed: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    errors: Lane<LogRecord>,
    logs: Lane<LogRecord>,
    spans: Lane<SpanRecord>,
    books: Books,
    flushes: Vec<Ticket>,
    stop: Option<Stop>,
    /// The shutdown's caller has given up waiting.
    abandoned: bool,
    /// The worker is gone.
    finished: bool,
    alarm: Alarm,
    /// Whose turn it is if both logs (or errors) and spans are due: neither starves the other.
    spans_turn: bool,
    /// When the interval of what waits is over. It goes on while the worker is called for something else, or what
    /// waits would never be due.
    linger_until: Option<Instant>,
}

/// What the next push has to do to get the worker's attention.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    /// The worker will look by itself in time, or has been woken.
    #[default]
    Off,
    /// The worker sleeps until its interval is over: wake it for an error or a full batch.
    Urgent,
    /// The worker sleeps for as long as nothing is there: wake it for anything.
    Any,
}

impl Queue {
    pub(super) fn new(limits: Limits, interval: Duration) -> Self {
        Self {
            limits,
            interval,
            state: Mutex::default(),
            call: Condvar::new(),
            sampled_out: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Adds an item, or drops it and counts it; says whether the queue is open. Never waits for anything but the lock.
    ///
    /// What is left in its place is to be freed by the caller: an item's attributes take time, and the lock is everybody's.
    pub(super) fn enter(&self, mut item: Entry<'_>) -> bool {
        let weight = trim(&mut item);
        if let Entry::Log(error @ LogRecord { exception: Some(_), .. }) = item {
            return self.enter_error(error, weight);
        }
        let mut state = lock(&self.state);
        state.books.produced += 1;
        if !self.has_room(&mut state, weight) {
            return !state.is_closed();
        }
        match item {
            Entry::Span(item) => state.spans.push(item, weight),
            Entry::Log(item) => state.logs.push(item, weight),
        }
        self.raise_alarm(&mut state);
        true
    }

    /// The same of an error.
    #[cold]
    fn enter_error(&self, error: &mut LogRecord, weight: usize) -> bool {
        // Freed outside the lock, as what is left in the error's place.
        let mut evicted = Evicted::default();
        let mut state = lock(&self.state);
        state.books.produced += 1;
        if !self.make_room(&mut state, weight, &mut evicted) {
            return !state.is_closed();
        }
        state.errors.push(error, weight);
        self.raise_alarm(&mut state);
        true
    }

    #[cfg(test)]
    pub(super) fn push(&self, mut item: super::tests::items::Item) -> bool {
        self.enter(item.entry())
    }

    /// Whether there is room for an item that is no error. Counts the one for which there is none.
    fn has_room(&self, state: &mut State, weight: usize) -> bool {
        let limits = &self.limits;
        let max_items = limits.max_items.saturating_sub(limits.error_reserve);
        let max_bytes = limits.max_bytes - limits.reserved_bytes();
        if state.is_closed() {
            state.books.dropped.shut_down += 1;
        } else if weight > max_bytes {
            state.books.dropped.too_large += 1;
        } else if state.waiting() >= max_items || state.bytes() + weight > max_bytes {
            state.books.dropped.queue_full += 1;
        } else {
            return true;
        }
        false
    }

    /// The same of an error: in need of room it takes the place of what came last and is none.
    fn make_room(&self, state: &mut State, weight: usize, evicted: &mut Evicted) -> bool {
        let limits = &self.limits;
        let fits =
            |items: usize, bytes: usize| items < limits.max_items && bytes + weight <= limits.max_bytes;
        if state.is_closed() {
            state.books.dropped.shut_down += 1;
        } else if weight > limits.max_bytes {
            state.books.dropped.too_large += 1;
        } else if !fits(state.errors.len(), state.errors.bytes()) {
            state.books.dropped.queue_full += 1;
        } else {
            while !fits(state.waiting(), state.bytes()) {
                if !state.evict(evicted) {
                    break;
                }
                state.books.dropped.queue_full += 1;
            }
            return true;
        }
        false
    }

    fn raise_alarm(&self, state: &mut State) {
        let wake = match state.alarm {
            Alarm::Off => false,
            Alarm::Urgent => state.is_urgent(&self.limits),
            Alarm::Any => state.waiting() > 0,
        };
        if wake {
            state.alarm = Alarm::Off;
            self.call.notify_one();
        }
    }

    /// A span that the sample rate left out.
    pub(super) fn count_sampled_out(&self) {
        self.sampled_out.fetch_add(1, Ordering::Relaxed);
    }

    /// An error that had been reported already.
    pub(super) fn count_suppressed(&self) {
        self.suppressed.fetch_add(1, Ordering::Relaxed);
    }

    /// Metric data points that were just collected; they are in flight at once.
    pub(super) fn count_collected(&self, points: u64) {
        let mut state = lock(&self.state);
        state.books.produced += points;
        state.books.in_flight += points;
    }

    /// Items that were found on disk.
    pub(super) fn count_found(&self, items: u64) {
        let mut state = lock(&self.state);
        state.books.produced += items;
        state.books.spooled += items;
    }

    /// Items on disk are in hand again.
    pub(super) fn unspool(&self, items: u64) {
        let mut state = lock(&self.state);
        state.books.spooled -= items;
        state.books.in_flight += items;
    }

    /// Blocks until the worker has something to do.
    pub(super) fn next_call(&self, sleep: Sleep) -> Call {
        let mut state = lock(&self.state);
        loop {
            if let Some(stop) = state.stop.clone() {
                return Call::Stop(stop, mem::take(&mut state.flushes), state.everything());
            }
            if !state.flushes.is_empty() {
                state.linger_until = None;
                return Call::Flush(mem::take(&mut state.flushes), state.everything());
            }
            let now = Instant::now();
            let (alarm, wake_at) = match sleep {
                Sleep::BackOff { until } if until <= now => return Call::Work(Due::default()),
                Sleep::BackOff { until } => (Alarm::Off, Some(until)),
                Sleep::Not => {
                    state.linger_until = None;
                    return Call::Work(state.everything());
                }
                Sleep::UntilWork { wake_at } => {
                    let linger_until = state.linger(now, self.interval);
                    // Before anything else: there may be something urgent every time.
                    if linger_until.is_some_and(|at| at <= now) {
                        state.linger_until = None;
                        return Call::Work(state.everything());
                    }
                    if state.is_urgent(&self.limits) || wake_at.is_some_and(|at| at <= now) {
                        return Call::Work(Due::default());
                    }
                    match linger_until {
                        None => (Alarm::Any, wake_at),
                        Some(until) => (Alarm::Urgent, Some(wake_at.map_or(until, |at| at.min(until)))),
                    }
                }
            };
            state.alarm = alarm;
            state = wait(&self.call, state, wake_at.map(|at| at.saturating_duration_since(now)));
            state.alarm = Alarm::Off;
        }
    }

    /// Takes the next batch: a full one, one with errors, or one of what is due.
    ///
    /// Errors leave first, with the logs that fill their batch. Only a batch of spans that is due may come between
    /// those that keep coming.
    pub(super) fn take(&self, due: &mut Due) -> Option<Batch> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let full =
            |len: usize, bytes: usize| len >= self.limits.batch_items || bytes >= self.limits.batch_bytes;
        let errors = !state.errors.is_empty();
        let logs = !state.logs.is_empty() && (due.logs > 0 || full(state.logs.len(), state.logs.bytes()));
        let spans =
            !state.spans.is_empty() && (due.spans > 0 || full(state.spans.len(), state.spans.bytes()));
        let mut room = Room::new(self.limits.batch_items, self.limits.batch_bytes);
        // The errors that were there when the pass began, before all; those that come on, in turn with the spans.
        let errors_due = errors && due.errors > 0;
        let batch = if errors_due || ((errors || logs) && !(spans && state.spans_turn)) {
            let mut batch = Vec::new();
            let taken = state.errors.take_oldest(&mut room, &mut batch);
            due.errors = due.errors.saturating_sub(taken);
            let taken = state.logs.take_oldest(&mut room, &mut batch);
            due.logs = due.logs.saturating_sub(taken);
            Batch::Logs(batch)
        } else if spans {
            let mut batch = Vec::new();
            let taken = state.spans.take_oldest(&mut room, &mut batch);
            due.spans = due.spans.saturating_sub(taken);
            Batch::Spans(batch)
        } else {
            return None;
        };
        state.spans_turn = matches!(batch, Batch::Logs(_));
        state.books.in_flight += batch.len();
        if state.waiting() == 0 {
            state.linger_until = None;
        }
        Some(batch)
    }

    /// Takes back what a batch was in, empty, for what comes.
    pub(super) fn give_back(&self, batch: Batch) {
        let mut state = lock(&self.state);
        match batch {
            Batch::Logs(chunks) => state.logs.give_back(chunks),
            Batch::Spans(chunks) => state.spans.give_back(chunks),
        }
    }

    /// Books what became of items in flight.
    pub(super) fn settle(&self, items: u64, fate: Fate) {
        let mut state = lock(&self.state);
        let books = &mut state.books;
        books.in_flight -= items;
        *books.counter(fate) += items;
    }

    /// How many wait now.
    pub(super) fn waiting(&self) -> Due {
        lock(&self.state).everything()
    }

    /// Asks the worker to send everything that waits now.
    pub(super) fn request_flush(&self) -> Ticket {
        let mut state = lock(&self.state);
        if let Some(stop) = &state.stop {
            return stop.ticket.clone();
        }
        let ticket = Ticket::default();
        if state.finished {
            ticket.resolve(Ok(()));
        } else {
            state.flushes.push(ticket.clone());
            self.call.notify_one();
        }
        ticket
    }

    /// Asks the worker to send everything and to end; nothing is accepted from here on. The first caller's
    /// deadline counts.
    pub(super) fn request_stop(&self, deadline: Deadline) -> Ticket {
        let mut state = lock(&self.state);
        let finished = state.finished;
        let stop = state.stop.get_or_insert_with(|| Stop { ticket: Ticket::default(), deadline });
        let ticket = stop.ticket.clone();
        if finished {
            ticket.resolve(Ok(()));
        } else {
            self.call.notify_one();
        }
        ticket
    }

    /// Gives up on what waits. What is in flight is left to the worker, who alone will know what became of
    /// it.
    pub(super) fn abandon(&self, outcome: Flushed) {
        let mut state = lock(&self.state);
        state.abandoned = true;
        let waiting = state.discard(Fate::ShutDown);
        let stop = state.stop.clone();
        drop(state);
        drop(waiting);
        if let Some(stop) = stop {
            stop.ticket.resolve(outcome);
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        lock(&self.state).abandoned
    }

    /// The worker ends. If that was not asked for, all it leaves behind is lost to the panic that ended it.
    pub(super) fn finish(&self) {
        let mut state = lock(&self.state);
        state.finished = true;
        let fate = if state.stop.is_some() { Fate::ShutDown } else { Fate::Internal };
        let waiting = state.discard(fate);
        let in_flight = mem::take(&mut state.books.in_flight);
        *state.books.counter(fate) += in_flight;
        let flushes = mem::take(&mut state.flushes);
        let stop = state.stop.clone();
        let items = in_flight + waiting.len();
        drop(state);
        drop(waiting);
        let outcome = match items {
            0 => Ok(()),
            items => Err(FlushError::Undelivered { items }),
        };
        for ticket in flushes.into_iter().chain(stop.map(|stop| stop.ticket)) {
            ticket.resolve(outcome);
        }
    }

    /// After a panic of the worker's own: all that it did not keep was lost to it. Says how much that was.
    pub(super) fn forget_in_flight_but(&self, kept: u64) -> u64 {
        let mut state = lock(&self.state);
        let books = &mut state.books;
        let lost = books.in_flight.saturating_sub(kept);
        books.in_flight -= lost;
        books.dropped.internal += lost;
        lost
    }

    pub(super) fn is_running(&self) -> bool {
        !lock(&self.state).is_closed()
    }

    /// Items that the worker still has to send.
    pub(super) fn queued(&self) -> u64 {
        let state = lock(&self.state);
        state.waiting() as u64 + state.books.in_flight
    }

    pub(super) fn stats(&self) -> Stats {
        let sampled_out = self.sampled_out.load(Ordering::Relaxed);
        let state = lock(&self.state);
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        state.books.stats(state.waiting(), sampled_out, suppressed)
    }
}

impl State {
    fn is_closed(&self) -> bool {
        self.finished || self.stop.is_some()
    }

    fn waiting(&self) -> usize {
        self.errors.len() + self.logs.len() + self.spans.len()
    }

    fn bytes(&self) -> usize {
        self.errors.bytes() + self.logs.bytes() + self.spans.bytes()
    }

    /// Whether the worker should not wait for its interval.
    fn is_urgent(&self, limits: &Limits) -> bool {
        !self.errors.is_empty()
            || [(self.logs.len(), self.logs.bytes()), (self.spans.len(), self.spans.bytes())]
                .iter()
                .any(|(len, bytes)| *len >= limits.batch_items || *bytes >= limits.batch_bytes)
    }

    /// When what waits is due, whatever it is; `None` if nothing waits. The interval begins when the worker first
    /// sees that something does.
    fn linger(&mut self, now: Instant, interval: Duration) -> Option<Instant> {
        (self.waiting() > 0).then(|| *self.linger_until.get_or_insert_with(|| deadline::later(now, interval)))
    }

    fn everything(&self) -> Due {
        Due { errors: self.errors.len(), logs: self.logs.len(), spans: self.spans.len() }
    }

    /// Takes out the newest item that is no error, from the lane that is longer; `false` if there is none.
    fn evict(&mut self, evicted: &mut Evicted) -> bool {
        let before = self.waiting();
        if self.spans.len() >= self.logs.len() {
            evicted.spans.extend(self.spans.pop_newest());
        } else {
            evicted.logs.extend(self.logs.pop_newest());
        }
        self.waiting() < before
    }

    /// Empties the lanes into the books. The items are handed back to be freed outside the lock.
    fn discard(&mut self, fate: Fate) -> Discarded {
        let discarded = Discarded {
            logs: [mem::take(&mut self.errors), mem::take(&mut self.logs)],
            spans: mem::take(&mut self.spans),
        };
        *self.books.counter(fate) += discarded.len();
        discarded
    }
}

/// What had to give way to an error, to be freed outside the lock.
#[derive(Debug, Default)]
struct Evicted {
    spans: Vec<SpanRecord>,
    logs: Vec<LogRecord>,
}

#[derive(Debug)]
struct Discarded {
    logs: [Lane<LogRecord>; 2],
    spans: Lane<SpanRecord>,
}

impl Discarded {
    fn len(&self) -> u64 {
        let logs: usize = self.logs.iter().map(Lane::len).sum();
        (logs + self.spans.len()) as u64
    }
}

#[cfg(all(test, highlight_loom))]
mod model;
#[cfg(test)]
mod tests;
