//! Log records; an error is one with `exception.*` attributes (C§6.1).

use std::{borrow::Cow, mem};

use opentelemetry::{SpanId, TraceId};
use tracing::Metadata;

use crate::{
    Level,
    before_send::{BeforeSend, Outgoing, OutgoingKind},
    http::Fact,
    record::{Correlation, Exception, LogRecord, unix_nanos},
    stack::Renderer,
};

use super::{
    exception,
    sanitize::{Given, Owner, Sanitizer},
    whose::{self, Whose},
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
    if let Some(hook) = before_send {
        let mut attributes = mem::take(&mut record.attributes);
        whose::put_before(&mut attributes, whose(record));
        (record.correlation.request, record.correlation.user) = (None, None);
        if let Some(origin) = record.origin.take() {
            tell(origin, |key, fact| attributes.push(fact.attribute(key)));
        }
        record.attributes = attributes;
        if !keeps(hook, record) {
            return false;
        }
    }
    let exception = record.exception.take();
    out.nested(field, ITEM, |out| fields(out, record, exception, sanitizer, renderer));
    true
}

fn whose(record: &LogRecord) -> Whose<'_> {
    let Correlation { request, user, .. } = &record.correlation;
    Whose { request: request.as_deref(), user: user.as_deref(), tells_request: false }
}

fn fields(
    out: &mut Writer,
    record: &LogRecord,
    exception: Option<Box<Exception>>,
    sanitizer: &mut Sanitizer<'_>,
    renderer: &Renderer,
) {
    let nanos = unix_nanos(record.time);
    out.fixed64(1, nanos);
    let (severity_text, severity_number) = severity(record.level);
    out.number(2, severity_number);
    out.text(3, severity_text);
    let mut given = Given::default();
    whose::write(out, ATTRIBUTES, Owner::Log, &mut given, whose(record), sanitizer);
    if let Some(origin) = record.origin {
        place(out, origin, &mut given, sanitizer);
    }
    sanitizer.attributes(out, ATTRIBUTES, Owner::Log, &mut given, &record.attributes);
    let mut body = Cow::Borrowed(&*record.body);
    if let Some(exception) = exception {
        let message = exception::describe(out, *exception, &record.attributes, sanitizer, renderer);
        if body.is_empty() {
            body = message.into();
        }
    }
    out.scalar(5, Scalar::Text(&sanitizer.body(&body)));
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

/// Writes where in the code it was recorded, as it was written for the last record from there.
fn place(
    out: &mut Writer,
    origin: &'static Metadata<'static>,
    given: &mut Given,
    sanitizer: &mut Sanitizer<'_>,
) {
    if let Some(attributes) = sanitizer.known().and_then(|known| known.origin(origin)) {
        return out.again(attributes);
    }
    let start = out.len();
    tell(origin, |key, fact| sanitizer.fact(out, ATTRIBUTES, Owner::Log, given, (key, fact)));
    if let Some(known) = sanitizer.known() {
        known.learn_origin(origin, &out.as_bytes()[start..]);
    }
}

/// Shows where in the code a record was written, as attributes.
fn tell(origin: &'static Metadata<'static>, mut see: impl FnMut(&'static str, Fact<'static>)) {
    see("log.target", Fact::Text(origin.target()));
    // A target is a module's path, unless the program says otherwise.
    if let Some(module) = origin.module_path().filter(|module| *module != origin.target()) {
        see("code.module.name", Fact::Text(module));
    }
    if let Some(file) = origin.file() {
        see("code.file.path", Fact::Text(file));
    }
    if let Some(line) = origin.line() {
        see("code.line.number", Fact::Number(line.into()));
    }
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
fn severity(level: Level) -> (&'static str, u64) {
    match level {
        Level::Trace => ("TRACE", 1),
        Level::Debug => ("DEBUG", 5),
        Level::Info => ("INFO", 9),
        Level::Warn => ("WARN", 13),
        Level::Error => ("ERROR", 17),
        Level::Fatal => ("FATAL", 21),
    }
}
