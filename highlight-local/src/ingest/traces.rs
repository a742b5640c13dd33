//! Spans and their events (C§5, C§6.1, C§7.4, C§8).

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{
        Span as SentSpan, Status,
        span::{Event, SpanKind},
        status::StatusCode,
    },
};

use super::{
    Intake,
    attributes::{Layer, printed},
    error::error_of,
    hex,
    logs::{LogRow, stored_trace_id},
    record::{FromBody, Kind, Record},
    text, time,
};
use crate::{
    model::{Level, Metric, MetricValue, Shape, Span, SpanEvent, SpanLink},
    note::{ChangeReason, DropReason, Item},
};

/// Spans that only carry logs.
const LOG_CARRIERS: [&str; 2] = ["highlight.log", "highlight.go.log"];

/// What a span's events share with it.
struct Family<'a> {
    resource: &'a [KeyValue],
    scope: &'a [KeyValue],
    span: &'a SentSpan,
    trace_id: String,
}

impl Intake<'_> {
    pub(super) fn traces(&mut self, request: &ExportTraceServiceRequest) {
        for resource_spans in &request.resource_spans {
            let resource = resource_spans.resource.as_ref().map_or(&[][..], |r| &r.attributes);
            let mut is_first = true;
            for scope_spans in &resource_spans.scope_spans {
                let scope = scope_spans.scope.as_ref().map_or(&[][..], |s| &s.attributes);
                for span in &scope_spans.spans {
                    self.span(resource, scope, span, is_first);
                    is_first = false;
                }
            }
        }
    }

    fn span(&mut self, resource: &[KeyValue], scope: &[KeyValue], sent: &SentSpan, is_first: bool) {
        // Scope attributes count for a span's events but not for the span itself (C§3.1).
        let own = Layer::noted(&sent.attributes);
        let layers = [Layer::noted_if(is_first, resource), own];
        let mut record = Record::read(Kind::Span, &layers, own, FromBody::default(), self.arrival);
        if let Err(reason) = record.check_project() {
            record.notes.dropped(Item::Span, text::beginning(&sent.name), reason);
            record.notes.write(&record.origin, &mut self.rows);
            return;
        }
        let trace_id = stored_trace_id(&record.origin.request_id, &hex(&sent.trace_id));
        let family = Family { resource, scope, span: sent, trace_id };
        let has_errors = self.events(&family, &mut record);
        if LOG_CARRIERS.contains(&sent.name.as_str()) {
            record.notes.dropped(Item::Span, sent.name.as_str(), DropReason::LogCarrierSpan);
        } else {
            let span = self.span_row(&mut record, sent, family.trace_id, has_errors);
            self.push(span);
        }
        record.notes.write(&record.origin, &mut self.rows);
    }

    fn span_row(&self, record: &mut Record, sent: &SentSpan, trace_id: String, has_errors: bool) -> Span {
        let (start, reason) = time::believed(time::from_nanos(sent.start_time_unix_nano), self.arrival.now);
        if let Some(reason) = reason {
            record.notes.changed(Item::Span, text::beginning(&sent.name), reason);
        }
        if sent.end_time_unix_nano < sent.start_time_unix_nano {
            let name = text::beginning(&sent.name);
            record.notes.changed(Item::Span, name, ChangeReason::EndBeforeStart);
        }
        let nanos = sent.end_time_unix_nano.saturating_sub(sent.start_time_unix_nano);
        let mut name = sent.name.clone();
        let mut status_message =
            sent.status.as_ref().map(|status| status.message.clone()).unwrap_or_default();
        for text in [&mut name, &mut status_message] {
            if text::cut(text) {
                record.notes.changed(Item::Span, text::beginning(text), ChangeReason::TooLong);
            }
        }
        Span {
            origin: record.origin.clone(),
            trace_id,
            otel_trace_id: hex(&sent.trace_id),
            span_id: hex(&sent.span_id),
            parent_span_id: hex(&sent.parent_span_id),
            trace_state: sent.trace_state.clone(),
            name,
            kind: kind_text(sent.kind()),
            start,
            duration: Duration::from_nanos(nanos),
            status_code: status_text(sent),
            status_message,
            has_errors,
            attributes: record.attributes.clone(),
            events: sent.events.iter().map(|event| self.stored_event(event)).collect(),
            links: sent
                .links
                .iter()
                .map(|link| SpanLink {
                    trace_id: hex(&link.trace_id),
                    span_id: hex(&link.span_id),
                    trace_state: link.trace_state.clone(),
                    attributes: printed(&link.attributes),
                })
                .collect(),
        }
    }

    fn stored_event(&self, event: &Event) -> SpanEvent {
        let (time, _) = time::believed(time::from_nanos(event.time_unix_nano), self.arrival.now);
        SpanEvent { time, name: event.name.clone(), attributes: printed(&event.attributes) }
    }

    /// Makes logs, errors and metrics of the events that are such; says whether an error was.
    fn events(&mut self, family: &Family<'_>, span: &mut Record) -> bool {
        let read = events_read(family);
        let mut has_errors = false;
        for (index, event) in family.span.events.iter().enumerate() {
            let kind = match event.name.as_str() {
                "exception" => Kind::ExceptionEvent,
                "log" => Kind::LogEvent,
                "metric" => Kind::MetricEvent,
                _ => continue,
            };
            if index < read {
                has_errors |= self.event(family, event, kind);
            } else {
                let name = event.name.as_str();
                span.notes.dropped(Item::SpanEvent, name, DropReason::IgnoredSpanEvents);
            }
        }
        has_errors
    }

    fn event(&mut self, family: &Family<'_>, event: &Event, kind: Kind) -> bool {
        let own = Layer::noted(&event.attributes);
        let layers = [
            Layer::quiet(family.resource),
            Layer::quiet(&family.span.attributes),
            own,
            Layer::quiet(family.scope),
        ];
        let mut record = Record::read(kind, &layers, own, FromBody::default(), self.arrival);
        let has_error = match kind {
            Kind::ExceptionEvent => self.exception_event(family, event, &mut record),
            Kind::MetricEvent => {
                self.metric_event(event, &mut record);
                false
            }
            _ => {
                self.log_event(family, event, &mut record);
                false
            }
        };
        record.notes.write(&record.origin, &mut self.rows);
        has_error
    }

    /// An ERROR log row and an error; neither without a message.
    fn exception_event(&mut self, family: &Family<'_>, event: &Event, record: &mut Record) -> bool {
        if record.exception.message.is_empty() {
            let name = std::mem::take(&mut record.exception.type_name);
            record.notes.dropped(Item::Error, name, DropReason::ExceptionWithoutMessage);
            return false;
        }
        let message = record.exception.message.clone();
        let log = self.log_row(record, family.log_row(event, Level::Error, message));
        let error = error_of(record, &log, Shape::SpanEvent);
        let has_error = error.is_some();
        self.push(log);
        if let Some(error) = error {
            self.push(error);
        }
        has_error
    }

    fn log_event(&mut self, family: &Family<'_>, event: &Event, record: &mut Record) {
        let Some(message) = record.message.take() else {
            record.notes.dropped(Item::Log, "log", DropReason::LogEventWithoutMessage);
            return;
        };
        let level = record.level("", 0);
        let mut row = family.log_row(event, level, message);
        row.span_id.clear();
        let log = self.log_row(record, row);
        self.push(log);
    }

    /// A gauge without a link to the session.
    fn metric_event(&mut self, event: &Event, record: &mut Record) {
        if record.metric_name.is_empty() {
            record.notes.dropped(Item::Metric, "metric", DropReason::MetricEventWithoutName);
            return;
        }
        let sent_time = time::from_nanos(event.time_unix_nano);
        let (time, reason) = time::believed(sent_time, self.arrival.now);
        if let Some(reason) = reason {
            record.notes.changed(Item::Metric, record.metric_name.as_str(), reason);
        }
        let mut origin = record.origin.clone();
        origin.session_id.clear();
        self.push(Metric {
            origin,
            name: record.metric_name.clone(),
            description: String::new(),
            unit: String::new(),
            value: MetricValue::Number(record.metric_value),
            time,
            start: time,
            sent_time,
            sent_temporality: None,
            attributes: record.attributes.clone(),
            exemplars: Vec::new(),
        });
    }
}

impl Family<'_> {
    fn log_row(&self, event: &Event, level: Level, message: String) -> LogRow {
        LogRow {
            time: time::from_nanos(event.time_unix_nano),
            level,
            message,
            trace_id: self.trace_id.clone(),
            otel_trace_id: hex(&self.span.trace_id),
            span_id: hex(&self.span.span_id),
            shape: Shape::SpanEvent,
        }
    }
}

/// How many of a span's events the server looks at (C§5).
fn events_read(family: &Family<'_>) -> usize {
    let resource_says = |key: &str, text: &str| {
        family.resource.iter().any(|attribute| {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            attribute.key == key && matches!(value, Some(Value::StringValue(v)) if v == text)
        })
    };
    if family.span.name.starts_with("fs ") {
        0
    } else if resource_says("process.runtime.name", "ruby")
        && resource_says("telemetry.sdk.name", "opentelemetry")
    {
        1
    } else {
        usize::MAX
    }
}

fn kind_text(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "Unspecified",
        SpanKind::Internal => "Internal",
        SpanKind::Server => "Server",
        SpanKind::Client => "Client",
        SpanKind::Producer => "Producer",
        SpanKind::Consumer => "Consumer",
    }
}

fn status_text(span: &SentSpan) -> &'static str {
    match span.status.as_ref().map(Status::code) {
        None | Some(StatusCode::Unset) => "Unset",
        Some(StatusCode::Ok) => "Ok",
        Some(StatusCode::Error) => "Error",
    }
}
