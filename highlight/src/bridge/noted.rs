//! What a `tracing` span is to OpenTelemetry, noted in its extensions.

use std::{mem, time::SystemTime};

use opentelemetry::{
    Context,
    trace::{Span as _, SpanKind},
};
use tracing::span::Id;

use super::changes::{Changes, More};
use crate::{
    Client,
    tracer::{Start, Tracer},
};

/// The note.
#[derive(Debug)]
pub(super) struct Noted {
    pub(super) state: State,
    /// When it was left last, which is when it ends: it closes only after the last of its children.
    pub(super) left: Option<SystemTime>,
    /// Its shadow, if it has one: see [`span_ext`](super::span_ext).
    pub(super) shadow: Option<Id>,
}

#[derive(Debug)]
pub(super) enum State {
    /// It was not entered yet, and its parent may still change.
    Waiting(Waiting),
    /// It runs; its span is in this context, and ends with it.
    Started(Context),
    /// It is the span of this context, which somebody else started and will end: what a carrier is, and a span that is not
    /// to be recorded. Also what it is while it starts.
    Standing(Context),
    /// It waits, or runs, as its shadow.
    Shadowed,
}

/// A span that was not started yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) parent: Context,
    pub(super) name: &'static str,
    pub(super) time: SystemTime,
    pub(super) changes: Changes,
}

impl Noted {
    pub(super) fn new(state: State) -> Self {
        Self { state, left: None, shadow: None }
    }

    /// Takes it out to be started. Meanwhile the span is its parent.
    pub(super) fn take_waiting(&mut self) -> Option<Waiting> {
        let State::Waiting(waiting) = &self.state else { return None };
        let meanwhile = State::Standing(waiting.parent.clone());
        match mem::replace(&mut self.state, meanwhile) {
            State::Waiting(waiting) => Some(waiting),
            _ => None,
        }
    }
}

impl State {
    /// The context of a span that has one by now.
    pub(super) fn context(&self) -> Option<&Context> {
        match self {
            Self::Started(cx) | Self::Standing(cx) => Some(cx),
            Self::Waiting(_) | Self::Shadowed => None,
        }
    }
}

impl Waiting {
    /// Starts the span.
    #[inline]
    pub(super) fn start(self) -> State {
        let parent = self.parent.clone();
        match self.start_below(&parent) {
            Some(span) => State::Started(span.within(&parent)),
            None => State::Standing(parent),
        }
    }

    /// Starts the span below `parent`; `None` if that is not recorded, and so the span is not either.
    #[inline]
    pub(super) fn start_below(self, parent: &Context) -> Option<crate::tracer::Span> {
        Client::with_that_of(parent, |client| {
            let tracer = client.tracer();
            (!tracer.leaves_out(parent)).then(|| self.start_with(tracer, parent))
        })?
    }

    #[inline]
    fn start_with(self, tracer: &Tracer, parent: &Context) -> crate::tracer::Span {
        let Changes { attributes, mut more } = self.changes;
        let (name, kind) = more.as_mut().map_or((None, None), |more| (more.name.take(), more.kind.take()));
        let start = Start {
            name: name.unwrap_or(self.name.into()),
            kind: kind.unwrap_or(SpanKind::Internal),
            time: self.time,
            attributes,
            tells_request: false,
        };
        let mut span = tracer.begin(start, parent);
        if let Some(More { status, links, .. }) = more.map(|more| *more) {
            if let Some(status) = status {
                span.set_status(status);
            }
            for link in links {
                span.add_link(link.span_context, link.attributes);
            }
        }
        span
    }
}
