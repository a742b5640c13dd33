//! Makes sure that the server stores what was meant.
//!
//! The server answers 200 and drops, renames or misreads what it does not like (C§3, C§7). What it would do is undone here:
//!
//! | the server | so we send |
//! |---|---|
//! | drops booleans and bytes (C§3.3) | `true`/`false`; bytes as lower-case hex |
//! | has no text for non-finite numbers | `NaN`, `Infinity`, `-Infinity` |
//! | drops empty text, arrays and maps (C§3.3) | nothing: it saves the bytes |
//! | rewrites spaces and parentheses in keys (C§3.3) | the key as it will be stored, so that no reserved name hides behind it |
//! | reads reserved names as its own (C§3.2, C§8) | a user's attribute of that name as `field.<name>` |
//! | cuts a body at `" <"` and parses a syslog header (C§7.3) | U+00A0 for the space; U+200B (no width) before the header |
//! | does not store spans `highlight.log`, ignores events of spans `fs ...` (C§5, C§8) | `span highlight.log`, `fs` with U+00A0 |
//! | cuts values at 65,536 bytes, in the middle of a character (C§1.3) | the value cut on a boundary |
//!
//! Left alone: keys of which one continues the other (`a` and `a.b`; the server stores both, only its view
//! of them is ambiguous, C§3.3), and times (the server replaces absurd ones, C§3.4).

use std::{borrow::Cow, fmt::Write as _};

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

use super::value;
use crate::{
    redact::{REDACTED, Redactor},
    text,
};

/// Longer values are cut by the server (C§1.3).
const VALUE_LIMIT: usize = 65_536;
/// Values nested deeper are replaced by a mark. The server would follow 255 levels; nobody reads them.
const DEPTH_LIMIT: usize = 16;
const TOO_DEEP: &str = "(nested too deeply)";

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
    DataPoint,
}

/// Whether a session or a request has been named: the first to do so counts, any other is a user's attribute
/// and moves out of the way. Otherwise the last would count, and could tear the request apart (C§4.3).
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    session: bool,
    request: bool,
}

/// Applies the rules of this module, and redaction where it is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sanitizer<'a> {
    /// `None` if redaction is switched off.
    pub(super) redactor: Option<&'a Redactor>,
}

impl Sanitizer<'_> {
    pub(super) fn attributes(self, owner: Owner, given: &mut Given, list: &mut Vec<KeyValue>) {
        list.retain_mut(|attribute| self.attribute(owner, given, attribute));
    }

    /// Free text: a message, a status.
    pub(super) fn text(self, text: &mut String) {
        self.named_text("", text);
    }

    /// An attribute of our own making: nothing but secrets has to go.
    pub(super) fn described(self, attribute: &mut KeyValue) {
        if let Some(value) = &mut attribute.value {
            self.named_value(&attribute.key, value, 0);
        }
    }

    /// The body of a log record.
    pub(super) fn body(self, body: &mut String) {
        self.text(body);
        if has_syslog_header(body) {
            body.insert(0, '\u{200B}');
        }
        if !body.starts_with('<') && body.contains(" <") {
            *body = body.replace(" <", "\u{A0}<");
        }
        value::cut(body, VALUE_LIMIT);
    }

    pub(super) fn span_name(self, name: &mut String) {
        if matches!(name.as_str(), "highlight.log" | "highlight.go.log") {
            name.insert_str(0, "span ");
        } else if name.starts_with("fs ") {
            name.replace_range(2..3, "\u{A0}");
        }
        self.text(name);
    }

    /// Cleans one attribute; `false` if nothing is left of it.
    fn attribute(self, owner: Owner, given: &mut Given, attribute: &mut KeyValue) -> bool {
        store_key(&mut attribute.key);
        let Some(value) = attribute.value.as_mut().filter(|value| !is_empty(value)) else {
            return false;
        };
        let is_taken = is_taken(owner, given, &attribute.key);
        if is_taken {
            attribute.key.insert_str(0, "field.");
        }
        // What ties the record to its session and request is what it is, whatever it looks like.
        let redactor = self.redactor.filter(|_| is_taken || !names_owner(&attribute.key));
        Sanitizer { redactor }.named_value(&attribute.key, value, 0)
    }

    /// Cleans the value of an attribute or of an entry of a map; `false` if it is empty.
    fn named_value(self, key: &str, any: &mut AnyValue, depth: usize) -> bool {
        let says_nothing = matches!(any.value, Some(Value::BoolValue(_)) | None);
        if !says_nothing && self.redactor.is_some_and(|redactor| redactor.is_secret(key)) {
            if is_empty(any) {
                return false;
            }
            *any = value::text(REDACTED);
            return true;
        }
        self.value(key, any, depth)
    }

    /// Cleans a value in place; `false` if it is empty.
    fn value(self, key: &str, any: &mut AnyValue, depth: usize) -> bool {
        let replacement = match &mut any.value {
            None => return false,
            Some(Value::StringValue(text)) => {
                self.named_text(key, text);
                return !text.is_empty();
            }
            Some(Value::ArrayValue(_) | Value::KvlistValue(_)) if depth == DEPTH_LIMIT => TOO_DEEP.to_owned(),
            Some(Value::ArrayValue(array)) => {
                // An empty element stays: the positions of the others are part of their stored names.
                for element in &mut array.values {
                    self.value(key, element, depth + 1);
                }
                return !array.values.is_empty();
            }
            Some(Value::KvlistValue(map)) => {
                map.values.retain_mut(|entry| {
                    let value = entry.value.as_mut();
                    value.is_some_and(|value| self.named_value(&entry.key, value, depth + 1))
                });
                return !map.values.is_empty();
            }
            Some(Value::BoolValue(boolean)) => boolean.to_string(),
            Some(Value::BytesValue(bytes)) if bytes.is_empty() => return false,
            Some(Value::BytesValue(bytes)) => hex(bytes),
            Some(Value::DoubleValue(number)) if number.is_nan() => "NaN".to_owned(),
            Some(Value::DoubleValue(number)) if number.is_infinite() => {
                let sign = if *number < 0.0 { "-" } else { "" };
                format!("{sign}Infinity")
            }
            Some(_) => return true,
        };
        *any = value::text(replacement);
        true
    }

    /// Cuts before redacting, so that the work is bounded, and after, because a replacement may be longer.
    fn named_text(self, key: &str, text: &mut String) {
        let is_cut = text.len() > VALUE_LIMIT;
        value::cut(text, VALUE_LIMIT);
        if let Some(redactor) = self.redactor {
            if is_cut {
                text::drop_last_word(text);
            }
            match redactor.text(key, text) {
                Cow::Owned(redacted) => *text = redacted,
                // A function may give a part of it, or a text of its own.
                Cow::Borrowed(other) if other != text.as_str() => *text = other.to_owned(),
                Cow::Borrowed(_) => return,
            }
            value::cut(text, VALUE_LIMIT);
        }
    }
}

/// Whether the server would store nothing of it, whatever is inside.
fn is_empty(any: &AnyValue) -> bool {
    match &any.value {
        None => true,
        Some(Value::StringValue(text)) => text.is_empty(),
        Some(Value::BytesValue(bytes)) => bytes.is_empty(),
        Some(Value::ArrayValue(array)) => array.values.is_empty(),
        Some(Value::KvlistValue(map)) => map.values.is_empty(),
        Some(_) => false,
    }
}

/// Names that say whose a record is.
fn names_owner(key: &str) -> bool {
    matches!(key, "highlight.session_id" | "highlight.trace_id" | "highlight.project_id")
}

/// The key as the server will store it: spaces become `_`, `a(b)` becomes `a.b` (C§3.3).
fn store_key(key: &mut String) {
    if key.contains([' ', '(', ')']) {
        *key = key.replace(' ', "_").replace('(', ".").replace(')', "");
    }
}

/// Whether the server would take a user's attribute of this name for something else (C§3.2, C§8).
fn is_taken(owner: Owner, given: &mut Given, key: &str) -> bool {
    match key {
        "highlight.session_id" => is_shared(owner) || std::mem::replace(&mut given.session, true),
        "highlight.trace_id" => is_shared(owner) || std::mem::replace(&mut given.request, true),
        "level" | "severity" | "log.severity" | "message" | "log.message" => owner != Owner::LogEvent,
        "highlight.project_id" | "service.name" | "service.version" | "deployment.environment" => {
            owner != Owner::Resource
        }
        "environment"
        | "URL"
        | "Source"
        | "highlight.source"
        | "highlight.type"
        | "highlight_project_id"
        | "x-highlight-project"
        | "highlight_session_id"
        | "fluent.tag" => true,
        // On a record that is no error they would make it one; an error's own are added later.
        _ => (is_shared(owner) || owner == Owner::Log) && key.starts_with("exception."),
    }
}

/// Attributes that the server merges into every record: no single one may be decided there.
fn is_shared(owner: Owner) -> bool {
    matches!(owner, Owner::Resource | Owner::Scope)
}

/// Whether `body` begins as in RFC 5424 (or the older RFC 3164): `<`, one to three digits, `>`.
fn has_syslog_header(body: &str) -> bool {
    let Some((priority, _)) = body.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
        return false;
    };
    matches!(priority.len(), 1..=3) && priority.bytes().all(|byte| byte.is_ascii_digit())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
