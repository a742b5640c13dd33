//! What the request path hands to the pipeline: spans, and log records with or without an error.
//!
//! Everything expensive (resolving a stack, redacting, encoding) is left to the worker.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Event, Link, SpanContext, SpanKind, Status, TraceContextExt, TraceState},
};

use tracing::Metadata;

use crate::{
    Level, ambient,
    context::{Request, Scope},
    prefetch::{self, Holder},
    propagation,
    stack::{Place, Stack},
    user::Known,
};

/// One thing to export, on its way into the queue. That takes it out of its place and leaves something else there, to be freed.
#[derive(Debug)]
pub(crate) enum Entry<'a> {
    Span(&'a mut SpanRecord),
    /// An error is a log record with an [`Exception`].
    Log(&'a mut LogRecord),
}

/// Names the session that a record belongs to (C§3.2).
pub(crate) const SESSION_ID: &str = "highlight.session_id";
/// Names what a record is stored under in place of its trace id: the effective id (C§3.2, C§4.3).
pub(crate) const TRACE_ID: &str = "highlight.trace_id";

/// A span as the request path leaves it. It is small, because all of it travels from one processor's cache to another's.
#[derive(Debug)]
pub(crate) struct SpanRecord {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// The span above; invalid for a root.
    pub(crate) parent: SpanId,
    /// Whether that is another process's.
    pub(crate) parent_is_remote: bool,
    pub(crate) flags: TraceFlags,
    pub(crate) kind: SpanKind,
    pub(crate) name: Cow<'static, str>,
    /// Nanoseconds since 1970, as the end.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The request that it is part of.
    pub(crate) request: Option<Arc<Request>>,
    /// Whether it is the span of the request itself: what is known of that, it tells; its name too, unless it has one of its own.
    pub(crate) tells_request: bool,
    /// Who the request was served for when the span ended, if that was known.
    pub(crate) user: Option<Arc<Known>>,
    pub(crate) attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    pub(crate) dropped_attributes: u32,
    /// Who made it; `None` for this crate.
    pub(crate) scope: Option<Arc<InstrumentationScope>>,
    /// `None` for nearly all spans.
    pub(crate) attached: Option<Box<Attached>>,
}

impl SpanRecord {
    /// A little of all that it holds elsewhere.
    pub(crate) fn look_ahead(&self) -> usize {
        let attributes = self.attributes.first().map_or(0, |first| first.key.as_str().len());
        self.request.as_deref().map_or(0, Request::look_ahead) + attributes
    }
}

impl Holder for SpanRecord {
    fn prefetch_held(&self) {
        self.request.as_deref().map(prefetch::value);
        self.attributes.first().map(prefetch::value);
    }
}

/// What few spans have.
#[derive(Debug, Default)]
pub(crate) struct Attached {
    pub(crate) state: TraceState,
    pub(crate) status: Status,
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
    /// The line in the code, where that is known from the line itself; else it is among the attributes.
    pub(crate) origin: Option<&'static Metadata<'static>>,
    pub(crate) attributes: Vec<KeyValue>,
    /// Attributes that were left out.
    pub(crate) dropped_attributes: u32,
    pub(crate) exception: Option<Box<Exception>>,
}

impl LogRecord {
    /// A little of all that it holds elsewhere.
    pub(crate) fn look_ahead(&self) -> usize {
        let body = self.body.as_bytes().first().copied().unwrap_or_default();
        let attributes = self.attributes.first().map_or(0, |first| first.key.as_str().len());
        self.correlation.request.as_deref().map_or(0, Request::look_ahead) + usize::from(body) + attributes
    }
}

impl Holder for LogRecord {
    fn prefetch_held(&self) {
        self.correlation.request.as_deref().map(prefetch::value);
        self.attributes.first().map(prefetch::value);
        self.body.as_bytes().first().map(prefetch::value);
    }
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

impl SpanRecord {
    pub(crate) fn status(&self) -> &Status {
        self.attached.as_ref().map_or(&Status::Unset, |attached| &attached.status)
    }
}

/// Of nothing; what lies in a place of the queue that was not used yet.
impl Default for SpanRecord {
    fn default() -> Self {
        Self {
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            parent: SpanId::INVALID,
            parent_is_remote: false,
            flags: TraceFlags::default(),
            kind: SpanKind::Internal,
            name: Cow::Borrowed(""),
            start: 0,
            end: 0,
            request: None,
            tells_request: false,
            user: None,
            attributes: Vec::new(),
            dropped_attributes: 0,
            scope: None,
            attached: None,
        }
    }
}

/// Likewise.
impl Default for LogRecord {
    fn default() -> Self {
        Self {
            time: SystemTime::UNIX_EPOCH,
            level: Level::Info,
            body: Cow::Borrowed(""),
            target: Cow::Borrowed(""),
            correlation: Correlation::default(),
            origin: None,
            attributes: Vec::new(),
            dropped_attributes: 0,
            exception: None,
        }
    }
}

/// Nanoseconds since 1970; what does not fit is the nearest that does.
pub(crate) fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
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
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_outside_of_the_range_are_the_nearest_inside() {
        assert_eq!(unix_nanos(UNIX_EPOCH + Duration::from_nanos(7)), 7);
        assert_eq!(unix_nanos(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(unix_nanos(UNIX_EPOCH + Duration::from_secs(1 << 40)), u64::MAX);
    }

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
