//! The span processor: ids on at the start, into the queue at the end.
//!
//! There is only this one; the SDK clones every span for a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{
    Context, Key, KeyValue, SpanId,
    trace::{Span as _, SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use crate::{
    ambient,
    context::Scope,
    pipeline::Pipeline,
    propagation,
    record::{Correlation, Item},
    user,
};

/// Names the session that a record belongs to (C§3.2).
pub(crate) const SESSION_ID: &str = "highlight.session_id";
/// Names what a record is stored under in place of its trace id: the effective id (C§3.2, C§4.3).
pub(crate) const TRACE_ID: &str = "highlight.trace_id";

/// The keys of a span's stamp until it is encoded: nobody else's attributes can be taken for it.
const STAMPS: [(&str, &str); 2] = [("\u{1}session", SESSION_ID), ("\u{1}request", TRACE_ID)];

/// Stamps session and effective id on each span as it starts, and queues it when it ends.
#[derive(Debug)]
pub(crate) struct Stamp {
    pipeline: Pipeline,
    /// Whether a span has ended: the layer on the router works.
    seen: Arc<AtomicBool>,
}

impl Stamp {
    pub(crate) fn new(pipeline: Pipeline, seen: Arc<AtomicBool>) -> Self {
        Self { pipeline, seen }
    }
}

impl SpanProcessor for Stamp {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        let Some(scope) = parent.get::<Scope>() else { return };
        let ids = [scope.request.session_id_arc(), scope.request.request_id_arc()];
        for ((stamp, _), id) in STAMPS.into_iter().zip(ids) {
            if let Some(id) = id {
                span.set_attribute(KeyValue::new(stamp, id.clone()));
            }
        }
        if let Some(user) = scope.request.user() {
            user.stamp(|attribute| span.set_attribute(attribute));
        }
    }

    fn on_end(&self, span: SpanData) {
        // Written once: what all threads write costs them each other's cache line.
        if !self.seen.load(Ordering::Relaxed) {
            self.seen.store(true, Ordering::Relaxed);
        }
        self.pipeline.push(Item::Span(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Gives the stamp its real names and the first places, where it counts before anything of a user's.
pub(crate) fn reveal(attributes: &mut [KeyValue]) {
    let mut first = 0;
    let mut move_up = |attributes: &mut [KeyValue], at: usize, name: Key| {
        attributes[at].key = name;
        attributes[first..=at].rotate_right(1);
        first += 1;
    };
    for (stamp, name) in STAMPS {
        if let Some(at) = attributes.iter().position(|attribute| attribute.key.as_str() == stamp) {
            move_up(attributes, at, name.into());
        }
    }
    for at in 0..attributes.len() {
        if let Some(name) = attributes[at].key.as_str().strip_prefix(user::STAMP) {
            let name = Key::from(name.to_owned());
            move_up(attributes, at, name);
        }
    }
}

impl Correlation {
    /// What ties a record made now to its request and span.
    pub(crate) fn current() -> Self {
        ambient::map_current(Self::of)
    }

    pub(crate) fn of(cx: &Context) -> Self {
        let span = cx.span();
        let ids = span.span_context();
        let scope = cx.get::<Scope>();
        let request = scope.map(|scope| &scope.request);
        Self {
            session_id: request.and_then(|request| request.session_id_arc().cloned()),
            request_id: request.and_then(|request| request.request_id_arc().cloned()),
            span: ids.is_valid().then(|| (ids.trace_id(), named_span(ids), ids.trace_flags())),
            user: scope.and_then(|scope| scope.request.user()),
        }
    }
}

/// The span that a record names; none for one that was made up (C§4.3), which is always said to be remote.
fn named_span(ids: &SpanContext) -> SpanId {
    let is_made_up = ids.is_remote() && propagation::is_synthetic(ids.trace_id(), ids.span_id());
    if is_made_up { SpanId::INVALID } else { ids.span_id() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_3_no_record_names_a_span_that_was_made_up() {
        let request: crate::RequestContext = "s/9k2hTq81Lx".parse().unwrap();
        let named = request.in_scope(Correlation::current).span.map(|(_, span_id, _)| span_id);
        assert_eq!(named, Some(SpanId::INVALID));
        let forwarded = format!("{request}");
        let headers = [
            ("x-highlight-request", forwarded.as_str()),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ];
        let called = crate::parse_headers(&headers.into_iter().collect::<std::collections::HashMap<_, _>>());
        let named = called.in_scope(Correlation::current).span.map(|(_, span_id, _)| span_id.to_string());
        assert_eq!(named.as_deref(), Some("b7ad6b7169203331"));
    }

    #[test]
    fn the_stamp_comes_first_whatever_stands_around_it() {
        let [(session, _), (request, _)] = STAMPS;
        let user = "\u{1}user:user.id";
        let all = [
            ("a", "1"),
            (SESSION_ID, "forged"),
            ("user.id", "own"),
            (user, "7"),
            (request, "r"),
            ("b", "2"),
            (session, "s"),
            (user, "8"),
        ];
        let mut attributes = all.map(|(key, value)| KeyValue::new(key, value));
        reveal(&mut attributes);
        let revealed =
            attributes.each_ref().map(|attribute| (attribute.key.as_str(), attribute.value.as_str()));
        let expected = [
            (SESSION_ID, "s"),
            (TRACE_ID, "r"),
            ("user.id", "7"),
            ("user.id", "8"),
            ("a", "1"),
            (SESSION_ID, "forged"),
            ("user.id", "own"),
            ("b", "2"),
        ];
        assert_eq!(revealed, expected.map(|(key, value)| (key, value.into())));
    }
}
