//! How much memory an item holds, estimated.
//!
//! The queue is bounded in bytes by this estimate. It runs on the request path, so it adds up
//! lengths that are at hand and walks nothing deeper than the attributes.

use std::{
    borrow::Cow,
    mem::{size_of, size_of_val},
};

use opentelemetry::{
    Array, KeyValue, StringValue, Value,
    trace::{Event, Link, Status, TraceState},
};

use crate::{
    context::Request,
    record::{Attached, Entry, Exception, LogRecord, SpanRecord},
    stack::Stack,
};

/// What the allocator keeps beside the few pieces of an item, and the queue beside its place.
const ALLOCATOR: usize = 80;

/// The estimate for one item, in bytes.
pub(super) fn weight(item: &Entry<'_>) -> usize {
    ALLOCATOR
        + match item {
            Entry::Span(span) => span_weight(span) + unused(&span.attributes),
            Entry::Log(log) => log_weight(log) + unused(&log.attributes) + unused_text(log),
        }
}

/// Room for more attributes than there are.
fn unused(attributes: &Vec<KeyValue>) -> usize {
    (attributes.capacity() - attributes.len()) * size_of::<KeyValue>()
}

/// The same of its text.
fn unused_text(log: &LogRecord) -> usize {
    match &log.body {
        Cow::Borrowed(_) => 0,
        Cow::Owned(text) => text.capacity() - text.len(),
    }
}

fn span_weight(span: &SpanRecord) -> usize {
    let texts = request(span.request.as_deref(), span.tells_request) + span.name.len();
    size_of::<SpanRecord>()
        + texts
        + attributes(&span.attributes)
        + span.attached.as_deref().map_or(0, attached_weight)
}

/// What a record keeps of its request. That is counted once, for the span that tells of it; but if a client wrote so much that it
/// matters, for whoever may be the last to hold it.
fn request(request: Option<&Request>, tells_of_it: bool) -> usize {
    const LIGHT: usize = 1024;
    let Some(request) = request else { return 0 };
    let Some(arrival) = request.arrival() else { return 0 };
    match arrival.weight() + request.path().len() {
        texts if tells_of_it => size_of::<Request>() + texts,
        texts if texts > LIGHT => texts,
        _ => 0,
    }
}

#[cold]
fn attached_weight(attached: &Attached) -> usize {
    let event = |event: &Event| size_of_val(event) + event.name.len() + attributes(&event.attributes);
    let link = |link: &Link| {
        size_of_val(link) + state_weight(link.span_context.trace_state()) + attributes(&link.attributes)
    };
    let description = match &attached.status {
        Status::Error { description } => description.len(),
        Status::Ok | Status::Unset => 0,
    };
    size_of_val(attached)
        + description
        + state_weight(&attached.state)
        + attached.events.iter().map(event).sum::<usize>()
        + attached.links.iter().map(link).sum::<usize>()
}

/// A state can only be measured by writing it; nearly all spans have none.
pub(super) fn state_weight(state: &TraceState) -> usize {
    if *state == TraceState::NONE { 0 } else { state.header().len() }
}

fn log_weight(log: &LogRecord) -> usize {
    size_of::<LogRecord>()
        + log.body.len()
        + log.target.len()
        + request(log.correlation.request.as_deref(), false)
        + attributes(&log.attributes)
        + log.exception.as_deref().map_or(0, exception)
}

#[cold]
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
    use super::*;
    use crate::{
        http::ServerRequest,
        pipeline::tests::items::{Item, error, log, span},
    };

    #[test]
    fn text_counts_wherever_it_is() {
        let long = "x".repeat(10_000);
        let mut tagged = span("s");
        if let Item::Span(span) = &mut tagged {
            span.attributes = vec![KeyValue::new("key", long.clone())];
        }
        let change_span = |change: &dyn Fn(&mut SpanRecord)| {
            let Item::Span(mut changed) = span("s") else { unreachable!() };
            change(&mut changed);
            Item::Span(changed)
        };
        let attach = |attached: Attached| Some(Box::new(attached));
        let status = Status::error(long.clone());
        let described = change_span(&|span| {
            span.attached = attach(Attached { status: status.clone(), ..Attached::default() });
        });
        let state = (0..32).map(|n| (format!("key{n}"), "x".repeat(256)));
        let state = TraceState::from_key_value(state).unwrap();
        let stated = change_span(&|span| {
            span.attached = attach(Attached { state: state.clone(), ..Attached::default() });
        });
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
        let weight = |mut item: Item| super::weight(&item.entry());
        for (name, heavy, light) in table {
            let difference = weight(heavy) - weight(light);
            assert!((9_999..10_200).contains(&difference), "{name}: {difference}");
        }
        let roomy = change_span(&|span| span.attributes.reserve_exact(10));
        assert_eq!(weight(roomy) - weight(span("s")), 10 * size_of::<KeyValue>(), "room");
        let state = weight(stated) - weight(span("s"));
        assert!((32 * 256..32 * 270).contains(&state), "trace state: {state}");
    }

    #[test]
    fn what_a_client_wrote_counts_wherever_it_is_held() {
        for (length, held_by_others) in [(10, 0), (20_000, 20_000)] {
            let text = "x".repeat(length);
            for described in [
                ServerRequest { path: &text, ..ServerRequest::default() },
                ServerRequest { user_agent: Some(&text), ..ServerRequest::default() },
                ServerRequest { host: Some(&text), ..ServerRequest::default() },
            ] {
                let request = described.begun_for_test().unwrap();
                let Item::Span(mut told) = span("s") else { unreachable!() };
                let before = span_weight(&told);
                told.request = Some(request.clone());
                assert_eq!(span_weight(&told) - before, held_by_others, "a child");
                told.tells_request = true;
                assert_eq!(span_weight(&told) - before, size_of::<Request>() + length, "the request's own");
                let Item::Log(mut line) = log("l") else { unreachable!() };
                let before = log_weight(&line);
                line.correlation.request = Some(request);
                assert_eq!(log_weight(&line) - before, held_by_others, "a log");
            }
        }
    }
}
