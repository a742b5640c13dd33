//! The attributes that make a log record an error (C§6.1).
//!
//! | attribute | content |
//! |---|---|
//! | `exception.message` | never empty: without it the server drops the error; at most 10,000 bytes (C§1.3) |
//! | `exception.type` | the type, where it is known |
//! | `error.type` | the same: the server throws `exception.type` away (C§6.1); an `error.type` of the user's stays |
//! | `exception.stacktrace` | see [`stack`](crate::stack) |
//! | `exception.causes` | the texts of the source chain, outermost first; our own name, there is no convention |
//! | `exception.cause_types` | the type of each cause, empty where it is not known |
//! | `exception.structured_stacktrace` | the frames with their source code, if [`Config::source_context`](crate::Config::source_context) says so |
//! | `code.file.path`, `code.line.number`, `code.function.name` | where it was reported |

use opentelemetry::{KeyValue, Value};

use crate::{record::Exception, stack::Renderer};

use super::{
    keys, log,
    sanitize::{self, Given, Owner, Sanitizer},
    value::{cut, texts},
    wire::{Scalar, Writer},
};

/// The stack with its source lines, as JSON (C§6.3.7).
const STRUCTURED: &str = "exception.structured_stacktrace";
/// Longer messages are cut by the server (C§1.3), in the middle of a character if need be.
const MESSAGE_LIMIT: usize = 10_000;
/// No real chain is longer; a `source()` that returns itself is.
const CAUSES_LIMIT: usize = 32;

/// Writes the attributes of `exception` that are not `given`, and returns its message.
pub(super) fn describe(
    out: &mut Writer,
    exception: Exception,
    given: &[KeyValue],
    sanitizer: &mut Sanitizer<'_>,
    renderer: &Renderer,
) -> String {
    let type_name = exception.type_name.filter(|name| !name.is_empty());
    let type_name = type_name.map(|name| sanitizer.text(&name).into_owned());
    let message = meaningful(exception.message)
        .or_else(|| type_name.clone())
        .unwrap_or_else(|| "unknown error".to_owned());
    let message = cut(sanitizer.text(&message), MESSAGE_LIMIT).into_owned();
    let causes = exception.causes.iter().take(CAUSES_LIMIT);
    let causes: Vec<_> = causes.map(|cause| sanitizer.text(cause).into_owned()).collect();
    let clean = |line: &mut String| sanitizer.text_of(line);
    let rendered = renderer.render(exception.stack, exception.place.as_ref(), &clean);

    // Whatever the description consists of is cleaned: a stack may quote the program and its state.
    let mut add = |out: &mut Writer, key: &'static str, value: Value| {
        if !is_given(given, key) {
            let attribute = KeyValue::new(key, value);
            sanitizer.attribute(out, log::ATTRIBUTES, Owner::Error, &mut Given::default(), &attribute);
        }
    };
    add(out, "exception.message", message.clone().into());
    if let Some(name) = type_name {
        add(out, "exception.type", name.clone().into());
        add(out, "error.type", name.into());
    }
    if !causes.is_empty() {
        add(out, "exception.causes", texts(causes));
    }
    if exception.cause_types.iter().any(|name| !name.is_empty()) {
        add(out, "exception.cause_types", texts(exception.cause_types.into_iter().take(CAUSES_LIMIT)));
    }
    if let Some(trace) = rendered {
        if let Some(structured) = trace.structured {
            // Cleaned line by line, before it became JSON.
            out.attribute(log::ATTRIBUTES, STRUCTURED, Scalar::Text(&structured));
        }
        add(out, "exception.stacktrace", trace.text.into());
        if let Some(function) = trace.function {
            add(out, "code.function.name", function.into());
        }
    }
    if let Some(place) = exception.place {
        add(out, "code.file.path", place.file.into());
        add(out, "code.line.number", i64::from(place.line).into());
    }
    message
}

/// Whether the program has said so itself. What it calls `exception.*` has moved out of the way.
fn is_given(given: &[KeyValue], key: &str) -> bool {
    !key.starts_with("exception.")
        && given.iter().any(|attribute| {
            keys::stored(attribute.key.as_str()) == key && !sanitize::is_empty(&attribute.value)
        })
}

/// The server rejects an empty message and drops `[{}]`, which is what some SDKs make of an empty object (C§6.1).
fn meaningful(message: String) -> Option<String> {
    let says_nothing = matches!(message.trim(), "" | "[{}]");
    (!says_nothing).then_some(message)
}
