//! A trace: all spans stored under one id.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{
    super::{
        critical_path::{Interval, Segment, critical_path},
        time::Timestamp,
    },
    ErrorQuery, ErrorRow, LogQuery, LogRow, NAMES, Page, Paged, QueryError, Reader, Request, from_json,
    sessions::request_of,
};
use crate::{
    model::{self, Attributes},
    tree::Forest,
};

/// A trace. What many spans share is named once, so that ten thousand of them stay small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Its logs, newest first: a page for [`Reader::logs`] to go on with.
    pub logs: Paged<LogRow>,
    /// Its errors, newest first: a page for [`Reader::errors`] to go on with.
    pub errors: Paged<ErrorRow>,
}

/// A span in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// A span as it is read, before it has a place in the tree.
struct Found {
    id: i64,
    service: i64,
    span_id: String,
    parent_id: String,
    name: String,
    kind: String,
    start: i64,
    duration: i64,
    failed: bool,
}

const MOST_SPANS: usize = 50_000;

impl Reader {
    /// The trace stored under an id; `None` where nothing is.
    pub fn trace(&self, id: &str) -> Result<Option<Trace>, QueryError> {
        let page = Page::of(Page::MOST);
        let logs = self.logs(&LogQuery { page, trace: Some(id.to_owned()), ..LogQuery::default() })?;
        let errors =
            self.errors(&ErrorQuery { page, trace: Some(id.to_owned()), ..ErrorQuery::default() })?;
        self.with(|connection| {
            let Some(request) = request_of(connection, id)? else { return Ok(None) };
            let mut found = spans(connection, id)?;
            let more_spans = found.len() > MOST_SPANS;
            found.truncate(MOST_SPANS);
            found.sort_by(|a, b| (a.start, &a.span_id).cmp(&(b.start, &b.span_id)));
            let forest =
                Forest::of(found.iter().map(|span| (span.span_id.as_str(), span.parent_id.as_str())));
            let places = places(&forest);
            let start = found.iter().map(|span| span.start).min().unwrap_or(request.start.nanos());
            let end =
                found.iter().map(|span| span.start.saturating_add(span.duration)).max().unwrap_or(start);
            let mut trace = Trace {
                request,
                start: Timestamp::from_nanos(start),
                duration_ns: end - start,
                services: Vec::new(),
                names: Vec::new(),
                spans: Vec::new(),
                more_spans,
                critical_path: Vec::new(),
                logs,
                errors,
            };
            trace.critical_path = path(&found, &forest, &places);
            trace.fill(connection, id, found, &places)?;
            Ok(Some(trace))
        })
    }

    /// A span; `None` where it is unknown.
    pub fn span(&self, id: i64) -> Result<Option<SpanDetail>, QueryError> {
        let sql = format!("SELECT row.*, {NAMES} FROM spans AS row WHERE seq = ?1");
        self.with(|connection| connection.prepare_cached(&sql)?.query_row([id], span_detail).optional())
    }
}

fn spans(connection: &Connection, trace_id: &str) -> rusqlite::Result<Vec<Found>> {
    let sql =
        "SELECT seq, service, span_id, parent_id, name, kind, start, duration, status = 'Error' FROM spans
         WHERE request = (SELECT id FROM requests WHERE trace_id = ?1) LIMIT ?2";
    let make = |row: &Row<'_>| {
        Ok(Found {
            id: row.get(0)?,
            service: row.get(1)?,
            span_id: row.get(2)?,
            parent_id: row.get(3)?,
            name: row.get(4)?,
            kind: row.get(5)?,
            start: row.get(6)?,
            duration: row.get(7)?,
            failed: row.get(8)?,
        })
    };
    connection.prepare_cached(sql)?.query_map(params![trace_id, MOST_SPANS + 1], make)?.collect()
}

/// A place in the tree: which span, below which place, how deep.
struct Place {
    span: usize,
    parent: Option<usize>,
    depth: usize,
}

/// Top down, without recursion: how deep it is, a sender decides.
fn places(forest: &Forest) -> Vec<Place> {
    let mut places = Vec::with_capacity(forest.children.len());
    let mut seen = vec![false; forest.children.len()];
    let mut open: Vec<Place> = Vec::new();
    open.extend(forest.roots.iter().rev().map(|root| Place { span: *root, parent: None, depth: 0 }));
    while let Some(place) = open.pop() {
        if std::mem::replace(&mut seen[place.span], true) {
            continue;
        }
        let (parent, depth) = (Some(places.len()), place.depth + 1);
        let below = forest.children[place.span].iter().rev();
        open.extend(below.map(|child| Place { span: *child, parent, depth }));
        places.push(place);
    }
    places
}

fn path(found: &[Found], forest: &Forest, places: &[Place]) -> Vec<Segment> {
    let times: Vec<Interval> = found
        .iter()
        .map(|span| Interval { start: span.start, end: span.start.saturating_add(span.duration) })
        .collect();
    let mut position = vec![0; found.len()];
    for (index, place) in places.iter().enumerate() {
        position[place.span] = index;
    }
    let mut path = critical_path(&times, forest);
    for segment in &mut path {
        segment.span = position[segment.span];
    }
    path
}

impl Trace {
    fn fill(
        &mut self,
        connection: &Connection,
        id: &str,
        found: Vec<Found>,
        places: &[Place],
    ) -> rusqlite::Result<()> {
        let logs = counts(connection, "logs", id)?;
        let errors = counts(connection, "errors", id)?;
        let mut services: HashMap<i64, usize> = HashMap::new();
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut found: Vec<Option<Found>> = found.into_iter().map(Some).collect();
        for place in places {
            let Some(span) = found[place.span].take() else { continue };
            let service = if let Some(known) = services.get(&span.service) {
                *known
            } else {
                self.services.push(service_name(connection, span.service)?);
                services.insert(span.service, self.services.len() - 1);
                self.services.len() - 1
            };
            let name = *names.entry(span.name).or_insert_with_key(|name| {
                self.names.push(name.clone());
                self.names.len() - 1
            });
            self.spans.push(TraceSpan {
                id: span.id,
                parent: place.parent,
                is_orphan: place.parent.is_none() && !span.parent_id.is_empty(),
                depth: place.depth,
                service,
                name,
                kind: span.kind,
                start_ns: span.start - self.start.nanos(),
                duration_ns: span.duration,
                failed: span.failed,
                logs: logs.get(&span.span_id).copied().unwrap_or(0),
                errors: errors.get(&span.span_id).copied().unwrap_or(0),
                span_id: span.span_id,
            });
        }
        Ok(())
    }
}

fn service_name(connection: &Connection, id: i64) -> rusqlite::Result<String> {
    let mut statement = connection.prepare_cached("SELECT name FROM services WHERE id = ?1")?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?.unwrap_or_default())
}

/// How many rows of a trace name each span.
fn counts(connection: &Connection, table: &str, trace_id: &str) -> rusqlite::Result<HashMap<String, u64>> {
    let sql = format!(
        "SELECT span_id, count(*) FROM {table}
         WHERE request = (SELECT id FROM requests WHERE trace_id = ?1) AND span_id <> '' GROUP BY 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map([trace_id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn span_detail(row: &Row<'_>) -> rusqlite::Result<SpanDetail> {
    Ok(SpanDetail {
        id: row.get("seq")?,
        trace_id: row.get("trace_name")?,
        session: row.get("session_name")?,
        service: row.get("service_name")?,
        span_id: row.get("span_id")?,
        parent_id: row.get("parent_id")?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        start: row.get("start")?,
        duration_ns: row.get("duration")?,
        status: row.get("status")?,
        status_message: row.get("status_message")?,
        has_errors: row.get("has_errors")?,
        attributes: from_json(&row.get::<_, String>("attributes")?),
        events: from_json(&row.get::<_, String>("events")?),
        links: from_json(&row.get::<_, String>("links")?),
    })
}
