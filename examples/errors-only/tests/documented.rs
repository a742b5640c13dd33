//! What leaves the process is what its documentation says: an error, and nothing else.

use example_support::{assert_documented, command};
use highlight_local::{Receiver, Timeline};

#[test]
fn no_log_no_span_and_no_metric_leaves() {
    let receiver = Receiver::start(0).unwrap();
    let output = command(env!("CARGO_BIN_EXE_example-errors-only"))
        .env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint())
        .output()
        .unwrap();
    let terminal = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{terminal}");
    // It was all written, and could have been sent.
    for line in ["stays here", "so does this", "the card was declined", "items that leave: 1"] {
        assert!(terminal.contains(line), "{line:?} in {terminal}");
    }

    let stored = receiver.store().snapshot();
    assert!(stored.spans.is_empty() && stored.metrics.is_empty(), "{stored:?}");
    assert_eq!(stored.errors.len(), 1);
    // The server writes a line for each error.
    assert!(stored.logs.iter().all(|log| log.cursor == stored.errors[0].log_cursor), "{:?}", stored.logs);
    assert_documented(include_str!("../src/main.rs"), &Timeline::new(&stored).to_string());
}
