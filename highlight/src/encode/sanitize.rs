//! Makes sure that the server stores what was meant.
//!
//! The server answers 200 and drops, renames or misreads what it does not like (C§3, C§7). What it would do is undone here:
//!
//! | the server | so we send |
//! |---|---|
//! | drops booleans (C§3.3) | `true`/`false` |
//! | has no text for non-finite numbers | `NaN`, `Infinity`, `-Infinity` |
//! | drops empty text and arrays (C§3.3) | nothing: it saves the bytes |
//! | rewrites spaces and parentheses in keys (C§3.3) | the key as it will be stored, so that no reserved name hides behind it |
//! | reads reserved names as its own (C§3.2, C§8) | a user's attribute of that name as `field.<name>` |
//! | cuts a body at `" <"` and parses a syslog header (C§7.3) | U+00A0 for the space; U+200B (no width) before the header |
//! | does not store spans `highlight.log`, ignores events of spans `fs ...` (C§5, C§8) | `span highlight.log`, `fs` with U+00A0 |
//! | cuts values at 65,536 bytes, in the middle of a character (C§1.3) | the value cut on a boundary |
//!
//! Left alone: keys of which one continues the other (`a` and `a.b`; the server stores both, only its view
//! of them is ambiguous, C§3.3), and times (the server replaces absurd ones, C§3.4).

use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, Value};

use super::{
    keys::{Keys, Verdict},
    known::Known,
    value,
    wire::{Scalar, VALUE, Writer},
};
use crate::{
    http::Fact,
    redact::{REDACTED, Redactor, Texts},
    text,
};

/// Longer values are cut by the server (C§1.3).
const VALUE_LIMIT: usize = 65_536;

/// What the attributes belong to. It decides which names are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Resource,
    Scope,
    Span,
    /// A span event or a link.
    Event,
    /// A span event named `log`, the older form of a log record (C§7.4).
    LogEvent,
    Log,
    /// An error, which describes itself by names that a log may not have.
    Error,
    DataPoint,
}

impl Owner {
    /// Attributes that the server merges into every record: no single one may be decided there.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Resource | Self::Scope)
    }
}

/// Whether a session or a request has been named: the first to do so counts, any other is a user's attribute
/// and moves out of the way. Otherwise the last would count, and could tear the request apart (C§4.3).
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) session: bool,
    pub(super) request: bool,
}

/// Applies the rules of this module, and redaction where it is wanted.
#[derive(Debug)]
pub(super) struct Sanitizer<'a> {
    /// `None` where redaction is switched off.
    redactor: Option<&'a Redactor>,
    keys: &'a mut Keys,
    known: &'a mut Known,
}

/// What is remembered from one batch to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    keys: Keys,
    known: Known,
}

impl<'a> Sanitizer<'a> {
    /// `memory` is that of this redactor.
    pub(super) fn new(redactor: Option<&'a Redactor>, memory: &'a mut Memory) -> Self {
        let Memory { keys, known } = memory;
        Self { redactor, keys, known }
    }

    /// What is remembered, where a text is always judged alike.
    pub(super) fn known(&mut self) -> Option<&mut Known> {
        self.redactor.is_none_or(Redactor::is_steady).then_some(&mut *self.known)
    }

    /// Writes what is left of the attributes, each as this field.
    pub(super) fn attributes<'l>(
        &mut self,
        out: &mut Writer,
        field: u32,
        owner: Owner,
        given: &mut Given,
        list: impl IntoIterator<Item = &'l KeyValue>,
    ) {
        for attribute in list {
            self.attribute(out, field, owner, given, attribute);
        }
    }

    /// Writes what is left of the attribute.
    pub(super) fn attribute(
        &mut self,
        out: &mut Writer,
        field: u32,
        owner: Owner,
        given: &mut Given,
        attribute: &KeyValue,
    ) {
        if is_empty(&attribute.value) {
            return;
        }
        let redactor = self.redactor;
        let Some(verdict) = self.keys.judge(redactor, owner, given, attribute.key.as_str()) else { return };
        let key = &*verdict.key;
        let scalar = match &attribute.value {
            Value::Bool(boolean) => value::boolean(*boolean),
            _ if verdict.is_secret => Scalar::Text(REDACTED),
            Value::I64(number) => Scalar::Integer(*number),
            Value::F64(number) => value::float(*number),
            Value::String(text) => return self::text(out, field, redactor, verdict, text.as_str()),
            Value::Array(array) => return self::array(out, field, redactor, verdict, array),
            _ => return,
        };
        out.attribute(field, key, scalar);
    }

    /// The same of a text that is not in an attribute yet.
    pub(super) fn text_attribute(
        &mut self,
        out: &mut Writer,
        field: u32,
        owner: Owner,
        given: &mut Given,
        key: &str,
        text: &str,
    ) {
        let redactor = self.redactor;
        match self.keys.judge(redactor, owner, given, key) {
            Some(verdict) if verdict.is_secret => {
                out.attribute(field, &verdict.key, Scalar::Text(REDACTED));
            }
            Some(verdict) => self::text(out, field, redactor, verdict, text),
            None => {}
        }
    }

    /// The same of what the record tells otherwise.
    pub(super) fn fact(
        &mut self,
        out: &mut Writer,
        field: u32,
        owner: Owner,
        given: &mut Given,
        (key, fact): (&'static str, Fact<'_>),
    ) {
        match fact {
            Fact::Text(text) => self.text_attribute(out, field, owner, given, key, text),
            Fact::Number(_) => self.attribute(out, field, owner, given, &fact.attribute(key)),
        }
    }

    /// Free text: a message, a status.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        named_text(self.redactor, Texts::FREE, "", text)
    }

    /// The same, in its place.
    pub(super) fn text_of(&self, text: &mut String) {
        *text = self.text(text).into_owned();
    }

    /// The body of a log record.
    pub(super) fn body<'t>(&self, body: &'t str) -> Cow<'t, str> {
        let mut body = self.text(body);
        if has_syslog_header(&body) {
            body.to_mut().insert(0, '\u{200B}');
        }
        if !body.starts_with('<') && body.contains('<') && body.contains(" <") {
            body = Cow::Owned(body.replace(" <", "\u{A0}<"));
        }
        value::cut(body, VALUE_LIMIT)
    }

    pub(super) fn span_name<'t>(&self, name: &'t str) -> Cow<'t, str> {
        let renamed = match name {
            "highlight.log" | "highlight.go.log" => format!("span {name}"),
            _ => match name.strip_prefix("fs ") {
                Some(rest) => format!("fs\u{A0}{rest}"),
                None => return self.text(name),
            },
        };
        Cow::Owned(self.text(&renamed).into_owned())
    }
}

/// Writes what is left of the text.
fn text(out: &mut Writer, field: u32, redactor: Option<&Redactor>, verdict: &mut Verdict, text: &str) {
    if let Some(encoded) = verdict.known(field, text) {
        return out.again(encoded);
    }
    let key = &*verdict.key;
    let clean = named_text(redactor, verdict.texts, key, text);
    let start = out.len();
    if !clean.is_empty() {
        out.attribute(field, key, Scalar::Text(&clean));
    }
    if matches!(clean, Cow::Borrowed(_)) && redactor.is_none_or(Redactor::is_steady) {
        verdict.learn(field, text, &out.as_bytes()[start..]);
    }
}

/// An empty element stays: the positions of the others are part of their stored names.
fn array(out: &mut Writer, field: u32, redactor: Option<&Redactor>, verdict: &Verdict, array: &Array) {
    out.nested(field, VALUE, |out| {
        out.text(1, &verdict.key);
        match array {
            Array::Bool(list) => value::list(out, 2, list, |each| value::boolean(*each)),
            Array::I64(list) => value::list(out, 2, list, |each| Scalar::Integer(*each)),
            Array::F64(list) => value::list(out, 2, list, |each| value::float(*each)),
            Array::String(list) => value::list_with(out, 2, list, |out, each| {
                let text = named_text(redactor, verdict.texts, &verdict.key, each.as_str());
                out.scalar(1, Scalar::Text(&text));
            }),
            _ => {}
        }
    });
}

/// The text without secrets, as much of it as is stored. Cut before redacting, so that the work is bounded, and after, because a
/// replacement may be longer.
fn named_text<'t>(redactor: Option<&Redactor>, texts: Texts, key: &str, text: &'t str) -> Cow<'t, str> {
    let Some(redactor) = redactor else { return value::cut(text.into(), VALUE_LIMIT) };
    if text.len() <= VALUE_LIMIT {
        return value::cut(redactor.clean(texts, key, text), VALUE_LIMIT);
    }
    let mut beginning = value::cut(text.into(), VALUE_LIMIT).into_owned();
    text::drop_last_word(&mut beginning);
    let clean = redactor.clean(texts, key, &beginning).into_owned();
    value::cut(clean.into(), VALUE_LIMIT)
}

/// Whether the server would store nothing of it.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.as_str().is_empty(),
        Value::Array(Array::Bool(list)) => list.is_empty(),
        Value::Array(Array::I64(list)) => list.is_empty(),
        Value::Array(Array::F64(list)) => list.is_empty(),
        Value::Array(Array::String(list)) => list.is_empty(),
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => false,
        // OpenTelemetry may add to the types of values; these are all that it has.
        _ => true,
    }
}

/// Whether `body` begins as in RFC 5424 (or the older RFC 3164): `<`, one to three digits, `>`.
fn has_syslog_header(body: &str) -> bool {
    let Some((priority, _)) = body.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
        return false;
    };
    matches!(priority.len(), 1..=3) && priority.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
