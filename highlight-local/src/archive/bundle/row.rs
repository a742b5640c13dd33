//! The lines as the store takes them: rows of one session.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::IgnoredAny;

use super::{
    super::{
        query::{Frame, SpanEvent, SpanLink},
        time::Timestamp,
    },
    MOST_CHUNK,
    record::{ChunkRecord, ErrorRecord, LogRecord, NoteRecord, Place, RecordingRecord, SpanRecord},
};
use crate::{
    model::{self, ErrorObject, Log, Origin, Shape, Source, Span},
    note::{ChangeReason, Changed, DropReason, Dropped, Item, Subject},
    receiver::unzip,
    replay::{Chunk, Recording},
    row::Row,
};

impl Place {
    fn origin(self, session: &str) -> Origin {
        Origin {
            session_id: if self.own { session.to_owned() } else { String::new() },
            request_id: self.trace,
            service: self.service,
            ..Origin::default()
        }
    }
}

fn time(nanos: i64) -> SystemTime {
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
            duration: Duration::from_nanos(u64::try_from(self.duration).unwrap_or_default()),
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
        serde_json::from_slice::<BTreeMap<String, Vec<IgnoredAny>>>(&json)
            .map_err(|error| format!("the chunk is no object of lists: {error}"))?;
        let Self { payload_id, events, first_ms, last_ms, unloaded, length, .. } = self;
        Ok(Chunk { payload_id, events, first_ms, last_ms, unloaded, gzip, length })
    }
}
