//! `OpenTelemetrySpanExt` of `tracing-opentelemetry`, which other crates use to read and change spans.
//!
//! It works on notes that only that crate's own layer can make, in the extensions of a span in a subscriber of a given type. So that
//! layer has a subscriber for itself, in which nothing happens; asked there for one of the program's spans, it finds the span's
//! **shadow**, which is made at that moment. A span that runs already is reached through its shadow; one that still waits goes on as its
//! shadow, which may give it another parent. Spans that nobody asks for cost nothing of this.

use std::{
    any::TypeId,
    borrow::Cow,
    collections::HashMap,
    fmt,
    marker::PhantomData,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{self, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer},
};
use tracing::{
    Callsite, Dispatch, Event, Metadata, Subscriber,
    field::FieldSet,
    metadata::{Kind, Level},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Registry,
    layer::{Layered, SubscriberExt},
    registry::{self, LookupSpan},
};

use super::{
    home::Home,
    noted::{State, Waiting},
    spans::{Keeper, Kept},
};
use crate::{ambient, tracer};

/// The shadows of one layer's spans.
pub(super) struct Shadows<S>(Shadowland<S>);

/// The subscriber of the shadows.
struct Shadowland<S> {
    spans: Arc<Registry>,
    /// Shadows without a span, to be used again: a registry does not let go of a span while one of another registry closes.
    free: FreeShadows,
    /// `Some` where it is asked for spans of the program's subscriber, `None` where it is asked for shadows.
    front: Option<Box<Front<S>>>,
}

struct Front<S> {
    stack: Layered<OpenTelemetryLayer<Shadowland<S>, LateTracer>, Shadowland<S>>,
    /// The program's subscriber.
    home: Home,
    waiting: WaitingShadows,
    /// The shadow of what has none.
    nothing: Id,
    program: PhantomData<fn(S)>,
}

/// See [`Shadowland::free`].
#[derive(Debug, Clone, Default)]
struct FreeShadows(Arc<Mutex<Vec<Id>>>);

/// The spans that go on as shadows, by number.
#[derive(Debug, Clone, Default)]
struct WaitingShadows(Arc<Mutex<HashMap<i64, Waiting>>>);

impl<S: Keeper> Shadows<S> {
    pub(super) fn new() -> Self {
        let spans = Arc::new(Registry::default());
        let waiting = WaitingShadows::default();
        // What nobody reads on a span is left out.
        let layer = tracing_opentelemetry::layer()
            .with_tracer(LateTracer(waiting.clone()))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_level(false)
            .with_target(false);
        let nothing = spans.new_span(&Attributes::new(&METADATA, &METADATA.fields().value_set(&[])));
        let free = FreeShadows::default();
        let stack = Shadowland { spans: Arc::clone(&spans), free: free.clone(), front: None }.with(layer);
        let front = Front { stack, home: Home::default(), waiting, nothing, program: PhantomData };
        Self(Shadowland { spans, free, front: Some(Box::new(front)) })
    }

    /// Tells which subscriber the spans are in.
    pub(super) fn belong_to(&self, dispatch: &Dispatch) {
        if let Some(front) = &self.0.front {
            front.home.set(dispatch);
        }
    }

    /// The context of a span that goes on as this shadow; starts it if need be.
    pub(super) fn started(&self, shadow: &Id) -> Option<Context> {
        self.0.front.as_ref().map(|front| front.started(shadow))
    }

    /// Forgets the shadow of a span that has ended.
    pub(super) fn close(&self, shadow: Id) {
        if let Some(front) = &self.0.front {
            // The layer takes its notes off.
            front.stack.try_close(shadow.clone());
            self.0.free.put(shadow);
        }
    }

    /// # Safety
    ///
    /// As [`Layer::downcast_raw`](tracing_subscriber::Layer::downcast_raw).
    #[expect(unsafe_code, reason = "delegates `Layer::downcast_raw`")]
    pub(super) unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Shadowland<S>>() {
            return Some(std::ptr::from_ref(&self.0).cast());
        }
        // SAFETY: what the stack promises to us is what we promise to our caller; it is a part of `self`.
        self.0.front.as_ref().and_then(|front| unsafe { front.stack.downcast_raw(id) })
    }
}

impl<S: Keeper> Front<S> {
    /// The shadow of a span of the program's.
    fn shadow_of(&self, id: &Id) -> Id {
        let find = || {
            let dispatch = self.home.get()?;
            self.shadow(&dispatch.downcast_ref::<S>()?.find(id)?)
        };
        find().unwrap_or_else(|| self.nothing.clone())
    }

    fn shadow(&self, span: &impl Kept) -> Option<Id> {
        if let Some(shadow) = span.note(|noted| noted.shadow.clone())? {
            return Some(shadow);
        }
        let (waiting, cx) = span.note(|noted| (noted.take_waiting(), noted.state.context().cloned()))?;
        let goes_on = waiting.is_some();
        let shadow = self.make(&cx?, waiting);
        span.note(|noted| {
            noted.shadow = Some(shadow.clone());
            if goes_on {
                noted.state = State::Shadowed;
            }
        });
        Some(shadow)
    }

    /// Makes a shadow: of the span that waits, or else of the one in `cx`.
    fn make(&self, cx: &Context, waiting: Option<Waiting>) -> Id {
        let goes_on = waiting.is_some();
        let number = waiting.map_or(0, |waiting| self.waiting.put(waiting));
        let _guard = ambient::attach(cx);
        let fields = METADATA.fields();
        let mut shadow = self.nothing.clone();
        if let Some(field) = fields.field(NUMBER) {
            let values = [(&field, Some(&number as &dyn tracing::Value))];
            shadow = self.stack.new_span(&Attributes::new(&METADATA, &fields.value_set(&values)));
        }
        if !goes_on {
            self.started(&shadow);
        }
        shadow
    }

    /// The context of the shadow, which is started if need be.
    fn started(&self, shadow: &Id) -> Context {
        self.stack.enter(shadow);
        let cx = ambient::current();
        self.stack.exit(shadow);
        cx
    }
}

impl FreeShadows {
    fn put(&self, shadow: Id) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(shadow);
    }

    fn take(&self) -> Option<Id> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl WaitingShadows {
    fn put(&self, waiting: Waiting) -> i64 {
        static NUMBERS: AtomicI64 = AtomicI64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, waiting);
        number
    }

    fn take(&self, number: i64) -> Option<Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }
}

impl<'a, S: Keeper> LookupSpan<'a> for Shadowland<S> {
    type Data = registry::Data<'a>;

    fn span_data(&'a self, id: &Id) -> Option<registry::Data<'a>> {
        match &self.front {
            Some(front) => self.spans.span_data(&front.shadow_of(id)),
            None => self.spans.span_data(id),
        }
    }
}

impl<S: 'static> Subscriber for Shadowland<S> {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.free.take().unwrap_or_else(|| self.spans.new_span(attributes))
    }

    fn try_close(&self, _: Id) -> bool {
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What all shadows have in common.
static METADATA: Metadata<'static> = Metadata::new(
    "shadow",
    "highlight::shadow",
    Level::INFO,
    None,
    None,
    None,
    FieldSet::new(&[NUMBER], tracing::callsite::Identifier(&SHADOW)),
    Kind::SPAN,
);

/// The field by which the tracer knows which span a shadow is.
const NUMBER: &str = "number";

static SHADOW: Shadow = Shadow;

struct Shadow;

impl Callsite for Shadow {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// Makes a shadow's span at the last moment: as a child of the parent that it was given in the end.
#[derive(Debug)]
struct LateTracer(WaitingShadows);

impl Tracer for LateTracer {
    type Span = ShadowSpan;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> ShadowSpan {
        let mut attributes = builder.attributes.unwrap_or_default().into_iter();
        let number = match attributes.next() {
            Some(KeyValue { value: Value::I64(number), .. }) => number,
            _ => 0,
        };
        let Some(mut waiting) = self.0.take(number) else { return ShadowSpan::standing_for(parent) };
        waiting.changes.attributes.extend(attributes);
        waiting.changes.more().links.extend(builder.links.into_iter().flatten());
        let Some(mut span) = waiting.start_below(parent) else { return ShadowSpan::standing_for(parent) };
        for event in builder.events.into_iter().flatten() {
            trace::Span::add_event_with_timestamp(&mut span, event.name, event.timestamp, event.attributes);
        }
        ShadowSpan::Own(span)
    }
}

/// What a shadow is to OpenTelemetry.
#[derive(Debug)]
pub(super) enum ShadowSpan {
    /// The span itself.
    Own(tracer::Span),
    /// The span of this context, which was started without the shadow, and ends without it.
    StandIn { ids: SpanContext, cx: Context },
}

impl ShadowSpan {
    fn standing_for(cx: &Context) -> Self {
        Self::StandIn { ids: cx.span().span_context().clone(), cx: cx.clone() }
    }
}

impl trace::Span for ShadowSpan {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        match self {
            Self::Own(span) => span.add_event_with_timestamp(name, timestamp, attributes),
            Self::StandIn { cx, .. } => cx.span().add_event_with_timestamp(name, timestamp, attributes),
        }
    }

    fn span_context(&self) -> &SpanContext {
        match self {
            Self::Own(span) => span.span_context(),
            Self::StandIn { ids, .. } => ids,
        }
    }

    fn is_recording(&self) -> bool {
        match self {
            Self::Own(span) => span.is_recording(),
            Self::StandIn { cx, .. } => cx.span().is_recording(),
        }
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        match self {
            Self::Own(span) => span.set_attribute(attribute),
            Self::StandIn { cx, .. } => cx.span().set_attribute(attribute),
        }
    }

    fn set_status(&mut self, status: Status) {
        match self {
            Self::Own(span) => span.set_status(status),
            Self::StandIn { cx, .. } => cx.span().set_status(status),
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        match self {
            Self::Own(span) => span.update_name(name),
            Self::StandIn { cx, .. } => cx.span().update_name(name),
        }
    }

    fn add_link(&mut self, linked: SpanContext, attributes: Vec<KeyValue>) {
        match self {
            Self::Own(span) => span.add_link(linked, attributes),
            Self::StandIn { cx, .. } => cx.span().add_link(linked, attributes),
        }
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        match self {
            Self::Own(span) => span.end_with_timestamp(timestamp),
            // It is not the stand-in's to end.
            Self::StandIn { .. } => {}
        }
    }
}

impl<S> fmt::Debug for Shadows<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadows").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    use tracing::dispatcher;

    use super::{super::span_layer::SpanLayer, *};

    /// For Miri as well, which sees to the pointers: `MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test -p highlight --lib span_ext`.
    #[test]
    fn what_is_inside_is_found_by_its_type() {
        let dispatch = Dispatch::new(Registry::default().with(SpanLayer::new()));
        assert!(dispatch.downcast_ref::<SpanLayer<Registry>>().is_some());
        assert!(dispatch.downcast_ref::<Shadowland<Registry>>().is_some_and(|front| front.front.is_some()));
        assert!(dispatch.downcast_ref::<OpenTelemetryLayer<Shadowland<Registry>, LateTracer>>().is_some());
        assert!(dispatch.downcast_ref::<String>().is_none());
        dispatcher::with_default(&dispatch, || {
            let _guard = Context::new().with_value(7_u8).attach();
            let span = tracing::info_span!("span");
            // Through what the layer inside knows of the shadow.
            assert_eq!(span.context().get::<u8>(), Some(&7));
            span.set_attribute("key", "value");
        });
    }

    #[test]
    fn shadows_are_used_again() {
        let dispatch = Dispatch::new(Registry::default().with(SpanLayer::new()));
        dispatcher::with_default(&dispatch, || {
            let shadow_of = |span: &tracing::Span| {
                let registry = dispatch.downcast_ref::<Registry>().unwrap();
                let noted = registry.span(&span.id().unwrap()).unwrap();
                noted.extensions().get::<super::super::noted::Noted>().unwrap().shadow.clone()
            };
            let asked = |value: u8| {
                let _guard = Context::new().with_value(value).attach();
                let span = tracing::info_span!("span");
                assert_eq!(span.context().get::<u8>(), Some(&value), "its own, not the last one's");
                shadow_of(&span).unwrap()
            };
            let first = asked(1);
            assert_eq!(shadow_of(&tracing::info_span!("nobody asks")), None);
            assert_eq!([asked(2), asked(3)], [first.clone(), first.clone()]);
            // A span that is gone is nothing, and nobody panics about it.
            let front = dispatch.downcast_ref::<Shadowland<Registry>>().unwrap();
            assert!(front.span(&Id::from_u64(1 << 40)).is_some());
        });
    }
}
