//! The one thread that writes.

mod common;
mod retention;
mod rows;

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use super::{Retention, time::Timestamp};
use crate::store::{Batch, Position, Store};
use common::Common;
use retention::Pruner;

/// What others know of the writer.
#[derive(Debug)]
pub(super) struct Shared {
    stop: AtomicBool,
    /// The newest id.
    pub(super) written: watch::Sender<i64>,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    position: Position,
    has_ended: bool,
    problem: Option<String>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            stop: AtomicBool::new(false),
            written: watch::Sender::new(0),
            state: Mutex::default(),
            moved: Condvar::new(),
        }
    }
}

impl Shared {
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What the database said when it last refused, if it has not taken anything since.
    pub(super) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    pub(super) fn wait_for(&self, position: Position) {
        let waiting = |state: &mut State| state.position < position && !state.has_ended;
        drop(self.moved.wait_while(self.state(), waiting));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.moved.notify_all();
    }
}

/// Rows of a log that an error, which comes right after it, may point to: its cursor and its id.
type LastLog = Option<(u64, i64)>;

pub(super) struct Writer {
    connection: Connection,
    store: Store,
    pruner: Pruner,
    shared: Arc<Shared>,
    position: Position,
    last_log: LastLog,
    /// What was lost since something was last written.
    missed: u64,
    failed: u64,
}

/// How many rows one transaction takes at most: readers of memory wait for it.
const BATCH: usize = 4_096;

impl Writer {
    pub(super) fn new(
        connection: Connection,
        store: Store,
        retention: Retention,
        shared: Arc<Shared>,
    ) -> Self {
        let (position, last_log) = (Position::default(), None);
        let pruner = Pruner::new(retention);
        Self { connection, store, pruner, shared, position, last_log, missed: 0, failed: 0 }
    }

    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        // Whatever happens, nobody waits for a writer that is gone.
        let _ended = OnDrop(|| shared.change(|state| state.has_ended = true));
        self.prune();
        loop {
            let batch = self.store.next_batch(&mut self.position, BATCH, &self.shared.stop);
            if batch.rows.is_empty() && batch.missed == 0 && self.shared.stop.load(Ordering::Relaxed) {
                break;
            }
            self.missed += batch.missed;
            match self.write(&batch) {
                Ok(newest) => {
                    (self.missed, self.failed) = (0, 0);
                    self.shared.written.send_replace(newest);
                    self.shared.change(|state| state.problem = None);
                }
                Err(error) => {
                    self.failed += batch.rows.len() as u64;
                    self.problem(&error);
                }
            }
            self.prune();
            let position = self.position;
            self.shared.change(|state| state.position = position);
        }
    }

    /// All or nothing; returns the newest id.
    fn write(&mut self, batch: &Batch) -> rusqlite::Result<i64> {
        let now = Timestamp::now();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut last_log = self.last_log;
        let mut common = Common::begin(&transaction)?;
        for row in &batch.rows {
            rows::insert(&mut common, row, now, &mut last_log)?;
        }
        let newest = common.finish(now)?;
        for (key, count) in [("missed", self.missed), ("failed", self.failed)] {
            retention::count(&transaction, key, count)?;
        }
        transaction.commit()?;
        self.last_log = last_log;
        Ok(newest)
    }

    fn prune(&mut self) {
        if let Err(error) = self.pruner.prune(&mut self.connection) {
            self.problem(&error);
        }
    }

    fn problem(&self, error: &rusqlite::Error) {
        self.shared.change(|state| state.problem = Some(error.to_string()));
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
