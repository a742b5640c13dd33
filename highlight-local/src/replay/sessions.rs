//! The recordings in bounded memory.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::recording::{Chunk, Recording, RecordingSink};

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordingLimits {
    /// One session's chunks, compressed, in bytes. Default: 64 MiB. What comes later is refused: a
    /// recording without its beginning cannot be played.
    pub session_bytes: usize,
    /// All chunks, compressed, in bytes. Default: 256 MiB. The session that began first goes first.
    pub bytes: usize,
    /// Sessions. Default: 1,000.
    pub sessions: usize,
}

impl Default for RecordingLimits {
    fn default() -> Self {
        Self { session_bytes: 64 << 20, bytes: 256 << 20, sessions: 1_000 }
    }
}

/// A handle to the recordings. Clones share them.
#[derive(Clone)]
pub struct Recordings {
    shared: Arc<Shared>,
}

struct Shared {
    limits: RecordingLimits,
    sink: Option<Box<dyn RecordingSink>>,
    contents: Mutex<Contents>,
}

#[derive(Default)]
struct Contents {
    begun: u64,
    bytes: usize,
    /// By their beginning.
    sessions: BTreeMap<u64, Session>,
    places: HashMap<String, u64>,
}

struct Session {
    recording: Recording,
    chunks: BTreeMap<u64, Arc<Chunk>>,
}

impl Recordings {
    /// None yet.
    #[must_use]
    pub fn new(limits: RecordingLimits) -> Self {
        Self::with(limits, None)
    }

    /// None yet; what comes is told to the sink as well. The limits are those of this memory.
    #[must_use]
    pub fn with_sink(limits: RecordingLimits, sink: impl RecordingSink + 'static) -> Self {
        Self::with(limits, Some(Box::new(sink)))
    }

    fn with(limits: RecordingLimits, sink: Option<Box<dyn RecordingSink>>) -> Self {
        Self { shared: Arc::new(Shared { limits, sink, contents: Mutex::default() }) }
    }

    /// The sessions, by their beginning.
    #[must_use]
    pub fn sessions(&self) -> Vec<Recording> {
        self.lock().sessions.values().map(|session| session.recording.clone()).collect()
    }

    /// One session.
    #[must_use]
    pub fn session(&self, session_id: &str) -> Option<Recording> {
        self.lock().find(session_id).map(|session| session.recording.clone())
    }

    /// A session's chunks, by their number.
    #[must_use]
    pub fn chunks(&self, session_id: &str) -> Vec<Arc<Chunk>> {
        self.lock()
            .find(session_id)
            .map_or_else(Vec::new, |session| session.chunks.values().cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known about a session; it begins with that, if it is new.
    pub(super) fn change(&self, session_id: &str, change: impl FnOnce(&mut Recording)) {
        let now = SystemTime::now();
        let mut contents = self.lock();
        let place = contents.place(session_id, now);
        let Some(session) = contents.sessions.get_mut(&place) else { return };
        session.recording.seen = now;
        change(&mut session.recording);
        let recording = session.recording.clone();
        contents.evict(&self.shared.limits, place);
        drop(contents);
        if let Some(sink) = &self.shared.sink {
            sink.session(&recording);
        }
    }

    /// Adds a piece. A client that got no answer sends it again, under the same number.
    pub(super) fn add(&self, session_id: &str, chunk: Chunk) {
        let chunk = Arc::new(chunk);
        let now = SystemTime::now();
        let mut contents = self.lock();
        let place = contents.place(session_id, now);
        let Contents { bytes, sessions, .. } = &mut *contents;
        let Some(session) = sessions.get_mut(&place) else { return };
        let old = session.chunks.remove(&chunk.payload_id);
        let recording = &mut session.recording;
        recording.seen = now;
        if let Some(old) = &old {
            recording.events -= old.events;
            recording.bytes -= old.weight();
            *bytes -= old.weight();
        }
        let kept = recording.bytes + chunk.weight() <= self.shared.limits.session_bytes;
        if kept {
            recording.events += chunk.events;
            recording.bytes += chunk.weight();
            recording.unloaded |= chunk.unloaded;
            *bytes += chunk.weight();
            session.chunks.insert(chunk.payload_id, Arc::clone(&chunk));
        } else {
            recording.chunks_refused += 1;
        }
        let recording = recording.clone();
        contents.evict(&self.shared.limits, place);
        drop(contents);
        if let Some(sink) = &self.shared.sink {
            sink.session(&recording);
            if kept {
                sink.chunk(session_id, &chunk);
            }
        }
    }
}

impl Contents {
    fn find(&self, session_id: &str) -> Option<&Session> {
        self.sessions.get(self.places.get(session_id)?)
    }

    fn place(&mut self, session_id: &str, now: SystemTime) -> u64 {
        if let Some(place) = self.places.get(session_id) {
            return *place;
        }
        self.begun += 1;
        let session = Session { recording: Recording::new(session_id, now), chunks: BTreeMap::new() };
        self.sessions.insert(self.begun, session);
        self.places.insert(session_id.to_owned(), self.begun);
        self.begun
    }

    /// The oldest go, but not the one that is being written.
    fn evict(&mut self, limits: &RecordingLimits, written: u64) {
        while self.bytes > limits.bytes || self.sessions.len() > limits.sessions {
            let Some(oldest) = self.sessions.keys().copied().find(|place| *place != written) else { return };
            let Some(gone) = self.sessions.remove(&oldest) else { return };
            self.places.remove(&gone.recording.session_id);
            self.bytes -= gone.recording.bytes;
        }
    }
}

impl fmt::Debug for Recordings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.lock();
        f.debug_struct("Recordings")
            .field("limits", &self.shared.limits)
            .field("sessions", &contents.sessions.len())
            .field("bytes", &contents.bytes)
            .finish_non_exhaustive()
    }
}
