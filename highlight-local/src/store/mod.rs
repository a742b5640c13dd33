//! The rows in bounded memory, to be asked and waited for.
//!
//! ```
//! use std::time::Duration;
//! use highlight_local::{Store, StoreLimits};
//!
//! let store = Store::new(StoreLimits::default());
//! let arrived = store.wait_until(Duration::ZERO, |seen| seen.spans.len() == 3);
//! assert!(!arrived);
//! ```

mod alarm;
mod bounded;
mod capture;
mod snapshot;
mod weight;

#[cfg(feature = "viewer")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::{
    pin::pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};
use tokio::sync::Notify;

use crate::{model::Span, row::Row};
use alarm::{Alarm, deadline_in};
use bounded::Bounded;

pub(crate) use capture::Raw;
pub use capture::RequestInfo;
pub use snapshot::Snapshot;

/// How much a store keeps. What is over a limit pushes the oldest out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Rows of all kinds together. Default: 100,000.
    pub rows: usize,
    /// The rows' approximate memory, in bytes. Default: 256 MiB.
    pub bytes: usize,
    /// Descriptions of received requests. Default: 10,000 (and at most 16 MiB).
    pub requests: usize,
    /// Decoded requests, in bytes as decoded, with `keep_raw` only. Default: 64 MiB.
    pub raw_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { rows: 100_000, bytes: 256 << 20, requests: 10_000, raw_bytes: 64 << 20 }
    }
}

/// A handle to the stored rows. Clones share them.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    contents: Mutex<Contents>,
    changed: Condvar,
    changed_async: Notify,
}

#[derive(Debug)]
struct Contents {
    rows: Bounded<Row>,
    requests: Bounded<Arc<RequestInfo>>,
    raw: Bounded<Raw>,
}

/// How far a reader of [`Store::next_rows`] has come. The default is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

/// Rows in order, and how many before them were evicted unread.
#[cfg(feature = "viewer")]
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Row>,
    pub(crate) missed: u64,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(limits: StoreLimits) -> Self {
        const REQUEST_BYTES: usize = 16 << 20;
        let contents = Contents {
            rows: Bounded::new(limits.rows, limits.bytes),
            requests: Bounded::new(limits.requests, REQUEST_BYTES),
            raw: Bounded::new(usize::MAX, limits.raw_bytes),
        };
        Self {
            shared: Arc::new(Shared {
                contents: Mutex::new(contents),
                changed: Condvar::new(),
                changed_async: Notify::new(),
            }),
        }
    }

    /// Adds rows.
    pub fn add(&self, rows: impl IntoIterator<Item = Row>) {
        self.change(|contents| contents.add(rows));
    }

    /// Adds all that came with a request, as one change.
    pub(crate) fn add_request(&self, info: RequestInfo, rows: Vec<Row>, raw: Option<Raw>) {
        self.change(|contents| {
            if let Some(raw) = raw {
                contents.raw.push(raw, info.decoded_length.unwrap_or_default());
            }
            let weight = info.weight();
            contents.requests.push(Arc::new(info), weight);
            contents.add(rows);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Contents)) {
        change(&mut self.lock());
        self.shared.changed.notify_all();
        self.shared.changed_async.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All rows of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot()
    }

    /// The spans stored under a trace id, by start.
    #[must_use]
    pub fn spans_of(&self, trace_id: &str) -> Vec<Arc<Span>> {
        self.snapshot().spans_of(trace_id)
    }

    /// The browser sessions, by their first record.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.snapshot().sessions()
    }

    /// The requests of a session, as the ids their rows are stored under, by their first record.
    #[must_use]
    pub fn requests_of(&self, session_id: &str) -> Vec<String> {
        self.snapshot().requests_of(session_id)
    }

    /// The received HTTP requests, refused ones included, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Arc<RequestInfo>> {
        self.lock().requests.iter().cloned().collect()
    }

    /// The decoded trace requests, where the receiver was told to `keep_raw`.
    #[must_use]
    pub fn raw_traces(&self) -> Vec<Arc<ExportTraceServiceRequest>> {
        self.raw(|raw| if let Raw::Traces(request) = raw { Some(request) } else { None })
    }

    /// The decoded log requests, where the receiver was told to `keep_raw`.
    #[must_use]
    pub fn raw_logs(&self) -> Vec<Arc<ExportLogsServiceRequest>> {
        self.raw(|raw| if let Raw::Logs(request) = raw { Some(request) } else { None })
    }

    /// The decoded metric requests, where the receiver was told to `keep_raw`.
    #[must_use]
    pub fn raw_metrics(&self) -> Vec<Arc<ExportMetricsServiceRequest>> {
        self.raw(|raw| if let Raw::Metrics(request) = raw { Some(request) } else { None })
    }

    fn raw<T>(&self, pick: impl Fn(&Raw) -> Option<&Arc<T>>) -> Vec<Arc<T>> {
        self.lock().raw.iter().filter_map(pick).cloned().collect()
    }

    /// Blocks until the rows satisfy a condition; `false` if they do not within the timeout.
    ///
    /// The condition is asked at once, after every received request, and at the end. It runs
    /// without a lock held and may use the store.
    pub fn wait_until(&self, timeout: Duration, condition: impl Fn(&Snapshot) -> bool) -> bool {
        let deadline = deadline_in(timeout);
        let mut contents = self.lock();
        loop {
            let seen = contents.version();
            let snapshot = contents.snapshot();
            drop(contents);
            if condition(&snapshot) {
                return true;
            }
            contents = self.lock();
            while contents.version() == seen {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return false;
                }
                let wait = self.shared.changed.wait_timeout(contents, left);
                contents = wait.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// [`wait_until`](Self::wait_until) for async code, on any runtime. The timeout is real time,
    /// even where a test has paused its runtime's clock.
    pub async fn wait_until_async(&self, timeout: Duration, condition: impl Fn(&Snapshot) -> bool) -> bool {
        let deadline = deadline_in(timeout);
        let mut alarm = Alarm::at(deadline);
        loop {
            let mut changed = pin!(self.shared.changed_async.notified());
            // From here on no change is missed, even one before the await.
            changed.as_mut().enable();
            if condition(&self.snapshot()) {
                return true;
            }
            tokio::select! {
                () = changed => {}
                () = alarm.ring() => return condition(&self.snapshot()),
            }
        }
    }

    /// Behind the newest row: where a reader begins who wants only what comes from now on.
    #[must_use]
    pub fn end(&self) -> Position {
        Position(self.lock().rows.end())
    }

    /// Waits for rows after `position`, returns them and moves the position on. Rows that were
    /// evicted in between are skipped.
    pub async fn next_rows(&self, position: &mut Position) -> Vec<Row> {
        loop {
            let mut changed = pin!(self.shared.changed_async.notified());
            changed.as_mut().enable();
            let rows = self.rows_since(position);
            if !rows.is_empty() {
                return rows;
            }
            changed.await;
        }
    }

    /// Blocks for rows after `position` and moves it on; says how many were evicted in between.
    /// Nothing comes back only when `stop` is set and everything has been read.
    #[cfg(feature = "viewer")]
    pub(crate) fn next_batch(&self, position: &mut Position, most: usize, stop: &AtomicBool) -> Batch {
        let mut contents = self.lock();
        while contents.rows.end() == position.0 && !stop.load(Ordering::Relaxed) {
            contents = self.shared.changed.wait(contents).unwrap_or_else(PoisonError::into_inner);
        }
        let first = position.0.max(contents.rows.evicted());
        let rows: Vec<Row> = contents.rows.since(first).take(most).cloned().collect();
        let missed = first - position.0;
        position.0 = first + rows.len() as u64;
        Batch { rows, missed }
    }

    /// Wakes those who wait, so that they look at their `stop` again.
    #[cfg(feature = "viewer")]
    pub(crate) fn wake(&self) {
        self.change(|_| {});
    }

    fn rows_since(&self, position: &mut Position) -> Vec<Row> {
        let contents = self.lock();
        let rows = contents.rows.since(position.0).cloned().collect();
        position.0 = contents.rows.end();
        rows
    }
}

impl Contents {
    fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            let weight = weight::of(&row);
            self.rows.push(row, weight);
        }
    }

    /// Differs after every change.
    fn version(&self) -> (u64, u64) {
        (self.rows.end(), self.requests.end())
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot { evicted: self.rows.evicted(), ..Snapshot::default() };
        for row in self.rows.iter() {
            snapshot.add(row);
        }
        snapshot
    }
}

#[cfg(test)]
mod tests;
