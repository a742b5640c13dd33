//! Log records; an error is one with `exception.*` attributes (C§6.1).

use std::sync::Arc;

use opentelemetry::{SpanId, TraceId};
use opentelemetry_proto::{
    tonic::{
        common::v1::KeyValue,
        logs::v1::{LogRecord as ProtoRecord, SeverityNumber},
    },
    transform::common::tonic::Attributes,
};

use crate::{
    Level,
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    record::{Correlation, Exception, LogRecord},
    stack::Renderer,
    stamp::{SESSION_ID, TRACE_ID},
};

use super::{
    exception,
    sanitize::{Given, Owner, Sanitizer},
    value::{attribute, text, unix_nanos},
};

/// `None` if the hook drops it.
pub(super) fn encode(
    mut record: LogRecord,
    sanitizer: Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
    renderer: &Renderer,
    is_synthetic: fn(TraceId, SpanId) -> bool,
) -> Option<ProtoRecord> {
    let Correlation { session_id, request_id, span, user } = record.correlation;

    // Ours come first: the first to name a session or a request is the one that counts.
    let mut attributes = Vec::with_capacity(record.attributes.len() + 2);
    let present = |id: Option<Arc<str>>| id.filter(|id| !id.is_empty());
    if let Some(id) = present(session_id) {
        attributes.push(attribute(SESSION_ID, text(&*id)));
    }
    if let Some(id) = present(request_id) {
        attributes.push(attribute(TRACE_ID, text(&*id)));
    }
    if let Some(user) = user {
        attributes.append(&mut Attributes::from(user.attributes().to_vec()).0);
    }
    attributes.append(&mut Attributes::from(record.attributes).0);
    let dropped_attributes_count = record.dropped_attributes;
    let mut body = record.body.into_owned();
    if let Some(hook) = before_send {
        let (level, exception) = (Some(record.level), record.exception.as_deref_mut());
        if !keeps(hook, level, &mut body, &mut attributes, exception) {
            return None;
        }
    }
    sanitizer.attributes(Owner::Log, &mut Given::default(), &mut attributes);
    if let Some(exception) = record.exception {
        let own = attributes.len();
        let message = exception::describe(*exception, sanitizer, renderer, &mut attributes);
        if body.is_empty() {
            body = message;
        }
        // Whatever the description consists of: a stack may quote the program and its state. That in JSON was cleaned line by
        // line, before it became JSON.
        for attribute in attributes[own..].iter_mut().filter(|added| added.key != exception::STRUCTURED) {
            sanitizer.described(attribute);
        }
    }
    sanitizer.body(&mut body);

    let nanos = unix_nanos(record.time);
    let (severity_text, severity_number) = severity(record.level);
    let mut encoded = ProtoRecord {
        time_unix_nano: nanos,
        observed_time_unix_nano: nanos,
        severity_number: severity_number.into(),
        severity_text: severity_text.to_owned(),
        body: Some(text(body)),
        attributes,
        dropped_attributes_count,
        ..ProtoRecord::default()
    };
    if let Some((trace_id, span_id, flags)) = span.filter(|(id, ..)| *id != TraceId::INVALID) {
        encoded.trace_id = trace_id.to_bytes().to_vec();
        encoded.flags = flags.to_u8().into();
        if span_id != SpanId::INVALID && !is_synthetic(trace_id, span_id) {
            encoded.span_id = span_id.to_bytes().to_vec();
        }
    }
    Some(encoded)
}

/// What the hook says of the record, as an error if it is one.
fn keeps(
    hook: &BeforeSend,
    level: Option<Level>,
    body: &mut String,
    attributes: &mut Vec<KeyValue>,
    exception: Option<&mut Exception>,
) -> bool {
    let Some(exception) = exception else {
        let kind = OutgoingKind::Log;
        return hook.keeps(&mut Outgoing {
            kind,
            text: body,
            attributes,
            level,
            error_type: None,
            status: None,
            renamed: false,
        });
    };
    let mut item = Outgoing {
        kind: OutgoingKind::Error,
        text: &mut exception.message,
        attributes,
        level,
        error_type: exception.type_name.as_deref(),
        status: None,
        renamed: false,
    };
    let keeps = hook.keeps(&mut item);
    if item.renamed {
        // It takes on the message.
        body.clear();
    }
    keeps
}

/// The server reads the text and ignores the number (C§7.2); other receivers read the number.
fn severity(level: Level) -> (&'static str, SeverityNumber) {
    match level {
        Level::Trace => ("TRACE", SeverityNumber::Trace),
        Level::Debug => ("DEBUG", SeverityNumber::Debug),
        Level::Info => ("INFO", SeverityNumber::Info),
        Level::Warn => ("WARN", SeverityNumber::Warn),
        Level::Error => ("ERROR", SeverityNumber::Error),
        Level::Fatal => ("FATAL", SeverityNumber::Fatal),
    }
}
