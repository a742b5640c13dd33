//! `tracing` spans as spans of whichever client is current when they start.
//!
//! It does what the layer of `tracing-opentelemetry` does, for about a third of the price: that keeps a span behind two more
//! allocations and a lock, and asks for its context several times more. What other crates do through its
//! `OpenTelemetrySpanExt` is seen to by [`span_ext`](super::span_ext).

use std::{
    any::TypeId,
    cell::{Cell, RefCell},
    time::SystemTime,
};

use opentelemetry::{
    Context, ContextGuard,
    trace::{Link, SpanContext, TraceContextExt},
};
use tracing::{
    Dispatch, Metadata, Span, Subscriber,
    span::{Attributes, Entered, Id, Record},
};
use tracing_subscriber::{
    Layer, layer,
    registry::{LookupSpan, SpanRef},
};

use super::{
    carrier,
    changes::Changes,
    noted::{Noted, State, Waiting},
    span_ext::Shadows,
};
use crate::{Client, ambient, context::Scope};

/// Makes OpenTelemetry spans of `tracing` spans, and leaves events to [`EventLayer`](super::event::EventLayer).
pub(super) struct SpanLayer<S> {
    shadows: Shadows<S>,
}

impl<S> SpanLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    pub(super) fn new() -> Self {
        Self { shadows: Shadows::new() }
    }

    /// The context that the span makes current; starts it if need be. `None` if it is not this layer's.
    pub(super) fn context_of(&self, span: &SpanRef<'_, S>) -> Option<Context> {
        let waiting = {
            let mut extensions = span.extensions_mut();
            let noted = extensions.get_mut::<Noted>()?;
            if let Some(cx) = noted.state.context() {
                return Some(cx.clone());
            }
            noted.take_waiting()
        };
        // A sampler of the program's may be asked: nothing is locked.
        let state = match waiting {
            Some(waiting) => waiting.start(),
            None => State::Started(self.shadows.running(span)?),
        };
        let cx = state.context().cloned();
        if let Some(noted) = span.extensions_mut().get_mut::<Noted>() {
            noted.state = state;
        }
        cx
    }

    /// Where a span begins.
    fn parent(&self, attributes: &Attributes<'_>, ctx: &layer::Context<'_, S>) -> Context {
        if attributes.is_contextual() {
            return ambient::current();
        }
        let parent = attributes.parent().and_then(|parent| ctx.span(parent));
        parent
            .and_then(|parent| self.context_of(&parent))
            .or_else(|| ambient::map_current(|cx| beginning(attributes.is_root(), cx)))
            .unwrap_or_default()
    }
}

impl<S> Layer<S> for SpanLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.shadows.belong_to(dispatch);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: layer::Context<'_, S>) {
        let metadata = attributes.metadata();
        let state = if carrier::is_carrier(metadata) {
            // Its fields are for the console: to OpenTelemetry it is the server span itself.
            State::Standing(carrier::carried().unwrap_or_else(ambient::current))
        } else {
            let parent = self.parent(attributes, &ctx);
            if is_taken(&parent, metadata) {
                let mut changes = Changes::default();
                attributes.record(&mut changes);
                let (name, time) = (metadata.name(), SystemTime::now());
                State::Waiting(Waiting { parent, name, time, changes })
            } else {
                State::Standing(parent)
            }
        };
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(Noted::new(state));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: layer::Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        // What `Debug` says of a value may be recorded as well: nothing is locked.
        let mut changes = Changes::default();
        values.record(&mut changes);
        let cx = {
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<Noted>().map(|noted| &mut noted.state) {
                Some(State::Waiting(waiting)) => return waiting.changes.extend(changes),
                Some(State::Started(cx)) => Some(cx.clone()),
                Some(State::Standing(_)) | None => return,
                Some(State::Shadowed) => None,
            }
        };
        if let Some(cx) = cx.or_else(|| self.context_of(&span)) {
            changes.apply_to(&cx.span());
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: layer::Context<'_, S>) {
        let Some((span, follows)) = ctx.span(id).zip(ctx.span(follows)) else { return };
        let Some(cause) = self.context_of(&follows) else { return };
        let cause = cause.span().span_context().clone();
        if let Some(Noted { state: State::Waiting(waiting), .. }) = span.extensions_mut().get_mut() {
            return waiting.changes.links.push(Link::with_context(cause));
        }
        if let Some(cx) = self.context_of(&span) {
            cx.span().add_link(cause, Vec::new());
        }
    }

    fn on_enter(&self, id: &Id, ctx: layer::Context<'_, S>) {
        if is_active_already() {
            return;
        }
        let Some(cx) = ctx.span(id).and_then(|span| self.context_of(&span)) else { return };
        let guard = ambient::attach_own(cx);
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push((id.clone(), guard)));
    }

    fn on_exit(&self, id: &Id, ctx: layer::Context<'_, S>) {
        if is_active_already() {
            return;
        }
        let guard = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            let at = entered.iter().rposition(|(entered, _)| entered == id)?;
            entered.remove(at).1
        });
        drop(guard);
        let Some(span) = ctx.span(id) else { return };
        if let Some(noted) = span.extensions_mut().get_mut::<Noted>() {
            if matches!(noted.state, State::Started(_)) {
                noted.left = Some(SystemTime::now());
            }
        }
    }

    fn on_close(&self, id: Id, ctx: layer::Context<'_, S>) {
        let Some(span) = ctx.span(&id) else { return };
        let (running, waiting, left, has_shadow) = {
            let mut extensions = span.extensions_mut();
            let Some(noted) = extensions.get_mut::<Noted>() else { return };
            let running = if let State::Started(cx) = &noted.state { Some(cx.clone()) } else { None };
            (running, noted.take_waiting(), noted.left, noted.shadow.is_some())
        };
        // Never entered: it is a span all the same.
        let started = || waiting.and_then(|waiting| waiting.start().into_started());
        if let Some(cx) = running.or_else(started).or_else(|| self.shadows.running(&span)) {
            let span = cx.span();
            left.map_or_else(|| span.end(), |left| span.end_with_timestamp(left));
        }
        if has_shadow {
            self.shadows.close(&span);
        }
    }

    #[expect(unsafe_code, reason = "`OpenTelemetrySpanExt` finds what it works on only by this")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the promise made to our caller is the one that what is inside makes to us: a pointer to a value of the type
        // `id`, valid as long as the layer is borrowed. It is a part of `self`.
        unsafe { self.shadows.downcast_raw(id) }
    }
}

/// Whether there is a client that records the span.
fn is_taken(parent: &Context, metadata: &Metadata<'_>) -> bool {
    // The subscriber's filter is not this client's where the program has several.
    let takes = |client: &Client| {
        client.is_enabled() && client.filter().enabled(metadata.target(), *metadata.level())
    };
    !parent.is_telemetry_suppressed() && Client::with_that_of(parent, takes).unwrap_or(false)
}

/// Where a span without a known parent begins: in the request that is current. `None` outside any request or client.
///
/// These are the spans with `parent: None`, or with a parent that is disabled, which looks the same; and those with a parent
/// that our filter keeps out.
fn beginning(is_root: bool, current: &Context) -> Option<Context> {
    current.get::<Scope>()?;
    let span = current.span();
    let ids = span.span_context();
    // What is below a span that nobody records, such as an excluded request's, is not recorded either.
    let unrecorded = ids.is_valid() && !ids.is_remote() && !ids.is_sampled();
    let begins_a_trace = is_root && !unrecorded;
    Some(if begins_a_trace { current.with_remote_span_context(SpanContext::NONE) } else { current.clone() })
}

thread_local! {
    /// The spans that are entered, and what leaves them again.
    static ENTERED: RefCell<Vec<(Id, Option<ContextGuard>)>> = {
        // A guard needs the context's variable until its end: this one is to go first.
        ambient::map_current(|_| ());
        RefCell::default()
    };
    static ACTIVE_ALREADY: Cell<bool> = const { Cell::new(false) };
}

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
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;

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
