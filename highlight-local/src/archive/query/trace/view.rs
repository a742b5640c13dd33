//! The answers.

use serde::{Deserialize, Serialize};

use super::super::{
    super::{critical_path::Segment, time::Timestamp},
    ErrorRow, LogRow, Paged, Request,
};
use crate::model::{self, Attributes};

/// A trace. What many spans share is named once, so that ten thousand of them stay small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trace {
    /// The request: its session, what it was, its counts.
    pub request: Request,
    /// The start of its earliest span.
    pub start: Timestamp,
    /// From there to the end of its last span, in nanoseconds.
    pub duration_ns: i64,
    /// The services, by name.
    pub services: Vec<String>,
    /// The names of spans.
    pub names: Vec<String>,
    /// The spans as a tree, top down; those with one parent by start. At most 50,000.
    pub spans: Vec<TraceSpan>,
    /// Whether there are more spans than that.
    pub more_spans: bool,
    /// What the duration depends on, by time.
    pub critical_path: Vec<Segment>,
    /// Its logs, newest first: a page for [`Reader::logs`](crate::archive::Reader::logs) to go on with.
    pub logs: Paged<LogRow>,
    /// Its errors, newest first: a page for [`Reader::errors`](crate::archive::Reader::errors) to go on with.
    pub errors: Paged<ErrorRow>,
}

/// A span in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TraceSpan {
    /// Its number in the order of arrival, to ask for its [`SpanDetail`] with.
    pub id: i64,
    /// The id it was sent with.
    pub span_id: String,
    /// Its parent, by position in [`Trace::spans`]; `None` also where the parent is missing.
    pub parent: Option<usize>,
    /// Whether it names a parent that is not here.
    pub is_orphan: bool,
    /// How many spans are above it.
    pub depth: usize,
    /// Its service, by position in [`Trace::services`].
    pub service: usize,
    /// Its name, by position in [`Trace::names`].
    pub name: usize,
    /// `Server`, `Client`, ...
    pub kind: String,
    /// Nanoseconds from the start of the trace.
    pub start_ns: i64,
    /// How long it took, in nanoseconds.
    pub duration_ns: i64,
    /// Whether its status is `Error`.
    pub failed: bool,
    /// How many logs name it as their span.
    pub logs: u64,
    /// How many errors happened in it.
    pub errors: u64,
}

/// A span with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpanDetail {
    /// Its number in the order of arrival.
    pub id: i64,
    /// The id its trace is stored under.
    pub trace_id: String,
    /// Its session, or its request's.
    pub session: String,
    /// Its service.
    pub service: String,
    /// The id it was sent with.
    pub span_id: String,
    /// Its parent's id, or empty.
    pub parent_id: String,
    /// Its name.
    pub name: String,
    /// `Server`, `Client`, ...
    pub kind: String,
    /// When it started.
    pub start: Timestamp,
    /// How long it took, in nanoseconds.
    pub duration_ns: i64,
    /// `Unset`, `Ok` or `Error`.
    pub status: String,
    /// What its status says.
    pub status_message: String,
    /// Whether an accepted `exception` event is on it (C§6.1).
    pub has_errors: bool,
    /// Its attributes, its resource's included.
    pub attributes: Attributes,
    /// Its events.
    pub events: Vec<SpanEvent>,
    /// Its links.
    pub links: Vec<SpanLink>,
}

/// An event on a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpanEvent {
    /// When it happened.
    pub time: Timestamp,
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Attributes,
}

impl From<&model::SpanEvent> for SpanEvent {
    fn from(event: &model::SpanEvent) -> Self {
        let model::SpanEvent { time, name, attributes } = event.clone();
        Self { time: time.into(), name, attributes }
    }
}

/// A link from a span to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpanLink {
    /// The linked trace.
    pub trace_id: String,
    /// The linked span.
    pub span_id: String,
    /// The link's attributes.
    pub attributes: Attributes,
}

impl From<&model::SpanLink> for SpanLink {
    fn from(link: &model::SpanLink) -> Self {
        let model::SpanLink { trace_id, span_id, attributes, trace_state: _ } = link.clone();
        Self { trace_id, span_id, attributes }
    }
}
