//! Both services, one after the other, and what a Highlight server would have of them.

use std::{env, process::Command};

use highlight_local::{Receiver, Timeline};

#[expect(clippy::print_stdout, reason = "it is what the demo is for")]
pub(crate) fn run() -> anyhow::Result<()> {
    let receiver = Receiver::start(0)?;
    let dir = tempfile::tempdir()?;
    for service in ["shop", "worker"] {
        // Each in a process of its own: the request is long over when the worker starts.
        let status = Command::new(env::current_exe()?)
            .arg(service)
            .arg(dir.path().join("invoices.jsonl"))
            .env("HIGHLIGHT_OTLP_ENDPOINT", receiver.endpoint())
            .status()?;
        anyhow::ensure!(status.success(), "{service}: {status}");
    }
    print!("{}", Timeline::new(&receiver.store().snapshot()));
    Ok(())
}
