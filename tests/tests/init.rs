//! What `init` does in each situation, each in a process of its own.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{net::TcpListener, ops::Deref, process::ExitStatus};

use conformance::{case, process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_init_case");

/// What a case did.
struct Run(case::Run);

/// Runs a case that reports to a receiver of its own.
fn run(case: &str) -> Run {
    run_with(case, &[])
}

fn run_with(case: &str, environment: &[(&str, &str)]) -> Run {
    Run(case::Run::of(PROGRAM, case, environment).unwrap())
}

fn run_to(endpoint: &str, case: &str, environment: &[(&str, &str)]) -> (ExitStatus, String, String) {
    let ended = process::run(PROGRAM, case, endpoint, environment).unwrap();
    (ended.status, ended.stdout, ended.stderr)
}

impl Deref for Run {
    type Target = case::Run;

    fn deref(&self) -> &case::Run {
        &self.0
    }
}

impl Run {
    /// Ended well, having printed exactly this.
    fn prints(&self, lines: &[&str]) -> &Self {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        assert_eq!(self.stdout.lines().collect::<Vec<_>>(), lines, "{}", self.stderr);
        self
    }

    fn says(&self, text: &str, times: usize) -> &Self {
        assert_eq!(self.stderr.matches(text).count(), times, "{text:?} in:\n{}", self.stderr);
        self
    }

    /// Nothing about ourselves is said.
    fn is_quiet(&self) -> &Self {
        for line in self.stderr.lines() {
            let ours = line.starts_with("highlight:") || line.contains(" highlight: ");
            assert!(!ours, "{line}");
        }
        self
    }

    /// The messages of the stored log rows, sorted.
    fn stores_logs(&self, messages: &[&str]) -> &Self {
        let mut found: Vec<_> = self.rows.logs.iter().map(|log| log.message.as_str()).collect();
        found.sort_unstable();
        let mut expected = messages.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected);
        self
    }

    /// The names of the stored spans, sorted.
    fn stores_spans(&self, names: &[&str]) -> &Self {
        let mut found: Vec<_> = self.rows.spans.iter().map(|span| span.name.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, names);
        self
    }

    fn stores_errors(&self, count: usize) -> &Self {
        assert_eq!(self.rows.errors.len(), count, "{:#?}", self.rows.errors);
        assert!(self.rows.dropped.is_empty() && self.rows.changed.is_empty());
        self
    }

    /// Everything that `say_all` says.
    fn stores_all(&self) -> &Self {
        self.stores_logs(&["from tracing", "from log", "from us", ERROR]);
        self.stores_spans(&["our span", "their span"]).stores_errors(1)
    }

    fn stores_nothing(&self) -> &Self {
        self.stores_logs(&[]).stores_spans(&[]).stores_errors(0)
    }
}

/// What `std::fmt::Error` says.
const ERROR: &str = "an error occurred when formatting an argument";
const LATE: &str = "telemetry was recorded after its client was shut down";
const OTHER_LOGGER: &str = "another logger of the `log` crate is installed";
const EARLY: &str = "telemetry was recorded before `highlight::init`";
const NO_LAYER: &str = "was installed without `highlight::layer()`";
const UNREACHABLE: &str = "cannot deliver telemetry to";

#[test]
fn alone_it_installs_a_subscriber_with_a_console_and_a_logger() {
    let run = run("alone");
    run.prints(&["setup: Installed", "done"]).is_quiet().stores_all();
    for line in ["from tracing", "from log"] {
        run.says(line, 1);
    }
}

#[test]
fn the_console_can_be_switched_off() {
    let run = run_with("alone", &[("HIGHLIGHT_CONSOLE", "false")]);
    run.prints(&["setup: Installed", "done"]).stores_all();
    assert_eq!(run.stderr, "");
}

#[test]
fn disabled_and_without_a_console_nothing_is_shown_or_sent() {
    let run = run_with("alone", &[("HIGHLIGHT_CONSOLE", "false"), ("HIGHLIGHT_ENABLED", "false")]);
    run.prints(&["setup: Installed", "done"]).stores_nothing();
    assert_eq!(run.stderr, "");
}

#[test]
fn disabled_it_leaves_the_program_its_requests_and_its_other_clients() {
    let run = run("disabled_beside_another");
    let request = "session1/request1";
    run.prints(&[&format!("{request}, false"), request, request, "done"]).is_quiet();
    run.stores_logs(&["from log", "from us", ERROR]).stores_spans(&["our span"]).stores_errors(1);
}

#[test]
fn without_a_console_a_dead_endpoint_is_said_all_the_same() {
    let (_, _, stderr) = run_to("http://127.0.0.1:9", "alone", &[("HIGHLIGHT_CONSOLE", "false")]);
    assert_eq!(stderr.matches("cannot deliver telemetry to http://127.0.0.1:9").count(), 1, "{stderr}");
    assert!(!stderr.contains("from tracing"), "{stderr}");
}

#[test]
fn a_second_time_is_an_error_and_the_first_goes_on() {
    let run = run("twice");
    let second = run.stdout.lines().find_map(|line| line.strip_prefix("second: ")).unwrap();
    assert!(second.contains("already") && second.contains("guard"), "{second}");
    run.prints(&["setup: Installed", &format!("second: {second}"), "done"]).is_quiet().stores_all();
}

#[test]
fn after_the_guard_it_starts_anew() {
    let run = run("again_after_the_guard");
    run.prints(&["setup: Installed", "setup: LayerFound", "done"]).is_quiet();
    let all = ["from tracing", "from log", "from us", ERROR];
    run.stores_logs(&[all, all].concat());
    run.stores_spans(&["our span", "our span", "their span", "their span"]).stores_errors(2);
}

#[test]
fn a_subscriber_that_holds_the_layer_is_used() {
    let run = run("after_a_subscriber_with_the_layer");
    run.prints(&["setup: LayerFound", "done"]).is_quiet().stores_all();
    run.says("from tracing", 1).says("from log", 1);
}

#[test]
fn a_subscriber_of_one_thread_does_not_stand_in_for_the_others() {
    let run = run("under_a_threads_own_subscriber");
    run.prints(&["setup: Installed", "done"]).is_quiet().stores_all();
}

#[test]
fn a_subscriber_without_the_layer_is_left_alone_and_said_once() {
    let run = run("after_a_subscriber_without_the_layer");
    run.prints(&["setup: LayerMissing", "done"]).says(NO_LAYER, 1).says("from tracing", 1);
    // Ours, and what comes through our own logger; nothing of `tracing`.
    run.stores_logs(&["from log", "from us", ERROR]).stores_spans(&["our span"]).stores_errors(1);
}

#[test]
fn of_many_that_start_it_at_once_one_does_and_says_what_it_found() {
    run("raced_after_a_subscriber_without_the_layer").prints(&["started: 1", "done"]).says(NO_LAYER, 1);
}

#[test]
fn a_threads_own_subscriber_without_the_layer_is_said_once() {
    let run = run("under_a_threads_own_without_the_layer");
    run.prints(&["setup: Installed", "done"]).stores_all().says(NO_LAYER, 1).says("this thread's own", 1);
}

#[test]
fn a_subscriber_that_comes_later_is_refused_by_its_own_crate() {
    let run = run("before_a_subscriber");
    run.prints(&["setup: Installed", "theirs: refused", "done"]).is_quiet().stores_all();
}

#[test]
fn another_logger_is_left_alone_and_said_once() {
    let run = run("after_a_logger");
    run.prints(&["setup: Installed", "logger: from log", "done"]).says(OTHER_LOGGER, 1);
    run.stores_logs(&["from tracing", "from us", ERROR]).stores_errors(1);
}

#[test]
fn tracing_log_carries_the_records() {
    let run = run("after_tracing_log");
    run.prints(&["setup: Installed", "done"]).stores_all();
    run.says("from log", 1);
}

#[test]
fn the_logger_keeps_key_values_and_promotes_errors() {
    let run = run("log_bridge");
    run.prints(&["setup: Installed", "done"]).is_quiet();
    run.stores_logs(&["checkout failed", "no error", "paid", "again"]).stores_errors(1);
    let error = &run.rows.errors[0];
    assert_eq!((error.event.as_str(), error.origin.session_id.as_str()), (ERROR, "session"));
    assert_eq!(error.payload["order"], "7");
    for log in &run.rows.logs {
        assert_eq!((log.origin.session_id.as_str(), log.trace_id.as_str()), ("session", "request"));
        assert_eq!(log.level.as_str(), if log.message == "paid" { "info" } else { "error" });
        assert!(log.attributes["code.file.path"].ends_with("init_case.rs"), "{:#?}", log.attributes);
    }
    let paid = run.rows.logs.iter().find(|log| log.message == "paid").unwrap();
    assert_eq!(paid.attributes["paid"], "true");
}

#[test]
fn explicit_parents_lead_back_to_the_request() {
    let run = run("explicit_parents");
    run.prints(&["setup: Installed", "done"]).is_quiet();
    run.stores_logs(&["about the work", "inside"]).stores_spans(&["below", "work"]);
    for log in &run.rows.logs {
        assert_eq!((log.origin.session_id.as_str(), log.trace_id.as_str()), ("session", "request"));
        let span = if log.message == "inside" { "below" } else { "work" };
        assert!(run.rows.spans.iter().any(|it| it.name == span && it.span_id == log.span_id), "{log:#?}");
    }
}

#[test]
fn it_works_inside_any_runtime() {
    for case in ["in_multi_thread_runtime", "in_current_thread_runtime"] {
        let run = run(case);
        run.prints(&["setup: Installed", "flushed: true", "done"]).is_quiet();
        run.stores_logs(&["from tracing", "from log", "from us", ERROR, "delivered by the guard"]);
        run.stores_spans(&["our span", "their span"]).stores_errors(1);
    }
}

#[test]
fn switched_off_nothing_leaves_and_the_console_stays() {
    for switch in [("HIGHLIGHT_ENABLED", "false"), ("OTEL_SDK_DISABLED", "true")] {
        let run = run_with("alone", &[switch]);
        run.prints(&["setup: Installed", "done"]).is_quiet().stores_nothing();
        run.says("from tracing", 1).says("from log", 1);
    }
}

#[test]
fn telemetry_after_the_guard_is_said_once() {
    for case in ["late_log", "late_span", "late_error"] {
        let run = run(case);
        run.prints(&["setup: Installed", "done"]).says(LATE, 1);
        run.stores_logs(&["in time"]).stores_spans(&[]).stores_errors(0);
    }
}

#[test]
fn telemetry_after_the_guard_is_said_once_where_threads_have_their_own_subscribers() {
    let run = run("late_under_threads_own_subscribers");
    run.prints(&["setup: Installed", "done"]).says(LATE, 1).stores_logs(&["in time"]);
}

#[test]
fn telemetry_before_init_is_said_once() {
    for (case, what) in [
        ("early_event", "such as an event of init_case (tests/src/bin/init_case.rs:"),
        ("early_tracing_span", "such as a span of init_case (tests/src/bin/init_case.rs:"),
        ("early_span", "such as the span `too early`;"),
        ("early_log", "such as a log record (tests/src/bin/init_case.rs:"),
        ("early_error", "such as an error (tests/src/bin/init_case.rs:"),
        ("early_metric", "such as the metric `early.count`;"),
    ] {
        let run = run(case);
        run.prints(&["setup: LayerFound", "setup: LayerFound", "done"]).says(EARLY, 1).says(what, 1);
        run.stores_errors(2);
    }
}

#[test]
fn what_no_client_would_have_taken_is_not_missed() {
    let setups = ["setup: LayerFound", "setup: LayerFound", "done"];
    run("early_detail").prints(&setups).is_quiet();
    run_with("early_event", &[("HIGHLIGHT_LOG", "init_case=warn")]).prints(&setups).is_quiet();
    run_with("early_event", &[("HIGHLIGHT_ENABLED", "false")]).prints(&setups).is_quiet();
    run_with("early_detail", &[("HIGHLIGHT_LEVEL", "debug")]).prints(&setups).says(EARLY, 1);
}

#[test]
fn a_guard_that_is_not_kept_is_said_once() {
    let run = run("let_underscore");
    run.prints(&["setup: Installed", "done"])
        .says(LATE, 1)
        .says("let _highlight = highlight::init", 1)
        .stores_nothing();
}

/// A port at which nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn without_an_endpoint_the_program_goes_on_and_it_is_said_once() {
    let (status, stdout, stderr) = run_to(&closed_port(), "serves_on", &[]);
    assert!(status.success(), "{stderr}");
    let lines = ["setup: Installed", "flushed: false", "flushed: false", "flushed: false", "done"];
    assert_eq!(stdout.lines().collect::<Vec<_>>(), lines);
    assert_eq!(stderr.matches(UNREACHABLE).count(), 1, "{stderr}");
}

#[test]
fn without_an_endpoint_it_ends_promptly() {
    let (status, stdout, stderr) = run_to(&closed_port(), "ends", &[]);
    assert!(status.success() && stdout.ends_with("done\n"), "{stderr}");
}

/// An endpoint that takes connections and never answers is worse than none.
#[test]
fn with_a_hanging_endpoint_it_ends_promptly() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    // Longer than the guard of this test: only the shutdown's own deadline can end it in time.
    let patience = [("HIGHLIGHT_EXPORT_TIMEOUT", "600000"), ("HIGHLIGHT_SHUTDOWN_TIMEOUT", "200")];
    let (status, stdout, stderr) = run_to(&endpoint, "ends", &patience);
    assert!(status.success() && stdout.ends_with("done\n"), "{stdout}{stderr}");
    drop(listener);
}

#[test]
fn a_panic_is_delivered_on_the_way_out() {
    let run = run("panics");
    assert_eq!(run.status.code(), Some(101), "{}", run.stderr);
    run.says("out of order", 1).stores_errors(1);
    let error = &run.rows.errors[0];
    assert_eq!((error.event.as_str(), error.origin.session_id.as_str()), ("out of order", "session"));
    assert_eq!(run.rows.logs[0].level.as_str(), "fatal");
}

#[test]
fn a_panic_of_a_thread_does_not_end_the_process() {
    let run = run("panics_in_thread");
    run.prints(&["setup: Installed", "thread: false", "done"]).stores_errors(1);
    assert_eq!(run.rows.errors[0].payload["thread.name"], "worker");
}

#[test]
fn what_loses_the_request_is_recorded_without_it() {
    let run = run("bare_spawn");
    run.prints(&["setup: Installed", "done"]).is_quiet();
    run.stores_logs(&["kept", "lost"]).stores_spans(&["kept work", "lost work"]);
    for log in &run.rows.logs {
        let session = if log.message == "kept" { "session" } else { "" };
        assert_eq!(log.origin.session_id, session, "{log:#?}");
        let span = run.rows.spans.iter().find(|span| span.span_id == log.span_id).unwrap();
        assert_eq!((span.origin.session_id.as_str(), span.name.starts_with(&log.message)), (session, true));
    }
}

#[test]
fn spans_of_opentelemetry_libraries_are_exported() {
    let run = run("global_tracer");
    run.prints(&["setup: Installed", "done"]).stores_spans(&["of a library", "within a request"]);
    for span in &run.rows.spans {
        let session = if span.name == "within a request" { "session" } else { "" };
        assert_eq!(span.origin.session_id, session, "{span:#?}");
    }
}
