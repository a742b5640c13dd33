//! Programs of this package as processes of their own.

use std::{
    io::Read,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Longer than any of them takes.
const HANG: Duration = Duration::from_secs(120);

/// What a process did.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All that it printed.
    pub stdout: String,
    /// All that it complained about.
    pub stderr: String,
}

/// Runs a program that reports to `endpoint`, with this environment and none of the settings of who tests.
///
/// # Errors
///
/// If it cannot be run, or hangs.
pub fn run(program: &str, argument: &str, endpoint: &str, environment: &[(&str, &str)]) -> Result<Ended> {
    let mut child = command(program, argument, endpoint, environment).stderr(Stdio::piped()).spawn()?;
    let stdout = text_of(child.stdout.take());
    let stderr = text_of(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > HANG {
            child.kill()?;
            bail!("{argument} hangs: {:?}", stderr.join());
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Ok(Ended { status, stdout: text(stdout), stderr: text(stderr) })
}

/// The same program, to be started and ended by the caller, who can read what it prints.
#[must_use]
pub fn command(program: &str, argument: &str, endpoint: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["HIGHLIGHT_", "OTEL_", "RUST_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
    command.arg(argument).env("HIGHLIGHT_OTLP_ENDPOINT", endpoint).envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn text_of(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read until the pipe broke is what there is.
            let _ = pipe.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}
