//! Spans.

use std::{borrow::Cow, mem};

use opentelemetry::{
    SpanId, TraceId,
    trace::{Event, Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_proto::tonic::trace::v1::{SpanFlags, span::SpanKind as ProtoKind, status::StatusCode};

use super::{
    sanitize::{Given, Owner, Sanitizer},
    value::unix_nanos,
    whose::{self, Whose},
    wire::{ITEM, VALUE, Writer},
};
use crate::{
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    record::SpanRecord,
};

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
    let trace_id = span.ids.trace_id();
    span.parent = span.parent.filter(|(parent, is_remote)| !(*is_remote && is_synthetic(trace_id, *parent)));
    let mut whose = (span.request.take(), span.user.take());
    let mut description = match &mut span.status {
        Status::Error { description } => mem::take(description),
        Status::Ok | Status::Unset => Cow::Borrowed(""),
    };
    if let Some(hook) = before_send {
        whose::put_before(&mut span.attributes, &mem::take(&mut whose));
        let mut item = Outgoing {
            kind: OutgoingKind::Span,
            text: &mut span.name,
            attributes: &mut span.attributes,
            level: None,
            error_type: None,
            status: Some(&mut description),
            renamed: false,
        };
        if !hook.keeps(&mut item) {
            return false;
        }
    }
    out.nested(field, ITEM, |out| fields(out, span, &whose, &description, sanitizer));
    true
}

fn fields(
    out: &mut Writer,
    span: &SpanRecord,
    whose: &Whose,
    description: &str,
    sanitizer: &mut Sanitizer<'_>,
) {
    context(out, &span.ids, sanitizer);
    if let Some((parent, _)) = span.parent {
        out.bytes(4, &parent.to_bytes());
    }
    out.text(5, &sanitizer.span_name(&span.name));
    let kind = match span.kind {
        SpanKind::Internal => ProtoKind::Internal,
        SpanKind::Server => ProtoKind::Server,
        SpanKind::Client => ProtoKind::Client,
        SpanKind::Producer => ProtoKind::Producer,
        SpanKind::Consumer => ProtoKind::Consumer,
    };
    out.number(6, kind as u64);
    out.fixed64(7, unix_nanos(span.start));
    out.fixed64(8, unix_nanos(span.end));
    let mut given = Given::default();
    whose::write(out, 9, Owner::Span, &mut given, whose, sanitizer);
    sanitizer.attributes(out, 9, Owner::Span, &mut given, &span.attributes);
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
    let code = match span.status {
        Status::Unset => StatusCode::Unset,
        Status::Ok => StatusCode::Ok,
        Status::Error { .. } => StatusCode::Error,
    };
    if code != StatusCode::Unset || !description.is_empty() {
        out.nested(15, VALUE, |out| {
            out.text(2, &sanitizer.text(description));
            out.number(3, code as u64);
        });
    }
    out.fixed32(16, flags(&span.ids, span.parent.is_some_and(|(_, is_remote)| is_remote)));
}

/// Ids and state, which have the same fields in a span and in a link.
fn context(out: &mut Writer, context: &SpanContext, sanitizer: &Sanitizer<'_>) {
    out.bytes(1, &context.trace_id().to_bytes());
    out.bytes(2, &context.span_id().to_bytes());
    if *context.trace_state() != TraceState::NONE {
        out.text(3, &sanitizer.text(&context.trace_state().header()));
    }
}

/// Those of the context, and whether the parent, or the span linked to, is another process's.
fn flags(context: &SpanContext, is_remote: bool) -> u32 {
    let remote = if is_remote { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    u32::from(context.trace_flags().to_u8()) | SpanFlags::ContextHasIsRemoteMask as u32 | remote
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
    context(out, &link.span_context, sanitizer);
    sanitizer.attributes(out, 4, Owner::Event, &mut given, &link.attributes);
    out.number(5, link.dropped_attributes_count.into());
    out.fixed32(6, flags(&link.span_context, link.span_context.is_remote()));
}
