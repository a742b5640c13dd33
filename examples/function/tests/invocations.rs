//! The function as a process that is killed between two requests.
#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use highlight_local::Receiver;

/// The process, its input, and the lines of its output.
struct Function {
    process: Child,
    answers: Box<dyn Iterator<Item = String>>,
}

impl Function {
    fn start(endpoint: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_example-function"))
            .env("HIGHLIGHT_OTLP_ENDPOINT", endpoint)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        Self { process, answers: Box::new(answers) }
    }

    fn invoke(&mut self, event: &str) -> String {
        writeln!(self.process.stdin.as_mut().unwrap(), "{event}").unwrap();
        self.answers.next().unwrap()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // As a platform does it: nothing of the process runs any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An event with more time than anything takes.
fn event(path: &str, request: &str) -> String {
    format!(
        r#"{{"path": "{path}", "headers": {{"x-highlight-request": "session/{request}"}}, "timeout_ms": 60000}}"#
    )
}

#[test]
fn what_is_answered_is_delivered() {
    let receiver = Receiver::start(0).unwrap();
    let mut function = Function::start(&receiver.endpoint());
    for n in 1..=3 {
        let request = format!("request{n}");
        let answer = function.invoke(&event(&format!("/resize/{n}"), &request));
        assert_eq!(answer, format!(r#"{{"status":200,"body":"{n}00 bytes"}}"#));
        // Not a moment later: after its answer the process might never run again.
        let stored = receiver.store().snapshot();
        let mut spans: Vec<_> = stored.spans.iter().filter(|span| span.trace_id == request).collect();
        spans.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["GET /resize/{id}", "read image"]);
        assert!(spans.iter().all(|span| span.origin.session_id == "session"), "{spans:?}");
        assert_eq!(stored.logs.iter().filter(|log| log.message == "resized").count(), n);
    }
    let answer = function.invoke(&event("/resize/seven", "request4"));
    assert!(answer.contains("500"), "{answer}");
    let errors = receiver.store().snapshot().errors;
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].origin.request_id, "request4");
}

#[test]
fn an_endpoint_that_is_away_fails_no_request() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut function = Function::start(&format!("http://{free}"));
    assert!(function.invoke(&event("/resize/7", "request")).contains("700 bytes"));
}
