//! The one thread that encodes and sends.
//!
//! It sends one request at a time. While a request waits for another try, everything else waits too: it
//! would go to the same endpoint. Meanwhile the queue keeps what it can.

use std::{
    collections::VecDeque,
    mem,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use opentelemetry::Context;
use tracing::{Dispatch, dispatcher};

use super::{
    announce::{Announcer, Line, Loss, announce},
    books::Fate,
    deadline::{self, Deadline},
    flush::{FlushError, Flushed},
    queue::{Batch, Call, Due, Queue, Sleep},
    retry::{Backoff, Verdict, judge},
    segment::{CollectMetrics, Encode, Request, Segment, Signal},
    sync::Arc,
    transport::{Answer, Failure, Transport},
};

/// The largest body sent, before compression. The server takes 20 MiB (C§1.3); many proxies take less.
const MAX_BODY: usize = 8 << 20;

/// See the module.
pub(super) struct Worker {
    pub(super) queue: Arc<Queue>,
    pub(super) transport: Box<dyn Transport>,
    pub(super) encoder: Box<dyn Encode>,
    pub(super) metrics: Option<Metrics>,
    pub(super) announcer: Announcer,
    pub(super) retry_for: Duration,
    pub(super) outbox: Outbox,
}

/// The collector and its clock.
pub(super) struct Metrics {
    collector: Box<dyn CollectMetrics>,
    interval: Duration,
    collect_at: Instant,
}

/// Encoded, not answered yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    requests: VecDeque<Request>,
    backoff: Backoff,
    retry_at: Option<Instant>,
    /// Items that were taken from the queue and not delivered, whatever the reason.
    undelivered: u64,
}

/// How hard to try.
#[derive(Debug, Clone, Copy)]
enum Effort {
    /// What fails is kept and tried again.
    Patient,
    /// One try each until the deadline; what fails then is lost.
    Last(Deadline),
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
        loop {
            match self.queue.next_call(self.sleep()) {
                Call::Work(due) => {
                    let collect = self.metrics.as_ref().is_some_and(Metrics::is_due);
                    let _ = self.pass(due, collect, Effort::Patient);
                }
                Call::Flush(tickets, due) => {
                    let outcome = self.flush(due, Effort::Patient);
                    for ticket in tickets {
                        ticket.resolve(outcome);
                    }
                }
                Call::Stop(stop, due) => {
                    let outcome = self.flush(due, Effort::Last(stop.deadline));
                    stop.ticket.resolve(outcome);
                    return;
                }
            }
        }
    }

    fn sleep(&self) -> Sleep {
        match self.outbox.retry_at {
            Some(until) => Sleep::BackOff { until },
            None => Sleep::UntilWork { collect_at: self.metrics.as_ref().map(|metrics| metrics.collect_at) },
        }
    }

    /// Sends everything, and says what did not get through.
    fn flush(&mut self, due: Due, effort: Effort) -> Flushed {
        let before = self.outbox.undelivered;
        let passed = self.pass(due, true, effort);
        let mut items = self.outbox.undelivered - before;
        if passed.is_break() {
            items += self.queue.queued();
        }
        match items {
            0 => Ok(()),
            items => Err(FlushError::Undelivered { items }),
        }
    }

    /// Sends what is left from before, what is due, and the metrics. Breaks off when the endpoint is away.
    fn pass(&mut self, mut due: Due, mut collect: bool, effort: Effort) -> ControlFlow<()> {
        self.outbox.retry_at = None;
        let mut first = true;
        loop {
            while let Some(request) = self.outbox.requests.pop_front() {
                self.deliver(request, effort)?;
            }
            // One full batch may leave without being due; then the queue is asked again who calls.
            let batch =
                if mem::take(&mut first) || !due.is_empty() { self.queue.take(&mut due) } else { None };
            if let Some(batch) = batch {
                self.encode(batch);
            } else if mem::take(&mut collect) {
                self.collect();
            } else {
                break;
            }
        }
        let full = self.queue.stats().dropped.queue_full;
        say(self.announcer.queue_full(full, Instant::now()));
        ControlFlow::Continue(())
    }

    fn encode(&mut self, batch: Batch) {
        let given = batch.len();
        let (signal, encoded) = match batch {
            Batch::Logs(logs) => {
                let logs = logs.into_iter().map(|entry| *entry.item).collect();
                (Signal::Logs, contained(|| self.encoder.logs(logs)))
            }
            Batch::Spans(spans) => {
                let spans = spans.into_iter().map(|entry| *entry.item).collect();
                (Signal::Traces, contained(|| self.encoder.spans(spans)))
            }
        };
        let segments = encoded.unwrap_or_default();
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
            Some(segments) => {
                let points = segments.iter().map(|segment| segment.items).sum();
                self.queue.count_collected(points);
                self.send_later(Signal::Metrics, segments);
            }
            None => self.mention(Loss::Internal, 0, "collecting metrics"),
        }
    }

    fn send_later(&mut self, signal: Signal, segments: Vec<Segment>) {
        self.outbox.requests.extend(Request::pack(signal, segments, MAX_BODY));
    }

    /// Tries a request once and books the result. Breaks if the endpoint is to be left alone for a while.
    fn deliver(&mut self, mut request: Request, effort: Effort) -> ControlFlow<()> {
        let limit = match effort {
            Effort::Patient => None,
            Effort::Last(deadline) => deadline.remaining(),
        };
        if self.queue.is_abandoned() || limit.is_some_and(|limit| limit.is_zero()) {
            self.lose(request.items(), Fate::ShutDown, "");
            return ControlFlow::Continue(());
        }
        if request.bytes() > MAX_BODY {
            self.too_large(request, "8 MiB");
            return ControlFlow::Continue(());
        }
        let first_tried = *request.first_tried.get_or_insert_with(Instant::now);
        let Some(result) = contained(|| self.transport.send(&request, limit)) else {
            self.lose(request.items(), Fate::Internal, "sending");
            return ControlFlow::Continue(());
        };
        let reason = describe(&result);
        let verdict = judge(&result);
        if let Verdict::Retry { after } = verdict {
            if let Effort::Last(_) = effort {
                say(self.announcer.unreachable_at_last(&reason));
                self.lose(request.items(), Fate::ShutDown, "");
                return ControlFlow::Continue(());
            }
            say(self.announcer.unreachable(&reason, self.lost()));
            self.outbox.retry_at = Some(Instant::now() + self.outbox.backoff.next(after));
            if first_tried.elapsed() >= self.retry_for {
                self.lose(request.items(), Fate::Expired, "");
            } else {
                self.outbox.requests.push_front(request);
            }
            return ControlFlow::Break(());
        }
        self.outbox.backoff.reset();
        say(self.announcer.reachable(self.lost()));
        match verdict {
            Verdict::TooLarge => self.too_large(request, "status 413"),
            Verdict::Delivered { rejected } => {
                self.queue.settle(request.items() - rejected, Fate::Exported);
                self.lose(rejected, Fate::Rejected, "partial success");
            }
            Verdict::Rejected | Verdict::Retry { .. } => {
                self.lose(request.items(), Fate::Rejected, &reason);
            }
        }
        ControlFlow::Continue(())
    }

    fn too_large(&mut self, request: Request, reason: &str) {
        match request.split() {
            Ok((first, second)) => {
                self.outbox.requests.push_front(second);
                self.outbox.requests.push_front(first);
            }
            Err(single) => self.lose(single.items(), Fate::TooLarge, reason),
        }
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
            Fate::Expired | Fate::ShutDown | Fate::Exported => {}
        }
    }

    fn mention(&mut self, loss: Loss, items: u64, reason: &str) {
        say(self.announcer.loss(loss, items, reason, Instant::now()));
    }

    /// All items lost up to now, but for those that were not meant to be sent.
    fn lost(&self) -> u64 {
        let dropped = self.queue.stats().dropped;
        dropped.total() - dropped.sampled
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

fn say(line: Option<Line>) {
    if let Some(line) = line {
        announce(&line);
    }
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
/// not set for the thread's life. `Dispatch::none()` is not registered anywhere: a registered
/// `NoSubscriber` would turn every cached "always interested" into a question asked per event.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    let silent = || dispatcher::with_default(&Dispatch::none(), work);
    match catch_unwind(AssertUnwindSafe(silent)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // Its drop could panic again.
            mem::forget(payload);
            None
        }
    }
}
