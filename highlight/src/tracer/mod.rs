//! The tracer: makes spans that go to one client.
//!
//! It stands in the place of the OpenTelemetry SDK's, behind the same traits. A span of the SDK is moved several times on its way
//! to the queue, carries what nobody here uses, and takes its request's ids as two attributes more; these cost as much as all
//! the rest of a span.

mod span;

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue, SpanId,
    trace::{self, SpanBuilder, SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceState},
};

pub use self::span::Span;
use crate::{
    RequestContext,
    context::Scope,
    ids::RandomIds,
    pipeline::Pipeline,
    record::{Attached, Entry, SpanRecord, unix_nanos},
    sampling::Sampler,
};

/// Makes spans that nobody records. What is below them is not recorded either.
pub(crate) static UNRECORDED: LazyLock<Tracer> =
    LazyLock::new(|| TracerProvider::new(None, Sampler::never()).own_tracer());

/// The provider of OpenTelemetry tracers whose spans go to one [`Client`](crate::Client): see
/// [`Client::tracer_provider`](crate::Client::tracer_provider).
///
/// Cloning is cheap.
#[derive(Clone)]
pub struct TracerProvider(Arc<Core>);

/// Starts spans: OpenTelemetry's trait [`Tracer`](trace::Tracer) says how.
///
/// A span keeps its first 128 attributes, events and links, and as many attributes of each event and link; it counts the others.
#[derive(Clone)]
pub struct Tracer {
    core: Arc<Core>,
    /// Who made the spans; `None` for this crate itself.
    scope: Option<Arc<InstrumentationScope>>,
}

/// What the tracers of a client share.
struct Core {
    /// `None` if nothing is recorded.
    pipeline: Option<Pipeline>,
    sampler: Sampler,
    ids: RandomIds,
    /// Whether a span has ended: the layer on the router works.
    seen: AtomicBool,
}

impl TracerProvider {
    pub(crate) fn new(pipeline: Option<Pipeline>, sampler: Sampler) -> Self {
        Self(Arc::new(Core { pipeline, sampler, ids: RandomIds::new(), seen: AtomicBool::new(false) }))
    }

    /// The tracer of this crate.
    pub(crate) fn own_tracer(&self) -> Tracer {
        Tracer { core: Arc::clone(&self.0), scope: None }
    }

    /// Whether a span has ended that was not sampled out.
    pub(crate) fn has_seen_spans(&self) -> bool {
        self.0.seen.load(Ordering::Relaxed)
    }
}

impl trace::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Tracer { core: Arc::clone(&self.0), scope: Some(Arc::new(scope)) }
    }
}

/// What a span of this crate's own is started with.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) time: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
    /// Whether it is the span of the request itself; then it needs no name.
    pub(crate) tells_request: bool,
}

impl Tracer {
    /// Starts a span below that of `cx`, in the request of that.
    pub(crate) fn begin(&self, start: Start, cx: &Context) -> Span {
        if cx.is_telemetry_suppressed() {
            return Span::unrecorded(SpanContext::NONE);
        }
        let span = cx.span();
        self.begin_below(start, span.span_context(), cx.get::<Scope>().map(|scope| &scope.request))
    }

    /// Whether the span of `cx` is one of this process that is not recorded, as then one below it is not either. Counts that one.
    pub(crate) fn leaves_out(&self, cx: &Context) -> bool {
        let span = cx.span();
        let above = span.span_context();
        let left_out = above.is_valid() && !above.is_remote() && !above.is_sampled();
        if left_out {
            self.core.sampler.count_left_out();
        }
        left_out
    }

    /// Starts a span below `above`, in this request.
    pub(crate) fn begin_below(
        &self,
        start: Start,
        above: &SpanContext,
        request: Option<&RequestContext>,
    ) -> Span {
        let core = &self.core;
        let has_parent = above.is_valid();
        let (trace_id, state) = if has_parent {
            (above.trace_id(), above.trace_state().clone())
        } else {
            (core.ids.new_trace_id(), TraceState::NONE)
        };
        let is_recorded = core.sampler.records(above, trace_id, &start, request);
        // The other flags are the trace's own, and go with it.
        let flags = if is_recorded { above.trace_flags().with_sampled(true) } else { TraceFlags::default() };
        let attached = (is_recorded && state != TraceState::NONE)
            .then(|| Box::new(Attached { state: state.clone(), ..Attached::default() }));
        let span_id = core.ids.new_span_id();
        let ids = SpanContext::new(trace_id, span_id, flags, false, state);
        if !is_recorded {
            return Span::unrecorded(ids);
        }
        let Start { name, kind, time, attributes, tells_request } = start;
        let record = SpanRecord {
            trace_id,
            span_id,
            parent: if has_parent { above.span_id() } else { SpanId::INVALID },
            parent_is_remote: has_parent && above.is_remote(),
            flags,
            kind,
            name,
            start: unix_nanos(time),
            end: 0,
            request: request.and_then(RequestContext::shared),
            tells_request,
            user: None,
            attributes: Vec::new(),
            dropped_attributes: 0,
            scope: self.scope.clone(),
            attached,
        };
        Span::recorded(ids, record, attributes, Arc::clone(core))
    }
}

impl trace::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Span {
        let start = Start {
            name: builder.name,
            kind: builder.span_kind.unwrap_or(SpanKind::Internal),
            time: builder.start_time.unwrap_or_else(SystemTime::now),
            attributes: builder.attributes.unwrap_or_default(),
            tells_request: false,
        };
        let mut span = self.begin(start, parent);
        for event in builder.events.into_iter().flatten() {
            trace::Span::add_event_with_timestamp(&mut span, event.name, event.timestamp, event.attributes);
        }
        for link in builder.links.into_iter().flatten() {
            trace::Span::add_link(&mut span, link.span_context, link.attributes);
        }
        span
    }
}

impl Core {
    /// Takes a span that has ended.
    fn take(&self, record: &mut SpanRecord) {
        let Some(pipeline) = &self.pipeline else { return };
        // Written once: what all threads write costs them each other's cache line.
        if !self.seen.load(Ordering::Relaxed) {
            self.seen.store(true, Ordering::Relaxed);
        }
        pipeline.enter(Entry::Span(record));
    }
}

impl fmt::Debug for TracerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerProvider").finish_non_exhaustive()
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.scope.as_ref().map_or("highlight", |scope| scope.name());
        f.debug_struct("Tracer").field("name", &name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{SpanId, TraceId, trace::Span as _};

    use super::*;
    use crate::{Client, Config};

    #[test]
    fn a_span_takes_over_what_its_trace_says_of_itself() {
        let client = Client::new(Config::new("1").endpoint("http://127.0.0.1:9")).unwrap();
        let state = TraceState::from_key_value([("vendor", "7")]).unwrap();
        // Sampled or not is decided here; that the trace id is random (W3C trace context, level 2), there.
        for (given, flags) in [(0b00, 0b01), (0b01, 0b01), (0b10, 0b11), (0b11, 0b11)] {
            let ids = (TraceId::from(7), SpanId::from(9));
            let above = SpanContext::new(ids.0, ids.1, TraceFlags::new(given), true, state.clone());
            let start = Start {
                name: "work".into(),
                kind: SpanKind::Internal,
                time: SystemTime::UNIX_EPOCH,
                attributes: Vec::new(),
                tells_request: false,
            };
            let span = client.tracer().begin_below(start, &above, None);
            let found = span.span_context();
            assert_eq!((found.trace_id(), found.trace_flags()), (ids.0, TraceFlags::new(flags)), "{given:b}");
            assert_eq!(found.trace_state(), &state);
            assert!(!found.is_remote() && found.span_id() != ids.1);
        }
    }
}
