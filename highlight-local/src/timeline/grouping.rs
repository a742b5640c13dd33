//! Puts rows where they belong: requests into sessions, spans into trees.

use std::{
    collections::{BTreeMap, HashSet},
    time::{Duration, SystemTime},
};

use super::text;
use crate::{
    model::{ErrorObject, Log, Span},
    note::{Item, Subject},
    store::Snapshot,
    tree::Forest,
};

/// A browser session; the empty id stands for none.
pub(super) struct Session<'a> {
    pub(super) id: &'a str,
    pub(super) requests: Vec<Request<'a>>,
    /// Logs that belong to no request.
    pub(super) loose: Vec<&'a Log>,
}

impl Session<'_> {
    pub(super) fn error_count(&self) -> u64 {
        self.requests.iter().map(|request| request.errors.len() as u64).sum()
    }
}

/// All that is stored under one trace id.
pub(super) struct Request<'a> {
    pub(super) id: &'a str,
    pub(super) start: SystemTime,
    end: SystemTime,
    /// As a tree, top down.
    pub(super) spans: Vec<Placed<'a>>,
    /// Without those that are errors.
    pub(super) logs: Vec<&'a Log>,
    pub(super) errors: Vec<&'a ErrorObject>,
}

/// A span and the branch in front of it.
pub(super) struct Placed<'a> {
    pub(super) span: &'a Span,
    pub(super) branch: String,
}

impl Request<'_> {
    pub(super) fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }

    /// Method and route of the first span, or its name.
    pub(super) fn title(&self) -> String {
        let Some(root) = self.spans.first().map(|placed| placed.span) else {
            return "(no spans)".to_owned();
        };
        match (attribute(root, METHOD), attribute(root, &["http.route"])) {
            (Some(method), Some(route)) => format!("{method} {route}"),
            _ => root.name.clone(),
        }
    }

    pub(super) fn status(&self) -> String {
        let root = self.spans.first().map(|placed| placed.span);
        root.and_then(status).map(text::clean).unwrap_or_default()
    }

    pub(super) fn failed(&self) -> bool {
        !self.errors.is_empty() || self.status().starts_with('5')
    }
}

/// The method of HTTP, under its new or its old name.
pub(crate) const METHOD: &[&str] = &["http.request.method", "http.method"];

/// The status of HTTP or gRPC, under its new or its old name.
pub(crate) fn status(span: &Span) -> Option<&str> {
    const STATUS: &[&str] =
        &["http.response.status_code", "http.status_code", "rpc.status_code", "rpc.response.status_code"];
    attribute(span, STATUS)
}

/// The first of these attributes that a span has.
pub(crate) fn attribute<'a>(span: &'a Span, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| span.attributes.get(*name)).map(String::as_str)
}

/// The rows of one trace id while they are collected.
#[derive(Default)]
struct Rows<'a> {
    spans: Vec<&'a Span>,
    logs: Vec<&'a Log>,
    errors: Vec<&'a ErrorObject>,
}

/// All sessions by their first request.
pub(super) fn sessions(snapshot: &Snapshot) -> Vec<Session<'_>> {
    let error_logs: HashSet<u64> = snapshot.errors.iter().map(|error| error.log_cursor).collect();
    let mut by_trace: BTreeMap<&str, Rows<'_>> = BTreeMap::new();
    for span in &snapshot.spans {
        by_trace.entry(&span.trace_id).or_default().spans.push(span);
    }
    for log in snapshot.logs.iter().filter(|log| !error_logs.contains(&log.cursor)) {
        by_trace.entry(&log.trace_id).or_default().logs.push(log);
    }
    for error in &snapshot.errors {
        by_trace.entry(&error.trace_id).or_default().errors.push(error);
    }
    let mut sessions: BTreeMap<&str, Session<'_>> = BTreeMap::new();
    for (trace_id, mut rows) in by_trace {
        if trace_id.is_empty() {
            for log in std::mem::take(&mut rows.logs) {
                session_of(&mut sessions, &log.origin.session_id).loose.push(log);
            }
        }
        if !(rows.spans.is_empty() && rows.logs.is_empty() && rows.errors.is_empty()) {
            let session = session_of(&mut sessions, rows.session());
            session.requests.push(rows.into_request(trace_id));
        }
    }
    let mut sessions: Vec<Session<'_>> = sessions.into_values().collect();
    for session in &mut sessions {
        session.requests.sort_by_key(|request| (request.start, request.id));
        session.loose.sort_by_key(|log| log_order(log));
    }
    sessions.sort_by_key(|session| {
        let loose = session.loose.iter().map(|log| log.sent_time);
        session.requests.iter().map(|request| request.start).chain(loose).min()
    });
    sessions
}

fn session_of<'a, 'm>(sessions: &'m mut BTreeMap<&'a str, Session<'a>>, id: &'a str) -> &'m mut Session<'a> {
    sessions.entry(id).or_insert_with(|| Session { id, requests: Vec::new(), loose: Vec::new() })
}

impl<'a> Rows<'a> {
    /// The session of any row that has one: a row that lost it still belongs to the request.
    fn session(&self) -> &'a str {
        let spans = self.spans.iter().map(|span| &span.origin);
        let logs = self.logs.iter().map(|log| &log.origin);
        let errors = self.errors.iter().map(|error| &error.origin);
        let ids = spans.chain(logs).chain(errors).map(|origin| origin.session_id.as_str());
        ids.filter(|id| !id.is_empty()).min().unwrap_or_default()
    }

    fn into_request(mut self, id: &'a str) -> Request<'a> {
        let times = || {
            let spans = self.spans.iter().flat_map(|span| [span.start, span.end()]);
            let logs = self.logs.iter().map(|log| log.sent_time);
            spans.chain(logs).chain(self.errors.iter().map(|error| error.time))
        };
        let start = times().min().unwrap_or(SystemTime::UNIX_EPOCH);
        let end = times().max().unwrap_or(start);
        self.spans.sort_by_key(|span| (span.start, &span.span_id, &span.name));
        self.logs.sort_by_key(|log| log_order(log));
        self.errors.sort_by(|a, b| (a.time, &a.event, &a.span_id).cmp(&(b.time, &b.event, &b.span_id)));
        let ends_with_spans = self.logs.is_empty() && self.errors.is_empty();
        Request {
            id,
            start,
            end,
            spans: tree(&self.spans, ends_with_spans),
            logs: self.logs,
            errors: self.errors,
        }
    }
}

fn log_order(log: &Log) -> (SystemTime, &str, &str) {
    (log.sent_time, &log.origin.service, &log.message)
}

/// Orders spans (already by time) as a tree.
fn tree<'a>(spans: &[&'a Span], last_root_is_last: bool) -> Vec<Placed<'a>> {
    let forest = Forest::of(spans.iter().map(|span| (span.span_id.as_str(), span.parent_span_id.as_str())));
    place(spans, &forest.children, &forest.roots, last_root_is_last)
}

/// Walks the tree without recursion: how deep it is, a sender decides.
fn place<'a>(
    spans: &[&'a Span],
    children: &[Vec<usize>],
    roots: &[usize],
    last_root_is_last: bool,
) -> Vec<Placed<'a>> {
    /// Deeper levels are not indented any further.
    const DEEPEST_INDENT: usize = 36;
    let mut placed = Vec::with_capacity(spans.len());
    let mut seen = vec![false; spans.len()];
    let mut open: Vec<(usize, String, bool)> = Vec::new();
    for (position, root) in roots.iter().enumerate().rev() {
        let is_last = last_root_is_last && position + 1 == roots.len();
        open.push((*root, String::new(), is_last));
    }
    while let Some((index, indent, is_last)) = open.pop() {
        if std::mem::replace(&mut seen[index], true) {
            continue;
        }
        let branch = text::branch(&indent, is_last);
        placed.push(Placed { span: spans[index], branch });
        let below =
            if text::width(&indent) < DEEPEST_INDENT { text::below(&indent, is_last) } else { indent };
        let of_it = &children[index];
        for (position, child) in of_it.iter().enumerate().rev() {
            open.push((*child, below.clone(), position + 1 == of_it.len()));
        }
    }
    placed
}

/// Equal notes, counted.
pub(super) fn counted<'a>(
    notes: impl Iterator<Item = (&'a Subject, String)>,
) -> BTreeMap<(Item, String, String), usize> {
    let mut counts = BTreeMap::new();
    for (subject, reason) in notes {
        *counts.entry((subject.item, subject.name.clone(), reason)).or_default() += 1;
    }
    counts
}
