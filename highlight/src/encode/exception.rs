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

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};

use crate::{record::Exception, stack::Renderer};

use super::{
    sanitize::Sanitizer,
    value::{any_value, attribute, cut, text, texts},
};

/// The stack with its source lines, as JSON (C§6.3.7).
pub(super) const STRUCTURED: &str = "exception.structured_stacktrace";
/// Longer messages are cut by the server (C§1.3), in the middle of a character if need be.
const MESSAGE_LIMIT: usize = 10_000;
/// No real chain is longer; a `source()` that returns itself is.
const CAUSES_LIMIT: usize = 32;

/// Adds the attributes of `exception` and returns its message.
pub(super) fn describe(
    exception: Exception,
    sanitizer: Sanitizer<'_>,
    renderer: &Renderer,
    attributes: &mut Vec<KeyValue>,
) -> String {
    let type_name = exception.type_name.map(std::borrow::Cow::into_owned).filter(|name| !name.is_empty());
    let mut message = meaningful(exception.message)
        .or_else(|| type_name.clone())
        .unwrap_or_else(|| "unknown error".to_owned());
    sanitizer.text(&mut message);
    cut(&mut message, MESSAGE_LIMIT);

    let mut add = |key: &str, value| {
        if attributes.iter().all(|present| present.key != key) {
            attributes.push(attribute(key, value));
        }
    };
    add("exception.message", text(message.clone()));
    if let Some(mut name) = type_name {
        sanitizer.text(&mut name);
        add("exception.type", text(name.clone()));
        add("error.type", text(name));
    }
    if !exception.causes.is_empty() {
        let causes = exception.causes.into_iter().take(CAUSES_LIMIT);
        let clean = causes.map(|mut cause| {
            sanitizer.text(&mut cause);
            cause
        });
        add("exception.causes", texts(clean));
    }
    if exception.cause_types.iter().any(|name| !name.is_empty()) {
        let names = exception.cause_types.into_iter().take(CAUSES_LIMIT);
        add("exception.cause_types", texts(names.map(std::borrow::Cow::into_owned)));
    }
    let clean = |line: &mut String| sanitizer.text(line);
    if let Some(trace) = renderer.render(exception.stack, exception.place.as_ref(), &clean) {
        if let Some(structured) = trace.structured {
            add(STRUCTURED, text(structured));
        }
        add("exception.stacktrace", text(trace.text));
        if let Some(function) = trace.function {
            add("code.function.name", text(function));
        }
    }
    if let Some(place) = exception.place {
        let line = Value::IntValue(place.line.into());
        add("code.file.path", text(place.file));
        add("code.line.number", any_value(line));
    }
    message
}

/// The server rejects an empty message and drops `[{}]`, which is what some SDKs make of an empty object (C§6.1).
fn meaningful(message: String) -> Option<String> {
    let says_nothing = matches!(message.trim(), "" | "[{}]");
    (!says_nothing).then_some(message)
}
