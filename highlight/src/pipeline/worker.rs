//! The one thread that encodes and sends.
//!
//! It sends one request at a time. While a request waits for another try, everything else waits too: it
//! would go to the same endpoint. Meanwhile the queue keeps what it can.

use std::{
    collections::VecDeque,
    mem,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::Context;
use tracing::{Dispatch, dispatcher};

use super::{
    announce::{Announcer, Line, Loss, Voice},
    books::Fate,
    deadline::{self, Deadline},
    flush::{FlushError, Flushed},
    lane::Chunk,
    loss::LossReports,
    queue::{Batch, Call, Due, Queue, Sleep},
    retry::{Backoff, Delays, Verdict, judge},
    segment::{CollectMetrics, Encode, Encoded, Request, Segment, Signal, Weighed},
    spool::{Oldest, Spool, Stored},
    sync::Arc,
    transport::{Answer, Failure, Transport},
};
use crate::{say, stats::Dropped};

mod spooling;

/// The largest body sent, before compression. The server takes 20 MiB (C§1.3); many proxies take less.
const MAX_BODY: usize = 8 << 20;

/// See the module.
pub(super) struct Worker {
    pub(super) queue: Arc<Queue>,
    pub(super) transport: Box<dyn Transport>,
    pub(super) encoder: Box<dyn Encode>,
    pub(super) metrics: Option<Metrics>,
    pub(super) announcer: Announcer,
    pub(super) voice: Voice,
    pub(super) losses: LossReports,
    pub(super) retry_for: Duration,
    pub(super) outbox: Outbox,
    pub(super) spool: Option<Spool>,
}

/// The collector and its clock.
pub(super) struct Metrics {
    collector: Box<dyn CollectMetrics>,
    interval: Duration,
    collect_at: Instant,
}

/// Encoded, not answered yet.
#[derive(Debug)]
pub(super) struct Outbox {
    requests: VecDeque<Request>,
    backoff: Backoff,
    retry_at: Option<Instant>,
    /// Items that were taken from the queue and not delivered, whatever the reason.
    undelivered: u64,
    /// A last try failed: with a spool, the others are not tried.
    gave_up: bool,
}

/// How hard to try.
#[derive(Debug, Clone, Copy)]
enum Effort {
    /// What fails is kept and tried again.
    Patient,
    /// One try each until the deadline; what fails then is lost.
    Last(Deadline),
}

impl Outbox {
    pub(super) fn new(delays: Delays) -> Self {
        Self {
            requests: VecDeque::new(),
            backoff: Backoff::new(delays),
            retry_at: None,
            undelivered: 0,
            gave_up: false,
        }
    }

    fn items(&self) -> u64 {
        self.requests.iter().map(Request::items).sum()
    }

    /// Whether the endpoint is to be left alone for now.
    fn backs_off(&self) -> bool {
        self.retry_at.is_some_and(|at| at > Instant::now())
    }
}

/// Closes the books when the worker ends, be it by a panic.
struct Finish(Arc<Queue>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Worker {
    /// The thread's whole life.
    pub(super) fn run(mut self) {
        let _finish = Finish(Arc::clone(&self.queue));
        // Whatever the client, the encoder and its hooks record on this thread is no telemetry.
        let _silent = Context::enter_telemetry_suppressed_scope();
        let _ = self.survive(Self::look_into_spool);
        loop {
            match self.queue.next_call(self.sleep()) {
                Call::Work(due) if self.outbox.backs_off() => {
                    let _ = self.survive(|worker| worker.stow(due));
                }
                Call::Work(due) => {
                    let collect = self.metrics.as_ref().is_some_and(Metrics::is_due);
                    let _ = self.survive(|worker| worker.pass(due, collect, 1, Effort::Patient));
                }
                Call::Flush(tickets, due) => {
                    let outcome = self.survive(|worker| worker.flush(due, Effort::Patient));
                    for ticket in tickets {
                        ticket.resolve(outcome.unwrap_or_else(|items| self.undelivered(items)));
                    }
                }
                Call::Stop(stop, tickets, due) => {
                    let deadline = if self.spool.is_some() { stop.deadline.early() } else { stop.deadline };
                    let outcome = self.survive(|worker| worker.flush(due, Effort::Last(deadline)));
                    // Whoever comes next finds what is left.
                    self.spool = None;
                    for ticket in tickets.into_iter().chain([stop.ticket]) {
                        ticket.resolve(outcome.unwrap_or_else(|items| self.undelivered(items)));
                    }
                    return;
                }
            }
        }
    }

    /// Does a piece of the work. A panic in the pipeline's own code costs what was in hand, which is said and
    /// counted, and a pause, so that one that comes back does not take a core; then the work goes on.
    fn survive<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Result<T, u64> {
        catch_unwind(AssertUnwindSafe(|| work(self))).map_err(|payload| {
            // Its drop could panic again.
            mem::forget(payload);
            let items = self.queue.forget_in_flight_but(self.outbox.items());
            self.outbox.undelivered += items;
            self.outbox.retry_at = Some(deadline::later(Instant::now(), self.outbox.backoff.next(None)));
            let _ = contained(|| self.mention(Loss::Internal, items, "working on it"));
            items
        })
    }

    /// The outcome for who waits, after a panic that cost this many items.
    fn undelivered(&self, lost: u64) -> Flushed {
        Err(FlushError::Undelivered { items: lost + self.queue.queued() })
    }

    fn sleep(&self) -> Sleep {
        match self.outbox.retry_at {
            Some(until) if self.spool.as_ref().is_some_and(Spool::takes) => {
                Sleep::UntilWork { wake_at: Some(until) }
            }
            Some(until) => Sleep::BackOff { until },
            None if self.spooled() > 0 => Sleep::Not,
            None => {
                let collect_at = self.metrics.as_ref().map(|metrics| metrics.collect_at);
                let look_at = self.spool.as_ref().and_then(Spool::look_at);
                Sleep::UntilWork { wake_at: collect_at.into_iter().chain(look_at).min() }
            }
        }
    }

    /// Sends everything, and says what did not get through.
    fn flush(&mut self, due: Due, effort: Effort) -> Flushed {
        let before = self.outbox.undelivered;
        let passed = self.pass(due, true, usize::MAX, effort);
        let mut items = self.outbox.undelivered - before + self.queue.stats().spooled;
        if passed.is_break() {
            items += self.queue.queued();
        }
        match items {
            0 => Ok(()),
            items => Err(FlushError::Undelivered { items }),
        }
    }

    /// Sends what is left from before, what is due, the metrics, up to so many requests of the spool, and the report of what was lost.
    /// Breaks off when the endpoint is away.
    fn pass(&mut self, due: Due, collect: bool, spooled: usize, effort: Effort) -> ControlFlow<()> {
        self.look_into_spool();
        let sent = self.send_all(due, collect, spooled.min(self.spooled()), effort);
        let dropped = self.queue.stats().dropped;
        if let Some(line) = self.losses.debug_line(dropped, Instant::now()) {
            say::debug(&line);
        }
        sent?;
        self.say(|announcer| announcer.queue_full(dropped.queue_full, Instant::now()));
        self.report_losses(dropped, effort)
    }

    fn send_all(
        &mut self,
        mut due: Due,
        mut collect: bool,
        mut spooled: usize,
        effort: Effort,
    ) -> ControlFlow<()> {
        self.outbox.retry_at = None;
        let mut first = true;
        loop {
            self.empty_outbox(effort)?;
            // One full batch may leave without being due; then the queue is asked again who calls.
            let batch =
                if mem::take(&mut first) || !due.is_empty() { self.queue.take(&mut due) } else { None };
            if let Some(batch) = batch {
                self.encode(batch);
            } else if mem::take(&mut collect) {
                self.collect();
            } else if spooled > 0 {
                self.send_oldest(effort)?;
                spooled -= 1;
                if spooled > 0 {
                    // What is fresh does not wait for what is old.
                    due = self.queue.waiting();
                }
            } else {
                return ControlFlow::Continue(());
            }
        }
    }

    fn empty_outbox(&mut self, effort: Effort) -> ControlFlow<()> {
        while let Some(request) = self.outbox.requests.pop_front() {
            self.deliver(request, effort)?;
        }
        ControlFlow::Continue(())
    }

    /// Sends a report if one is due. It counts as nothing: see [`LossReports`].
    fn report_losses(&mut self, dropped: Dropped, effort: Effort) -> ControlFlow<()> {
        let at_the_end = matches!(effort, Effort::Last(_));
        let Some(report) = self.losses.record(dropped, Instant::now(), at_the_end) else {
            return ControlFlow::Continue(());
        };
        let Encoded { mut segments, .. } =
            caught(|| self.encoder.logs(Weighed { items: &mut [report], weights: &[0] })).unwrap_or_default();
        for segment in &mut segments {
            segment.items = 0;
        }
        self.send_later(Signal::Logs, segments);
        self.empty_outbox(effort)
    }

    fn encode(&mut self, mut batch: Batch) {
        let given = batch.len();
        let encoder = &mut self.encoder;
        let (signal, Encoded { segments, dropped }) = match &mut batch {
            Batch::Logs(chunks) => (Signal::Logs, encode_each(chunks, |logs| encoder.logs(logs))),
            Batch::Spans(chunks) => (Signal::Traces, encode_each(chunks, |spans| encoder.spans(spans))),
        };
        self.queue.give_back(batch);
        // No loss: that was the program's wish.
        self.queue.settle(dropped, Fate::BeforeSend);
        let given = given - dropped;
        let kept: u64 = segments.iter().map(|segment| segment.items).sum();
        // An encoder that makes more of the items has produced the rest.
        self.queue.count_collected(kept.saturating_sub(given));
        self.lose(given.saturating_sub(kept), Fate::Internal, "encoding");
        self.send_later(signal, segments);
    }

    fn collect(&mut self) {
        let Some(metrics) = &mut self.metrics else {
            return;
        };
        metrics.collect_at = deadline::later(Instant::now(), metrics.interval);
        match contained(|| metrics.collector.collect()) {
            Some(Encoded { segments, dropped }) => {
                let points: u64 = segments.iter().map(|segment| segment.items).sum();
                self.queue.count_collected(points + dropped);
                self.queue.settle(dropped, Fate::BeforeSend);
                self.send_later(Signal::Metrics, segments);
            }
            None => self.mention(Loss::Internal, 0, "collecting metrics"),
        }
    }

    fn send_later(&mut self, signal: Signal, segments: Vec<Segment>) {
        self.outbox.requests.extend(Request::pack(signal, segments, MAX_BODY));
    }

    /// Whether nothing is to be tried any more.
    fn is_over(&self, effort: Effort) -> bool {
        match effort {
            Effort::Patient => self.queue.is_abandoned(),
            Effort::Last(deadline) => {
                let gave_up = self.outbox.gave_up && self.spool.is_some();
                gave_up || self.queue.is_abandoned() || deadline.has_passed()
            }
        }
    }

    /// Tries a request once and books the result. Breaks if the endpoint is to be left alone for a while.
    fn deliver(&mut self, mut request: Request, effort: Effort) -> ControlFlow<()> {
        let limit = match effort {
            Effort::Patient => None,
            Effort::Last(deadline) => deadline.remaining(),
        };
        if self.is_over(effort) {
            self.keep_or_lose(request, Fate::ShutDown);
            return ControlFlow::Continue(());
        }
        if request.bytes() > MAX_BODY {
            self.too_large(request, "8 MiB");
            return ControlFlow::Continue(());
        }
        let first_tried = *request.first_tried.get_or_insert_with(Instant::now);
        let Some(result) = contained(|| self.transport.send(&request, limit)) else {
            self.release(&mut request);
            self.lose(request.items(), Fate::Internal, "sending");
            return ControlFlow::Continue(());
        };
        let reason = describe(&result);
        let verdict = judge(&result);
        if let Verdict::Retry { after } = verdict {
            let lost = self.lost();
            let is_last = matches!(effort, Effort::Last(_));
            self.say(|announcer| announcer.unreachable(&reason, is_last, lost));
            if is_last {
                self.outbox.gave_up = true;
                self.keep_or_lose(request, Fate::ShutDown);
                return ControlFlow::Continue(());
            }
            self.outbox.retry_at = Some(deadline::later(Instant::now(), self.outbox.backoff.next(after)));
            if let Err(request) = self.keep(request) {
                if first_tried.elapsed() >= self.retry_for {
                    self.lose(request.items(), Fate::Expired, "");
                } else {
                    self.outbox.requests.push_front(request);
                }
            }
            self.stow(Due::default());
            return ControlFlow::Break(());
        }
        self.outbox.backoff.reset();
        let lost = self.lost();
        self.say(|announcer| announcer.reachable(lost));
        if verdict == Verdict::TooLarge {
            self.too_large(request, "status 413");
            return ControlFlow::Continue(());
        }
        self.release(&mut request);
        match verdict {
            Verdict::Delivered { rejected } => {
                self.queue.settle(request.items() - rejected, Fate::Exported);
                self.lose(rejected, Fate::Rejected, "partial success");
            }
            Verdict::Rejected | Verdict::TooLarge | Verdict::Retry { .. } => {
                self.lose(request.items(), Fate::Rejected, &reason);
            }
        }
        ControlFlow::Continue(())
    }

    /// Halves take its place; on disk as well, if it was there.
    fn too_large(&mut self, mut request: Request, reason: &str) {
        let file = request.file.take();
        match request.split() {
            Ok((first, second)) => {
                for half in [second, first] {
                    let half = match &file {
                        Some(file) => self.store_part(half, file),
                        None => half,
                    };
                    self.outbox.requests.push_front(half);
                }
            }
            Err(single) => self.lose(single.items(), Fate::TooLarge, reason),
        }
        self.discard(file);
    }

    /// Books items in flight as lost and mentions it, unless another line explains it.
    fn lose(&mut self, items: u64, fate: Fate, reason: &str) {
        if items == 0 {
            return;
        }
        self.queue.settle(items, fate);
        self.outbox.undelivered += items;
        match fate {
            Fate::Rejected => self.mention(Loss::Rejected, items, reason),
            Fate::TooLarge => self.mention(Loss::TooLarge, items, reason),
            Fate::Internal => self.mention(Loss::Internal, items, reason),
            Fate::Spool => self.mention(Loss::Spool, items, reason),
            Fate::Expired | Fate::ShutDown | Fate::BeforeSend | Fate::Exported | Fate::Spooled => {}
        }
    }

    fn mention(&mut self, loss: Loss, items: u64, reason: &str) {
        self.say(|announcer| announcer.loss(loss, items, reason, Instant::now()));
    }

    fn say(&mut self, line: impl FnOnce(&mut Announcer) -> Option<Line>) {
        if let Some(line) = line(&mut self.announcer) {
            (self.voice.0)(&line);
        }
    }

    /// All items lost up to now, but for those that were not meant to be sent.
    fn lost(&self) -> u64 {
        let dropped = self.queue.stats().dropped;
        dropped.total() - dropped.sampled_out - dropped.before_send
    }
}

impl Metrics {
    pub(super) fn new(collector: Box<dyn CollectMetrics>, interval: Duration) -> Self {
        Self { collector, interval, collect_at: deadline::later(Instant::now(), interval) }
    }

    fn is_due(&self) -> bool {
        self.collect_at <= Instant::now()
    }
}

/// Encodes and spends the chunks, one by one: a panic costs what is in one of them.
fn encode_each<T>(chunks: &mut [Chunk<T>], mut encode: impl FnMut(Weighed<'_, T>) -> Encoded) -> Encoded {
    let mut all = Encoded::default();
    for chunk in chunks {
        let Encoded { segments, dropped } = caught(|| encode(chunk.weighed())).unwrap_or_default();
        all.segments.extend(segments);
        all.dropped += dropped;
        chunk.spend();
    }
    all
}

/// The reason in a line about a try that did not succeed.
fn describe(result: &Result<Answer, Failure>) -> String {
    match result {
        Ok(answer) => format!("status {}", answer.status),
        Err(Failure(reason)) => reason.clone(),
    }
}

/// Runs code that is not the pipeline's own: contains its panics and keeps its `tracing` events to itself.
///
/// A scoped dispatcher takes `tracing` off its fast path in the whole process while it is set, so it is
/// not set for the thread's life, nor for work that has no events. `Dispatch::none()` is not registered anywhere: a registered
/// `NoSubscriber` would turn every cached "always interested" into a question asked per event.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    caught(|| dispatcher::with_default(&Dispatch::none(), work))
}

/// Runs code that has no `tracing` events: contains its panics.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its drop could panic again.
            mem::forget(payload);
            None
        }
    }
}
