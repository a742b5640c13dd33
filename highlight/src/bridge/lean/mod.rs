//! The subscriber of a program that shows nothing on its console: nothing but what is recorded.
//!
//! A registry serves any number of layers: it keeps a map of what they note on a span, and looks the span up for each of them each time.
//! That is most of the price of a `tracing` span, and this subscriber has only one note to keep.

mod carrier;
mod store;

use std::{any::TypeId, time::SystemTime};

use opentelemetry::{Context, trace::TraceContextExt};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_core::span::Current;

use self::store::{Found, Store};
use super::{
    entered::{self, Owner},
    event,
    filter::Taken,
    noted::{Noted, State},
    spans::{Keeper, Kept, Spans},
};
use crate::{Client, ambient, context::Scope};

/// Records spans and events, and does nothing else.
#[derive(Debug)]
pub(super) struct LeanSubscriber {
    taken: Taken,
    store: Store,
    spans: Spans<Self>,
}

impl LeanSubscriber {
    pub(super) fn new(taken: Taken) -> Self {
        Self { taken, store: Store::new(), spans: Spans::new() }
    }

    /// The parent of a span, as a handle.
    fn parent(&self, attributes: &Attributes<'_>) -> Option<Id> {
        let parent = if attributes.is_contextual() {
            &entered::current(Owner::of(self))?
        } else {
            attributes.parent()?
        };
        self.store.hold(parent)
    }

    /// Whether a request is current that is not the span's, so that the current span is a carrier of that.
    fn is_elsewhere(&self, span: Option<&Found<'_>>) -> bool {
        let cx = span.and_then(|span| self.spans.context_of(span));
        let of_span = cx.as_ref().and_then(Context::get::<Scope>);
        ambient::map_current(|cx| {
            let span = cx.span();
            let is_here = span.span_context().is_valid() && !span.span_context().is_remote();
            let Some(current) = cx.get::<Scope>().filter(|_| is_here) else { return false };
            let is_other = of_span.is_none_or(|of_span| !of_span.request.is(&current.request));
            is_other
                && current.request.shared().is_some()
                && Client::with_that_of(cx, |client| client.settings().request_span).unwrap_or(false)
        })
    }
}

impl Keeper for LeanSubscriber {
    type Kept<'a> = Found<'a>;

    fn find(&self, id: &Id) -> Option<Found<'_>> {
        self.store.find(id)
    }
}

impl Subscriber for LeanSubscriber {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.spans.shadows.belong_to(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.taken.interest(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.taken.takes(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.taken.max_level())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let noted = self.spans.begin(attributes, |parent| self.store.find(parent));
        self.store.open(attributes.metadata(), self.parent(attributes), noted)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        if let Some(span) = self.store.find(id) {
            self.spans.record(&span, values);
        }
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
        if let Some((span, cause)) = self.store.find(id).zip(self.store.find(follows)) {
            self.spans.follow(&span, &cause);
        }
    }

    fn event(&self, event: &Event<'_>) {
        let parent = event.parent().and_then(|parent| self.store.find(parent));
        event::record(event, parent.and_then(|parent| self.spans.context_of(&parent)));
    }

    fn enter(&self, id: &Id) {
        let find = || self.spans.context_of(&self.store.find(id)?);
        let cx = if entered::is_active_already() { None } else { find() };
        entered::enter(Owner::of(self), id, cx);
    }

    fn exit(&self, id: &Id) {
        entered::exit(Owner::of(self), id);
        if entered::is_active_already() {
            return;
        }
        if let Some(span) = self.store.find(id) {
            span.note(|noted| {
                if matches!(noted.state, State::Started(_)) {
                    noted.left = Some(SystemTime::now());
                }
            });
        }
    }

    fn clone_span(&self, id: &Id) -> Id {
        if *id == carrier::of_the_current() {
            let noted = Noted::new(State::Standing(ambient::current()));
            return self.store.open(&carrier::METADATA, None, noted);
        }
        self.store.hold(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut closed = self.store.release(&id);
        let is_closed = closed.is_some();
        while let Some(span) = closed {
            self.spans.close(span.noted);
            closed = span.parent.and_then(|parent| self.store.release(&parent));
        }
        is_closed
    }

    fn current_span(&self) -> Current {
        let entered = entered::current(Owner::of(self)).and_then(|id| Some((self.store.find(&id)?, id)));
        if self.is_elsewhere(entered.as_ref().map(|(span, _)| span)) {
            return Current::new(carrier::of_the_current(), &carrier::METADATA);
        }
        let known = entered.and_then(|(span, id)| Some((id, span.metadata()?)));
        known.map_or_else(Current::none, |(id, metadata)| Current::new(id, metadata))
    }

    #[expect(unsafe_code, reason = "`OpenTelemetrySpanExt` finds what it works on only by this")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the promise made to our caller is the one that what is inside makes to us: a pointer to a value of the type
        // `id`, valid as long as the subscriber is borrowed. It is a part of `self`.
        unsafe { self.spans.shadows.downcast_raw(id) }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use tracing::dispatcher;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use super::*;

    /// For Miri as well, which sees to the pointers: `MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -p highlight --features testing --lib lean::tests`.
    #[test]
    fn what_is_inside_is_found_by_its_type() {
        let dispatch = Dispatch::new(LeanSubscriber::new(Taken::Asking));
        assert!(dispatch.is::<LeanSubscriber>() && !dispatch.is::<String>());
        dispatcher::with_default(&dispatch, || {
            let _guard = Context::new().with_value(7_u8).attach();
            let id = dispatch
                .new_span(&Attributes::new(&carrier::METADATA, &carrier::METADATA.fields().value_set(&[])));
            dispatch.enter(&id);
            // Through what the layer inside knows of the span's shadow.
            let span = tracing::Span::current();
            assert_eq!(span.metadata().map(Metadata::target), Some(carrier::METADATA.target()));
            assert_eq!(span.context().get::<u8>(), Some(&7));
            span.set_attribute("key", "value");
            dispatch.exit(&id);
            assert!(!dispatch.try_close(id.clone()) && span.id() == Some(id));
        });
    }
}
