//! What the request path hands to the pipeline: spans, and log records with or without an error.
//!
//! Everything expensive (resolving a stack, redacting, encoding) is left to the worker.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use opentelemetry::{KeyValue, SpanId, TraceFlags, TraceId};
use opentelemetry_sdk::trace::SpanData;

use crate::{
    Level,
    stack::{Place, Stack},
    user::Known,
};

/// One thing to export.
#[derive(Debug)]
pub(crate) enum Item {
    /// A finished span, stamped when it started.
    Span(SpanData),
    /// A log record; an error is a log record with an [`Exception`].
    Log(LogRecord),
}

/// A log record as the request path leaves it.
#[derive(Debug)]
pub(crate) struct LogRecord {
    /// When it happened; the server ignores the observed time (C§7.1).
    pub(crate) time: SystemTime,
    pub(crate) level: Level,
    pub(crate) body: Cow<'static, str>,
    /// Module path or logger name; becomes the instrumentation scope's name.
    pub(crate) target: Cow<'static, str>,
    pub(crate) correlation: Correlation,
    pub(crate) attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    pub(crate) dropped_attributes: u32,
    pub(crate) exception: Option<Box<Exception>>,
}

/// What ties a record to its session, request, trace and span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Correlation {
    pub(crate) session_id: Option<Arc<str>>,
    /// The effective id of C§4.3, sent as `highlight.trace_id`.
    pub(crate) request_id: Option<Arc<str>>,
    /// The current span, if there is one.
    pub(crate) span: Option<(TraceId, SpanId, TraceFlags)>,
    /// Who the request is served for, if that is known.
    pub(crate) user: Option<Arc<Known>>,
}

/// The error inside a log record.
#[derive(Debug)]
pub(crate) struct Exception {
    /// The error's type, where it is known.
    pub(crate) type_name: Option<Cow<'static, str>>,
    /// What the server groups errors by (C§6.4).
    pub(crate) message: String,
    /// The texts of the source chain, outermost first, without the error itself.
    pub(crate) causes: Vec<String>,
    /// The type of each cause; empty where it is not known.
    pub(crate) cause_types: Vec<Cow<'static, str>>,
    /// Where it was reported, or where it panicked: exact even when symbols are stripped.
    pub(crate) place: Option<Place>,
    pub(crate) stack: Option<Stack>,
}
