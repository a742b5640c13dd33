//! A session as one file, to attach to a ticket: gzip around lines of JSON.
//!
//! ```text
//! {"format":"highlight-local session","version":1,"session":"7f3aQ9xL"}
//! {"span":{"own":true,"trace":"9k2hTq81Lx","service":"storefront","name":"POST /api/checkout", ...}}
//! {"log":{ ... }}
//! {"end":2}
//! ```
//!
//! A line after the header is a `span`, `log`, `error` or `note` in the order of arrival, the `recording` or a `chunk`
//! of it; the last line says how many there were. Times are nanoseconds since 1970. Data points are of no session.

mod export;
mod import;
mod read;
mod record;
mod row;

use serde::{Deserialize, Serialize};

use super::{OpenError, QueryError};

pub use export::ExportError;
pub use import::ImportError;
#[cfg(any(fuzzing, test))]
pub(crate) use read::fuzz_import;

/// What was imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Imported {
    /// The session.
    pub session: String,
    /// How many spans it has.
    pub spans: u64,
    /// How many logs.
    pub logs: u64,
    /// How many errors.
    pub errors: u64,
    /// How many notes of something that the server would lose.
    pub notes: u64,
    /// How many chunks of a recording.
    pub chunks: u64,
}

/// The largest file, in bytes as it is.
pub(crate) const MOST_PACKED: usize = 96 << 20;
/// The largest file, in bytes as lines.
const MOST_BYTES: usize = 256 << 20;
/// The longest line, in bytes.
const MOST_LINE: usize = 32 << 20;
/// The most lines between the first and the last.
const MOST_RECORDS: u64 = 250_000;
/// The longest chunk of a recording, in bytes of JSON: as the receiver takes it.
const MOST_CHUNK: usize = 20 << 20;

const FORMAT: &str = "highlight-local session";
const VERSION: u32 = 1;

/// The first line: enough to know what it is.
#[derive(Debug, Serialize, Deserialize)]
struct Format {
    format: String,
    version: u32,
}

/// The first line of this version.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(flatten)]
    format: Format,
    session: String,
}
