//! The question and the answers.

use serde::{Deserialize, Serialize};

use super::super::{super::time::Timestamp, Page};
use crate::model::{self, Attributes, Level};

/// Which errors. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorQuery {
    /// Which part.
    pub page: Page,
    /// Only what arrived after the error of this id, **oldest first**.
    pub after: Option<i64>,
    /// Of this group.
    pub group: Option<i64>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this session and its requests.
    pub session: Option<String>,
    /// Of this trace, by the id it is stored under.
    pub trace: Option<String>,
    /// With all of these words in message, type, stack or attributes; the last may be just begun.
    pub text: Option<String>,
}

/// An error in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorRow {
    /// Its number in the order of arrival.
    pub id: i64,
    /// Its group.
    pub group: i64,
    /// When it happened.
    pub time: Timestamp,
    /// The level of its log row.
    pub level: Level,
    /// `exception.message`.
    pub message: String,
    /// `exception.type`, which the server discards.
    pub type_name: String,
    /// Its service.
    pub service: String,
    /// Its session, or its request's.
    pub session: String,
    /// The id that its request is stored under.
    pub trace_id: String,
    /// The span it happened in.
    pub span_id: String,
    /// Its innermost frame.
    pub top_frame: Option<Frame>,
}

/// An error with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// What a list shows.
    #[serde(flatten)]
    pub row: ErrorRow,
    /// The attribute `URL`: the visited page.
    pub url: String,
    /// Its log row, by id.
    pub log: Option<i64>,
    /// The frames that the server shows, innermost first.
    pub frames: Vec<Frame>,
    /// The errors behind it, the nearest first.
    pub chain: Vec<Cause>,
    /// `exception.stacktrace` as it was sent.
    pub stack_text: String,
    /// All other attributes.
    pub attributes: Attributes,
}

/// A frame of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// The function's name.
    pub function: Option<String>,
    /// The file.
    pub file: Option<String>,
    /// The line in the file.
    pub line: Option<u32>,
    /// The column.
    pub column: Option<u32>,
    /// A line of text the parser found no other use for.
    pub line_content: Option<String>,
}

impl From<&model::Frame> for Frame {
    fn from(frame: &model::Frame) -> Self {
        let model::Frame { function, file, line, column, line_content, error: _ } = frame.clone();
        Self { function, file, line, column, line_content }
    }
}

/// An error behind an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cause {
    /// Its message.
    pub message: String,
    /// Its type, where sent.
    pub type_name: Option<String>,
}

/// Errors that the server takes to be the same (C§6.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorGroup {
    /// Identifies the group.
    pub id: i64,
    /// The message of its first error.
    pub message: String,
    /// How many errors arrived, those included that retention has taken.
    pub errors: u64,
    /// The earliest of them.
    pub first_seen: Timestamp,
    /// The latest of them.
    pub last_seen: Timestamp,
    /// The id of the last error.
    pub last_id: i64,
    /// How many sessions met it, of the errors still there.
    pub sessions: u64,
    /// The last error.
    pub last: Option<ErrorRow>,
}

/// A group with what a page about it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorGroupDetail {
    /// What a list shows.
    #[serde(flatten)]
    pub group: ErrorGroup,
    /// The last error, whole.
    pub last_error: Option<ErrorDetail>,
    /// The last 100 sessions that met it.
    pub met_by: Vec<String>,
    /// Its errors over time.
    pub histogram: Histogram,
}

/// Counts over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Histogram {
    /// How long each bucket is, in nanoseconds.
    pub width_ns: i64,
    /// All buckets, empty ones too.
    pub buckets: Vec<Bucket>,
}

/// A span of time and how much happened in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bucket {
    /// Its beginning.
    pub start: Timestamp,
    /// How many.
    pub count: u64,
}
