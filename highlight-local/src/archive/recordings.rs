//! Recordings of browser sessions, beside the rows.
//!
//! They come from the receiver's connections rather than from the store, so a thread of their own writes them.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::SystemTime,
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::{
    ArchiveBuilder, OpenError, QueryError, Reader, Retention, Timestamp,
    write::retention::count as count_more,
};
use crate::replay::{Chunk, Recording, RecordingSink};

/// What waits to be written, at most: each is at most a request's body.
const WAITING: usize = 64;

/// Writes what is recorded into an archive. Dropping it writes what still waits.
#[derive(Debug)]
pub struct RecordingWriter {
    queue: Mutex<Option<SyncSender<Message>>>,
    /// Messages that came faster than they could be written, until that is counted in the database.
    missed: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Session(Box<Recording>),
    Chunk(String, Chunk),
}

impl ArchiveBuilder {
    /// A sink for [`Recordings::with_sink`](crate::replay::Recordings::with_sink) that keeps recordings in the same
    /// database, with the same retention: at most half of its bytes.
    pub fn recording_writer(&self) -> Result<RecordingWriter, OpenError> {
        let connection = self.place.open()?;
        let retention = self.retention;
        let (queue, waiting) = mpsc::sync_channel(WAITING);
        let missed = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&missed);
        let thread = thread::Builder::new()
            .name("highlight-recordings".to_owned())
            .spawn(move || write_all(connection, retention, &waiting, &counted))
            .map_err(OpenError::Thread)?;
        Ok(RecordingWriter { queue: Mutex::new(Some(queue)), missed, thread: Some(thread) })
    }
}

impl RecordingWriter {
    fn send(&self, message: Message) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = &*queue else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(message) {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl RecordingSink for RecordingWriter {
    fn session(&self, recording: &Recording) {
        self.send(Message::Session(Box::new(recording.clone())));
    }

    fn chunk(&self, session_id: &str, chunk: &Chunk) {
        self.send(Message::Chunk(session_id.to_owned(), chunk.clone()));
    }
}

impl Drop for RecordingWriter {
    fn drop(&mut self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.take() {
            // It contains its own failures; if it panicked all the same there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// What is lost is counted with the next message that is not: see [`Overview`](super::Overview).
fn write_all(
    mut connection: Connection,
    retention: Retention,
    waiting: &Receiver<Message>,
    missed: &AtomicU64,
) {
    let mut lost = Lost::default();
    while let Ok(message) = waiting.recv() {
        lost.missed += missed.swap(0, Ordering::Relaxed);
        match write(&mut connection, retention, &message, &lost) {
            Ok(()) => lost = Lost::default(),
            Err(_) => lost.failed += 1,
        }
    }
}

/// Messages that are not in the database.
#[derive(Default)]
struct Lost {
    missed: u64,
    failed: u64,
}

fn write(
    connection: &mut Connection,
    retention: Retention,
    message: &Message,
    lost: &Lost,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (key, count) in [("missed", lost.missed), ("failed", lost.failed)] {
        count_more(&transaction, key, count)?;
    }
    match message {
        Message::Session(recording) => insert_session(&transaction, recording)?,
        Message::Chunk(session_id, chunk) => {
            insert_chunk(&transaction, session_id, chunk)?;
            prune(&transaction, retention)?;
        }
    }
    transaction.commit()
}

pub(super) fn insert_session(connection: &Connection, recording: &Recording) -> rusqlite::Result<()> {
    let Recording { session_id, started, seen, user, service_name, environment, .. } = recording;
    let (started, seen) = (Timestamp::from(*started), Timestamp::from(*seen));
    let sql = "INSERT INTO recordings(session_id, started, seen, user, service, environment)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(session_id) DO UPDATE SET
         seen = ?3, user = coalesce(?4, user), service = ?5, environment = ?6";
    let values = params![session_id, started, seen, user, service_name, environment];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

pub(super) fn insert_chunk(connection: &Connection, session_id: &str, chunk: &Chunk) -> rusqlite::Result<()> {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let sql = "INSERT OR REPLACE INTO chunks(session_id, payload_id, events, first_ms, last_ms, unloaded, length, gzip)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.prepare_cached(sql)?.execute(params![
        session_id,
        number(chunk.payload_id),
        chunk.events,
        number(chunk.first_ms),
        number(chunk.last_ms),
        chunk.unloaded,
        chunk.length,
        chunk.gzip
    ])?;
    Ok(())
}

/// The recordings that were seen longest ago go, whole: one without its beginning cannot be played.
fn prune(connection: &Connection, retention: Retention) -> rusqlite::Result<()> {
    let oldest = Timestamp::from(SystemTime::now()).before(retention.age);
    let bytes = i64::try_from(retention.bytes / 2).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "DELETE FROM recordings WHERE seen < ?1 OR session_id IN (
             SELECT session_id FROM (SELECT session_id, sum(size) OVER (ORDER BY seen DESC) AS above FROM (
                 SELECT session_id, seen, (SELECT coalesce(sum(length(gzip)), 0) FROM chunks
                     WHERE chunks.session_id = recordings.session_id) AS size FROM recordings))
             WHERE above > ?2)",
        )?
        .execute(params![oldest, bytes])?;
    connection
        .prepare_cached("DELETE FROM chunks WHERE session_id NOT IN (SELECT session_id FROM recordings)")?
        .execute([])?;
    Ok(())
}

/// What is known of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecordingInfo {
    /// The session.
    pub session_id: String,
    /// When its first request came.
    pub started: Timestamp,
    /// When its last request came.
    pub seen: Timestamp,
    /// Who the page says uses it.
    pub user: Option<String>,
    /// The time of its first event, in milliseconds since 1970, by the browser's clock.
    pub first_ms: u64,
    /// The time of its last event.
    pub last_ms: u64,
    /// rrweb events in all chunks.
    pub events: u64,
}

impl Reader {
    /// The recording of a session; `None` where there is none that can be played.
    pub fn recording(&self, session_id: &str) -> Result<Option<RecordingInfo>, QueryError> {
        let sql = "SELECT session_id, started, seen, user, first_ms, last_ms, events FROM recordings JOIN (
             SELECT min(first_ms) AS first_ms, max(last_ms) AS last_ms, sum(events) AS events FROM chunks
             WHERE session_id = ?1 AND events > 0) WHERE session_id = ?1 AND events > 1";
        self.with(|connection| {
            let make = |row: &rusqlite::Row<'_>| {
                Ok(RecordingInfo {
                    session_id: row.get(0)?,
                    started: row.get(1)?,
                    seen: row.get(2)?,
                    user: row.get(3)?,
                    first_ms: row.get(4)?,
                    last_ms: row.get(5)?,
                    events: row.get(6)?,
                })
            };
            connection.prepare_cached(sql)?.query_row([session_id], make).optional()
        })
    }

    /// The numbers of a recording's chunks, in order.
    pub fn recording_chunks(&self, session_id: &str) -> Result<Vec<i64>, QueryError> {
        let sql = "SELECT payload_id FROM chunks WHERE session_id = ?1 ORDER BY payload_id";
        self.with(|connection| {
            connection.prepare_cached(sql)?.query_map([session_id], |row| row.get(0))?.collect()
        })
    }

    /// One chunk.
    pub fn recording_chunk(&self, session_id: &str, payload_id: i64) -> Result<Option<Chunk>, QueryError> {
        let sql = "SELECT payload_id, events, first_ms, last_ms, unloaded, length, gzip FROM chunks
             WHERE session_id = ?1 AND payload_id = ?2";
        self.with(|connection| {
            let make = |row: &rusqlite::Row<'_>| {
                Ok(Chunk {
                    payload_id: row.get(0)?,
                    events: row.get(1)?,
                    first_ms: row.get(2)?,
                    last_ms: row.get(3)?,
                    unloaded: row.get(4)?,
                    length: row.get(5)?,
                    gzip: row.get(6)?,
                })
            };
            connection.prepare_cached(sql)?.query_row(params![session_id, payload_id], make).optional()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::open::Place;

    #[test]
    fn what_is_lost_is_counted_with_the_next_that_is_not() {
        let place = Place::memory();
        // The rows are there as long as a connection is.
        let (_kept, connection) = (place.open().unwrap(), place.open().unwrap());
        connection
            .execute_batch(
                "CREATE TRIGGER refuse BEFORE INSERT ON recordings WHEN NEW.session_id = 'bad'
                 BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .unwrap();
        let (queue, waiting) = mpsc::sync_channel(WAITING);
        for session_id in ["bad", "bad", "good", "good"] {
            let recording = Recording::new(session_id, SystemTime::now());
            queue.send(Message::Session(Box::new(recording))).unwrap();
        }
        drop(queue);
        write_all(connection, Retention::default(), &waiting, &AtomicU64::new(3));
        let overview = Reader::new(place, None).overview().unwrap();
        assert_eq!((overview.missed, overview.failed), (3, 2));
    }
}
