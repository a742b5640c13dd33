//! The one thread that writes.

mod common;
pub(super) mod retention;
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

/// For readers that can have something written.
#[derive(Debug, Clone)]
pub(super) struct Writing {
    pub(super) shared: Arc<Shared>,
    /// What the writer writes.
    pub(super) store: Store,
}

/// What others know of the writer.
#[derive(Debug)]
pub(super) struct Shared {
    stop: AtomicBool,
    /// The newest id.
    pub(super) written: watch::Sender<i64>,
    state: Mutex<State>,
    moved: Condvar,
    importing: Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    position: Position,
    has_ended: bool,
    trouble: Trouble,
}

/// What went wrong since something was last written.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble {
    pub(super) missed: u64,
    pub(super) failed: u64,
    /// What the database said last.
    pub(super) problem: Option<String>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            stop: AtomicBool::new(false),
            written: watch::Sender::new(0),
            state: Mutex::default(),
            moved: Condvar::new(),
            importing: Mutex::default(),
        }
    }
}

impl Shared {
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn trouble(&self) -> Trouble {
        self.state().trouble.clone()
    }

    pub(super) fn wait_for(&self, position: Position) {
        let waiting = |state: &mut State| state.position < position && !state.has_ended;
        drop(self.moved.wait_while(self.state(), waiting));
    }

    /// While this is held, nobody else imports.
    pub(super) fn importing(&self) -> MutexGuard<'_, ()> {
        self.importing.lock().unwrap_or_else(PoisonError::into_inner)
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
    trouble: Trouble,
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
        Self { connection, store, pruner, shared, position, last_log, trouble: Trouble::default() }
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
            self.trouble.missed += batch.missed;
            match self.write(&batch) {
                Ok(newest) => {
                    self.trouble = Trouble::default();
                    self.shared.written.send_replace(newest);
                }
                Err(error) => {
                    self.trouble.failed += batch.rows.len() as u64;
                    self.trouble.problem = Some(error.to_string());
                }
            }
            self.prune();
            let (position, trouble) = (self.position, self.trouble.clone());
            self.shared.change(|state| (state.position, state.trouble) = (position, trouble));
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
        for (key, count) in [("missed", self.trouble.missed), ("failed", self.trouble.failed)] {
            retention::count(&transaction, key, count)?;
        }
        transaction.commit()?;
        self.last_log = last_log;
        Ok(newest)
    }

    fn prune(&mut self) {
        if let Err(error) = self.pruner.prune(&mut self.connection) {
            self.trouble.problem = Some(error.to_string());
        }
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
