//! Spans of the program's own.

use std::borrow::Cow;

use opentelemetry::{
    Context,
    trace::{Status, TraceContextExt},
};

use crate::{KeyValue, Reportable, SpanBuilder, Value, ambient};

/// A handle to a running span: owned, cheap to clone, safe to send anywhere.
///
/// It does not end the span. [`start_active_span`] and [`in_span`] do, when what they run has ended.
#[derive(Debug, Clone)]
pub struct Span(pub(crate) Context);

impl Span {
    /// The span that is current where this is called; without one, a handle that does nothing.
    #[must_use]
    pub fn current() -> Self {
        Self(ambient::current())
    }

    /// A handle that does nothing.
    pub(crate) fn none() -> Self {
        Self(Context::new())
    }

    /// Sets an attribute, replacing an earlier value of the same name.
    pub fn set_attribute(&self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(key, value).0);
    }

    /// Renames the span. Names group spans: keep them free of ids (C§1.3).
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        self.0.span().update_name(name);
    }

    /// Marks the span as failed.
    pub fn set_failed(&self, description: impl Into<Cow<'static, str>>) {
        self.0.span().set_status(Status::error(description));
    }

    /// Whether what is set on the span is kept: `false` if it is sampled out, ended, or there is no client.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.0.span().is_recording()
    }

    /// The OpenTelemetry trace id, 32 hex digits; `None` if there is no span.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        let ids = self.0.span().span_context().clone();
        ids.is_valid().then(|| ids.trace_id().to_string())
    }

    /// The OpenTelemetry span id, 16 hex digits; `None` if there is no span.
    #[must_use]
    pub fn span_id(&self) -> Option<String> {
        let ids = self.0.span().span_context().clone();
        ids.is_valid().then(|| ids.span_id().to_string())
    }
}

/// Runs an **async** closure in a span ([`in_span`] is its twin for code that is not async).
///
/// The span is current for everything the closure awaits. It ends when the closure returns, is dropped or panics.
///
/// ```
/// # async fn charge(cents: i64) -> bool { cents > 0 }
/// # async fn checkout() {
/// let paid = highlight::start_active_span("charge card", async |span| {
///     span.set_attribute("cents", 4200);
///     charge(4200).await
/// })
/// .await;
/// # }
/// ```
///
/// A span with an open guard across an `.await` would leak into other tasks, so there is no such guard.
///
/// [`SpanBuilder`] gives the span a kind, attributes and links at its start.
pub async fn start_active_span<T>(name: impl Into<Cow<'static, str>>, f: impl AsyncFnOnce(Span) -> T) -> T {
    SpanBuilder::new(name).start_active_span(f).await
}

/// [`start_active_span`] for an **async** closure that may fail: an error is reported, once for the request, and marks the span as failed.
///
/// # Errors
///
/// The closure's own.
// Not an `async fn`: only a plain one knows its caller.
#[track_caller]
pub fn try_start_active_span<T, E: Reportable<Kind>, Kind>(
    name: impl Into<Cow<'static, str>>,
    f: impl AsyncFnOnce(Span) -> Result<T, E>,
) -> impl Future<Output = Result<T, E>> {
    SpanBuilder::new(name).try_start_active_span(f)
}

/// Runs a closure that is **not async** in a span ([`start_active_span`] is its twin for async code).
///
/// The span is current for everything the closure calls. It ends when the closure returns or panics. A future that the
/// closure returns would run outside of the span.
///
/// ```
/// let total: i64 = highlight::in_span("sum up", |span| {
///     span.set_attribute("items", 3);
///     [1, 2, 3].iter().sum()
/// });
/// ```
pub fn in_span<T>(name: impl Into<Cow<'static, str>>, f: impl FnOnce(Span) -> T) -> T {
    SpanBuilder::new(name).in_span(f)
}

/// [`in_span`] for a closure, **not async**, that may fail: an error is reported, once for the request, and marks the span as failed.
///
/// # Errors
///
/// The closure's own.
#[track_caller]
pub fn try_in_span<T, E: Reportable<Kind>, Kind>(
    name: impl Into<Cow<'static, str>>,
    f: impl FnOnce(Span) -> Result<T, E>,
) -> Result<T, E> {
    SpanBuilder::new(name).try_in_span(f)
}
