//! What is left without the default features, and what says that one is missing.
//!
//! ```sh
//! cargo test -p highlight --no-default-features --test without_features
//! ```
#![cfg(not(any(feature = "backtrace", feature = "tls")))]
#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{io, time::Duration};

use highlight::{Client, Config};
use highlight_local::Receiver;

const HANG: Duration = Duration::from_secs(60);

fn charge() -> io::Error {
    let error = io::Error::other("card declined");
    highlight::consume_error(&error);
    error
}

#[test]
fn errors_have_their_stack_and_go_where_no_tls_is_spoken() {
    let receiver = Receiver::start(0).unwrap();
    // Of no use, and so no reason not to start.
    let config = Config::new("1").endpoint(receiver.endpoint()).certificate_pem("no certificate");
    let client = Client::new(config).unwrap();
    client.in_scope(charge);
    client.shutdown(HANG).unwrap();

    let stored = receiver.store().snapshot();
    let [error] = stored.errors.as_slice() else { panic!("{:?}", stored.errors) };
    assert_eq!(error.event, "card declined");
    let functions: Vec<_> =
        error.frames.iter().map(|frame| frame.function.as_deref().unwrap_or("")).collect();
    assert!(functions[0].ends_with("charge"), "{functions:?}");
    assert!(
        error.frames[0].file.as_deref().unwrap_or("").ends_with("without_features.rs"),
        "{:?}",
        error.frames[0]
    );
}

#[test]
fn an_endpoint_with_tls_names_the_feature() {
    let config = || Config::new("1").endpoint("https://highlight.example:8318");
    let error = Client::new(config()).unwrap_err().to_string();
    assert!(error.contains("`endpoint`") && error.contains("turn on the feature `tls`"), "{error}");

    let diagnosis = config().diagnose(HANG).to_string();
    assert!(diagnosis.contains("turn on the feature `tls`"), "{diagnosis}");
}
