//! Spans.

use opentelemetry::{SpanId, TraceId};
use opentelemetry_proto::tonic::trace::v1::{Span, span::Event};
use opentelemetry_sdk::trace::SpanData;

use super::sanitize::{Given, Owner, Sanitizer};
use crate::{
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    stamp,
};

/// `None` if the hook drops it.
pub(super) fn encode(
    mut data: SpanData,
    sanitizer: Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
    is_synthetic: fn(TraceId, SpanId) -> bool,
) -> Option<Span> {
    if is_synthetic(data.span_context.trace_id(), data.parent_span_id) {
        data.parent_span_id = SpanId::INVALID;
        data.parent_span_is_remote = false;
    }
    stamp::reveal(&mut data.attributes);
    let mut span = Span::from(data);
    let mut item = Outgoing {
        kind: OutgoingKind::Span,
        text: &mut span.name,
        attributes: &mut span.attributes,
        level: None,
        error_type: None,
        status: span.status.as_mut().map(|status| &mut status.message),
        renamed: false,
    };
    if before_send.is_some_and(|hook| !hook.keeps(&mut item)) {
        return None;
    }
    sanitizer.span_name(&mut span.name);
    sanitizer.text(&mut span.trace_state);
    if let Some(status) = &mut span.status {
        sanitizer.text(&mut status.message);
    }
    let mut given = Given::default();
    sanitizer.attributes(Owner::Span, &mut given, &mut span.attributes);
    for event in &mut span.events {
        // What the span says about session and request holds for its events.
        sanitizer.text(&mut event.name);
        sanitizer.attributes(owner(event), &mut given.clone(), &mut event.attributes);
    }
    for link in &mut span.links {
        sanitizer.text(&mut link.trace_state);
        sanitizer.attributes(Owner::Event, &mut given.clone(), &mut link.attributes);
    }
    Some(span)
}

/// Events named `log` become log records, whose severity and message are attributes (C§7.4).
fn owner(event: &Event) -> Owner {
    if event.name == "log" { Owner::LogEvent } else { Owner::Event }
}
