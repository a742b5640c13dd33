//! What the server would hold after it has taken a request in: its rows, under its column names.
//!
//! An absent value is an empty string, as in the server's columns. Times are `SystemTime`s; ids
//! are lower-case hex.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, SystemTime},
};

/// Attributes as the server stores them: flat, every value a text (C§3.3).
pub type Attributes = BTreeMap<String, String>;

/// Who sent a record and what it belongs to: the columns that every row has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The project as it was sent: a number, a verbose id or a key (C§2).
    pub project: String,
    /// `highlight.session_id`: the browser session.
    pub session_id: String,
    /// `highlight.trace_id`: the effective id of the request (C§4.3).
    pub request_id: String,
    /// `service.name`.
    pub service: String,
    /// `service.version`.
    pub version: String,
    /// `deployment.environment`, or `environment`, which beats it (C§3.2).
    pub environment: String,
}

/// A stored span (C§8).
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Project, session, request and service.
    pub origin: Origin,
    /// The id it is stored under: the request id where there is one, else the OpenTelemetry
    /// trace id (C§4.3).
    pub trace_id: String,
    /// The trace id that was sent.
    pub otel_trace_id: String,
    /// Its own id.
    pub span_id: String,
    /// The id of its parent; empty for a root.
    pub parent_span_id: String,
    /// The W3C trace state.
    pub trace_state: String,
    /// Its name.
    pub name: String,
    /// `Internal`, `Server`, `Client`, `Producer`, `Consumer` or `Unspecified`.
    pub kind: &'static str,
    /// When it started, to the nanosecond.
    pub start: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// `Unset`, `Ok` or `Error`.
    pub status_code: &'static str,
    /// The status description.
    pub status_message: String,
    /// Whether an accepted `exception` event is on it; a status of `Error` alone is not (C§6.1).
    pub has_errors: bool,
    /// What is left of resource and span attributes after the reserved names.
    pub attributes: Attributes,
    /// Its events, booleans included (C§3.3).
    pub events: Vec<SpanEvent>,
    /// Its links.
    pub links: Vec<SpanLink>,
}

impl Span {
    /// When it ended.
    #[must_use]
    pub fn end(&self) -> SystemTime {
        self.start.checked_add(self.duration).unwrap_or(self.start)
    }
}

/// An event as it is stored with its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanEvent {
    /// When it happened.
    pub time: SystemTime,
    /// Its name.
    pub name: String,
    /// Its attributes, as they were sent.
    pub attributes: Attributes,
}

/// A link as it is stored with its span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanLink {
    /// The linked trace.
    pub trace_id: String,
    /// The linked span.
    pub span_id: String,
    /// The linked span's trace state.
    pub trace_state: String,
    /// The link's attributes.
    pub attributes: Attributes,
}

/// A stored log row (C§7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Project, session, request and service.
    pub origin: Origin,
    /// Identifies the row; an error points to its log row with it (C§6.1).
    pub cursor: u64,
    /// As stored: whole seconds (C§3.4).
    pub time: SystemTime,
    /// The same time before the cut to seconds. The server does not keep it; a timeline needs it.
    pub sent_time: SystemTime,
    /// What the severity text was understood as.
    pub level: Level,
    /// The message as stored.
    pub message: String,
    /// The id it is stored under, as for spans.
    pub trace_id: String,
    /// The trace id that was sent.
    pub otel_trace_id: String,
    /// The span that was current. The server does **not** store it on log rows, only on errors
    /// (C§7.1).
    pub span_id: String,
    /// What is left of the merged attributes.
    pub attributes: Attributes,
    /// Backend, unless `highlight.source` is `frontend`.
    pub source: Source,
    /// Which OTLP shape it came from.
    pub shape: Shape,
}

/// A stored error (C§6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorObject {
    /// Project, session, request and service.
    pub origin: Origin,
    /// The log row that was written with it.
    pub log_cursor: u64,
    /// The level of that row.
    pub level: Level,
    /// When it happened.
    pub time: SystemTime,
    /// `exception.message`, at most 10,000 bytes: what the server groups by (C§6.4).
    pub event: String,
    /// `exception.type`. The server discards it; it is here so that a sender can be tested.
    pub sent_type: String,
    /// `exception.stacktrace` as it was sent.
    pub stack_text: String,
    /// What the server's parser makes of that text: at most 64 frames (C§6.2).
    pub frames: Vec<Frame>,
    /// All other attributes of the record, its resource included.
    pub payload: Attributes,
    /// The attribute `URL`.
    pub url: String,
    /// The id it is stored under, as for spans.
    pub trace_id: String,
    /// The trace id that was sent.
    pub otel_trace_id: String,
    /// The span it happened in.
    pub span_id: String,
    /// Backend, unless `highlight.source` is `frontend`.
    pub source: Source,
    /// Which OTLP shape it came from.
    pub shape: Shape,
}

impl ErrorObject {
    /// Whether the server would look for source maps, because a frame has a column (C§6.2).
    #[must_use]
    pub fn is_source_mapped(&self) -> bool {
        crate::stack::is_source_mapped(&self.frames)
    }

    /// The frames that the server shows: all of them, or, where it looks for source maps, only
    /// those with file, line and column (C§6.2).
    #[must_use]
    pub fn shown_frames(&self) -> Vec<&Frame> {
        crate::stack::shown(&self.frames)
    }
}

/// A frame of a parsed stack. Every part but `error` may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The function's name.
    pub function: Option<String>,
    /// The file.
    pub file: Option<String>,
    /// The line in the file.
    pub line: Option<u32>,
    /// The column; one in any frame makes the server treat the stack as JavaScript.
    pub column: Option<u32>,
    /// A line of text the parser found no other use for.
    pub line_content: Option<String>,
    /// The text it took for the error's message; the same in all frames.
    pub error: String,
}

/// A stored data point (C§9).
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Project, session, request and service.
    pub origin: Origin,
    /// The instrument's name.
    pub name: String,
    /// The instrument's description.
    pub description: String,
    /// The instrument's unit.
    pub unit: String,
    /// What was measured.
    pub value: MetricValue,
    /// The time of **receipt**; for a span event `metric`, the event's time.
    pub time: SystemTime,
    /// When the measured interval began.
    pub start: SystemTime,
    /// The data point's own time, which the server ignores.
    pub sent_time: SystemTime,
    /// The temporality, which the server does not store: `None` for gauges and summaries.
    pub sent_temporality: Option<Temporality>,
    /// What is left of the merged attributes.
    pub attributes: Attributes,
    /// Samples that tie the point to sessions, traces and spans.
    pub exemplars: Vec<Exemplar>,
}

/// The value of a data point, by the table it is stored in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// A gauge or a sum (`metrics_sum`).
    Number(f64),
    /// A histogram with explicit bounds (`metrics_histogram`).
    Histogram {
        /// Number of measurements.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The upper bounds of all buckets but the last.
        bounds: Vec<f64>,
        /// Measurements in each bucket.
        buckets: Vec<u64>,
        /// The smallest, where sent.
        min: Option<f64>,
        /// The largest, where sent.
        max: Option<f64>,
    },
    /// A summary (`metrics_summary`).
    Summary {
        /// Number of measurements.
        count: u64,
        /// Their sum.
        sum: f64,
        /// Pairs of quantile and value.
        quantiles: Vec<(f64, f64)>,
    },
}

/// What a sum's points mean; the server adds them up either way (C§9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Temporality {
    /// Not given.
    Unspecified,
    /// Since the last point.
    Delta,
    /// Since the start.
    Cumulative,
}

/// A sample measurement on a data point.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// When it was measured.
    pub time: SystemTime,
    /// What was measured.
    pub value: f64,
    /// The trace it was measured in.
    pub trace_id: String,
    /// The span it was measured in.
    pub span_id: String,
    /// `highlight.session_id` among its attributes.
    pub session_id: String,
    /// Its other attributes.
    pub attributes: Attributes,
}

/// Where a record says it comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// Everything but the browser.
    #[default]
    Backend,
    /// The browser.
    Frontend,
}

/// The OTLP shape that a log or an error came in (C§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// A log record.
    LogRecord,
    /// A span event `log` or `exception`.
    SpanEvent,
}

/// The levels the server knows (C§7.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "viewer", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Level {
    /// `trace`
    Trace,
    /// `debug`
    Debug,
    /// `info`, and whatever is not understood.
    #[default]
    Info,
    /// `warn`
    Warn,
    /// `error`
    Error,
    /// `fatal`
    Fatal,
    /// `panic`
    Panic,
}

impl Level {
    /// The level as the server spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
            Self::Panic => "panic",
        }
    }
}

/// Why a text is no [`Level`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level is one of trace, debug, info, warn, error, fatal and panic")]
pub struct UnknownLevel;

impl std::str::FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal, Self::Panic]
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownLevel)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<str> for Level {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Level {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}
