//! What can be captured.
//!
//! Ids are lower-case hex, as they travel; the session's and the request's are as they came.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use crate::{Level, SpanKind};

/// Attributes as the server stores them: flat, every value a text. The items of a list are `key.0`, `key.1` (C§3.3).
///
/// What a record has fields for is not among them.
pub type Attributes = BTreeMap<String, String>;

/// A span that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// Its name.
    pub name: String,
    /// What part it plays in a call or a message.
    pub kind: SpanKind,
    /// Whether it failed.
    pub status: SpanStatus,
    /// Its attributes.
    pub attributes: Attributes,
    /// The browser session.
    pub session_id: Option<String>,
    /// The request's effective id, which it is stored under (C§4.3).
    pub request_id: Option<String>,
    /// `user.id`: who the request is served for ([`set_user`](crate::set_user)). What else is known of the user is in `attributes`.
    pub user_id: Option<String>,
    /// OpenTelemetry's trace id.
    pub trace_id: String,
    /// Its own id.
    pub span_id: String,
    /// Its parent's id; `None` for a root.
    pub parent_span_id: Option<String>,
    /// When it started.
    pub start: SystemTime,
    /// How long it took.
    pub duration: Duration,
}

impl Span {
    /// Whether `parent` is its parent.
    #[must_use]
    pub fn is_child_of(&self, parent: &Span) -> bool {
        self.trace_id == parent.trace_id && self.parent_span_id.as_ref() == Some(&parent.span_id)
    }

    /// Whether its status is an error.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self.status, SpanStatus::Error(_))
    }

    pub(super) fn filed(&self) -> Filed<'_> {
        Filed::under(self.session_id.as_ref(), self.request_id.as_ref(), Some(&self.trace_id))
    }
}

/// How a span ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanStatus {
    /// Nothing was said about it; what a span that did not fail usually has.
    #[default]
    Unset,
    /// It was declared a success.
    Ok,
    /// It failed, with this description, which may be empty.
    Error(String),
}

/// A log line that is not an error's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Log {
    /// Its severity.
    pub level: Level,
    /// Its text.
    pub message: String,
    /// The module or logger that it comes from.
    pub target: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// The browser session.
    pub session_id: Option<String>,
    /// The request's effective id, which it is stored under (C§4.3).
    pub request_id: Option<String>,
    /// `user.id`: who the request is served for ([`set_user`](crate::set_user)). What else is known of the user is in `attributes`.
    pub user_id: Option<String>,
    /// OpenTelemetry's trace id; `None` outside any trace.
    pub trace_id: Option<String>,
    /// The span it was written in.
    pub span_id: Option<String>,
    /// When it was written.
    pub time: SystemTime,
}

impl Log {
    /// Whether it was written in `span` itself, not in a child of it.
    #[must_use]
    pub fn is_in(&self, span: &Span) -> bool {
        self.span_id.as_ref() == Some(&span.span_id)
    }

    pub(super) fn filed(&self) -> Filed<'_> {
        Filed::under(self.session_id.as_ref(), self.request_id.as_ref(), self.trace_id.as_ref())
    }
}

/// An error object, with the log line that the server stores beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorObject {
    /// Its message, or its [title](crate::ErrorReport::title): what the server groups errors by (C§6.4).
    pub message: String,
    /// Its type, where it is known.
    pub type_name: Option<String>,
    /// The texts of its source chain, outermost first, without the message itself.
    pub causes: Vec<String>,
    /// The type of each cause; empty where it is not known.
    pub cause_types: Vec<String>,
    /// The stack as the server gets it: a line with the function, then one with file and line, innermost first. See the
    /// [limits](super#tracing-log-and-panics).
    pub stack: Option<String>,
    /// `Error`, or what the report says; `Fatal` for a panic.
    pub level: Level,
    /// The text of its log line.
    pub log_message: String,
    /// The module or logger that it comes from.
    pub target: String,
    /// Its attributes, with `code.file.path` and `code.line.number`: where it was reported.
    pub attributes: Attributes,
    /// The browser session.
    pub session_id: Option<String>,
    /// The request's effective id, which it is stored under (C§4.3).
    pub request_id: Option<String>,
    /// `user.id`: who the request is served for ([`set_user`](crate::set_user)). What else is known of the user is in `attributes`.
    pub user_id: Option<String>,
    /// OpenTelemetry's trace id; `None` outside any trace.
    pub trace_id: Option<String>,
    /// The span it was reported in.
    pub span_id: Option<String>,
    /// When it was reported.
    pub time: SystemTime,
}

impl ErrorObject {
    /// Whether it was reported in `span` itself, not in a child of it.
    #[must_use]
    pub fn is_in(&self, span: &Span) -> bool {
        self.span_id.as_ref() == Some(&span.span_id)
    }

    pub(super) fn filed(&self) -> Filed<'_> {
        Filed::under(self.session_id.as_ref(), self.request_id.as_ref(), self.trace_id.as_ref())
    }
}

/// What an instrument has measured with one set of attributes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The instrument's name.
    pub name: String,
    /// Its unit; empty without one.
    pub unit: String,
    /// Its description; empty without one.
    pub description: String,
    /// What was measured.
    pub value: MetricValue,
    /// The attributes.
    pub attributes: Attributes,
    /// The browser session, where the instrument [asks for it](crate::metrics#sessions).
    pub session_id: Option<String>,
}

/// What was measured since the capture began.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// What was counted, in all.
    Counter(f64),
    /// The last value of a gauge, or the level of an up-down counter.
    Gauge(f64),
    /// A distribution.
    Histogram {
        /// How many measurements.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The upper bounds of all buckets but the last.
        bounds: Vec<f64>,
        /// How many measurements in each bucket.
        buckets: Vec<u64>,
    },
}

/// Where the server files a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filed<'a> {
    pub(super) session: Option<&'a str>,
    pub(super) request: Option<&'a str>,
    /// The trace id that it is stored under (C§4.3).
    pub(super) trace: Option<&'a str>,
}

impl<'a> Filed<'a> {
    fn under(session: Option<&'a String>, request: Option<&'a String>, trace: Option<&'a String>) -> Self {
        let text = |id: Option<&'a String>| id.map(String::as_str);
        Self { session: text(session), request: text(request), trace: text(request.or(trace)) }
    }
}
