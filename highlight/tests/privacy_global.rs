//! Secrets that reach us through globals: the `log` crate, tracers and meters of OpenTelemetry. One test, because there is one of
//! each in a process.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

#[path = "privacy/wire.rs"]
mod wire;

use std::time::Duration;

use opentelemetry::{
    InstrumentationScope, KeyValue, global,
    trace::{Span, Tracer},
};

use self::wire::Receiver;

#[test]
fn no_secret_survives_in_globals() {
    let receiver = Receiver::start();
    let config = highlight::Config::new("1").endpoint(receiver.endpoint.as_str()).console(false);
    let guard = highlight::init(config).unwrap();

    log::info!(password = "Q7one", note = "token=Q7two"; "logged, secret=Q7three");
    let scope = |name: &'static str| {
        let attributes =
            [KeyValue::new("api_key", "Q7four"), KeyValue::new("note", "https://h/?code=Q7five")];
        InstrumentationScope::builder(name).with_attributes(attributes).build()
    };
    global::tracer_with_scope(scope("spans")).start("work").end();
    let meter = global::meter_with_scope(scope("metrics"));
    meter.u64_counter("orders").build().add(1, &[KeyValue::new("password", "Q7six")]);
    guard.flush(Duration::from_secs(60)).unwrap();

    let sent = receiver.sent_text();
    assert!(sent.contains("logged") && sent.contains("work") && sent.contains("orders"), "{sent}");
    assert!(sent.matches("[REDACTED]").count() >= 8, "{sent}");
    assert!(!sent.contains("Q7"), "{sent}");
}
