//! Runs the examples as a user does, for their tests.

mod documented;
mod service;

use std::{env, ffi::OsStr, process::Command, time::Duration};

use highlight_local::{Receiver, Timeline};

pub use self::{documented::assert_documented, service::Service};

/// Whoever waits longer than this has hung.
pub const HANG: Duration = Duration::from_secs(60);

/// The program, undisturbed by the variables of whoever runs the tests, and in no hurry to end.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let disturbs = ["PORT", "RUST_LOG"].contains(&&*name);
        if disturbs || name.starts_with("HIGHLIGHT_") || name.starts_with("OTEL_") {
            command.env_remove(&*name);
        }
    }
    // The first stack of a debug build takes its time to resolve, and on a busy machine a multiple of it.
    command.env("HIGHLIGHT_SHUTDOWN_TIMEOUT", (HANG / 2).as_millis().to_string());
    command
}

/// Makes the two requests that a service's documentation suggests, and fails unless what it leaves behind is what the
/// documentation shows.
///
/// # Panics
///
/// That is how it fails.
#[expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]
pub fn assert_orders_documented(program: &str, source: &str) {
    let receiver = Receiver::start(0).unwrap();
    let mut command = command(program);
    let service =
        Service::start(command.arg("127.0.0.1:0").env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint()))
            .unwrap();

    for (path, request, status) in
        [("/orders/7", "my-request", "200"), ("/orders/13", "my-next-request", "500")]
    {
        let header = format!("x-highlight-request: my-session/{request}\r\n");
        let (answer, _) = service.get(path, &header).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let (status, _) = service.terminate().unwrap();
    assert!(status.success(), "{status}");

    let stored = receiver.store().snapshot();
    assert!(stored.dropped.is_empty(), "{:?}", stored.dropped);
    assert_documented(source, &Timeline::new(&stored).to_string());
}
