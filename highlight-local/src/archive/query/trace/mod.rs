//! A trace: all spans stored under one id.

mod view;

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{
        critical_path::{Interval, Segment, critical_path},
        time::Timestamp,
    },
    ErrorQuery, LogQuery, NAMES, Page, QueryError, Reader, from_json,
    sessions::request_of,
};
use crate::tree::Forest;

pub use view::*;

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
        let page = Page::new(Page::MOST);
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
