//! `tracing` spans as spans of whichever client is current when they start.

use std::{borrow::Cow, time::SystemTime};

use opentelemetry::{
    Context, KeyValue, Value,
    trace::{self, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer},
};
use tracing::Level;

use super::carrier;
use crate::{
    Client,
    context::Scope,
    tracer::{self, UNRECORDED},
};

/// A tracer that looks for its client when a span starts, so that the layer can exist before it.
#[derive(Debug)]
pub(super) struct LateTracer;

impl Tracer for LateTracer {
    type Span = Span;

    fn build_with_context(&self, mut builder: SpanBuilder, parent: &Context) -> Span {
        let origin = Origin::taken_off(&mut builder);
        if origin.as_ref().is_some_and(|origin| origin.target.as_str() == carrier::TARGET) {
            return Span::standing_for(parent);
        }
        let client =
            parent.get::<Scope>().and_then(|scope| scope.client.clone()).or_else(Client::process_wide);
        match client {
            Some(client) if client.is_enabled() => {
                // The subscriber's filter is not this client's where the program has several.
                if origin
                    .is_some_and(|origin| !client.filter().enabled(&origin.target.as_str(), origin.level))
                    || parent.is_telemetry_suppressed()
                {
                    return Span::standing_for(parent);
                }
                Span::Own(client.tracer().build_with_context(builder, parent))
            }
            _ => Span::Own(UNRECORDED.build_with_context(builder, parent)),
        }
    }
}

/// Where a `tracing` span comes from, as the layer notes it among the attributes.
#[derive(Debug, PartialEq)]
struct Origin {
    level: Level,
    target: Value,
}

impl Origin {
    /// Nobody reads it on a span. The layer's own attributes stand before the program's fields, of which some may have the same names.
    fn taken_off(builder: &mut SpanBuilder) -> Option<Self> {
        let attributes = builder.attributes.as_mut()?;
        let [level, target, ..] = attributes.as_slice() else { return None };
        if level.key.as_str() != "level" || target.key.as_str() != "target" {
            return None;
        }
        let level = level.value.as_str().parse().ok()?;
        let target = attributes.drain(..2).nth(1)?.value;
        Some(Self { level, target })
    }
}

/// What a `tracing` span is to OpenTelemetry.
#[derive(Debug)]
pub(super) enum Span {
    /// A span of its own.
    Own(tracer::Span),
    /// The span of this context, which somebody else started and will end: what a carrier is, and a span that is not to be recorded.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_layers_own_attributes_tell_and_go() {
        let [level, target] = [KeyValue::new("level", "INFO"), KeyValue::new("target", "shop::orders")];
        let field = KeyValue::new("order", 7);
        let found = || Some(Origin { level: Level::INFO, target: "shop::orders".into() });
        for (attributes, origin, left) in [
            (vec![level.clone(), target.clone(), field.clone()], found(), vec![field.clone()]),
            (vec![level.clone(), target.clone(), target.clone()], found(), vec![target.clone()]),
            (
                vec![field.clone(), level.clone(), target.clone()],
                None,
                vec![field, level.clone(), target.clone()],
            ),
            (vec![target.clone(), level.clone()], None, vec![target, level.clone()]),
            (vec![level.clone()], None, vec![level]),
            (vec![], None, vec![]),
        ] {
            let mut builder = SpanBuilder::from_name("request").with_attributes(attributes);
            assert_eq!(Origin::taken_off(&mut builder), origin);
            assert_eq!(builder.attributes, Some(left));
        }
    }
}
