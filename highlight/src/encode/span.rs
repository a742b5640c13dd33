//! Spans.

use std::{borrow::Cow, mem};

use opentelemetry::{
    SpanId, TraceFlags, TraceId,
    trace::{Event, Link, SpanKind, Status, TraceState},
};

use super::{
    known::Told,
    sanitize::{Given, Owner, Sanitizer},
    whose::{self, Whose},
    wire::{ITEM, VALUE, Writer},
};
use crate::{
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    http::Arrival,
    record::{SpanRecord, unix_nanos},
};

/// The field of a span's attributes.
const ATTRIBUTES: u32 = 9;

/// Writes the span as this field; `false` if the hook drops it.
pub(super) fn write(
    out: &mut Writer,
    field: u32,
    span: &mut SpanRecord,
    sanitizer: &mut Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
    is_synthetic: fn(TraceId, SpanId) -> bool,
) -> bool {
    // Only what came from outside can be made up.
    if span.parent_is_remote && is_synthetic(span.trace_id, span.parent) {
        span.parent = SpanId::INVALID;
        span.parent_is_remote = false;
    }
    if let Some(hook) = before_send {
        if !keeps(hook, span) {
            return false;
        }
    }
    out.nested(field, ITEM, |out| fields(out, span, sanitizer));
    true
}

/// Whose it is.
fn whose(span: &SpanRecord) -> Whose<'_> {
    Whose { request: span.request.as_deref(), user: span.user.as_deref(), tells_request: span.tells_request }
}

/// What the hook says of the span. From then on all that is known of it is among its attributes.
fn keeps(hook: &BeforeSend, span: &mut SpanRecord) -> bool {
    let mut attributes = mem::take(&mut span.attributes);
    whose::put_before(&mut attributes, whose(span));
    let named = whose(span).told().filter(|_| span.name.is_empty()).map(|(_, arrival)| arrival.name());
    span.name = named.unwrap_or_else(|| mem::take(&mut span.name));
    span.attributes = attributes;
    (span.request, span.user) = (None, None);
    let mut none = Cow::Borrowed("");
    let status = match span.attached.as_mut().map(|attached| &mut attached.status) {
        Some(Status::Error { description }) => description,
        Some(Status::Ok | Status::Unset) | None => &mut none,
    };
    hook.keeps(&mut Outgoing {
        kind: OutgoingKind::Span,
        text: &mut span.name,
        attributes: &mut span.attributes,
        level: None,
        error_type: None,
        status: Some(status),
        renamed: false,
    })
}

fn fields(out: &mut Writer, span: &SpanRecord, sanitizer: &mut Sanitizer<'_>) {
    let whose = whose(span);
    let arrival = whose.told().map(|(_, arrival)| arrival).filter(|_| span.name.is_empty());
    if let Some(arrival) = arrival {
        learn(arrival, sanitizer);
    }
    let state = span.attached.as_ref().map_or(&TraceState::NONE, |attached| &attached.state);
    context(out, (span.trace_id, span.span_id, state), sanitizer);
    if span.parent != SpanId::INVALID {
        out.bytes(4, &span.parent.to_bytes());
    }
    if let Some(told) = arrival.and_then(|arrival| sanitizer.known()?.request(arrival)) {
        out.text(5, &told.name);
    } else {
        let name = match arrival {
            Some(arrival) => arrival.name(),
            None => Cow::Borrowed(&*span.name),
        };
        out.text(5, &sanitizer.span_name(&name));
    }
    out.number(6, number_of(&span.kind));
    out.fixed64(7, span.start);
    out.fixed64(8, span.end);
    let mut given = Given::default();
    whose::write(out, ATTRIBUTES, Owner::Span, &mut given, whose, sanitizer);
    sanitizer.attributes(out, ATTRIBUTES, Owner::Span, &mut given, &span.attributes);
    out.number(10, span.dropped_attributes.into());
    // What the span says about session and request holds for its events.
    if let Some(attached) = &span.attached {
        for each in &attached.events {
            out.nested(11, ITEM, |out| event(out, each, given.clone(), sanitizer));
        }
        out.number(12, attached.dropped_events.into());
        for each in &attached.links {
            out.nested(13, ITEM, |out| link(out, each, given.clone(), sanitizer));
        }
        out.number(14, attached.dropped_links.into());
    }
    match span.status() {
        Status::Unset => {}
        Status::Ok => out.nested(15, VALUE, |out| out.number(3, 1)),
        Status::Error { description } => out.nested(15, VALUE, |out| {
            out.text(2, &sanitizer.text(description));
            out.number(3, 2);
        }),
    }
    out.fixed32(16, flags(span.flags, span.parent_is_remote));
}

/// As OTLP numbers them.
fn number_of(kind: &SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// Sees to it that what the request has in common with others is known.
fn learn(arrival: &Arrival, sanitizer: &mut Sanitizer<'_>) {
    if sanitizer.known().is_none_or(|known| known.request(arrival).is_some()) {
        return;
    }
    let (mut out, mut given) = (Writer::default(), Given::default());
    arrival
        .each_usual(|key, fact| sanitizer.fact(&mut out, ATTRIBUTES, Owner::Span, &mut given, (key, fact)));
    let name = sanitizer.span_name(&arrival.name()).into_owned();
    if let Some(known) = sanitizer.known() {
        known.learn_request(arrival, Told { name, attributes: out.as_bytes().to_vec() });
    }
}

/// Ids and state, which have the same fields in a span and in a link.
fn context(
    out: &mut Writer,
    (trace_id, span_id, state): (TraceId, SpanId, &TraceState),
    sanitizer: &Sanitizer<'_>,
) {
    out.bytes(1, &trace_id.to_bytes());
    out.bytes(2, &span_id.to_bytes());
    if *state != TraceState::NONE {
        out.text(3, &sanitizer.text(&state.header()));
    }
}

/// Those of the context, and whether the parent, or the span linked to, is another process's.
fn flags(flags: TraceFlags, is_remote: bool) -> u32 {
    /// That it is known, and that it is so.
    const HAS_IS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(flags.to_u8()) | HAS_IS_REMOTE | remote
}

fn event(out: &mut Writer, event: &Event, mut given: Given, sanitizer: &mut Sanitizer<'_>) {
    out.fixed64(1, unix_nanos(event.timestamp));
    let name = sanitizer.text(&event.name);
    out.text(2, &name);
    // Events named `log` become log records, whose severity and message are attributes (C§7.4).
    let owner = if name == "log" { Owner::LogEvent } else { Owner::Event };
    sanitizer.attributes(out, 3, owner, &mut given, &event.attributes);
    out.number(4, event.dropped_attributes_count.into());
}

fn link(out: &mut Writer, link: &Link, mut given: Given, sanitizer: &mut Sanitizer<'_>) {
    let ids = &link.span_context;
    context(out, (ids.trace_id(), ids.span_id(), ids.trace_state()), sanitizer);
    sanitizer.attributes(out, 4, Owner::Event, &mut given, &link.attributes);
    out.number(5, link.dropped_attributes_count.into());
    out.fixed32(6, flags(ids.trace_flags(), ids.is_remote()));
}
