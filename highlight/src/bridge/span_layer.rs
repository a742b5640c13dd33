//! The layer of `tracing-opentelemetry`, as this crate wants it.

use std::{any::TypeId, cell::Cell};

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt},
};
use tracing::{
    Span, Subscriber,
    span::{Attributes, Entered, Id, Record},
};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{Layer, layer, registry::LookupSpan};

use super::{carrier, spans::LateTracer};
use crate::{ambient, context::Scope};

/// Makes OpenTelemetry spans of `tracing` spans, and leaves events to [`EventLayer`](super::event::EventLayer).
pub(super) struct SpanLayer<S>(OpenTelemetryLayer<S, LateTracer>);

impl<S> SpanLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    pub(super) fn new() -> Self {
        let layer = tracing_opentelemetry::layer().with_tracer(LateTracer);
        // What nobody reads on a span is left out: code location, thread, busy and idle times.
        Self(
            layer
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                // Read, and left out in the end, by `spans::Origin`.
                .with_level(true)
                .with_target(true)
                .with_error_records_to_exceptions(false),
        )
    }
}

impl<S> Layer<S> for SpanLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    /// A span without a parent to inherit the request from still begins in the one that is current.
    ///
    /// These are the spans with `parent: None`, or with a parent that is disabled, which looks the same; and those with a parent
    /// that our filter keeps out. Left to itself, the layer starts them from an empty context.
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: layer::Context<'_, S>) {
        let metadata = attributes.metadata();
        if carrier::is_carrier(metadata) {
            // Its fields are for the console: to OpenTelemetry it is the server span itself, and that from the start. What is set on
            // a span that was never entered would be kept for a span yet to come.
            let plain = metadata.fields().value_set(&[]);
            self.0.on_new_span(&Attributes::new(metadata, &plain), id, ctx.clone());
            self.0.on_enter(id, ctx.clone());
            return self.0.on_exit(id, ctx);
        }
        let inherits = attributes.is_contextual()
            || attributes.parent().is_some_and(|parent| ctx.span(parent).is_some());
        let beginning =
            if inherits { None } else { ambient::map_current(|cx| beginning(attributes.is_root(), cx)) };
        let Some(cx) = beginning else { return self.0.on_new_span(attributes, id, ctx) };
        let _guard = ambient::attach(&cx);
        self.0.on_new_span(&Attributes::new(metadata, attributes.values()), id, ctx);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: layer::Context<'_, S>) {
        self.0.on_record(id, values, ctx);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: layer::Context<'_, S>) {
        self.0.on_follows_from(id, follows, ctx);
    }

    fn on_enter(&self, id: &Id, ctx: layer::Context<'_, S>) {
        if !is_active_already() {
            self.0.on_enter(id, ctx);
        }
    }

    fn on_exit(&self, id: &Id, ctx: layer::Context<'_, S>) {
        if !is_active_already() {
            self.0.on_exit(id, ctx);
        }
    }

    /// Of a carrier nothing is to be ended; its notes go with the span's extensions.
    fn on_close(&self, id: Id, ctx: layer::Context<'_, S>) {
        if ctx.metadata(&id).is_some_and(carrier::is_carrier) {
            return;
        }
        self.0.on_close(id, ctx);
    }

    /// Measured: without it, a request pays for five activations of a context that is current anyway, a fifth of all its instructions.
    #[expect(unsafe_code, reason = "`OpenTelemetrySpanExt` finds the layer inside only by this")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the promise made to our caller is the one that the layer inside makes to us: a pointer to a value of the type
        // `id`, valid as long as the layer is borrowed. It is a part of `self`.
        unsafe { self.0.downcast_raw(id) }
    }
}

/// Where a span without a known parent begins; `None` outside any request or client, where nothing is to be kept.
fn beginning(is_root: bool, current: &Context) -> Option<Context> {
    current.get::<Scope>()?;
    let span = current.span();
    let ids = span.span_context();
    // What is below a span that nobody records, such as an excluded request's, is not recorded either.
    let unrecorded = ids.is_valid() && !ids.is_remote() && !ids.is_sampled();
    let begins_a_trace = is_root && !unrecorded;
    Some(if begins_a_trace { current.with_remote_span_context(SpanContext::NONE) } else { current.clone() })
}

thread_local!(static ACTIVE_ALREADY: Cell<bool> = const { Cell::new(false) });

fn is_active_already() -> bool {
    ACTIVE_ALREADY.try_with(Cell::get).unwrap_or(false)
}

/// Enters a span whose context is current already, and stays so until the guard is dropped.
pub(crate) fn enter_active(span: &Span) -> EnteredActive<'_> {
    EnteredActive(Some(without_activation(|| span.enter())))
}

#[must_use]
pub(crate) struct EnteredActive<'a>(Option<Entered<'a>>);

impl Drop for EnteredActive<'_> {
    fn drop(&mut self) {
        let entered = self.0.take();
        without_activation(|| drop(entered));
    }
}

fn without_activation<T>(work: impl FnOnce() -> T) -> T {
    let _ = ACTIVE_ALREADY.try_with(|active| active.set(true));
    let result = work();
    let _ = ACTIVE_ALREADY.try_with(|active| active.set(false));
    result
}

#[cfg(test)]
mod tests {
    use tracing_opentelemetry::OpenTelemetrySpanExt;
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;

    /// For Miri as well, which sees to the pointers: `cargo +nightly miri test -p highlight --lib span_layer`.
    #[test]
    fn the_layer_inside_is_found() {
        let subscriber = Registry::default().with(SpanLayer::new());
        let dispatch = tracing::Dispatch::new(subscriber);
        assert!(dispatch.downcast_ref::<SpanLayer<Registry>>().is_some());
        assert!(dispatch.downcast_ref::<OpenTelemetryLayer<Registry, LateTracer>>().is_some());
        assert!(dispatch.downcast_ref::<String>().is_none());
        tracing::dispatcher::with_default(&dispatch, || {
            let cx = Context::new().with_value(7_u8);
            let _guard = cx.attach();
            // Through the layer's own notes.
            assert_eq!(tracing::info_span!("span").context().get::<u8>(), Some(&7));
        });
    }

    #[test]
    fn a_span_is_active_but_where_it_is_already() {
        let subscriber = Registry::default().with(SpanLayer::new());
        tracing::subscriber::with_default(subscriber, || {
            let span = {
                let _guard = Context::new().with_value(7_u8).attach();
                tracing::info_span!("span")
            };
            let current = || Context::map_current(|cx| cx.get::<u8>().copied());
            let within = |_: EnteredActive<'_>| (current(), Span::current().id() == span.id());
            assert_eq!((within(enter_active(&span)), current()), ((None, true), None));
            assert_eq!((span.in_scope(current), current()), (Some(7), None));
        });
    }
}
