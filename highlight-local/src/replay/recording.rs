//! A recorded session, and the pieces it comes in.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::SystemTime,
};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};

/// What is known about a recorded session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recording {
    /// The client's secure id: what `x-highlight-request` and `highlight.session_id` carry.
    pub session_id: String,
    /// When its first request came.
    pub started: SystemTime,
    /// When its last request came.
    pub seen: SystemTime,
    /// As the page is configured: the project.
    pub project: String,
    /// As the page is configured: the environment, such as `development`.
    pub environment: String,
    /// As the page is configured: the service's name.
    pub service_name: String,
    /// As the page is configured: the page's version.
    pub app_version: String,
    /// The client's version.
    pub client_version: String,
    /// Who the page says uses it (`H.identify`).
    pub user: Option<String>,
    /// What the page says about that user.
    pub user_properties: BTreeMap<String, String>,
    /// What the client and the page say about the session, such as `visited-url`.
    pub properties: BTreeMap<String, String>,
    /// The page was left.
    pub unloaded: bool,
    /// rrweb events in all chunks.
    pub events: usize,
    /// The chunks' size in memory, in bytes.
    pub bytes: usize,
    /// Chunks that were not kept, since the session had its share.
    pub chunks_refused: u64,
}

impl Recording {
    pub(crate) fn new(session_id: &str, now: SystemTime) -> Self {
        Self {
            session_id: session_id.to_owned(),
            started: now,
            seen: now,
            project: String::new(),
            environment: String::new(),
            service_name: String::new(),
            app_version: String::new(),
            client_version: String::new(),
            user: None,
            user_properties: BTreeMap::new(),
            properties: BTreeMap::new(),
            unloaded: false,
            events: 0,
            bytes: 0,
            chunks_refused: 0,
        }
    }
}

/// A piece of a recording, as the client sent it: some seconds of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The client's number of the piece; a greater one is later.
    pub payload_id: u64,
    /// rrweb events in it.
    pub events: usize,
    /// The time of its first event, in milliseconds since 1970, by the browser's clock; 0 without events.
    pub first_ms: u64,
    /// The time of its last event.
    pub last_ms: u64,
    /// The client's last piece before the page was left.
    pub unloaded: bool,
    /// The JSON that [`json`](Self::json) returns, compressed with gzip.
    pub gzip: Vec<u8>,
    /// The length of that JSON, in bytes.
    pub length: usize,
}

impl Chunk {
    /// An object with `events` (rrweb's), `resources`, `messages`, `errors` and `webSocketEvents`,
    /// each an array, in the client's shapes.
    ///
    /// The error is for bytes that were changed on the way through a file.
    pub fn json(&self) -> io::Result<String> {
        io::read_to_string(io::Read::take(GzDecoder::new(&self.gzip[..]), self.length as u64))
    }

    pub(super) fn pack(json: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(json)?;
        encoder.finish()
    }

    pub(super) fn weight(&self) -> usize {
        self.gzip.len() + size_of::<Self>()
    }
}

/// Is told of everything that is recorded, in order, to keep it elsewhere.
///
/// It is called while a client waits for its answer: it should take what it needs and return.
pub trait RecordingSink: Send + Sync {
    /// A session is new, or something about it changed.
    fn session(&self, recording: &Recording);

    /// A chunk came; one with the same `payload_id` replaces the earlier one.
    fn chunk(&self, session_id: &str, chunk: &Chunk);
}
