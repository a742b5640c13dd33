//! The pages, judged on the HTML as a browser reads it.
#![cfg(feature = "viewer")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod hostile;
mod live;
mod pages;
mod replay;
#[path = "../support/mod.rs"]
mod support;

use highlight_local::{
    Receiver,
    api::Server,
    archive::{Archive, ErrorQuery, Reader},
    viewer::{Sources, Viewer},
};
use scraper::{ElementRef, Html, Selector};
use support::{client, otlp::*, receiver, wire::Message};

/// A receiver, an archive behind it, and its pages.
struct Shown {
    server: Server,
    archive: Archive,
    receiver: Receiver,
}

impl Shown {
    fn new() -> Self {
        Self::with(Sources::default())
    }

    fn with(sources: Sources) -> Self {
        let receiver = receiver();
        let archive = Archive::in_memory().start(&receiver.store()).unwrap();
        let server = Viewer::new(&archive).sources(sources).start(0).unwrap();
        Self { server, archive, receiver }
    }

    fn send(&self, path: &str, resource: &[Message], items: &[Message]) {
        let answer = client::post(&self.receiver, path, &request(resource, &[], items).bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.archive.settle();
    }

    fn reader(&self) -> Reader {
        self.archive.reader()
    }

    fn get(&self, path: &str) -> client::Answer {
        client::get(self.server.address(), "localhost", path)
    }

    fn page(&self, path: &str) -> Html {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        Html::parse_document(&String::from_utf8(answer.body).unwrap())
    }
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text_of(element: ElementRef<'_>) -> String {
    element.text().collect()
}

/// What all elements of a kind say.
fn texts(page: &Html, selector: &str) -> Vec<String> {
    all(page, selector).into_iter().map(text_of).collect()
}

/// The resource of a service, in a session and a request.
fn resource(service: &str, session: &str, request: &str) -> Vec<Message> {
    vec![
        project(),
        text("service.name", service),
        text("highlight.session_id", session),
        text("highlight.trace_id", request),
    ]
}

fn log_at(level: &str, body: &str, attributes: &[Message]) -> Message {
    bare_log(attributes).text(3, level).fixed64(1, support::now()).message(5, &string(body))
}

/// An error with the stack of one frame.
fn error(message: &str, file: &str, line: u32) -> Message {
    let stack = format!("\nshop::pay\n\t{file}:{line}\n");
    let attributes = [
        text("exception.message", message),
        text("exception.type", "PayError"),
        text("exception.stacktrace", &stack),
    ];
    log_at("ERROR", message, &attributes)
}
