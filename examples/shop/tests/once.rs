//! `--once`: what it shows, and what its status means.

use std::process::{Command, Output};

use example_support::command;
use highlight_local::Receiver;

fn shop() -> Command {
    command(env!("CARGO_BIN_EXE_shop"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// On a busy machine, reading the symbols of an unoptimised program for its first stack can take as long as the services have to end.
const PATIENT: (&str, &str) = ("HIGHLIGHT_SHUTDOWN_TIMEOUT", "60000");

#[test]
fn all_that_was_sent_arrives_correlated() {
    let output = shop().arg("--once").env(PATIENT.0, PATIENT.1).output().unwrap();
    let timeline = stdout(&output);
    assert!(output.status.success(), "{}{timeline}", stderr(&output));

    let count = |text: &str| timeline.matches(text).count();
    assert_eq!(count("session "), 4 + 1, "four sessions, and `no session`: {timeline}");
    for (line, times) in [
        ("GET /  200", 1),
        ("GET /api/products  200", 1),
        ("POST /api/checkout  200", 8),
        ("payments  POST /charges", 8),
        ("payments  card charged", 8),
        ("GET /api/fail  500", 1),
        ("<- the payment did not go through", 1),
        ("<- the card gateway does not answer", 1),
        ("<- connection reset", 1),
        ("GET /api/panic  500", 1),
        ("index out of bounds: the len is 0 but the index is 0  (panic)", 1),
        ("GET /api/stream  200", 1),
        ("storefront  part sent", 3),
        ("POST /api/jobs  202", 1),
        ("storefront  invoice sent", 1),
        ("GET /api/report  200", 1),
        ("storefront  year summed up", 1),
        ("GET /api/missing/{id}  404", 1),
        ("not stored", 0),
    ] {
        assert_eq!(count(line), times, "{line:?} in {timeline}");
    }
}

/// Shows that the status can tell: no span leaves the services.
#[test]
fn what_does_not_arrive_is_named() {
    let output = shop().arg("--once").env("HIGHLIGHT_SAMPLE_RATE", "0").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaints = stderr(&output);
    for line in [
        r#"FAILED  POST /api/checkout from 10.7.5 XHR: span "storefront: POST /api/checkout" is missing"#,
        "FAILED  payments: ",
    ] {
        assert!(complaints.contains(line), "{line:?} in {complaints}");
    }
}

#[test]
fn a_server_that_is_named_gets_it_all() {
    let receiver = Receiver::start(0).unwrap();
    let mut command = shop();
    command.arg("--once").env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint()).env(PATIENT.0, PATIENT.1);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), "", "there is no timeline without a receiver");
    let seen = receiver.store().snapshot();
    assert!(seen.dropped.is_empty(), "{:?}", seen.dropped);
    assert_eq!(seen.sessions().len(), 4);
    let services = |name: &str| seen.spans.iter().filter(|span| span.origin.service == name).count();
    assert_eq!((services("storefront"), services("payments")), (26, 24));
}

#[test]
fn a_server_that_is_not_there_is_a_failure() {
    let receiver = Receiver::start(0).unwrap();
    let nobody = receiver.endpoint();
    drop(receiver);
    let output = shop().arg("--once").env("HIGHLIGHT_OTLP_ENDPOINT", nobody).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("FAILED  storefront: "), "{}", stderr(&output));
}

#[test]
fn a_taken_port_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = shop().arg("--once").env("PORT", &port).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = format!("cannot listen on 127.0.0.1:{port}; set PORT to a free port");
    assert!(stderr(&output).contains(&message), "{}", stderr(&output));
}
