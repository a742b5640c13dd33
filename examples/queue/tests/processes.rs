//! The two services, each in a process of its own, and what a Highlight server would store of them.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{path::Path, process::Command};

use highlight_local::{Receiver, model::Span};

fn run(service: &str, queue: &Path, receiver: &Receiver) {
    let status = Command::new(env!("CARGO_BIN_EXE_queue"))
        .arg(service)
        .arg(queue)
        .env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint())
        .status()
        .unwrap();
    assert!(status.success(), "{service}: {status}");
}

#[test]
fn the_worker_is_in_the_request_of_the_shop() {
    let receiver = Receiver::start(0).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let queue = dir.path().join("invoices.jsonl");

    run("shop", &queue, &receiver);
    let before = receiver.store().snapshot().spans.len();
    run("worker", &queue, &receiver);

    let stored = receiver.store().snapshot();
    let (shop, worker) = stored.spans.split_at(before);
    let names = |spans: &[std::sync::Arc<Span>]| {
        let mut names: Vec<_> =
            spans.iter().map(|span| format!("{}: {}", span.origin.service, span.name)).collect();
        names.sort();
        names
    };
    assert_eq!(names(shop), ["shop: POST /orders", "shop: send invoices"]);
    assert_eq!(names(worker), ["worker: process invoices", "worker: write_invoice"]);

    let messages: Vec<_> = stored.logs.iter().map(|log| log.message.as_str()).collect();
    assert_eq!(messages, ["order placed", "invoice written"]);
    let spans = stored.spans.iter().map(|span| (&span.origin.session_id, &span.trace_id));
    let logs = stored.logs.iter().map(|log| (&log.origin.session_id, &log.trace_id));
    for ids in spans.chain(logs) {
        assert_eq!(ids, (&"WnjGsMDLJ0vZTjMUZrTFYaSjbGqA".to_owned(), &"9k2hTq81Lx".to_owned()));
    }
}

#[test]
fn the_demo_shows_one_request() {
    let output = Command::new(env!("CARGO_BIN_EXE_queue")).output().unwrap();
    let timeline = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(timeline.contains("1 request\n"), "{timeline}");
    assert!(timeline.contains("worker  process invoices"), "{timeline}");
    assert!(!timeline.contains("no session"), "{timeline}");
}
