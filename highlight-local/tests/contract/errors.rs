//! What is an error, and what its stack becomes.

use super::*;

#[test]
fn s12_an_exception_event_is_a_log_an_error_and_a_flag() {
    let attributes = [text("exception.message", "m"), text("exception.type", "T"), text("extra", "x")];
    let seen = traces(&of_project(&[span("s").message(11, &event("exception", &attributes))]));
    assert_eq!((seen.logs.len(), seen.errors.len()), (1, 1));
    assert_eq!(seen.logs[0].level, "error");
    assert_eq!(seen.logs[0].message, "m");
    assert!(seen.spans[0].has_errors);
    let error = &seen.errors[0];
    assert_eq!(error.event, "m");
    assert_eq!(error.span_id, SPAN_HEX);
    assert_eq!(error.log_cursor, seen.logs[0].cursor);
    assert_eq!(error.shape, model::Shape::SpanEvent);
    assert_eq!(error.payload, [("extra".to_owned(), "x".to_owned())].into());
}

#[test]
fn s13_an_exception_event_without_message_is_nothing() {
    let attributes = [text("exception.type", "T"), text("exception.stacktrace", "\nf\n\tf.rs:1\n")];
    let seen = traces(&of_project(&[span("s").message(11, &event("exception", &attributes))]));
    assert!(seen.errors.is_empty() && seen.logs.is_empty());
    assert!(!seen.spans[0].has_errors);
    assert_eq!(seen.dropped_for(DropReason::ExceptionWithoutMessage), 1);
}

#[test]
fn s14_events_of_fs_spans_are_ignored() {
    let event = event("exception", &[text("exception.message", "m")]);
    let seen = traces(&of_project(&[span("fs readFile").message(11, &event)]));
    assert_eq!(seen.spans.len(), 1);
    assert!(seen.errors.is_empty() && seen.logs.is_empty());
    assert_eq!(seen.dropped_for(DropReason::IgnoredSpanEvents), 1);
}

#[test]
fn s15_other_event_names_are_no_errors() {
    for name in ["Exception", "error"] {
        let event = event(name, &[text("exception.message", "m")]);
        let seen = traces(&of_project(&[span("s").message(11, &event)]));
        assert!(seen.errors.is_empty() && seen.logs.is_empty());
        assert_eq!(seen.spans[0].events[0].name, name);
    }
}

#[test]
fn s16_a_log_record_with_exception_message_is_a_log_and_an_error() {
    let (log, seen) = one_log(log("b", &[text("exception.message", "m")]));
    assert_eq!(log.message, "b");
    let error = &seen.errors[0];
    assert_eq!(error.event, "m");
    assert_eq!(error.log_cursor, log.cursor);
    assert_eq!((error.trace_id.as_str(), error.span_id.as_str()), (TRACE_HEX, SPAN_HEX));
    assert_eq!(error.shape, model::Shape::LogRecord);
}

#[test]
fn s16_a_type_alone_is_rejected_and_a_stack_alone_is_a_plain_log() {
    let (_, seen) = one_log(log("b", &[text("exception.type", "T")]));
    assert!(seen.errors.is_empty());
    assert_eq!(seen.dropped_for(DropReason::ExceptionWithoutMessage), 1);
    let (_, seen) = one_log(log("b", &[text("exception.stacktrace", "\nf\n\tf.rs:1\n")]));
    assert!(seen.errors.is_empty() && seen.dropped.is_empty());
    let (_, seen) = one_log(log("b", &[text("exception.message", "[{}]")]));
    assert_eq!(seen.dropped_for(DropReason::ExcludedMessage), 1);
}

#[test]
fn s17_severity_error_alone_is_no_error() {
    let record = bare_log(&[]).fixed64(1, now()).text(3, "ERROR").message(5, &string("b"));
    let (log, seen) = one_log(record);
    assert_eq!(log.level, "error");
    assert!(seen.errors.is_empty());
}

#[test]
fn s18_an_error_needs_no_stack() {
    for stack in ["", "null"] {
        let (error, seen) = error_with_stack(stack);
        assert!(error.frames.is_empty());
        assert_eq!(seen.dropped_for(DropReason::StackNotUnderstood), 0);
    }
}

#[test]
fn s19_the_type_is_not_in_the_stored_error() {
    let record = log("b", &[text("exception.message", "m"), text("exception.type", "T")]);
    let seen = logs(&of_project(&[record]));
    assert!(seen.errors[0].payload.is_empty());
    assert_eq!(seen.errors[0].sent_type, "T", "kept aside for tests of senders");
}

#[test]
fn s20_url_fills_the_errors_url() {
    let record = log("b", &[text("exception.message", "m"), text("URL", "https://x/")]);
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.errors[0].url, "https://x/");
    assert!(seen.errors[0].payload.is_empty() && seen.dropped.is_empty());
    let event = event("exception", &[text("exception.message", "m")]);
    let spanned = span_with("s", &[text("URL", "https://y/")]).message(11, &event);
    assert_eq!(traces(&of_project(&[spanned])).errors[0].url, "https://y/");
}

#[test]
fn s21_go_shaped_stacks_come_out_whole() {
    let (error, seen) = error_with_stack("\nshop::pay\n\t/src/pay.rs:7\nshop::main\n\t/src/main.rs:2\n");
    let frames: Vec<_> = error
        .frames
        .iter()
        .map(|frame| (frame.function.as_deref(), frame.file.as_deref(), frame.line))
        .collect();
    assert_eq!(
        frames,
        [
            (Some("shop::pay"), Some("/src/pay.rs"), Some(7)),
            (Some("shop::main"), Some("/src/main.rs"), Some(2))
        ]
    );
    assert!(seen.changed.is_empty() && seen.dropped.is_empty());
}

#[test]
fn s22_std_backtraces_lose_their_functions() {
    let stack =
        "stack backtrace:\n   0: f\n             at ./a.rs:1:2\n   1: g\n             at ./b.rs:3:4\n";
    let (error, seen) = error_with_stack(stack);
    assert_eq!(error.frames.len(), 4);
    let contents: Vec<_> = error.frames.iter().filter_map(|f| f.line_content.as_deref()).collect();
    assert_eq!(contents, ["   0: f", "   1: g"]);
    assert_eq!(error.shown_frames().len(), 2);
    assert_eq!(seen.changed_for(ChangeReason::StackHasColumns), 1);
}

#[test]
fn s23_columns_trigger_source_mapping() {
    assert!(error_with_stack("E: m\n    at f (a.js:1:2)").0.is_source_mapped());
    assert!(!error_with_stack("\nf\n\ta.rs:1\n").0.is_source_mapped());
}

#[test]
fn s24_a_json_array_gives_no_frames_and_a_json_string_is_unwrapped() {
    let (error, seen) = error_with_stack(r#"[{"fileName":"a.rs","lineNumber":1}]"#);
    assert!(error.frames.is_empty());
    assert_eq!(seen.dropped_for(DropReason::StackNotUnderstood), 1);
    assert_eq!(error_with_stack(r#""\nf\n\ta.rs:1\n""#).0.frames.len(), 1);
}

#[test]
fn s25_messages_are_cut_at_10_000_bytes() {
    let record = log("b", &[text("exception.message", &"x".repeat(10_001))]);
    let seen = logs(&of_project(&[record]));
    assert_eq!(seen.errors[0].event.len(), 10_000);
    assert_eq!(seen.changed_for(ChangeReason::MessageTooLong), 1);
}
