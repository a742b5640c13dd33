//! What always holds for the bytes that leave, whatever a program records.
#![expect(clippy::missing_panics_doc, reason = "a panic is what a fuzzer looks for")]

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, TraceFlags, Value as GivenValue,
    trace::{SpanKind, Status},
};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue as ProtoKeyValue, any_value::Value},
};
use prost::Message as _;

use super::{Encoder, LogRecord, Service, Settings, SpanId, SpanRecord, TraceId};
use crate::{
    Level,
    context::Request,
    record::{Attached, Correlation, Exception},
    redact::{REDACTED, Redactor},
};

const VALUE_LIMIT: usize = 65_536;
/// What the server would take for its own (C§3.2), had a program's attribute that name.
const RESERVED: [&str; 8] =
    ["level", "severity", "message", "environment", "URL", "Source", "service.name", "highlight.project_id"];

/// A key on the first line, and a text with secrets in it.
pub fn redact(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (key, text) = text.split_once('\n').unwrap_or(("", &text));
    let redactor = Redactor::default();
    redactor.is_secret(key);
    let once = redactor.text(key, text);
    if redactor.finds_nothing(key, text) {
        assert_eq!(once, text);
    } else {
        assert_ne!(once, text, "not scanned");
    }
    assert!(once.len() <= text.len() * REDACTED.len(), "{} bytes of {}", once.len(), text.len());
    assert_eq!(redactor.text(key, &once), once, "twice is not once");
    let planted = format!("{text}&token=hunter2");
    assert!(!redactor.text(key, &planted).ends_with("hunter2"), "{planted}");
}

/// A log record, an error and a span out of texts that are separated by zeros.
pub fn encode(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut texts = text.split('\0').map(str::to_owned);
    let mut next = || texts.next().unwrap_or_default();
    let (body, message, session, name) = (next(), next(), next(), next());
    let attributes: Vec<_> = std::iter::from_fn(|| {
        let key = next();
        (!key.is_empty()).then(|| KeyValue::new(key, value(next())))
    })
    .collect();
    let service = Service { project_id: "1".to_owned(), ..Service::default() };
    let settings =
        Settings { redactor: Some(Redactor::default()), before_send: None, is_synthetic: |_, _| false };
    let encoder = Encoder::new(&service, settings);

    let exception = (!message.is_empty()).then(|| Exception {
        type_name: None,
        message,
        causes: Vec::new(),
        cause_types: Vec::new(),
        place: None,
        stack: None,
    });
    let is_error = exception.is_some();
    let record = LogRecord {
        time: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
        level: Level::Error,
        body: body.clone().into(),
        target: "shop".into(),
        correlation: Correlation {
            request: Some(Arc::new(Request::named(&session, ""))),
            ..Correlation::default()
        },
        origin: None,
        attributes: attributes.clone(),
        dropped_attributes: 0,
        exception: exception.map(Box::new),
    };
    let decoded = ExportLogsServiceRequest::decode(encoder.logs(&mut [record]).bytes.as_slice());
    assert!(decoded.is_ok(), "{decoded:?}");
    let records = decoded.into_iter().flat_map(|request| request.resource_logs);
    for record in records.flat_map(|logs| logs.scope_logs).flat_map(|logs| logs.log_records) {
        let body = match record.body.and_then(|body| body.value) {
            Some(Value::StringValue(body)) => body,
            other => format!("{other:?} <is no text"),
        };
        assert!(body.len() <= VALUE_LIMIT && (body.starts_with('<') || !body.contains(" <")), "{body}");
        assert_attributes(&record.attributes);
        assert_session(&record.attributes, &session);
        let messages = record.attributes.iter().filter(|attribute| attribute.key == "exception.message");
        assert_eq!(messages.count(), usize::from(is_error), "one message for an error, none without");
    }

    let decoded =
        ExportTraceServiceRequest::decode(encoder.spans(&mut [span(name, attributes)]).bytes.as_slice());
    assert!(decoded.is_ok(), "{decoded:?}");
    let spans = decoded.into_iter().flat_map(|request| request.resource_spans);
    for span in spans.flat_map(|spans| spans.scope_spans).flat_map(|spans| spans.spans) {
        assert!(span.name.len() <= VALUE_LIMIT && !span.name.starts_with("fs "), "{}", span.name);
        assert!(!matches!(span.name.as_str(), "highlight.log" | "highlight.go.log"), "{}", span.name);
        assert_attributes(&span.attributes);
    }
}

/// The first character chooses the type.
fn value(mut text: String) -> GivenValue {
    match text.chars().next() {
        Some('!') => GivenValue::Bool(text.len() % 2 == 0),
        Some('+') => text[1..].parse::<i64>().map_or(GivenValue::F64(f64::NAN), GivenValue::I64),
        Some('~') => GivenValue::F64(text[1..].parse().unwrap_or(f64::INFINITY)),
        Some('[') => GivenValue::Array(Array::String(
            text[1..].split(',').map(|text| StringValue::from(text.to_owned())).collect(),
        )),
        // Longer than a fuzzer's inputs are.
        Some('*') => GivenValue::String(text.split_off(1).repeat(4096).into()),
        _ => GivenValue::String(text.into()),
    }
}

fn span(name: String, attributes: Vec<KeyValue>) -> SpanRecord {
    let ids = (TraceId::from(7_u128), SpanId::from(9));
    let attached = Attached { status: Status::error(name.clone()), ..Attached::default() };
    SpanRecord {
        trace_id: ids.0,
        span_id: ids.1,
        parent: SpanId::INVALID,
        parent_is_remote: false,
        flags: TraceFlags::SAMPLED,
        kind: SpanKind::Internal,
        name: name.into(),
        start: 0,
        end: 0,
        request: None,
        tells_request: false,
        user: None,
        attributes,
        dropped_attributes: 0,
        scope: Some(Arc::new(InstrumentationScope::builder("shop").build())),
        attached: Some(Box::new(attached)),
    }
}

/// What the server does to them is nothing (C§3).
fn assert_attributes(attributes: &[ProtoKeyValue]) {
    for attribute in attributes {
        let key = attribute.key.as_str();
        assert!(!RESERVED.contains(&key) && !key.contains([' ', '(', ')']), "{key}");
        assert!(attribute.value.as_ref().is_some_and(is_stored), "{attribute:?}");
        let nothing = matches!(attribute.value.as_ref().and_then(|value| value.value.as_ref()), Some(Value::StringValue(text)) if text.is_empty());
        assert!(!nothing, "{key} is empty");
    }
}

fn is_stored(value: &AnyValue) -> bool {
    match &value.value {
        Some(Value::StringValue(text)) => text.len() <= VALUE_LIMIT,
        Some(Value::IntValue(_)) => true,
        Some(Value::DoubleValue(number)) => number.is_finite(),
        Some(Value::ArrayValue(array)) => !array.values.is_empty() && array.values.iter().all(is_stored),
        _ => false,
    }
}

/// Ours is the one that counts.
fn assert_session(attributes: &[ProtoKeyValue], session: &str) {
    let sessions: Vec<_> =
        attributes.iter().filter(|attribute| attribute.key == "highlight.session_id").collect();
    assert!(sessions.len() <= 1, "{sessions:?}");
    if let (false, [found]) = (session.is_empty(), sessions.as_slice()) {
        assert_eq!(sessions.len(), 1);
        assert!(
            matches!(
                found.value.as_ref().and_then(|value| value.value.as_ref()),
                Some(Value::StringValue(_))
            ),
            "{found:?}"
        );
    }
}
