//! `highlight-local run`, with real commands.
#![cfg(all(unix, feature = "cli"))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
};

use support::otlp::*;

fn run(options: &[&str], command: &[&str]) -> Command {
    let mut run = Command::new(env!("CARGO_BIN_EXE_highlight-local"));
    run.arg("run").args(options).arg("--").args(command);
    for name in ["HIGHLIGHT_PROJECT_ID", "OTEL_EXPORTER_OTLP_PROTOCOL", "HIGHLIGHT_ENABLED"] {
        run.env_remove(name);
    }
    run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run
}

fn shell(script: &str) -> Output {
    run(&[], &["sh", "-c", script]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_commands_streams_and_status_are_its_own() {
    let output = shell("cat; echo out; echo problem >&2; exit 7");
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stdout), "out\n");
    let errors = text(&output.stderr);
    let lines: Vec<&str> = errors.lines().filter(|line| !line.starts_with("highlight-local: ")).collect();
    assert_eq!(lines, ["problem"], "{errors}");
    assert!(!errors.contains("still has a connection"), "{errors}");
    let quiet = run(&["--quiet"], &["sh", "-c", "echo problem >&2"]).output().unwrap();
    assert_eq!((text(&quiet.stderr).as_str(), quiet.status.code()), ("problem\n", Some(0)));
}

#[test]
fn how_it_ended_is_how_we_end() {
    for (script, code) in [("exit 0", 0), ("exit 255", 255), ("kill -KILL $$", 137), ("kill -TERM $$", 143)] {
        assert_eq!(shell(script).status.code(), Some(code), "{script}");
    }
}

#[test]
fn what_cannot_be_started_is_said() {
    let missing = run(&[], &["/no/such/command"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("cannot start /no/such/command"), "{missing:?}");
    assert_eq!(run(&[], &["/"]).output().unwrap().status.code(), Some(126));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = run(&["--port", &port], &["echo", "started"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(125));
    assert!(refused.stdout.is_empty(), "the command is not started: {refused:?}");
    assert!(text(&refused.stderr).contains("taken"), "{refused:?}");
}

#[test]
fn the_command_knows_where_to_send_and_ask() {
    let names = "$HIGHLIGHT_OTLP_ENDPOINT $OTEL_EXPORTER_OTLP_ENDPOINT $OTEL_EXPORTER_OTLP_PROTOCOL \
                 $HIGHLIGHT_PROJECT_ID $HIGHLIGHT_LOCAL_URL";
    let said = text(&shell(&format!("echo {names}")).stdout);
    let words: Vec<&str> = said.split_whitespace().collect();
    assert!(words[0].starts_with("http://127.0.0.1:"), "{said}");
    assert_eq!((words[1], words[2], words[3]), (words[0], "http/protobuf", "1"), "{said}");
    assert!(words[4].starts_with("http://127.0.0.1:") && words[4] != words[0], "{said}");

    let asked = run(&["--quiet"], &[env!("CARGO_BIN_EXE_highlight-local"), "errors"]).output().unwrap();
    assert_eq!(text(&asked.stdout), "no errors\n", "{asked:?}");
    let off = run(&[], &["true"]).env("HIGHLIGHT_ENABLED", "false").output().unwrap();
    assert!(text(&off.stderr).contains("HIGHLIGHT_ENABLED switches telemetry off"), "{off:?}");
}

/// Not a test: the command that the tests below run. It sends, and is gone before it is answered.
#[test]
#[ignore = "needs a receiver"]
fn sender() {
    let endpoint = std::env::var("HIGHLIGHT_OTLP_ENDPOINT").unwrap();
    let resource = [project(), support::otlp::text("highlight.session_id", "sess")];
    for number in 0..3 {
        let body = request(&resource, &[], &[log(&format!("log {number}"), &[])]).bytes();
        let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
        let head = "POST /v1/logs HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
        stream.write_all(&body).unwrap();
    }
}

fn run_sender(options: &[&str]) -> Output {
    let this = std::env::current_exe().unwrap();
    run(options, &[this.to_str().unwrap(), "--exact", "sender", "--ignored"]).output().unwrap()
}

#[test]
fn what_it_sent_is_shown_though_it_is_gone() {
    let output = run_sender(&["--timeline"]);
    assert!(output.status.success(), "{output:?}");
    let errors = text(&output.stderr);
    let lines: Vec<&str> = errors.lines().filter(|line| line.starts_with("| ")).collect();
    for number in 0..3 {
        let line = lines.iter().filter(|line| line.contains(&format!("log {number}"))).count();
        assert_eq!(line, 1, "{errors}");
    }
    assert!(errors.contains("session sess"), "the timeline: {errors}");
    assert!(!text(&output.stdout).contains("log 0"), "{output:?}");
    let quiet = text(&run_sender(&["--quiet", "--timeline"]).stderr);
    assert!(quiet.contains("log 2") && !quiet.contains("| "), "{quiet}");
}

#[test]
fn what_it_sent_is_kept_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    assert!(run_sender(&["--data", file.to_str().unwrap()]).status.success());
    let reader = highlight_local::archive::Reader::open(&file).unwrap();
    assert_eq!(reader.session("sess").unwrap().unwrap().logs.items.len(), 3);
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
fn signals_are_passed_on_and_waited_for() {
    for signal in ["TERM", "INT", "HUP", "USR1"] {
        // A shell runs its trap once the command in the foreground has ended.
        let script = format!("trap 'echo caught; exit 3' {signal}; echo ready; while :; do sleep 0.02; done");
        let mut running = Running(run(&[], &["sh", "-c", &script]).spawn().unwrap());
        let mut out = BufReader::new(running.0.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let pid = running.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "caught\n", "{signal}");
        assert_eq!(running.0.wait().unwrap().code(), Some(3), "{signal}");
    }
}

#[test]
fn what_it_left_running_holds_nobody_up() {
    let output =
        run(&["--wait", "0"], &["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let pid = text(&output.stdout);
    assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
}
