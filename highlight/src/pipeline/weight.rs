//! How much memory an item holds, estimated.
//!
//! The queue is bounded in bytes by this estimate. It runs on the request path, so it adds up
//! lengths that are at hand and walks nothing deeper than the attributes.

use std::{mem::size_of, mem::size_of_val};

use opentelemetry::{
    Array, KeyValue, StringValue, Value,
    trace::{Event, Link, SpanContext, Status, TraceState},
};

use crate::{
    record::{Attached, Exception, Item, LogRecord, SpanRecord},
    stack::Stack,
};

/// The estimate for one item, in bytes.
pub(super) fn weight(item: &Item) -> usize {
    size_of::<Item>()
        + match item {
            Item::Span(span) => span_weight(span),
            Item::Log(log) => log_weight(log),
        }
}

pub(crate) fn span_weight(span: &SpanRecord) -> usize {
    let description = match &span.status {
        Status::Error { description } => description.len(),
        _ => 0,
    };
    let texts = span.name.len() + description + state_weight(&span.ids);
    size_of::<SpanRecord>()
        + texts
        + attributes(&span.attributes)
        + span.attached.as_deref().map_or(0, attached_weight)
}

fn attached_weight(attached: &Attached) -> usize {
    let event = |event: &Event| size_of_val(event) + event.name.len() + attributes(&event.attributes);
    let link =
        |link: &Link| size_of_val(link) + state_weight(&link.span_context) + attributes(&link.attributes);
    size_of_val(attached)
        + attached.events.iter().map(event).sum::<usize>()
        + attached.links.iter().map(link).sum::<usize>()
}

/// A state can only be measured by writing it; nearly all spans have none.
pub(super) fn state_weight(context: &SpanContext) -> usize {
    let state = context.trace_state();
    if *state == TraceState::NONE { 0 } else { state.header().len() }
}

pub(crate) fn log_weight(log: &LogRecord) -> usize {
    size_of::<LogRecord>()
        + log.body.len()
        + log.target.len()
        + attributes(&log.attributes)
        + log.exception.as_deref().map_or(0, exception)
}

fn exception(exception: &Exception) -> usize {
    size_of::<Exception>()
        + exception.message.len()
        + exception.type_name.as_ref().map_or(0, |name| name.len())
        + exception.causes.iter().map(String::len).sum::<usize>()
        + exception.cause_types.iter().map(|name| name.len()).sum::<usize>()
        + exception.stack.as_ref().map_or(0, Stack::weight)
}

fn attributes(attributes: &[KeyValue]) -> usize {
    attributes.iter().map(attribute_weight).sum()
}

pub(super) fn attribute_weight(attribute: &KeyValue) -> usize {
    size_of::<KeyValue>() + attribute.key.as_str().len() + value(&attribute.value)
}

fn value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::Bool(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::I64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::F64(values)) => size_of_val(values.as_slice()),
        Value::Array(Array::String(values)) => {
            values.iter().map(|text| size_of::<StringValue>() + text.as_str().len()).sum()
        }
        // The scalars live inside the attribute itself.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{SpanId, TraceFlags, TraceId};

    use super::*;
    use crate::pipeline::tests::items::{error, log, span};

    #[test]
    fn text_counts_wherever_it_is() {
        let long = "x".repeat(10_000);
        let mut tagged = span("s");
        if let Item::Span(span) = &mut tagged {
            span.attributes.push(KeyValue::new("key", long.clone()));
        }
        let change_span = |change: &dyn Fn(&mut SpanRecord)| {
            let Item::Span(mut changed) = span("s") else { unreachable!() };
            change(&mut changed);
            Item::Span(changed)
        };
        let described = change_span(&|span| span.status = Status::error(long.clone()));
        let state = (0..32).map(|n| (format!("key{n}"), "x".repeat(256)));
        let state = TraceState::from_key_value(state).unwrap();
        let context =
            SpanContext::new(TraceId::INVALID, SpanId::INVALID, TraceFlags::default(), false, state);
        let stated = change_span(&|span| span.ids = context.clone());
        let Item::Log(mut typed) = error("e") else { unreachable!() };
        typed.exception.as_mut().unwrap().cause_types = vec![long.clone().into()];
        let table = [
            ("status description", described, span("s")),
            ("type of a cause", Item::Log(typed), error("e")),
            ("span name", span(&long), span("s")),
            ("log body", log(&long), log("l")),
            ("error message", error(&long), error("e")),
            ("attribute", tagged, span("s")),
        ];
        for (name, heavy, light) in table {
            let difference = weight(&heavy) - weight(&light);
            assert!((9_999..10_200).contains(&difference), "{name}: {difference}");
        }
        let state = weight(&stated) - weight(&span("s"));
        assert!((32 * 256..32 * 270).contains(&state), "trace state: {state}");
    }
}
