//! What a single item may be, so that no one of them is ever too large to be sent.
//!
//! An item is cut where the server would cut it (C§1.3), and counted where OTLP counts: in
//! `dropped_attributes_count`, `dropped_events_count`, `dropped_links_count`. That happens before it enters the
//! queue: a message of 10 MiB would take the place of thousands of others until then. Nearly all items are far
//! below the limits and are not looked at.

use std::mem::{self, size_of};

use opentelemetry::{Array, KeyValue, StringValue, Value, trace::Status};

use super::weight::{attribute_weight, state_weight, weight};
use crate::record::{Attached, Entry, LogRecord, SpanRecord};

/// The estimated size of an item, at most.
const ITEM_BYTES: usize = 1 << 20;
/// The longest text, and the largest list (C§1.3).
const VALUE_BYTES: usize = 64 << 10;
/// Attributes of a log record. OpenTelemetry's default; its SDK sees to those of spans.
const LOG_ATTRIBUTES: usize = 128;

/// Cuts the item down if need be; says its weight.
pub(super) fn trim(item: &mut Entry<'_>) -> usize {
    let before = weight(item);
    match item {
        Entry::Log(log) if before > ITEM_BYTES || log.attributes.len() > LOG_ATTRIBUTES => trim_log(log),
        Entry::Span(span) if before > ITEM_BYTES => trim_span(span),
        _ => return before,
    }
    weight(item)
}

#[cold]
fn trim_log(log: &mut LogRecord) {
    let mut room = ITEM_BYTES;
    if log.body.len() > VALUE_BYTES {
        log.body = cut(&log.body).into();
    }
    room = room.saturating_sub(log.body.len());
    if let Some(exception) = &mut log.exception {
        cut_string(&mut exception.message);
        room = room.saturating_sub(exception.message.len());
        for cause in &mut exception.causes {
            cut_string(cause);
        }
        // The types stay beside their causes.
        let mut types = mem::take(&mut exception.cause_types).into_iter();
        exception.causes.retain(|cause| {
            let name = types.next();
            let kept = claim(&mut room, cause.len() + name.as_ref().map_or(0, |name| name.len()));
            exception.cause_types.extend(name.filter(|_| kept));
            kept
        });
    }
    let dropped = trim_attributes(&mut log.attributes, LOG_ATTRIBUTES, &mut room);
    log.dropped_attributes = log.dropped_attributes.saturating_add(dropped);
}

#[cold]
fn trim_span(span: &mut SpanRecord) {
    let mut room = ITEM_BYTES;
    if span.name.len() > VALUE_BYTES {
        span.name = cut(&span.name).into();
    }
    room = room.saturating_sub(span.name.len());
    if let Some(attached) = &mut span.attached {
        if let Status::Error { description } = &mut attached.status {
            if description.len() > VALUE_BYTES {
                *description = cut(description).into();
            }
            room = room.saturating_sub(description.len());
        }
        room = room.saturating_sub(state_weight(&attached.state));
    }
    let dropped = trim_attributes(&mut span.attributes, usize::MAX, &mut room);
    span.dropped_attributes = span.dropped_attributes.saturating_add(dropped);
    if let Some(attached) = &mut span.attached {
        trim_attached(attached, &mut room);
    }
}

fn trim_attached(attached: &mut Attached, room: &mut usize) {
    let before = attached.events.len();
    attached.events.retain_mut(|event| {
        let dropped = trim_attributes(&mut event.attributes, usize::MAX, room);
        event.dropped_attributes_count = event.dropped_attributes_count.saturating_add(dropped);
        if event.name.len() > VALUE_BYTES {
            event.name = cut(&event.name).into();
        }
        claim(room, size_of_val(event) + event.name.len())
    });
    let dropped = count(before - attached.events.len());
    attached.dropped_events = attached.dropped_events.saturating_add(dropped);

    let before = attached.links.len();
    attached.links.retain_mut(|link| {
        let dropped = trim_attributes(&mut link.attributes, usize::MAX, room);
        link.dropped_attributes_count = link.dropped_attributes_count.saturating_add(dropped);
        claim(room, size_of_val(link) + state_weight(link.span_context.trace_state()))
    });
    let dropped = count(before - attached.links.len());
    attached.dropped_links = attached.dropped_links.saturating_add(dropped);
}

/// Keeps the first attributes, as many as there may be and as there is room for; says how many went.
fn trim_attributes(attributes: &mut Vec<KeyValue>, most: usize, room: &mut usize) -> u32 {
    let before = attributes.len();
    attributes.truncate(most);
    attributes.retain_mut(|attribute| {
        cut_value(&mut attribute.value);
        claim(room, attribute_weight(attribute))
    });
    // What was left out takes memory until its vector is made smaller.
    attributes.shrink_to_fit();
    count(before - attributes.len())
}

fn cut_value(value: &mut Value) {
    match value {
        Value::String(text) if text.as_str().len() > VALUE_BYTES => {
            *value = Value::String(cut(text.as_str()).into());
        }
        Value::Array(Array::Bool(values)) => values.truncate(VALUE_BYTES / size_of::<bool>()),
        Value::Array(Array::I64(values)) => values.truncate(VALUE_BYTES / size_of::<i64>()),
        Value::Array(Array::F64(values)) => values.truncate(VALUE_BYTES / size_of::<f64>()),
        Value::Array(Array::String(values)) => {
            let mut room = VALUE_BYTES;
            values.retain_mut(|text| {
                if text.as_str().len() > VALUE_BYTES / 2 {
                    *text = cut_to(text.as_str(), VALUE_BYTES / 2).into();
                }
                claim(&mut room, size_of::<StringValue>() + text.as_str().len())
            });
        }
        _ => {}
    }
}

fn cut_string(text: &mut String) {
    if text.len() > VALUE_BYTES {
        *text = cut(text);
    }
}

fn cut(text: &str) -> String {
    cut_to(text, VALUE_BYTES)
}

/// The beginning, in memory of its own, with a mark.
fn cut_to(text: &str, limit: usize) -> String {
    const MARK: &str = "...";
    let end = (0..=limit - MARK.len()).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    [&text[..end], MARK].concat()
}

/// Takes room for something, or leaves it alone; `false` if there is not enough.
fn claim(room: &mut usize, bytes: usize) -> bool {
    let left = room.checked_sub(bytes);
    *room = left.unwrap_or(*room);
    left.is_some()
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use opentelemetry::{
        SpanId, TraceFlags, TraceId,
        trace::{Event, Link, SpanContext, TraceState},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::tests::items::{Item, error, log, span};

    /// What trimming may leave above the limit: the item's own fields.
    const SLACK: usize = 4096;

    fn long(bytes: usize) -> String {
        "ä".repeat(bytes / 2)
    }

    fn many(count: usize, value: &Value) -> Vec<KeyValue> {
        (0..count).map(|n| KeyValue::new(format!("key {n}"), value.clone())).collect()
    }

    fn trimmed(mut item: Item) -> Item {
        let said = trim(&mut item.entry());
        assert_eq!(said, weight(&item.entry()));
        assert!(said <= ITEM_BYTES + SLACK, "{said}");
        item
    }

    fn trimmed_span(change: impl FnOnce(&mut SpanRecord)) -> SpanRecord {
        let mut item = span("s");
        if let Item::Span(span) = &mut item {
            change(span);
        }
        let Item::Span(span) = trimmed(item) else { unreachable!() };
        span
    }

    fn failed(description: &str) -> Attached {
        let status = Status::error(description.to_owned());
        Attached { status, ..Attached::default() }
    }

    fn trimmed_log(item: Item, change: impl FnOnce(&mut LogRecord)) -> LogRecord {
        let Item::Log(mut log) = item else { unreachable!() };
        change(&mut log);
        let Item::Log(log) = trimmed(Item::Log(log)) else { unreachable!() };
        log
    }

    #[test]
    fn a_message_of_10_mib_is_cut_where_the_server_would() {
        let record = trimmed_log(log(&long(10 << 20)), |_| {});
        assert!(record.body.len() <= VALUE_BYTES && record.body.ends_with("ä..."), "{}", record.body.len());
        let record = trimmed_log(error(&long(10 << 20)), |log| {
            let exception = log.exception.as_mut().unwrap();
            exception.causes = vec![long(2 << 20); 30];
            exception.cause_types = vec!["shop::Error".into(); 30];
        });
        let exception = record.exception.unwrap();
        assert!(exception.message.len() <= VALUE_BYTES && exception.message.len() > VALUE_BYTES / 2);
        assert!((2..30).contains(&exception.causes.len()), "{}", exception.causes.len());
        assert_eq!(exception.cause_types.len(), exception.causes.len());
        let span = trimmed_span(|span| {
            span.name = long(10 << 20).into();
            span.attached = Some(Box::new(failed(&long(10 << 20))));
        });
        assert!(span.name.len() <= VALUE_BYTES);
        assert!(matches!(span.status(), Status::Error { description } if description.len() <= VALUE_BYTES));
    }

    #[test]
    fn what_is_no_attribute_of_a_span_counts_too() {
        let span = trimmed_span(|span| span.attached = Some(Box::new(failed(&long(10 << 20)))));
        let Status::Error { description } = span.status() else { unreachable!() };
        assert!(description.len() <= VALUE_BYTES && description.ends_with("ä..."), "{}", description.len());
        // A state is bounded by itself, at 16 KiB.
        let state = (0..32).map(|n| (format!("key{n}"), "x".repeat(256)));
        let state = TraceState::from_key_value(state).unwrap();
        let context =
            SpanContext::new(TraceId::INVALID, SpanId::INVALID, TraceFlags::default(), false, state);
        let span = trimmed_span(|span| {
            let links = vec![Link::new(context, Vec::new(), 0); 1000];
            span.attached = Some(Box::new(Attached { links, ..Attached::default() }));
        });
        let attached = span.attached.unwrap();
        assert!((50..150).contains(&attached.links.len()), "{}", attached.links.len());
        assert_eq!(attached.links.len() + attached.dropped_links as usize, 1000);
    }

    #[test]
    fn attributes_by_the_thousand_are_left_out_and_counted() {
        let record = trimmed_log(log("l"), |log| log.attributes = many(5000, &true.into()));
        assert_eq!((record.attributes.len(), record.dropped_attributes), (LOG_ATTRIBUTES, 5000 - 128));
        assert_eq!(record.attributes[127].key.as_str(), "key 127", "the first stay");
        let heavy = Value::from(long(300_000));
        let record = trimmed_log(log("l"), |log| log.attributes = many(100, &heavy));
        assert!(record.attributes.len() > 10, "{}", record.attributes.len());
        assert_eq!(record.attributes.len() + record.dropped_attributes as usize, 100);
        let span = trimmed_span(|span| span.attributes = many(100, &heavy));
        assert!(span.attributes.len() > 10);
        assert_eq!(span.attributes.len() + span.dropped_attributes as usize, 100);
    }

    #[test]
    fn events_and_links_give_way_to_what_came_first() {
        let heavy = many(10, &Value::from(long(30_000)));
        let span = trimmed_span(|span| {
            span.attributes = many(3, &true.into());
            let event = Event::new("e", std::time::SystemTime::UNIX_EPOCH, heavy.clone(), 0);
            let links = vec![Link::new(SpanContext::NONE, heavy, 0); 20];
            span.attached =
                Some(Box::new(Attached { events: vec![event; 20], links, ..Attached::default() }));
        });
        assert_eq!((span.attributes.len(), span.dropped_attributes), (3, 0));
        let attached = span.attached.unwrap();
        let kept = &attached.events;
        assert_eq!(kept.len() + attached.dropped_events as usize, 20);
        assert_eq!(kept[0].attributes.len(), 10, "whole");
        let left = kept.iter().map(|event| event.attributes.len() + event.dropped_attributes_count as usize);
        assert!(left.clone().all(|sum| sum == 10), "{:?}", left.collect::<Vec<_>>());
        assert_eq!(attached.links.len() + attached.dropped_links as usize, 20);
    }

    #[test]
    fn lists_are_bounded_like_texts() {
        let lists = [
            Value::Array(Array::Bool(vec![true; 5 << 20])),
            Value::Array(Array::I64(vec![7; 1 << 20])),
            Value::Array(Array::F64(vec![0.5; 1 << 20])),
            Value::Array(Array::String(vec![long(100).into(); 1 << 16])),
            Value::Array(Array::String(vec![long(5 << 20).into()])),
        ];
        for list in lists {
            let record = trimmed_log(log("l"), |log| log.attributes = many(1, &list));
            assert_eq!((record.attributes.len(), record.dropped_attributes), (1, 0));
            let bytes = attribute_weight(&record.attributes[0]);
            assert!((VALUE_BYTES / 4..VALUE_BYTES + 200).contains(&bytes), "{bytes}");
        }
    }

    #[test]
    fn what_is_small_enough_is_left_alone() {
        let attributes = many(LOG_ATTRIBUTES, &Value::from(long(5000)));
        let record = trimmed_log(log(&long(200_000)), |log| log.attributes.clone_from(&attributes));
        assert_eq!((record.attributes, record.body.len()), (attributes, 200_000));
    }

    proptest! {
        #[test]
        fn a_cut_text_is_text(text in ".{0,60}", limit in 3_usize..40) {
            let cut = cut_to(&text, limit);
            prop_assert!(cut.len() <= limit.max(3));
        }
    }
}
