//! Deadlines hold everywhere, each case in a process of its own: situations x an endpoint that answers, one that hangs.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{net::TcpListener, thread};

use conformance::process::{self, Ended};
use highlight_local::Receiver;

/// What a case prints while the endpoint hangs, and how many records arrive when it answers.
type Row = (&'static str, &'static [&'static str], usize);

const TABLE: [Row; 22] = [
    ("drop", &[], 1),
    ("drop_in_current_thread_runtime", &[], 1),
    ("drop_in_multi_thread_runtime", &[], 1),
    ("drop_in_actix_system", &[], 1),
    ("drop_in_spawn_blocking", &[], 1),
    ("drop_while_panicking", &["thread: false"], 2),
    ("drop_of_a_thread_local", &[], 1),
    ("drop_of_a_thread_local_of_a_thread", &[], 1),
    ("flush", &["timeout"], 1),
    ("flush_in_current_thread_runtime", &["timeout"], 1),
    ("flush_in_multi_thread_runtime", &["timeout"], 1),
    ("flush_in_actix_system", &["timeout"], 1),
    ("flush_in_spawn_blocking", &["timeout"], 1),
    ("flush_in_a_panic_hook", &["timeout", "panicked: true"], 1),
    ("flush_async_in_current_thread_runtime", &["timeout"], 1),
    ("flush_async_in_multi_thread_runtime", &["timeout"], 1),
    ("flush_of_a_static", &["timeout"], 1),
    ("shutdown_twice", &["timeout"; 3], 1),
    ("shutdown_from_threads", &["timeout"; 16], 1),
    ("shutdown_async_in_current_thread_runtime", &["timeout"], 1),
    ("last_client_of_a_request", &["the request has ended"], 2),
    ("fork", &["child: Err(Forked) Err(Forked)", "child: prompt true"], 2),
];

/// Requests have ten minutes, which no test waits for: what ends in time has kept its own deadline.
const PATIENT: [(&str, &str); 2] =
    [("HIGHLIGHT_EXPORT_TIMEOUT", "600000"), ("HIGHLIGHT_SHUTDOWN_TIMEOUT", "200")];

fn run(case: &str, endpoint: &str, environment: &[(&str, &str)]) -> (Ended, Vec<String>) {
    let ended = process::run(env!("CARGO_BIN_EXE_time_case"), case, endpoint, environment).unwrap();
    assert!(ended.status.success(), "{case}: {ended:#?}");
    let lines = ended.stdout.lines().filter(|line| *line != "done").map(str::to_owned);
    let lines = lines.collect();
    (ended, lines)
}

fn each_case(check: impl Fn(&Row) + Sync) {
    thread::scope(|scope| {
        for row in &TABLE {
            scope.spawn(|| check(row));
        }
    });
}

#[test]
fn with_a_hanging_endpoint_every_call_and_every_drop_keeps_its_deadline() {
    each_case(|(case, expected, _)| {
        // Takes connections, and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (_, mut lines) = run(case, &endpoint, &PATIENT);
        if *case == "shutdown_from_threads" {
            // Whoever joins a shutdown ends with it, and may have had time left: that was no timeout of its own.
            let joined = |line: &&mut String| *line == "Undelivered { items: 1 }";
            lines.iter_mut().filter(joined).for_each(|line| *line = "timeout".to_owned());
        }
        assert_eq!(lines, *expected, "{case}");
    });
}

#[test]
fn with_an_endpoint_that_answers_everything_is_delivered() {
    each_case(|(case, while_hanging, records)| {
        let receiver = Receiver::start(0).unwrap();
        let (ended, lines) = run(case, &receiver.endpoint(), &[("HIGHLIGHT_SHUTDOWN_TIMEOUT", "60000")]);
        let expected = while_hanging.iter().map(|line| line.replace("timeout", "delivered"));
        // A machine under load may not deliver within the short deadline of a flush; the end still does.
        assert!(
            lines.iter().zip(expected.clone()).all(|(line, expected)| *line == expected || line == "timeout"),
            "{case}: {lines:?}"
        );
        assert_eq!(lines.len(), expected.count(), "{case}: {lines:?}");
        let rows = receiver.store().snapshot();
        assert_eq!(rows.logs.len(), *records, "{case}: {ended:#?} {:#?}", rows.logs);
    });
}
