//! What the request path hands to the pipeline: spans, and log records with or without an error.
//!
//! Everything expensive (resolving a stack, redacting, encoding) is left to the worker.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Event, Link, SpanContext, SpanKind, Status, TraceContextExt},
};

use crate::{
    Level, ambient,
    context::{Request, Scope},
    propagation,
    stack::{Place, Stack},
    user::Known,
};

/// One thing to export.
#[derive(Debug)]
pub(crate) enum Item {
    /// A finished span.
    Span(SpanRecord),
    /// A log record; an error is a log record with an [`Exception`].
    Log(LogRecord),
}

/// Names the session that a record belongs to (C§3.2).
pub(crate) const SESSION_ID: &str = "highlight.session_id";
/// Names what a record is stored under in place of its trace id: the effective id (C§3.2, C§4.3).
pub(crate) const TRACE_ID: &str = "highlight.trace_id";

/// A span as the request path leaves it.
#[derive(Debug)]
pub(crate) struct SpanRecord {
    pub(crate) ids: SpanContext,
    /// The span above, and whether that is another process's; `None` for a root.
    pub(crate) parent: Option<(SpanId, bool)>,
    pub(crate) kind: SpanKind,
    pub(crate) name: Cow<'static, str>,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    /// The request that it is part of.
    pub(crate) request: Option<Arc<Request>>,
    /// Who the request was served for when the span ended, if that was known.
    pub(crate) user: Option<Arc<Known>>,
    pub(crate) attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    pub(crate) dropped_attributes: u32,
    pub(crate) status: Status,
    /// Who made it; `None` for this crate.
    pub(crate) scope: Option<Arc<InstrumentationScope>>,
    /// `None` for nearly all spans.
    pub(crate) attached: Option<Box<Attached>>,
}

/// What few spans have.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    pub(crate) events: Vec<Event>,
    pub(crate) dropped_events: u32,
    pub(crate) links: Vec<Link>,
    pub(crate) dropped_links: u32,
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

/// What ties a log record to its session, request, trace and span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Correlation {
    pub(crate) request: Option<Arc<Request>>,
    /// The current span, if there is one.
    pub(crate) span: Option<(TraceId, SpanId, TraceFlags)>,
    /// Who the request is served for, if that is known.
    pub(crate) user: Option<Arc<Known>>,
}

impl Correlation {
    /// What ties a record made now to its request and span.
    pub(crate) fn current() -> Self {
        ambient::map_current(Self::of)
    }

    pub(crate) fn of(cx: &Context) -> Self {
        let span = cx.span();
        let ids = span.span_context();
        let request = cx.get::<Scope>().and_then(|scope| scope.request.shared());
        Self {
            span: ids.is_valid().then(|| (ids.trace_id(), named_span(ids), ids.trace_flags())),
            user: request.as_deref().and_then(Request::user),
            request,
        }
    }
}

/// The span that a record names; none for one that was made up (C§4.3), which is always said to be remote.
fn named_span(ids: &SpanContext) -> SpanId {
    let is_made_up = ids.is_remote() && propagation::is_synthetic(ids.trace_id(), ids.span_id());
    if is_made_up { SpanId::INVALID } else { ids.span_id() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_3_no_record_names_a_span_that_was_made_up() {
        let request: crate::RequestContext = "s/9k2hTq81Lx".parse().unwrap();
        let named = request.in_scope(Correlation::current).span.map(|(_, span_id, _)| span_id);
        assert_eq!(named, Some(SpanId::INVALID));
        let forwarded = format!("{request}");
        let headers = [
            ("x-highlight-request", forwarded.as_str()),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ];
        let called = crate::parse_headers(&headers.into_iter().collect::<std::collections::HashMap<_, _>>());
        let named = called.in_scope(Correlation::current).span.map(|(_, span_id, _)| span_id.to_string());
        assert_eq!(named.as_deref(), Some("b7ad6b7169203331"));
    }
}
