//! What the server would hold after a scenario, and how it is judged.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use highlight::Stats;
use highlight_local::{
    Snapshot,
    model::{ErrorObject, Log, Origin, Span},
};

use crate::{Framework, framework::Need};

/// The rows of a cell.
#[derive(Debug)]
pub struct Stored {
    /// The column.
    pub framework: &'static dyn Framework,
    /// Everything that was stored.
    pub rows: Snapshot,
    /// The clients' books, summed up.
    pub stats: Stats,
}

impl Stored {
    pub(crate) fn new(framework: &'static dyn Framework, rows: Snapshot, stats: &[Stats]) -> Self {
        Self { framework, rows, stats: sum(stats) }
    }

    /// What holds in every cell: the books balance, nothing was lost but sampled-out spans and what a hook drops, what was exported is
    /// stored, and the server took it as it was meant.
    pub(crate) fn books_balance(&self) -> Result<()> {
        let Self { rows, stats, .. } = self;
        ensure!(
            stats.produced == stats.exported + stats.dropped.total() + stats.queued + stats.spooled,
            "unbalanced: {stats:?}"
        );
        ensure!(stats.queued == 0, "left after a flush: {stats:?}");
        let wanted = stats.dropped.sampled_out + stats.dropped.before_send;
        ensure!(stats.dropped.total() == wanted, "lost: {stats:?}");
        ensure!(rows.dropped.is_empty(), "the server drops: {:#?}", rows.dropped);
        ensure!(rows.changed.is_empty(), "the server changes: {:#?}", rows.changed);
        // An error is stored with a log row, so it counts once.
        let stored = rows.spans.len() + rows.logs.len() + rows.metrics.len();
        ensure!(stats.exported == stored as u64, "exported {}, stored {stored}", stats.exported);
        let origins = self.origins().chain(rows.metrics.iter().map(|metric| ("metric", &metric.origin)));
        for (what, origin) in origins {
            ensure!(origin.project == "1" && !origin.service.is_empty(), "{what} of {origin:?}");
        }
        rows.errors.iter().try_for_each(|error| points_into_the_program(error))
    }

    fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        let spans = self.rows.spans.iter().map(|span| ("span", &span.origin));
        let logs = self.rows.logs.iter().map(|log| ("log", &log.origin));
        let errors = self.rows.errors.iter().map(|error| ("error", &error.origin));
        spans.chain(logs).chain(errors)
    }

    /// Everything is of this session, stored under this id, and one tree below one OpenTelemetry trace.
    pub fn belongs_to(&self, session: &str, request: &str) -> Result<()> {
        self.is_stored_under(session, request)?;
        self.is_one_trace()
    }

    /// Everything is of this session and stored under this id, whatever its OpenTelemetry trace.
    pub fn is_stored_under(&self, session: &str, request: &str) -> Result<()> {
        for (what, origin) in self.origins() {
            ensure!(
                (origin.session_id.as_str(), origin.request_id.as_str()) == (session, request),
                "{what} of another request: {origin:?}"
            );
        }
        for trace_id in self.trace_ids() {
            ensure!(trace_id == request, "stored under {trace_id}");
        }
        Ok(())
    }

    /// All spans are below the request's, and everything is of one OpenTelemetry trace.
    pub fn is_one_trace(&self) -> Result<()> {
        let rows = &self.rows;
        let spans = rows.spans.iter().map(|span| &span.otel_trace_id);
        let logs = rows.logs.iter().map(|log| &log.otel_trace_id);
        let errors = rows.errors.iter().map(|error| &error.otel_trace_id);
        let traces: BTreeSet<_> = spans.chain(logs).chain(errors).collect();
        ensure!(traces.len() == 1, "{} OpenTelemetry traces", traces.len());
        let stored: BTreeSet<_> = self.trace_ids().collect();
        ensure!(stored.len() == 1, "stored under {stored:?}");

        let known: BTreeSet<_> = rows.spans.iter().map(|span| span.span_id.as_str()).collect();
        for span in &rows.spans {
            let parent = span.parent_span_id.as_str();
            ensure!(
                parent.is_empty() || known.contains(parent),
                "span {:?} has an unknown parent",
                span.name
            );
        }
        // Sampled out, a record still names its span, which nobody has.
        if !known.is_empty() {
            let logs = rows.logs.iter().map(|log| (&log.message, log.span_id.as_str()));
            let errors = rows.errors.iter().map(|error| (&error.event, error.span_id.as_str()));
            for (text, span) in logs.chain(errors) {
                ensure!(known.contains(span), "{text:?} is of the unknown span {span:?}");
            }
        }
        Ok(())
    }

    /// What anything is stored under.
    pub fn trace_ids(&self) -> impl Iterator<Item = &str> {
        let spans = self.rows.spans.iter().map(|span| span.trace_id.as_str());
        let logs = self.rows.logs.iter().map(|log| log.trace_id.as_str());
        let errors = self.rows.errors.iter().map(|error| error.trace_id.as_str());
        spans.chain(logs).chain(errors)
    }

    /// The only span of this name.
    pub fn span(&self, name: &str) -> Result<&Span> {
        only(&self.rows.spans, |span| span.name == name).with_context(|| {
            let names: Vec<_> = self.rows.spans.iter().map(|span| &span.name).collect();
            format!("span {name:?} among {names:?}")
        })
    }

    /// The only span of `GET /orders/7`.
    pub fn request_span(&self) -> Result<&Span> {
        let span = self.span(self.framework.request_span())?;
        let kind = if self.framework.has(Need::Server) { "Server" } else { "Internal" };
        ensure!(span.kind == kind, "the request's span is of kind {}", span.kind);
        Ok(span)
    }

    /// The only log row of this text.
    pub fn log(&self, message: &str) -> Result<&Log> {
        only(&self.rows.logs, |log| log.message == message).with_context(|| {
            let messages: Vec<_> = self.rows.logs.iter().map(|log| &log.message).collect();
            format!("log {message:?} among {messages:?}")
        })
    }

    /// Nothing was reported as an error.
    pub fn no_error(&self) -> Result<()> {
        ensure!(self.rows.errors.is_empty(), "errors: {:#?}", self.rows.errors);
        Ok(())
    }

    /// The only error, and the log row that was stored with it.
    pub fn error(&self) -> Result<(&ErrorObject, &Log)> {
        let error = only(&self.rows.errors, |_| true).with_context(|| {
            let events: Vec<_> = self.rows.errors.iter().map(|error| &error.event).collect();
            format!("one error; found {events:?}")
        })?;
        let log =
            only(&self.rows.logs, |log| log.cursor == error.log_cursor).context("the error's log row")?;
        ensure!(!log.message.is_empty(), "the error's log row has no text");
        Ok((error, log))
    }
}

/// An error says where the program failed, not where the SDK noticed, in frames that the server has in full (C§6.3).
fn points_into_the_program(error: &ErrorObject) -> Result<()> {
    for frame in &error.frames {
        let is_whole = [&frame.function, &frame.file]
            .into_iter()
            .all(|text| text.as_deref().is_some_and(|text| !text.is_empty()));
        ensure!(is_whole && frame.line.is_some() && frame.column.is_none(), "{:?}: {frame:#?}", error.event);
    }
    let is_ours = |file: &str| {
        ["highlight/", "highlight-tower/", "highlight-axum/", "highlight-actix/"]
            .iter()
            .any(|of| file.contains(of))
    };
    let reported = error.payload.get("code.file.path").map(String::as_str);
    let innermost = error.frames.first().and_then(|frame| frame.file.as_deref());
    for file in [reported, innermost].into_iter().flatten() {
        ensure!(!is_ours(file), "{:?} is said to come from {file}", error.event);
    }
    Ok(())
}

/// `child` is directly below `parent`.
pub fn is_child(child: &Span, parent: &Span) -> Result<()> {
    let (child_name, parent_name) = (&child.name, &parent.name);
    ensure!(child.parent_span_id == parent.span_id, "{child_name:?} is not directly below {parent_name:?}");
    ensure!(child.start >= parent.start, "{child_name:?} starts before its parent");
    Ok(())
}

/// The value of an attribute.
pub fn attribute<'a>(attributes: &'a highlight_local::model::Attributes, key: &str) -> Result<&'a str> {
    attributes.get(key).map(String::as_str).with_context(|| format!("attribute {key} in {attributes:#?}"))
}

fn only<T>(rows: &[Arc<T>], is_it: impl Fn(&T) -> bool) -> Result<&T> {
    let mut found = rows.iter().filter(|row| is_it(row));
    match (found.next(), found.count()) {
        (Some(row), 0) => Ok(row),
        (None, _) => bail!("none"),
        (Some(_), more) => bail!("{} of them", more + 1),
    }
}

fn sum(all: &[Stats]) -> Stats {
    let mut sum = Stats::default();
    for stats in all {
        sum.produced += stats.produced;
        sum.exported += stats.exported;
        sum.queued += stats.queued;
        sum.spooled += stats.spooled;
        sum.suppressed += stats.suppressed;
        sum.dropped.queue_full += stats.dropped.queue_full;
        sum.dropped.too_large += stats.dropped.too_large;
        sum.dropped.sampled_out += stats.dropped.sampled_out;
        sum.dropped.rejected += stats.dropped.rejected;
        sum.dropped.expired += stats.dropped.expired;
        sum.dropped.shut_down += stats.dropped.shut_down;
        sum.dropped.before_send += stats.dropped.before_send;
        sum.dropped.spool += stats.dropped.spool;
        sum.dropped.internal += stats.dropped.internal;
    }
    sum
}
