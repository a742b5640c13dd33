//! The program, as a process.
#![cfg(all(unix, feature = "cli"))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use support::otlp::*;

fn program(port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_highlight-local"));
    command
        .env("HIGHLIGHT_LOCAL_PORT", port.to_string())
        .env("HIGHLIGHT_LOCAL_GRPC_PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Ends the process if the test fails before it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_prints_what_arrives_and_ends_cleanly_on_sigterm() {
    let mut running = Running(program(0).arg("--timeline").spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut line_with = |part: &str| lines.find(|line| line.contains(part)).unwrap_or_default();

    let greeting = line_with("listens on");
    let address = greeting.rsplit_once("http://").unwrap().1.to_owned();
    let hint = line_with("HIGHLIGHT_OTLP_ENDPOINT=http://localhost:");
    assert!(hint.ends_with(address.rsplit_once(':').unwrap().1), "{hint}");

    let resource = [project(), text("service.name", "shop"), text("highlight.session_id", "sess")];
    let flag = [attribute("flag", boolean(true))];
    let body = request(&resource, &[], &[span_with("GET /x", &flag)]).bytes();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(&body).unwrap();

    let span = line_with("GET /x");
    assert!(span.starts_with("span") && span.contains("shop") && span.contains("sess"), "{span}");
    let dropped = line_with("DROPPED");
    assert!(dropped.contains("flag") && dropped.contains("C§3.3"), "{dropped}");

    let pid = running.0.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    assert!(line_with("session sess").contains("1 request"), "the timeline at the end");
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_taken_port_is_said_with_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = program(address.port()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(&address.to_string()) && text.contains("taken"), "{text}");
    assert!(!text.contains("panicked"));
}

/// The lines up to the one that says how to stop it.
fn greeting(command: &mut Command) -> String {
    let mut running = Running(command.spawn().unwrap());
    let lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.take_while(|line| !line.starts_with("stop it")).map(|line| line + "\n").collect()
}

#[test]
fn what_else_it_does_is_said_at_the_start() {
    let plain = greeting(&mut program(0));
    assert!(plain.contains("OTLP over gRPC goes to http://127.0.0.1:"), "{plain}");
    assert!(!plain.contains("recorded") && !plain.contains("passed on"), "{plain}");
    assert!(!greeting(program(0).arg("--no-grpc")).contains("gRPC"));
    let all = greeting(program(0).args(["--replay", "--forward", "http://otel.internal:4318"]));
    assert!(all.contains("passed on to http://otel.internal:4318"), "{all}");
    assert!(all.contains("backendUrl is http://localhost:") && all.contains("/public"), "{all}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let without = greeting(program(0).args(["--grpc-port", &port]));
    assert!(without.contains("no OTLP over gRPC: cannot listen on"), "{without}");
}

#[test]
fn a_target_that_is_none_is_said_with_exit_code_1() {
    let output = program(0).args(["--forward", "otel.internal"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot forward to") && text.contains("http://"), "{text}");
}

#[test]
fn a_reader_that_leaves_ends_it_without_noise() {
    let mut running = Running(program(0).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let greeting = lines.next().unwrap();
    let address = greeting.rsplit_once("http://").unwrap().1.to_owned();
    // It is the request's line that finds nobody, and no further one of the greeting: then the program were gone before it came.
    assert!(lines.any(|line| line.starts_with("stop it")));
    drop(lines);
    let body = of_project(&[span("s")]).bytes();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(&body).unwrap();
    let child = &mut running.0;
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut errors = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut errors).unwrap();
    assert_eq!(errors, "");
}
