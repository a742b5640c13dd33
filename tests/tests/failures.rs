//! What is stored of failures that are the whole process's affair, each in a process of its own.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use conformance::case::Run;
use highlight_local::model::ErrorObject;

fn run(case: &str, environment: &[(&str, &str)]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_failure_case"), case, environment).unwrap()
}

/// The texts of all errors, in the order in which they were reported.
fn events(run: &Run) -> Vec<&str> {
    run.rows.errors.iter().map(|error| error.event.as_str()).collect()
}

fn only_error(run: &Run) -> &ErrorObject {
    assert_eq!(run.rows.errors.len(), 1, "{:#?}\n{}", run.rows.errors, run.stderr);
    &run.rows.errors[0]
}

fn innermost(error: &ErrorObject) -> (&str, &str) {
    let frame = &error.frames[0];
    (frame.function.as_deref().unwrap(), frame.file.as_deref().unwrap())
}

const FILE: &str = "/tests/src/bin/failure_case.rs";

#[test]
fn the_stack_that_an_error_carries_is_the_one_that_is_stored() {
    for (case, function) in [
        ("anyhow", "failure_case::anyhow_error"),
        ("anyhow_returned", "failure_case::anyhow_error"),
        ("anyhow_debugged", "failure_case::anyhow_error"),
        ("eyre", "failure_case::eyre_error"),
        ("color_eyre", "failure_case::eyre_error"),
    ] {
        let run = run(case, &[("RUST_LIB_BACKTRACE", "1")]);
        let error = only_error(&run);
        let (found, file) = innermost(error);
        assert_eq!(found, function, "{case}: {:#?}", error.frames);
        assert!(file.ends_with(FILE), "{case}: {file}");
        assert!(error.frames.len() > 1, "{case}: {:#?}", error.frames);
        assert!(!error.is_source_mapped(), "{case}: a column in {:#?}", error.frames);
        assert_eq!(error.origin.session_id, "session", "{case}");
    }
}

#[test]
fn without_one_it_is_that_of_the_report() {
    for case in ["anyhow", "anyhow_returned", "anyhow_debugged", "eyre", "color_eyre"] {
        let run = run(case, &[("RUST_LIB_BACKTRACE", "0")]);
        let (function, file) = innermost(only_error(&run));
        assert_eq!(file, FILE, "{case}");
        assert!(!function.ends_with("_error"), "{case}: {function}");
    }
}

#[test]
fn panics_say_what_they_can_whatever_their_payload() {
    let run = run("payloads", &[]);
    assert!(run.status.success(), "{}", run.stderr);
    assert_eq!(run.stdout.matches("caught: true").count(), 6, "{}", run.stdout);
    let neither = "panic with a payload that is neither text nor error";
    assert_eq!(events(&run), ["literal", "owned", "either", "boxed", "no answer", neither]);
    for error in &run.rows.errors {
        assert_eq!((error.sent_type.as_str(), &*error.payload["thread.name"]), ("panic", "main"));
        assert_eq!(innermost(error).1, FILE, "{:#?}", error.frames);
    }
}

#[test]
fn a_panic_that_ends_the_process_is_delivered_first() {
    let run = run("panic_in_destructor", &[]);
    assert!(!run.status.success() && run.status.code().is_none(), "killed by a signal: {}", run.status);
    let end = "panic in a destructor during cleanup";
    assert_eq!(events(&run), ["the first", "the second", end], "{}", run.stderr);
}

/// The standard library ends the process before any hook hears of the second panic, so that nothing can be delivered.
#[test]
fn a_panic_of_another_hook_ends_the_process_without_a_deadlock() {
    let run = run("panic_in_hook", &[]);
    assert!(run.status.code().is_none(), "killed by a signal: {}", run.status);
}

/// A panic inside of the hook would end the process.
#[test]
fn the_programs_rule_is_not_asked_about_panics() {
    let run = run("rule_at_a_panic", &[]);
    assert!(run.status.success(), "{}", run.stderr);
    assert_eq!(only_error(&run).event, "the only one");
}

#[test]
fn the_panic_of_a_program_that_unwinds_is_delivered_by_the_guard() {
    let run = run("abort", &[]);
    assert!(run.status.success(), "{}", run.stderr);
    assert_eq!(only_error(&run).event, "the only one");
}
