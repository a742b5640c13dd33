//! The lines of the file, as the archive has the rows.

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::Row as Columns;
use serde::{Deserialize, Serialize};

use super::super::query::{Frame, SpanEvent, SpanLink, from_json, level};
use crate::{
    model::{Attributes, Level},
    replay::Chunk,
};

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Record {
    Span(Box<SpanRecord>),
    Log(Box<LogRecord>),
    Error(Box<ErrorRecord>),
    Note(Box<NoteRecord>),
    Recording(RecordingRecord),
    Chunk(ChunkRecord),
    End(u64),
}

/// What a row belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    /// Whether the row itself names the session, rather than only another one of its request.
    pub(super) own: bool,
    /// The id that its request is stored under, or empty.
    pub(super) trace: String,
    pub(super) service: String,
}

impl Place {
    /// Of a row with the columns of `NAMES`, and `own`.
    fn read(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self { own: row.get("own")?, trace: row.get("trace_name")?, service: row.get("service_name")? })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SpanRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) span_id: String,
    pub(super) parent_id: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) start: i64,
    pub(super) duration: i64,
    pub(super) status: String,
    pub(super) status_message: String,
    pub(super) has_errors: bool,
    pub(super) attributes: Attributes,
    pub(super) events: Vec<SpanEvent>,
    pub(super) links: Vec<SpanLink>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LogRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    /// By which an error names it.
    pub(super) id: i64,
    pub(super) time: i64,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) span_id: String,
    pub(super) frontend: bool,
    pub(super) attributes: Attributes,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    /// Errors of one project are grouped.
    pub(super) project: String,
    pub(super) log: Option<i64>,
    pub(super) time: i64,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) type_name: String,
    pub(super) url: String,
    pub(super) span_id: String,
    pub(super) stack_text: String,
    pub(super) frames: Vec<Frame>,
    pub(super) attributes: Attributes,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NoteRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) dropped: bool,
    pub(super) code: String,
    pub(super) item: String,
    pub(super) name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordingRecord {
    pub(super) started: i64,
    pub(super) user: Option<String>,
    pub(super) service: String,
    pub(super) environment: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChunkRecord {
    pub(super) payload_id: u64,
    pub(super) events: usize,
    pub(super) first_ms: u64,
    pub(super) last_ms: u64,
    pub(super) unloaded: bool,
    pub(super) length: usize,
    /// In base64.
    pub(super) gzip: String,
}

impl Record {
    pub(super) fn span(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self::Span(Box::new(SpanRecord {
            place: Place::read(row)?,
            span_id: row.get("span_id")?,
            parent_id: row.get("parent_id")?,
            name: row.get("name")?,
            kind: row.get("kind")?,
            start: row.get("start")?,
            duration: row.get("duration")?,
            status: row.get("status")?,
            status_message: row.get("status_message")?,
            has_errors: row.get("has_errors")?,
            attributes: from_json(&row.get::<_, String>("attributes")?),
            events: from_json(&row.get::<_, String>("events")?),
            links: from_json(&row.get::<_, String>("links")?),
        })))
    }

    pub(super) fn log(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self::Log(Box::new(LogRecord {
            place: Place::read(row)?,
            id: row.get("seq")?,
            time: row.get("time")?,
            level: level(row.get("level")?),
            message: row.get("message")?,
            span_id: row.get("span_id")?,
            frontend: row.get("frontend")?,
            attributes: from_json(&row.get::<_, String>("attributes")?),
        })))
    }

    pub(super) fn error(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self::Error(Box::new(ErrorRecord {
            place: Place::read(row)?,
            project: row.get("project")?,
            log: row.get("log")?,
            time: row.get("time")?,
            level: level(row.get("level")?),
            message: row.get("message")?,
            type_name: row.get("type")?,
            url: row.get("url")?,
            span_id: row.get("span_id")?,
            stack_text: row.get("stack_text")?,
            frames: from_json(&row.get::<_, String>("frames")?),
            attributes: from_json(&row.get::<_, String>("attributes")?),
        })))
    }

    pub(super) fn note(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self::Note(Box::new(NoteRecord {
            place: Place::read(row)?,
            dropped: row.get("dropped")?,
            code: row.get("code")?,
            item: row.get("item")?,
            name: row.get("name")?,
        })))
    }

    pub(super) fn recording(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self::Recording(RecordingRecord {
            started: row.get("started")?,
            user: row.get("user")?,
            service: row.get("service")?,
            environment: row.get("environment")?,
        }))
    }

    pub(super) fn chunk(chunk: &Chunk) -> Self {
        let Chunk { payload_id, events, first_ms, last_ms, unloaded, length, .. } = *chunk;
        let gzip = STANDARD.encode(&chunk.gzip);
        Self::Chunk(ChunkRecord { payload_id, events, first_ms, last_ms, unloaded, length, gzip })
    }
}
