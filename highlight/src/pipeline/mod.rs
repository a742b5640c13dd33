//! One bounded queue, one worker, one HTTP client for the three signals.
//!
//! ```text
//! push -> trim -> queue -> worker: encode -> outbox -> transport -> server
//!                            ^ collect metrics              |
//!                            +------------- retry <---------+
//!                                             |  ^
//!                                             v  |  on request
//!                                             spool
//! ```
//!
//! - The request path only takes a lock: [`queue`]. No I/O, no waiting, no panic.
//! - The [`worker`] batches, encodes, sends and retries on a thread of its own, and contains the panics of
//!   all it calls.
//! - Memory is bounded: [`Limits::max_bytes`] of waiting items (estimated), plus one batch in flight with
//!   its compressed form. No item is larger than a request may be: [`trim`].
//! - The books always balance: `produced == exported + dropped.total() + queued + spooled`, in every snapshot. What was
//!   lost is told: [`loss`].
//!
//! `docs/faults.md` has what comes of it when the endpoint fails.

mod announce;
mod books;
mod deadline;
mod deflate;
mod flush;
mod gzip;
mod lane;
mod limits;
mod loss;
#[cfg(feature = "testing")]
mod memory;
mod partial_success;
mod probe;
mod queue;
mod resolver;
mod retry;
pub(crate) mod segment;
mod spool;
mod sync;
mod transport;
mod trim;
mod weight;
mod worker;

#[cfg(any(fuzzing, test))]
pub(crate) use self::spool::fuzzing;

#[cfg(test)]
pub(crate) mod tests;

use std::{fmt, future::Future, io, process, thread, time::Duration};

pub use self::flush::FlushError;
pub(crate) use self::flush::on_thread;
#[cfg(feature = "testing")]
pub(crate) use self::memory::Memory;
use self::{
    announce::{Announcer, Voice},
    loss::LossReports,
    queue::Queue,
    retry::Delays,
    spool::Spool,
    sync::{Arc, AtomicBool, Ordering},
    transport::{Http, Interrupt},
    worker::{Metrics, Outbox, Worker},
};
pub(crate) use self::{
    deadline::Deadline,
    limits::Limits,
    probe::{Probe, Reply},
    segment::{CollectMetrics, Encode, Encoded, Segment, Signal, Spare, Weighed},
    spool::SpoolSettings,
    transport::{Transport, TransportSettings},
    worker::{caught, contained},
};
use crate::{record::Entry, say, stats::Stats};

/// Everything the pipeline can be told.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) transport: TransportSettings,
    pub(crate) limits: Limits,
    /// The longest an item waits for others to share its request; errors do not wait. Default 1 s.
    pub(crate) interval: Duration,
    /// Time between two collections of metrics. Default 10 s.
    pub(crate) metrics_interval: Duration,
    /// How long a request is tried again after its first try. Default 300 s.
    pub(crate) retry_for: Duration,
    pub(crate) delays: Delays,
    /// How long the worker may go on after the last handle was dropped without a shutdown. Default 5 s.
    pub(crate) linger: Duration,
    /// Where to keep on disk what cannot be delivered; `None`, the default, for nowhere.
    pub(crate) spool: Option<SpoolSettings>,
    /// Time between two reports of losses to the server; `None`, the default, for none at all.
    pub(crate) report_losses: Option<Duration>,
    /// Say losses on standard error as well. Default off.
    pub(crate) debug: bool,
    pub(crate) voice: Voice,
}

impl Settings {
    /// The defaults, with this transport.
    pub(crate) fn over(transport: TransportSettings) -> Self {
        Self {
            transport,
            limits: Limits::default(),
            interval: Duration::from_secs(1),
            metrics_interval: Duration::from_secs(10),
            retry_for: Duration::from_secs(300),
            delays: Delays::default(),
            linger: Duration::from_secs(5),
            spool: None,
            report_losses: None,
            debug: false,
            voice: Voice::default(),
        }
    }
}

/// A handle of the pipeline; clones share it.
///
/// When the last handle goes without a [`shutdown`](Self::shutdown), nobody waits: the worker sends what it
/// can within [`Settings::linger`] and ends by itself.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    handle: Arc<Handle>,
}

struct Handle {
    queue: Arc<Queue>,
    /// With a spool: ends a request that hangs, so that there is time to write what waits behind it.
    interrupt: Option<Interrupt>,
    linger: Duration,
    /// The process that has the worker: a fork of it has not.
    process: u32,
    /// Whether it was said that telemetry comes too late.
    said_late: AtomicBool,
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("queue", &self.queue).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.request_stop(Deadline::after(self.linger));
    }
}

impl Pipeline {
    /// Starts the worker, a thread named `highlight`; fails if the operating system has none to give.
    pub(crate) fn start(
        settings: Settings,
        encoder: Box<dyn Encode>,
        collector: Option<Box<dyn CollectMetrics>>,
    ) -> io::Result<Self> {
        let http = Http::new(settings.transport.clone());
        Self::start_over(Box::new(http), settings, encoder, collector)
    }

    /// The same, delivering over `transport` in place of HTTP.
    pub(crate) fn start_over(
        transport: Box<dyn Transport>,
        settings: Settings,
        encoder: Box<dyn Encode>,
        collector: Option<Box<dyn CollectMetrics>>,
    ) -> io::Result<Self> {
        let capacity = settings.limits.max_items;
        let announcer = Announcer::new(settings.transport.endpoint.to_string(), capacity);
        let queue = Arc::new(Queue::new(settings.limits, settings.interval));
        let interval = settings.metrics_interval;
        let interrupt = settings.spool.as_ref().and_then(|_| transport.interrupt());
        let worker = Worker {
            queue: Arc::clone(&queue),
            transport,
            encoder,
            metrics: collector.map(|collector| Metrics::new(collector, interval)),
            announcer,
            voice: settings.voice,
            losses: LossReports::new(settings.report_losses, settings.debug),
            retry_for: settings.retry_for,
            outbox: Outbox::new(settings.delays),
            spool: settings.spool.map(Spool::new),
        };
        thread::Builder::new().name("highlight".to_owned()).spawn(move || worker.run())?;
        let handle = Handle {
            queue,
            interrupt,
            linger: settings.linger,
            process: process::id(),
            said_late: AtomicBool::new(false),
        };
        let handle = Arc::new(handle);
        Ok(Self { handle })
    }

    /// Hands an item to the worker. Without room the item is dropped and counted; after the end that is said, once.
    pub(crate) fn enter(&self, item: Entry<'_>) {
        let open = self.handle.queue.enter(item);
        if !open && !self.handle.said_late.swap(true, Ordering::Relaxed) {
            say::warn(
                "telemetry was recorded after its client was shut down, and is lost; keep the guard of \
                 `highlight::init` until the end of main: `let _highlight = highlight::init(..)?`",
            );
        }
    }

    #[cfg(test)]
    pub(crate) fn push(&self, mut item: tests::items::Item) {
        self.enter(item.entry());
    }

    /// Counts a span that the sample rate left out.
    pub(crate) fn count_sampled_out(&self) {
        self.handle.queue.count_sampled_out();
    }

    /// Counts an error that had been reported already.
    pub(crate) fn count_suppressed(&self) {
        self.handle.queue.count_suppressed();
    }

    /// Sends everything pushed so far, with an immediate try if the endpoint was away.
    ///
    /// Blocks for at most `timeout`, on any thread, with or without a runtime. `Ok` means that the server
    /// has accepted everything.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        if self.is_forked() {
            return Err(FlushError::Forked);
        }
        let deadline = Deadline::after(timeout);
        let ticket = self.handle.queue.request_flush();
        ticket.wait(deadline).unwrap_or(Err(FlushError::Timeout(timeout)))
    }

    /// [`flush`](Self::flush) for async code of any runtime. Starts at once, not when first polled.
    pub(crate) fn flush_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + 'static {
        let pipeline = self.clone();
        flush::on_thread(move || pipeline.flush(timeout))
    }

    /// Sends what it can within `timeout`, each request once, and stops. What is pushed from now on is
    /// counted as `shut_down`.
    ///
    /// At the deadline the rest is counted as `shut_down` too, and a worker that hangs in a request is left
    /// behind: that request stays `queued` until its own timeout shows what became of it. With a spool the
    /// request is ended shortly before, and all that is left goes to disk. Later calls get the first one's outcome.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        let deadline = Deadline::after(timeout);
        let ticket = self.handle.queue.request_stop(deadline);
        if self.is_forked() {
            let outcome = Err(FlushError::Forked);
            self.handle.queue.abandon(outcome);
            return outcome;
        }
        let in_time = match &self.handle.interrupt {
            Some(interrupt) => ticket.wait(deadline.early()).or_else(|| {
                interrupt();
                ticket.wait(deadline)
            }),
            None => ticket.wait(deadline),
        };
        match in_time {
            // The worker gave up at the same moment: time is what there was too little of.
            Some(Err(FlushError::Undelivered { .. })) if deadline.has_passed() => {
                Err(FlushError::Timeout(timeout))
            }
            Some(outcome) => outcome,
            None => {
                let outcome = Err(FlushError::Timeout(timeout));
                self.handle.queue.abandon(outcome);
                outcome
            }
        }
    }

    /// The books, balanced.
    pub(crate) fn stats(&self) -> Stats {
        self.handle.queue.stats()
    }

    /// Whether items are accepted, and a worker is there to send them.
    pub(crate) fn is_running(&self) -> bool {
        !self.is_forked() && self.handle.queue.is_running()
    }

    /// Whether this is a fork of the process that has the worker.
    fn is_forked(&self) -> bool {
        self.handle.process != process::id()
    }
}
