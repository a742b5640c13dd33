//! Many short lives: nothing of any is lost.
#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{
    net::TcpListener,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use highlight_local::Receiver;

const RUNS: usize = 20;
/// Each of them reads the program's symbols, which takes a while in a debug build.
const FAILURES: usize = 4;

fn run(arguments: [&str; 2], endpoint: &str) -> ExitStatus {
    Command::new(env!("CARGO_BIN_EXE_example-command"))
        .args(arguments)
        .env("HIGHLIGHT_OTLP_ENDPOINT", endpoint)
        // Longer than anything takes, also on a machine with much else to do.
        .env("HIGHLIGHT_SHUTDOWN_TIMEOUT", "60000")
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn every_run_delivers_everything() {
    let receiver = Receiver::start(0).unwrap();
    for _ in 0..RUNS {
        assert_eq!(run(["7", "2"], &receiver.endpoint()).code(), Some(0));
    }
    for _ in 0..FAILURES {
        assert_eq!(run(["7", "0"], &receiver.endpoint()).code(), Some(1));
    }
    let stored = receiver.store().snapshot();
    assert_eq!(stored.spans.len(), RUNS + FAILURES);
    assert_eq!(stored.logs.iter().filter(|log| log.message == "divided").count(), RUNS);
    assert_eq!(stored.errors.len(), FAILURES);
    assert!(stored.errors.iter().all(|error| error.event == "cannot divide by zero"), "{:?}", stored.errors);
}

#[test]
fn an_endpoint_that_is_away_changes_nothing_but_the_time() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let started = Instant::now();
    assert_eq!(run(["7", "2"], &format!("http://{free}")).code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}
