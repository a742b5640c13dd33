//! All that is stored of one request.

use std::collections::HashSet;

use highlight_local::{
    Snapshot,
    model::{ErrorObject, Log, Origin, Span},
};

use super::expected::{Expected, ExpectedError};
use crate::browser::{Call, Ids};

/// The rows under one trace id, whichever service they come from.
pub struct Rows<'a> {
    pub trace: &'a str,
    spans: Vec<&'a Span>,
    logs: Vec<&'a Log>,
    errors: Vec<&'a ErrorObject>,
}

impl<'a> Rows<'a> {
    pub fn of(call: &'a Call, expected: &Expected, snapshot: &'a Snapshot) -> Self {
        let trace = trace_of(&call.ids, expected, snapshot);
        Self {
            trace,
            spans: snapshot.spans.iter().map(|it| &**it).filter(|it| it.trace_id == trace).collect(),
            logs: snapshot.logs.iter().map(|it| &**it).filter(|it| it.trace_id == trace).collect(),
            errors: snapshot.errors.iter().map(|it| &**it).filter(|it| it.trace_id == trace).collect(),
        }
    }

    /// What is missing, too much, or not tied to the browser.
    pub fn failures(&self, ids: &Ids, expected: &Expected) -> Vec<String> {
        let spans = self.spans.iter().map(|span| titled(&span.origin, &span.name));
        let logs = self.logs.iter().map(|log| titled(&log.origin, &log.message));
        let checks = [
            difference("span", expected.spans, spans.collect()),
            difference("log", expected.logs, logs.collect()),
            self.untied(ids),
            self.torn(),
            self.error_failure(expected.error.as_ref()),
        ];
        checks.into_iter().flatten().collect()
    }

    /// The session is on every row, and so is the request, if the browser named it.
    fn untied(&self, ids: &Ids) -> Option<String> {
        let spans = self.spans.iter().map(|span| (&span.origin, &span.name));
        let logs = self.logs.iter().map(|log| (&log.origin, &log.message));
        let errors = self.errors.iter().map(|error| (&error.origin, &error.event));
        let mut rows = spans.chain(logs).chain(errors);
        let is_tied = |origin: &Origin| {
            origin.session_id == ids.session && (ids.request.is_empty() || origin.request_id == ids.request)
        };
        let (origin, name) = rows.find(|(origin, _)| !is_tied(origin))?;
        Some(format!(
            "{:?} is stored with {:?}/{:?}, not {:?}/{:?}",
            titled(origin, name),
            origin.session_id,
            origin.request_id,
            ids.session,
            ids.request,
        ))
    }

    /// The spans are one tree, over both services.
    fn torn(&self) -> Option<String> {
        let known: HashSet<&str> = self.spans.iter().map(|span| span.span_id.as_str()).collect();
        let roots = self.spans.iter().filter(|span| !known.contains(span.parent_span_id.as_str())).count();
        (roots > 1).then(|| format!("the trace is torn into {roots} trees"))
    }

    fn error_failure(&self, expected: Option<&ExpectedError>) -> Option<String> {
        match (self.errors.as_slice(), expected) {
            ([], None) => None,
            ([error], Some(expected)) => self.error_difference(error, expected),
            (errors, expected) => {
                Some(format!("{} errors have arrived, not {}", errors.len(), usize::from(expected.is_some())))
            }
        }
    }

    fn error_difference(&self, error: &'a ErrorObject, expected: &ExpectedError) -> Option<String> {
        let level = self.logs.iter().find(|log| log.cursor == error.log_cursor).map(|log| log.level);
        let begins = error.shown_frames().first().map(|frame| {
            let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
            (text(&frame.function), text(&frame.file), frame.line.unwrap_or_default())
        });
        let causes = error.payload.keys().filter(|key| key.starts_with("exception.causes.")).count();
        if error.event != expected.message {
            Some(format!("the error says {:?}, not {:?}", error.event, expected.message))
        } else if level != Some(expected.level) {
            Some(format!("the error's level is {level:?}, not {:?}", expected.level))
        } else if causes != expected.causes {
            Some(format!("the error has {causes} causes, not {}", expected.causes))
        } else if !begins.is_some_and(|frame| is_in(expected.function, frame)) {
            Some(format!("the error's stack begins with {begins:?}, not in `{}`", expected.function))
        } else {
            None
        }
    }
}

/// The trace id that the request is stored under: its effective id, or the one that the storefront chose.
fn trace_of<'a>(ids: &'a Ids, expected: &Expected, snapshot: &'a Snapshot) -> &'a str {
    if !ids.request.is_empty() {
        return &ids.request;
    }
    let of_session = snapshot.spans.iter().filter(|span| span.origin.session_id == ids.session);
    let mut servers =
        of_session.filter(|span| expected.spans.first() == Some(&&*titled(&span.origin, &span.name)));
    servers.next().map_or("", |span| &span.trace_id)
}

/// A frame of the program's own, complete, with the path from the repository's root.
fn is_in(function: &str, (found, file, line): (&str, &str, u32)) -> bool {
    found.starts_with(function) && file == "/examples/shop/src/storefront/failures.rs" && line > 0
}

fn titled(origin: &Origin, name: &str) -> String {
    format!("{}: {name}", origin.service)
}

/// The first item that is in only one of the lists.
fn difference(kind: &str, expected: &[&str], mut found: Vec<String>) -> Option<String> {
    for item in expected {
        match found.iter().position(|found| found == item) {
            Some(position) => drop(found.swap_remove(position)),
            None => return Some(format!("{kind} {item:?} is missing")),
        }
    }
    found.first().map(|item| format!("{kind} {item:?} should not be there"))
}
