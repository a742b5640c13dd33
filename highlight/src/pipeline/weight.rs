//! How much memory an item holds, estimated.
//!
//! The queue is bounded in bytes by this estimate. It runs on the request path, so it adds up
//! lengths that are at hand and walks nothing deeper than the attributes.

use std::{mem::size_of, mem::size_of_val};

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::{
    record::{Exception, Item, LogRecord},
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

pub(crate) fn span_weight(span: &SpanData) -> usize {
    let events: usize = span
        .events
        .iter()
        .map(|event| size_of_val(event) + event.name.len() + attributes(&event.attributes))
        .sum();
    let links: usize = span.links.iter().map(|link| size_of_val(link) + attributes(&link.attributes)).sum();
    size_of::<SpanData>() + span.name.len() + attributes(&span.attributes) + events + links
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
        + exception.causes.iter().map(String::len).sum::<usize>()
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
    use super::*;
    use crate::pipeline::tests::items::{error, log, span};

    #[test]
    fn text_counts_wherever_it_is() {
        let long = "x".repeat(10_000);
        let mut tagged = span("s");
        if let Item::Span(span) = &mut tagged {
            span.attributes.push(KeyValue::new("key", long.clone()));
        }
        let table = [
            ("span name", span(&long), span("s")),
            ("log body", log(&long), log("l")),
            ("error message", error(&long), error("e")),
            ("attribute", tagged, span("s")),
        ];
        for (name, heavy, light) in table {
            let difference = weight(&heavy) - weight(&light);
            assert!((9_999..10_200).contains(&difference), "{name}: {difference}");
        }
    }
}
