//! `tracing` spans as spans of whichever client is current when they start.
//!
//! It does what the layer of `tracing-opentelemetry` does, for about a third of the price: that keeps a span behind two more
//! allocations and a lock, and asks for its context several times more. What other crates do through its
//! `OpenTelemetrySpanExt` is seen to by [`span_ext`](super::span_ext).

use std::{any::TypeId, time::SystemTime};

use tracing::{
    Dispatch, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer, registry::LookupSpan};

use super::{
    entered::{self, Owner},
    noted::{Noted, State},
    spans::Spans,
};

/// Makes OpenTelemetry spans of `tracing` spans, and leaves events to [`EventLayer`](super::event::EventLayer).
#[derive(Debug)]
pub(super) struct SpanLayer<S> {
    pub(super) spans: Spans<S>,
}

impl<S> SpanLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    pub(super) fn new() -> Self {
        Self { spans: Spans::new() }
    }
}

impl<S> Layer<S> for SpanLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.spans.shadows.belong_to(dispatch);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: layer::Context<'_, S>) {
        let noted = self.spans.begin(attributes, |parent| ctx.span(parent));
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(noted);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: layer::Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            self.spans.record(&span, values);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: layer::Context<'_, S>) {
        if let Some((span, cause)) = ctx.span(id).zip(ctx.span(follows)) {
            self.spans.follow(&span, &cause);
        }
    }

    fn on_enter(&self, id: &Id, ctx: layer::Context<'_, S>) {
        if entered::is_active_already() {
            return;
        }
        if let Some(cx) = ctx.span(id).and_then(|span| self.spans.context_of(&span)) {
            entered::enter(Owner::of(self), id, Some(cx));
        }
    }

    fn on_exit(&self, id: &Id, ctx: layer::Context<'_, S>) {
        if entered::is_active_already() {
            return;
        }
        entered::exit(Owner::of(self), id);
        let Some(span) = ctx.span(id) else { return };
        if let Some(noted) = span.extensions_mut().get_mut::<Noted>() {
            if matches!(noted.state, State::Started(_)) {
                noted.left = Some(SystemTime::now());
            }
        }
    }

    fn on_close(&self, id: Id, ctx: layer::Context<'_, S>) {
        let noted = ctx.span(&id).and_then(|span| span.extensions_mut().remove::<Noted>());
        if let Some(noted) = noted {
            self.spans.close(noted);
        }
    }

    #[expect(unsafe_code, reason = "`OpenTelemetrySpanExt` finds what it works on only by this")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the promise made to our caller is the one that what is inside makes to us: a pointer to a value of the type
        // `id`, valid as long as the layer is borrowed. It is a part of `self`.
        unsafe { self.spans.shadows.downcast_raw(id) }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::Context;
    use tracing::Span;
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::{super::entered::EnteredActive, *};

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
            assert_eq!((within(entered::enter_active(&span)), current()), ((None, true), None));
            assert_eq!((span.in_scope(current), current()), (Some(7), None));
        });
    }
}
