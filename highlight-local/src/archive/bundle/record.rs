//! The lines of the file, as the archive has the rows and as the store takes them.

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::Row as Columns;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    super::query::{Frame, SpanEvent, SpanLink, from_json, level},
    MOST_CHUNK,
};
use crate::{
    archive::Timestamp,
    model::{self, Attributes, ErrorObject, Level, Log, Origin, Shape, Source, Span},
    note::{ChangeReason, Changed, DropReason, Dropped, Item, Subject},
    receiver::unzip,
    replay::{Chunk, Recording},
    row::Row,
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
    own: bool,
    /// The id that its request is stored under, or empty.
    pub(super) trace: String,
    service: String,
}

impl Place {
    /// Of a row with the columns of `NAMES`, and `own`.
    fn read(row: &Columns<'_>) -> rusqlite::Result<Self> {
        Ok(Self { own: row.get("own")?, trace: row.get("trace_name")?, service: row.get("service_name")? })
    }

    fn origin(self, session: &str) -> Origin {
        Origin {
            session_id: if self.own { session.to_owned() } else { String::new() },
            request_id: self.trace,
            service: self.service,
            ..Origin::default()
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SpanRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    span_id: String,
    parent_id: String,
    name: String,
    kind: String,
    start: i64,
    duration: i64,
    status: String,
    status_message: String,
    has_errors: bool,
    attributes: Attributes,
    events: Vec<SpanEvent>,
    links: Vec<SpanLink>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LogRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    /// By which an error names it.
    id: i64,
    time: i64,
    level: Level,
    message: String,
    span_id: String,
    frontend: bool,
    attributes: Attributes,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ErrorRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    /// Errors of one project are grouped.
    project: String,
    log: Option<i64>,
    time: i64,
    level: Level,
    message: String,
    type_name: String,
    url: String,
    span_id: String,
    stack_text: String,
    frames: Vec<Frame>,
    attributes: Attributes,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NoteRecord {
    #[serde(flatten)]
    pub(super) place: Place,
    dropped: bool,
    code: String,
    item: String,
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordingRecord {
    started: i64,
    user: Option<String>,
    service: String,
    environment: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChunkRecord {
    payload_id: u64,
    events: usize,
    first_ms: u64,
    last_ms: u64,
    unloaded: bool,
    length: usize,
    /// In base64.
    gzip: String,
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

fn time(nanos: i64) -> std::time::SystemTime {
    Timestamp::from_nanos(nanos).into()
}

/// The name that the model has for a text.
fn known(text: &str, names: &[&'static str]) -> Result<&'static str, String> {
    let name = names.iter().find(|name| **name == text);
    name.copied().ok_or_else(|| format!("{text:?} is none of {names:?}"))
}

fn source(frontend: bool) -> Source {
    if frontend { Source::Frontend } else { Source::Backend }
}

impl SpanRecord {
    pub(super) fn row(self, session: &str) -> Result<Row, String> {
        const KINDS: [&str; 6] = ["Internal", "Server", "Client", "Producer", "Consumer", "Unspecified"];
        let events = self.events.into_iter().map(|event| {
            let SpanEvent { time, name, attributes } = event;
            model::SpanEvent { time: time.into(), name, attributes }
        });
        let links = self.links.into_iter().map(|link| {
            let SpanLink { trace_id, span_id, attributes } = link;
            model::SpanLink { trace_id, span_id, attributes, trace_state: String::new() }
        });
        Ok(Row::from(Span {
            trace_id: self.place.trace.clone(),
            origin: self.place.origin(session),
            otel_trace_id: String::new(),
            span_id: self.span_id,
            parent_span_id: self.parent_id,
            trace_state: String::new(),
            name: self.name,
            kind: known(&self.kind, &KINDS)?,
            start: time(self.start),
            duration: std::time::Duration::from_nanos(u64::try_from(self.duration).unwrap_or_default()),
            status_code: known(&self.status, &["Unset", "Ok", "Error"])?,
            status_message: self.status_message,
            has_errors: self.has_errors,
            attributes: self.attributes,
            events: events.collect(),
            links: links.collect(),
        }))
    }
}

/// What logs and errors name each other by; of an error without a log, what no log has.
fn cursor(id: Option<i64>) -> u64 {
    id.and_then(|id| u64::try_from(id).ok()).unwrap_or(u64::MAX)
}

impl LogRecord {
    pub(super) fn row(self, session: &str) -> Row {
        Row::from(Log {
            trace_id: self.place.trace.clone(),
            origin: self.place.origin(session),
            cursor: cursor(Some(self.id)),
            time: time(self.time),
            sent_time: time(self.time),
            level: self.level,
            message: self.message,
            otel_trace_id: String::new(),
            span_id: self.span_id,
            attributes: self.attributes,
            source: source(self.frontend),
            shape: Shape::LogRecord,
        })
    }
}

impl ErrorRecord {
    pub(super) fn row(self, session: &str) -> Row {
        let frames = self.frames.into_iter().map(|frame| {
            let Frame { function, file, line, column, line_content } = frame;
            model::Frame { function, file, line, column, line_content, error: self.message.clone() }
        });
        Row::from(ErrorObject {
            frames: frames.collect(),
            trace_id: self.place.trace.clone(),
            origin: Origin { project: self.project, ..self.place.origin(session) },
            log_cursor: cursor(self.log),
            level: self.level,
            time: time(self.time),
            event: self.message,
            sent_type: self.type_name,
            stack_text: self.stack_text,
            payload: self.attributes,
            url: self.url,
            otel_trace_id: String::new(),
            span_id: self.span_id,
            source: Source::Backend,
            shape: Shape::LogRecord,
        })
    }
}

impl NoteRecord {
    pub(super) fn row(self, session: &str) -> Result<Row, String> {
        let unknown = || format!("{:?} is no reason for a note about {:?}", self.code, self.item);
        let item = Item::named(&self.item).ok_or_else(unknown)?;
        let drop_reason = DropReason::of_code(&self.code).filter(|_| self.dropped);
        let change_reason = ChangeReason::of_code(&self.code).filter(|_| !self.dropped);
        let error = unknown();
        let subject = Subject { item, name: self.name, origin: self.place.origin(session) };
        match (drop_reason, change_reason) {
            (Some(reason), _) => Ok(Row::from(Dropped { subject, reason })),
            (_, Some(reason)) => Ok(Row::from(Changed { subject, reason })),
            (None, None) => Err(error),
        }
    }
}

impl RecordingRecord {
    /// Last seen now: what was imported is kept as long as what has just come.
    pub(super) fn recording(self, session: &str) -> Recording {
        let mut recording = Recording::new(session, Timestamp::now().into());
        recording.started = time(self.started);
        recording.user = self.user;
        recording.service_name = self.service;
        recording.environment = self.environment;
        recording
    }
}

impl ChunkRecord {
    /// Looked into, so that nobody who plays it is in for a surprise.
    pub(super) fn chunk(self) -> Result<Chunk, String> {
        let gzip = STANDARD.decode(self.gzip).map_err(|error| format!("the chunk is no base64: {error}"))?;
        let json = unzip(&gzip, MOST_CHUNK).map_err(|error| format!("the chunk is no gzip: {error}"))?;
        let json = json.ok_or_else(|| format!("the chunk is longer than {MOST_CHUNK} bytes"))?;
        if json.len() != self.length {
            return Err(format!("the chunk has {} bytes and says it has {}", json.len(), self.length));
        }
        serde_json::from_slice::<std::collections::BTreeMap<String, Vec<IgnoredAny>>>(&json)
            .map_err(|error| format!("the chunk is no object of lists: {error}"))?;
        let Self { payload_id, events, first_ms, last_ms, unloaded, length, .. } = self;
        Ok(Chunk { payload_id, events, first_ms, last_ms, unloaded, length, gzip })
    }
}
