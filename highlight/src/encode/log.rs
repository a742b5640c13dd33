//! Log records; an error is one with `exception.*` attributes (C§6.1).

use std::{borrow::Cow, mem, sync::Arc};

use opentelemetry::{KeyValue, SpanId, TraceId};
use opentelemetry_proto::tonic::logs::v1::SeverityNumber;

use crate::{
    Level,
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    record::{Correlation, LogRecord},
    stack::Renderer,
    stamp::{SESSION_ID, TRACE_ID},
};

use super::{
    exception,
    sanitize::{Given, Owner, Sanitizer},
    value::unix_nanos,
    wire::{ITEM, Scalar, Writer},
};

/// The field of a record's attributes.
pub(super) const ATTRIBUTES: u32 = 6;

/// Writes the record as this field; `false` if the hook drops it.
pub(super) fn write(
    out: &mut Writer,
    field: u32,
    record: &mut LogRecord,
    sanitizer: &mut Sanitizer<'_>,
    before_send: Option<&BeforeSend>,
    renderer: &Renderer,
) -> bool {
    let mut ours = ids(&record.correlation);
    if let Some(hook) = before_send {
        let user = record.correlation.user.take();
        let user = user.iter().flat_map(|user| user.attributes()).cloned();
        let all = ours.iter_mut().filter_map(Option::take).chain(user);
        let theirs = mem::take(&mut record.attributes);
        record.attributes = all.chain(theirs).collect();
        if !keeps(hook, record) {
            return false;
        }
    }
    out.nested(field, ITEM, |out| fields(out, record, &ours, sanitizer, renderer));
    true
}

/// The session and the request that a record belongs to.
fn ids(correlation: &Correlation) -> [Option<KeyValue>; 2] {
    [(SESSION_ID, &correlation.session_id), (TRACE_ID, &correlation.request_id)].map(|(key, id)| {
        let id = id.as_ref().filter(|id| !id.is_empty())?;
        Some(KeyValue::new(key, Arc::clone(id)))
    })
}

fn fields(
    out: &mut Writer,
    record: &mut LogRecord,
    ours: &[Option<KeyValue>],
    sanitizer: &mut Sanitizer<'_>,
    renderer: &Renderer,
) {
    let nanos = unix_nanos(record.time);
    out.fixed64(1, nanos);
    let (severity_text, severity_number) = severity(record.level);
    out.number(2, severity_number as u64);
    out.text(3, severity_text);
    // Ours come first: the first to name a session or a request is the one that counts.
    let user = record.correlation.user.iter().flat_map(|user| user.attributes());
    let all = ours.iter().flatten().chain(user).chain(&record.attributes);
    sanitizer.attributes(out, ATTRIBUTES, Owner::Log, &mut Given::default(), all);
    if let Some(exception) = record.exception.take() {
        let message = exception::describe(out, *exception, &record.attributes, sanitizer, renderer);
        if record.body.is_empty() {
            record.body = message.into();
        }
    }
    out.scalar(5, Scalar::Text(&sanitizer.body(&record.body)));
    out.number(7, record.dropped_attributes.into());
    if let Some((trace_id, span_id, flags)) =
        record.correlation.span.filter(|(id, ..)| *id != TraceId::INVALID)
    {
        out.fixed32(8, flags.to_u8().into());
        out.bytes(9, &trace_id.to_bytes());
        if span_id != SpanId::INVALID {
            out.bytes(10, &span_id.to_bytes());
        }
    }
    out.fixed64(11, nanos);
}

/// What the hook says of the record, as an error if it is one.
fn keeps(hook: &BeforeSend, record: &mut LogRecord) -> bool {
    let (level, attributes) = (Some(record.level), &mut record.attributes);
    let Some(exception) = &mut record.exception else {
        return hook.keeps(&mut Outgoing {
            kind: OutgoingKind::Log,
            text: &mut record.body,
            attributes,
            level,
            error_type: None,
            status: None,
            renamed: false,
        });
    };
    let mut message = Cow::Owned(mem::take(&mut exception.message));
    let mut item = Outgoing {
        kind: OutgoingKind::Error,
        text: &mut message,
        attributes,
        level,
        error_type: exception.type_name.as_deref(),
        status: None,
        renamed: false,
    };
    let keeps = hook.keeps(&mut item);
    if item.renamed {
        // It takes on the message.
        record.body = Cow::Borrowed("");
    }
    exception.message = message.into_owned();
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
