//! Spans with a kind, attributes and links.

use std::{borrow::Cow, panic::Location, time::SystemTime};

use opentelemetry::{
    Context,
    trace::{self as otel, Link, Status, TraceContextExt},
};

use crate::{
    Client, ErrorReport, KeyValue, Reportable, RequestContext, Signals, Span, SpanKind, Value, ambient,
    early, future::WithContext, propagation, tracer::Start,
};

/// A span to be started, with more said about it than [`start_active_span`](crate::start_active_span) does.
///
/// ```
/// use highlight::{RequestContext, SpanBuilder, SpanKind};
///
/// # async fn render(report: &str) {}
/// # async fn render_later(stored: &str, report: &str) {
/// // What was stored beside the work.
/// let request: RequestContext = stored.parse().unwrap_or_default();
/// SpanBuilder::new("render report")
///     .kind(SpanKind::Consumer)
///     .attribute("report.format", "pdf")
///     .request_context(&request)
///     .start_active_span(async |_span| render(report).await)
///     .await;
/// # }
/// ```
///
/// What is set here is there when the span starts, where [`Config::sampler`](crate::Config::sampler) sees it. A span keeps its first 128 attributes and counts the others.
/// For messages there is [`messaging`](crate::messaging).
#[derive(Debug, Clone)]
#[must_use = "a span does nothing until it is started"]
pub struct SpanBuilder {
    name: Cow<'static, str>,
    kind: SpanKind,
    attributes: Vec<opentelemetry::KeyValue>,
    links: Vec<Link>,
    request: Option<RequestContext>,
}

impl SpanBuilder {
    /// A span of this name. Names group spans: keep them free of ids (C§1.3).
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            kind: SpanKind::default(),
            attributes: Vec::new(),
            links: Vec::new(),
            request: None,
        }
    }

    /// The span's kind, [`SpanKind::Internal`] if not set.
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds an attribute. Use the names of the OpenTelemetry semantic conventions where they have one.
    pub fn attribute(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key, value).0);
        self
    }

    /// Adds attributes.
    pub fn attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes.into_iter().map(|attribute| attribute.0));
        self
    }

    /// Links the span to one that caused it without being its parent, such as the one that sent a message of a batch.
    ///
    /// `cause` is the context that came with the message. Without a span in it, nothing is linked.
    pub fn link(mut self, cause: &RequestContext) -> Self {
        // A synthetic parent is no span that anyone could follow the link to.
        let span = cause.parent().filter(|span| !propagation::is_synthetic(span.trace_id(), span.span_id()));
        self.links.extend(span.map(|span| Link::with_context(span.clone())));
        self
    }

    /// Starts the span in another request than the current one, as a child of the span that `request` came from.
    ///
    /// The current span does not become its parent, not even if `request` is empty.
    pub fn request_context(mut self, request: &RequestContext) -> Self {
        self.request = Some(request.clone());
        self
    }

    /// [`start_active_span`](crate::start_active_span) with this span.
    pub async fn start_active_span<T>(self, f: impl AsyncFnOnce(Span) -> T) -> T {
        let Some(active) = ActiveSpan::start(self) else { return f(Span::none()).await };
        let future = {
            // A closure may do work before it returns its future.
            let _guard = ambient::attach(&active.cx);
            f(active.handle())
        };
        WithContext::new(future, active.cx.clone()).await
    }

    /// [`try_start_active_span`](crate::try_start_active_span) with this span.
    ///
    /// # Errors
    ///
    /// The closure's own.
    // Not an `async fn`: only a plain one knows its caller.
    #[track_caller]
    pub fn try_start_active_span<T, E: Reportable<Kind>, Kind>(
        self,
        f: impl AsyncFnOnce(Span) -> Result<T, E>,
    ) -> impl Future<Output = Result<T, E>> {
        let location = Location::caller();
        self.start_active_span(async move |span| {
            let result = f(span).await;
            report_failure(&result, location);
            result
        })
    }

    /// [`in_span`](crate::in_span) with this span.
    pub fn in_span<T>(self, f: impl FnOnce(Span) -> T) -> T {
        let Some(active) = ActiveSpan::start(self) else { return f(Span::none()) };
        let _guard = ambient::attach(&active.cx);
        f(active.handle())
    }

    /// [`try_in_span`](crate::try_in_span) with this span.
    ///
    /// # Errors
    ///
    /// The closure's own.
    #[track_caller]
    pub fn try_in_span<T, E: Reportable<Kind>, Kind>(
        self,
        f: impl FnOnce(Span) -> Result<T, E>,
    ) -> Result<T, E> {
        let location = Location::caller();
        self.in_span(|span| {
            let result = f(span);
            report_failure(&result, location);
            result
        })
    }
}

/// Reports as from the caller's line: this file would tell nobody anything.
fn report_failure<T, E: Reportable<Kind>, Kind>(result: &Result<T, E>, location: &'static Location<'static>) {
    if let Err(error) = result {
        ErrorReport::new(error).location(location).consume();
    }
}

/// The context of a span that ends when this is dropped.
struct ActiveSpan {
    cx: Context,
    /// `false` where nothing records: then the context is that of the builder's request, whose span is not ours to end.
    started: bool,
    /// Whether the thread was unwinding already: then the span is that of a destructor.
    unwinding: bool,
}

impl ActiveSpan {
    /// `None` if there is neither a span nor a request to make current.
    fn start(builder: SpanBuilder) -> Option<Self> {
        let request = builder.request.map(|request| request.detached());
        let lost = || early::ours(Signals::TRACES, format_args!("the span `{}`", builder.name), None);
        let Some(client) = Client::recording_or(lost) else {
            return request.map(|cx| Self { cx, started: false, unwinding: false });
        };
        let parent = request.unwrap_or_else(ambient::current);
        let start = Start {
            name: builder.name,
            kind: builder.kind.to_otel(),
            time: SystemTime::now(),
            attributes: builder.attributes,
            tells_request: false,
        };
        let mut span = client.tracer().begin(start, &parent);
        for link in builder.links {
            otel::Span::add_link(&mut span, link.span_context, link.attributes);
        }
        Some(Self { cx: span.within(&parent), started: true, unwinding: std::thread::panicking() })
    }

    fn handle(&self) -> Span {
        if self.started { Span(self.cx.clone()) } else { Span::none() }
    }
}

impl Drop for ActiveSpan {
    fn drop(&mut self) {
        if !self.started {
            return;
        }
        let span = self.cx.span();
        if std::thread::panicking() && !self.unwinding {
            span.set_status(Status::error("panicked"));
        }
        span.end();
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        SpanId, TraceFlags, TraceId,
        trace::{SpanContext, TraceState},
    };

    use super::*;

    #[test]
    fn only_spans_that_exist_are_linked() {
        let synthetic: RequestContext = "s/9k2hTq81Lx".parse().unwrap();
        let ids = SpanContext::new(
            TraceId::from(7),
            SpanId::from(9),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        let real = RequestContext::new(None, None, Some(ids.clone()));
        let builder = SpanBuilder::new("x").link(&RequestContext::default()).link(&synthetic).link(&real);
        let linked: Vec<_> = builder.links.iter().map(|link| link.span_context.clone()).collect();
        assert_eq!(linked, [ids]);
    }
}
