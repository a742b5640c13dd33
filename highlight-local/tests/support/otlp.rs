//! OTLP messages from their field numbers (opentelemetry-proto 1.x, `*.proto`).

use super::{SECOND, now, wire::Message};

pub const TRACE: [u8; 16] = [0xab; 16];
pub const TRACE_HEX: &str = "abababababababababababababababab";
pub const SPAN: [u8; 8] = [0xcd; 8];
pub const SPAN_HEX: &str = "cdcdcdcdcdcdcdcd";

// common.proto: AnyValue

pub fn string(value: &str) -> Message {
    Message::new().text(1, value)
}

pub fn boolean(value: bool) -> Message {
    Message::new().varint(2, value.into())
}

pub fn int(value: i64) -> Message {
    Message::new().varint(3, u64::from_le_bytes(value.to_le_bytes()))
}

pub fn double(value: f64) -> Message {
    Message::new().double(4, value)
}

pub fn array(values: &[Message]) -> Message {
    Message::new().message(5, &Message::new().messages(1, values))
}

pub fn map(entries: &[Message]) -> Message {
    Message::new().message(6, &Message::new().messages(1, entries))
}

pub fn bytes(value: &[u8]) -> Message {
    Message::new().bytes_field(7, value)
}

/// A `KeyValue`.
#[allow(clippy::needless_pass_by_value, reason = "calls read better")]
pub fn attribute(key: &str, value: Message) -> Message {
    Message::new().text(1, key).message(2, &value)
}

pub fn text(key: &str, value: &str) -> Message {
    attribute(key, string(value))
}

/// The attribute without which nothing is stored.
pub fn project() -> Message {
    text("highlight.project_id", "1")
}

// trace.proto

/// A span that is just over, without attributes.
pub fn span(name: &str) -> Message {
    Message::new()
        .bytes_field(1, &TRACE)
        .bytes_field(2, &SPAN)
        .text(5, name)
        .varint(6, 2)
        .fixed64(7, now() - SECOND)
        .fixed64(8, now())
}

pub fn span_with(name: &str, attributes: &[Message]) -> Message {
    span(name).messages(9, attributes)
}

pub fn event(name: &str, attributes: &[Message]) -> Message {
    Message::new().fixed64(1, now()).text(2, name).messages(3, attributes)
}

pub fn status(code: u64, message: &str) -> Message {
    Message::new().text(2, message).varint(3, code)
}

// logs.proto

/// A record of now, INFO, in a trace and a span.
pub fn log(body: &str, attributes: &[Message]) -> Message {
    bare_log(attributes).text(3, "INFO").fixed64(1, now()).message(5, &string(body))
}

/// A record without time, severity and body.
pub fn bare_log(attributes: &[Message]) -> Message {
    Message::new().messages(6, attributes).bytes_field(9, &TRACE).bytes_field(10, &SPAN)
}

// metrics.proto

pub fn number(value: f64, attributes: &[Message]) -> Message {
    Message::new().fixed64(2, now() - SECOND).fixed64(3, now()).double(4, value).messages(7, attributes)
}

pub fn gauge(name: &str, points: &[Message]) -> Message {
    Message::new().text(1, name).message(5, &Message::new().messages(1, points))
}

/// Temporality 1 is delta, 2 is cumulative.
pub fn sum(name: &str, temporality: u64, points: &[Message]) -> Message {
    let sum = Message::new().messages(1, points).varint(2, temporality).varint(3, 1);
    Message::new().text(1, name).message(7, &sum)
}

// The requests: resource, one scope, items.

pub fn request(resource: &[Message], scope: &[Message], items: &[Message]) -> Message {
    let scope = Message::new().text(1, "test").messages(3, scope);
    let scoped = Message::new().message(1, &scope).messages(2, items);
    let resource = Message::new().messages(1, resource);
    let group = Message::new().message(1, &resource).message(2, &scoped);
    Message::new().message(1, &group)
}

/// A request of project 1.
pub fn of_project(items: &[Message]) -> Message {
    request(&[project()], &[], items)
}
