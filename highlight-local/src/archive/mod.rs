//! The rows in an embedded database, for views that look further back than the [`Store`] does.
//!
//! One thread writes what the store receives; any number of readers ask at the same time.
//!
//! ```
//! use highlight_local::{Receiver, archive::{Archive, LogQuery}};
//!
//! let receiver = Receiver::start(0)?;
//! let archive = Archive::in_memory().start(&receiver.store())?;
//! // ... what is sent to the receiver is soon in the archive:
//! let logs = archive.reader().logs(&LogQuery::default())?;
//! assert!(logs.items.is_empty(), "nothing was sent in this example");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With [`Archive::file`] the rows survive the process, and its being killed: what was committed stays. Rows are
//! committed as they come, in batches of what arrived while the last batch was written.
//!
//! # What gets lost, and where it is counted
//!
//! - The oldest rows go when the archive grows over [`Retention`]: [`Overview::expired`].
//! - Rows that arrive faster than the disk takes them wait in the store, and are lost when its
//!   [`StoreLimits`](crate::StoreLimits) push them out: [`Overview::missed`].
//! - Rows that the database refuses (a full disk): [`Overview::failed`], the reason in [`Overview::problem`].
//!
//! # Numbers
//!
//! Each row has an id from one counter in the order of arrival. Pages go from the newest to the oldest and name
//! the id that the next one begins below; a live tail asks for what is above the last id it saw.

mod bundle;
mod critical_path;
mod group;
mod open;
mod query;
mod recordings;
mod time;
mod words;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::watch;

use crate::store::Store;
use open::Place;
use write::{Shared, Writer, Writing};

pub(crate) use bundle::MOST_PACKED;
#[cfg(any(fuzzing, test))]
pub(crate) use bundle::fuzz_import;
pub use bundle::{ExportError, ImportError, Imported};
pub use critical_path::Segment;
pub use open::OpenError;
pub use query::*;
pub use recordings::{RecordingInfo, RecordingWriter};
pub use time::Timestamp;

/// How long and how much is kept. The oldest rows go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long after it arrived a row is kept. Default: 7 days.
    pub age: Duration,
    /// How large the database may grow, in bytes. Default: 512 MiB. A database in memory holds at most 1 GiB.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Duration::from_secs(7 * 24 * 60 * 60), bytes: 512 << 20 }
    }
}

/// Options of an [`Archive`].
#[derive(Debug)]
pub struct ArchiveBuilder {
    place: Place,
    retention: Retention,
}

impl ArchiveBuilder {
    /// How long and how much is kept.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Opens the database and starts to write what is in the store and what comes.
    pub fn start(self, store: &Store) -> Result<Archive, OpenError> {
        let connection = self.place.open()?;
        let shared = Arc::new(Shared::default());
        let reader =
            Reader::new(self.place, Some(Writing { shared: Arc::clone(&shared), store: store.clone() }));
        let writer = Writer::new(connection, store.clone(), self.retention, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("highlight-archive".to_owned())
            .spawn(move || writer.run())
            .map_err(OpenError::Thread)?;
        Ok(Archive { reader, store: store.clone(), shared, thread: Some(thread) })
    }
}

/// A running archive. Dropping it writes what the store still holds and ends its thread.
#[derive(Debug)]
pub struct Archive {
    reader: Reader,
    store: Store,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Archive {
    /// An archive that ends with the program.
    #[must_use]
    pub fn in_memory() -> ArchiveBuilder {
        ArchiveBuilder { place: Place::memory(), retention: Retention::default() }
    }

    /// An archive in a file, which is made where there is none.
    pub fn file(path: impl Into<PathBuf>) -> ArchiveBuilder {
        ArchiveBuilder { place: Place::File(path.into()), retention: Retention::default() }
    }

    /// A handle for queries, cheap to clone.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Changes after every batch that was written, to the newest id: for live views.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.shared.written.subscribe()
    }

    /// Blocks until everything that the store holds now is written or counted as lost.
    pub fn settle(&self) {
        self.shared.wait_for(self.store.end());
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.shared.stop();
        self.store.wake();
        if let Some(thread) = self.thread.take() {
            // It contains its own failures; if it panicked all the same there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

impl Reader {
    /// Opens an archive's file to read it, while another process may be writing it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let place = Place::File(path.as_ref().to_path_buf());
        place.open_to_read()?;
        Ok(Self::new(place, None))
    }
}
