//! The archive, fed with bytes written by hand over a socket.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod api;
mod beside;
mod bundle;
mod damage;
#[cfg(all(unix, feature = "cli"))]
mod program;
mod queries;
mod retention;
#[path = "../support/mod.rs"]
mod support;

use highlight_local::{
    Receiver,
    archive::{Archive, Reader},
};
use support::{client, otlp::*, receiver, wire::Message};

/// A receiver with an archive behind it.
struct Archived {
    receiver: Receiver,
    archive: Archive,
}

impl Archived {
    fn in_memory() -> Self {
        let receiver = receiver();
        let archive = Archive::in_memory().start(&receiver.store()).unwrap();
        Self { receiver, archive }
    }

    fn send(&self, path: &str, message: &Message) {
        let answer = client::post(&self.receiver, path, &message.bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn logs(&self, resource: &[Message], logs: &[Message]) {
        self.send("/v1/logs", &request(resource, &[], logs));
    }

    fn spans(&self, resource: &[Message], spans: &[Message]) {
        self.send("/v1/traces", &request(resource, &[], spans));
    }

    /// A reader that sees everything sent so far.
    fn reader(&self) -> Reader {
        self.archive.settle();
        self.archive.reader()
    }
}

/// The resource of a service, in a session and a request where these are not empty.
fn resource(service: &str, session: &str, request: &str) -> Vec<Message> {
    let mut attributes = vec![project(), text("service.name", service)];
    for (key, value) in [("highlight.session_id", session), ("highlight.trace_id", request)] {
        if !value.is_empty() {
            attributes.push(text(key, value));
        }
    }
    attributes
}

/// A span with ids of these bytes; times in milliseconds after the first of them.
fn timed_span(
    name: &str,
    id: u8,
    parent: u8,
    start: u64,
    end: u64,
    kind: u64,
    attributes: &[Message],
) -> Message {
    let base = support::now() / support::SECOND * support::SECOND - 60 * support::SECOND;
    let mut span = Message::new().bytes_field(1, &TRACE).bytes_field(2, &[id; 8]);
    if parent != 0 {
        span = span.bytes_field(4, &[parent; 8]);
    }
    span.text(5, name)
        .varint(6, kind)
        .fixed64(7, base + start * 1_000_000)
        .fixed64(8, base + end * 1_000_000)
        .messages(9, attributes)
}

fn levelled(body: &str, level: &str, attributes: &[Message]) -> Message {
    bare_log(attributes).text(3, level).fixed64(1, support::now()).message(5, &string(body))
}

fn error(message: &str, attributes: &[Message]) -> Message {
    let mut all = vec![text("exception.message", message), text("exception.type", "CardError")];
    all.extend_from_slice(attributes);
    levelled(message, "ERROR", &all)
}

const SERVER: u64 = 2;
const CLIENT: u64 = 3;
