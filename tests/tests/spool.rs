//! The spool outlives a process that is killed, each in a process of its own.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::Child,
};

use conformance::process;
use highlight_local::Receiver;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_spool_case");

/// An address where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A process that has recorded while the endpoint is away, and what it said about that.
fn recorded(directory: &Path, more: &[(&str, &str)]) -> (Child, String) {
    let spool = [("HIGHLIGHT_SPOOL", directory.to_str().unwrap()), ("HIGHLIGHT_EXPORT_INTERVAL", "10")];
    let mut child =
        process::command(PROGRAM, "records", &nobody(), &[&spool, more].concat()).spawn().unwrap();
    let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    (child, line)
}

/// Runs a process that delivers, and says what it says.
fn deliver(directory: &Path, receiver: &Receiver) -> String {
    let spool = [("HIGHLIGHT_SPOOL", directory.to_str().unwrap())];
    let ended = process::run(PROGRAM, "delivers", &receiver.endpoint(), &spool).unwrap();
    assert!(ended.status.success(), "{ended:#?}");
    ended.stdout
}

fn bodies(receiver: &Receiver) -> Vec<String> {
    receiver.store().snapshot().logs.iter().map(|log| log.message.clone()).collect()
}

#[test]
fn what_a_killed_process_could_not_deliver_the_next_one_does_once_and_in_order() {
    let directory = TempDir::new().unwrap();
    let (mut first, said) = recorded(directory.path(), &[]);
    assert_eq!(said, "produced 5, spooled 5");
    let receiver = Receiver::start(0).unwrap();

    // While it lives, nobody takes what it has.
    assert_eq!(deliver(directory.path(), &receiver), "produced 0, exported 0, spooled 0\n");
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(deliver(directory.path(), &receiver), "produced 5, exported 5, spooled 0\n");
    let expected: Vec<_> = (0..5).map(|number| format!("record {number}")).collect();
    assert_eq!(bodies(&receiver), expected);
    assert_eq!(deliver(directory.path(), &receiver), "produced 0, exported 0, spooled 0\n");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn two_that_start_after_a_kill_deliver_each_record_once() {
    let directory = TempDir::new().unwrap();
    for _ in 0..2 {
        let (mut child, _) = recorded(directory.path(), &[]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let receiver = Receiver::start(0).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| deliver(directory.path(), &receiver));
        }
    });
    let mut bodies = bodies(&receiver);
    bodies.sort();
    let twice = |number| [format!("record {number}"), format!("record {number}")];
    assert_eq!(bodies, (0..5).flat_map(twice).collect::<Vec<_>>(), "one of each process");
}

#[test]
fn a_client_that_is_switched_off_leaves_the_directory_alone() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("spool");
    let (mut child, said) = recorded(&directory, &[("HIGHLIGHT_ENABLED", "false")]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said, "produced 0, spooled 0");
    assert!(!directory.exists());
}
