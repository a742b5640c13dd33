//! `tracing` spans without a parent to inherit the request from.
//!
//! `tracing-opentelemetry` starts these from an empty context. They are those with `parent: None`, or with a parent that is
//! disabled, which looks the same; and those with a parent that our filter keeps out.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt, noop::NoopTracer},
};
use tracing::{
    Subscriber,
    span::{Attributes, Id},
};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer, layer, registry::LookupSpan};

use super::lean;
use crate::{ambient, context::Scope};

/// Lets spans without a parent begin in the request that is current.
///
/// It sits behind the layer that makes OpenTelemetry spans, and makes what that has noted of such a span anew. It has a layer of
/// the same kind to do so: the notes, kept in the span's extensions, are the same whatever the tracer.
pub(super) struct Roots<S>(OpenTelemetryLayer<S, NoopTracer>);

impl<S> Roots<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    pub(super) fn new() -> Self {
        Self(lean(tracing_opentelemetry::layer()))
    }
}

impl<S> Layer<S> for Roots<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: layer::Context<'_, S>) {
        let inherits = attributes.is_contextual()
            || attributes.parent().is_some_and(|parent| ctx.span(parent).is_some());
        if inherits {
            return;
        }
        let Some(cx) = ambient::map_current(|cx| beginning(attributes, cx)) else { return };
        let _guard = ambient::attach(&cx);
        let contextual = Attributes::new(attributes.metadata(), attributes.values());
        // Nothing has started yet, and a tracer that makes nothing ends nothing: closing only forgets the notes.
        self.0.on_close(id.clone(), ctx.clone());
        self.0.on_new_span(&contextual, id, ctx);
    }
}

/// Where a span without a known parent begins; `None` outside any request or client, where nothing is to be kept.
fn beginning(attributes: &Attributes<'_>, current: &Context) -> Option<Context> {
    current.get::<Scope>()?;
    let span = current.span();
    let ids = span.span_context();
    // What is below a span that nobody records, such as an excluded request's, is not recorded either.
    let unrecorded = ids.is_valid() && !ids.is_remote() && !ids.is_sampled();
    let begins_a_trace = attributes.is_root() && !unrecorded;
    Some(if begins_a_trace { current.with_remote_span_context(SpanContext::NONE) } else { current.clone() })
}
