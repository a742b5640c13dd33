//! `tracing` spans as spans of whichever client is current when they start.

use std::{borrow::Cow, time::SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{self, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::Span as SdkSpan;

use super::carrier;
use crate::{Client, context::Scope, sampling::UNRECORDED};

/// A tracer that looks for its client when a span starts, so that the layer can exist before it.
#[derive(Debug)]
pub(super) struct LateTracer;

impl Tracer for LateTracer {
    type Span = Span;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> Span {
        if carrier::starts(&mut builder) {
            return Span::standing_for(parent);
        }
        let client =
            parent.get::<Scope>().and_then(|scope| scope.client.clone()).or_else(Client::process_wide);
        Span::Own(match client {
            Some(client) if client.is_enabled() => client.tracer().build_with_context(builder, parent),
            _ => UNRECORDED.build_with_context(builder, parent),
        })
    }
}

/// What a `tracing` span is to OpenTelemetry.
#[derive(Debug)]
pub(super) enum Span {
    /// A span of its own.
    Own(SdkSpan),
    /// The span of this context, which somebody else started and will end: what a carrier is.
    StandIn { ids: SpanContext, cx: Context },
}

impl Span {
    fn standing_for(cx: &Context) -> Self {
        Self::StandIn { ids: cx.span().span_context().clone(), cx: cx.clone() }
    }
}

impl trace::Span for Span {
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
