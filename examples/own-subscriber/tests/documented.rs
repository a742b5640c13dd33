//! What the program shows and exports is what its documentation says.

use example_support::{assert_documented, command};
use highlight_local::{Receiver, Timeline};

#[test]
fn the_filter_of_the_terminal_is_not_that_of_the_export() {
    for (rust_log, shown) in [("warn", ["row=2"].as_slice()), ("info", &["rows=3", "row=2"]), ("off", &[])] {
        let receiver = Receiver::start(0).unwrap();
        let output = command(env!("CARGO_BIN_EXE_example-own-subscriber"))
            .env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint())
            .env("NO_COLOR", "1")
            .env("RUST_LOG", rust_log)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let terminal = String::from_utf8(output.stdout).unwrap();
        let ends: Vec<_> = terminal.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(ends, shown, "{terminal}");
        let timeline = Timeline::new(&receiver.store().snapshot()).to_string();
        assert_documented(include_str!("../src/main.rs"), &timeline);
    }
}
