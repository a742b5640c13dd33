//! What becomes of `tracing` spans, whoever keeps them: a registry with our layer, or the lean subscriber.

use std::{mem, time::SystemTime};

use opentelemetry::{
    Context,
    trace::{Link, SpanContext, TraceContextExt},
};
use tracing::{
    Metadata, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::{
    carrier,
    changes::Changes,
    noted::{Noted, State, Waiting},
    span_ext::Shadows,
};
use crate::{Client, ambient, context::Scope};

/// Whoever keeps spans, with a note for each.
pub(super) trait Keeper: 'static {
    type Kept<'a>: Kept
    where
        Self: 'a;

    /// The span, if it is still there.
    fn find(&self, id: &Id) -> Option<Self::Kept<'_>>;
}

/// A span with its note.
pub(super) trait Kept {
    /// Shows the note, if there is one. Nothing of the program's is to be called meanwhile: the span may be locked.
    fn note<T>(&self, show: impl FnOnce(&mut Noted) -> T) -> Option<T>;
}

impl<S> Keeper for S
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    type Kept<'a> = SpanRef<'a, S>;

    fn find(&self, id: &Id) -> Option<SpanRef<'_, S>> {
        self.span(id)
    }
}

impl<S> Kept for SpanRef<'_, S>
where
    S: for<'span> LookupSpan<'span>,
{
    fn note<T>(&self, show: impl FnOnce(&mut Noted) -> T) -> Option<T> {
        self.extensions_mut().get_mut().map(show)
    }
}

/// The spans of a keeper.
#[derive(Debug)]
pub(super) struct Spans<K> {
    pub(super) shadows: Shadows<K>,
}

/// What a note says of the context.
enum Found {
    Context(Context),
    Waiting(Waiting),
    Shadow(Id),
}

impl<K: Keeper> Spans<K> {
    pub(super) fn new() -> Self {
        Self { shadows: Shadows::new() }
    }

    /// The note of a span that begins. `find` looks for its parent.
    pub(super) fn begin<P: Kept>(
        &self,
        attributes: &Attributes<'_>,
        find: impl FnOnce(&Id) -> Option<P>,
    ) -> Noted {
        let metadata = attributes.metadata();
        if carrier::is_carrier(metadata) {
            // Its fields are for the console: to OpenTelemetry it is the server span itself.
            return Noted::new(State::Standing(carrier::carried().unwrap_or_else(ambient::current)));
        }
        let parent = self.parent(attributes, find);
        if !is_taken(&parent, metadata) {
            return Noted::new(State::Standing(parent));
        }
        let mut changes = Changes::default();
        attributes.record(&mut changes);
        Noted::new(State::Waiting(Waiting {
            parent,
            name: metadata.name(),
            time: SystemTime::now(),
            changes,
        }))
    }

    /// Where a span begins.
    fn parent<P: Kept>(&self, attributes: &Attributes<'_>, find: impl FnOnce(&Id) -> Option<P>) -> Context {
        if attributes.is_contextual() {
            return ambient::current();
        }
        let parent = attributes.parent().and_then(find);
        parent
            .and_then(|parent| self.context_of(&parent))
            .or_else(|| ambient::map_current(|cx| beginning(attributes.is_root(), cx)))
            .unwrap_or_default()
    }

    /// The context that the span makes current; starts it if need be. `None` if it has no note.
    pub(super) fn context_of(&self, span: &impl Kept) -> Option<Context> {
        let found = span.note(|noted| match &noted.state {
            State::Started(cx) | State::Standing(cx) => Some(Found::Context(cx.clone())),
            State::Waiting(_) => noted.take_waiting().map(Found::Waiting),
            State::Shadowed => noted.shadow.clone().map(Found::Shadow),
        });
        // A sampler of the program's may be asked: nothing is locked.
        let state = match found?? {
            Found::Context(cx) => return Some(cx),
            Found::Waiting(waiting) => match waiting.start() {
                // Noted already.
                State::Standing(cx) => return Some(cx),
                started => started,
            },
            Found::Shadow(shadow) => State::Started(self.shadows.started(&shadow)?),
        };
        let cx = state.context().cloned();
        // What it was meanwhile may hold values of the program's, and is dropped out here.
        let meanwhile = span.note(|noted| mem::replace(&mut noted.state, state));
        drop(meanwhile);
        cx
    }

    /// More fields of a span.
    pub(super) fn record(&self, span: &impl Kept, values: &Record<'_>) {
        // What `Debug` says of a value may be recorded as well: nothing is locked.
        let mut changes = Changes::default();
        values.record(&mut changes);
        let changes = span.note(|noted| match &mut noted.state {
            State::Waiting(waiting) => {
                waiting.changes.extend(changes);
                None
            }
            State::Standing(_) => None,
            State::Started(_) | State::Shadowed => Some(changes),
        });
        if let Some((changes, cx)) = changes.flatten().zip(self.context_of(span)) {
            changes.apply_to(&cx.span());
        }
    }

    /// `span` was caused by `cause`.
    pub(super) fn follow(&self, span: &impl Kept, cause: &impl Kept) {
        let Some(cause) = self.context_of(cause) else { return };
        let cause = cause.span().span_context().clone();
        let cause = span.note(|noted| match &mut noted.state {
            State::Waiting(waiting) => {
                waiting.changes.more().links.push(Link::with_context(cause));
                None
            }
            _ => Some(cause),
        });
        if let Some((cause, cx)) = cause.flatten().zip(self.context_of(span)) {
            cx.span().add_link(cause, Vec::new());
        }
    }

    /// A span that has closed.
    pub(super) fn close(&self, noted: Noted) {
        let Noted { state, left, shadow } = noted;
        let state = match state {
            // Never entered: it is a span all the same.
            State::Waiting(waiting) => Some(waiting.start()),
            State::Shadowed => {
                shadow.as_ref().and_then(|shadow| self.shadows.started(shadow)).map(State::Started)
            }
            state => Some(state),
        };
        if let Some(State::Started(cx)) = state {
            let span = cx.span();
            left.map_or_else(|| span.end(), |left| span.end_with_timestamp(left));
        }
        if let Some(shadow) = shadow {
            self.shadows.close(shadow);
        }
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
