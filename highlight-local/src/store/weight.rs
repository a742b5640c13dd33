//! How much memory a row takes, near enough to bound it: its texts, and a flat charge for itself
//! and for each container entry.

use crate::{
    model::{Attributes, ErrorObject, Frame, Log, Metric, MetricValue, Origin, Span},
    note::Subject,
    row::Row,
};

/// A row with its empty strings, an attribute entry, or the like.
const ITEM: usize = 512;
const ENTRY: usize = 64;

pub(super) fn of(row: &Row) -> usize {
    let contents = match row {
        Row::Span(span) => span_contents(span),
        Row::Log(log) => log_contents(log),
        Row::Error(error) => error_contents(error),
        Row::Metric(metric) => metric_contents(metric),
        Row::Dropped(note) => subject(&note.subject),
        Row::Changed(note) => subject(&note.subject),
    };
    ITEM + contents
}

fn span_contents(span: &Span) -> usize {
    let events = span.events.iter().map(|e| ENTRY + e.name.len() + attributes(&e.attributes));
    let links = span.links.iter().map(|link| {
        ENTRY + texts(&[&link.trace_id, &link.span_id, &link.trace_state]) + attributes(&link.attributes)
    });
    origin(&span.origin)
        + texts(&[&span.trace_id, &span.otel_trace_id, &span.span_id, &span.parent_span_id])
        + texts(&[&span.trace_state, &span.name, &span.status_message])
        + attributes(&span.attributes)
        + events.sum::<usize>()
        + links.sum::<usize>()
}

fn log_contents(log: &Log) -> usize {
    origin(&log.origin)
        + texts(&[&log.message, &log.trace_id, &log.otel_trace_id, &log.span_id])
        + attributes(&log.attributes)
}

fn error_contents(error: &ErrorObject) -> usize {
    origin(&error.origin)
        + texts(&[&error.event, &error.sent_type, &error.stack_text, &error.url])
        + texts(&[&error.trace_id, &error.otel_trace_id, &error.span_id])
        + attributes(&error.payload)
        + error.frames.iter().map(frame).sum::<usize>()
}

fn frame(frame: &Frame) -> usize {
    let parts = [&frame.function, &frame.file, &frame.line_content];
    let parts: usize = parts.into_iter().flatten().map(String::len).sum();
    ENTRY + frame.error.len() + parts
}

fn metric_contents(metric: &Metric) -> usize {
    let numbers = match &metric.value {
        MetricValue::Number(_) => 0,
        MetricValue::Histogram { bounds, buckets, .. } => bounds.len() + buckets.len(),
        MetricValue::Summary { quantiles, .. } => 2 * quantiles.len(),
    };
    let exemplars = metric.exemplars.iter().map(|exemplar| {
        ENTRY
            + texts(&[&exemplar.trace_id, &exemplar.span_id, &exemplar.session_id])
            + attributes(&exemplar.attributes)
    });
    origin(&metric.origin)
        + texts(&[&metric.name, &metric.description, &metric.unit])
        + attributes(&metric.attributes)
        + numbers * size_of::<f64>()
        + exemplars.sum::<usize>()
}

fn subject(subject: &Subject) -> usize {
    subject.name.len() + origin(&subject.origin)
}

fn origin(origin: &Origin) -> usize {
    texts(&[&origin.project, &origin.session_id, &origin.request_id])
        + texts(&[&origin.service, &origin.version, &origin.environment])
}

fn attributes(attributes: &Attributes) -> usize {
    attributes.iter().map(|(key, value)| ENTRY + key.len() + value.len()).sum()
}

fn texts(texts: &[&String]) -> usize {
    texts.iter().map(|text| text.len()).sum()
}
