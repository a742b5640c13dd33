//! The contract's testable statements (C§13), each under its number, with bytes written by hand
//! and sent over a socket.
//!
//! Not here, because they are not about what a receiver does with bytes:
//! - 3: a header straight to the backend; this receiver plays the collector too, so 4 holds;
//! - 26: grouping of errors is left out;
//! - 48, 50: what browsers send and services do with it;
//! - 49: source links.

mod errors;
mod ids;
mod metrics;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod values;

use std::time::{Duration, SystemTime};

use highlight_local::{
    Snapshot, model,
    note::{ChangeReason, DropReason, Item},
};
use support::{DAY, SECOND, client, nanos, now, otlp::*, receiver, stored, wire::Message};

fn traces(message: &Message) -> Snapshot {
    stored("/v1/traces", message)
}

fn logs(message: &Message) -> Snapshot {
    stored("/v1/logs", message)
}

fn metrics(message: &Message) -> Snapshot {
    stored("/v1/metrics", message)
}

/// The one span of a request with one span.
fn one_span(attributes: &[Message]) -> std::sync::Arc<model::Span> {
    let seen = traces(&of_project(&[span_with("s", attributes)]));
    assert_eq!(seen.spans.len(), 1);
    seen.spans[0].clone()
}

/// The one log of a request with one record.
fn one_log(record: Message) -> (std::sync::Arc<model::Log>, Snapshot) {
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.logs.len(), 1);
    (seen.logs[0].clone(), seen)
}

/// The errors of a log record with this stack.
fn error_with_stack(stack: &str) -> (std::sync::Arc<model::ErrorObject>, Snapshot) {
    let record = log("b", &[text("exception.message", "m"), text("exception.stacktrace", stack)]);
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.errors.len(), 1);
    (seen.errors[0].clone(), seen)
}
