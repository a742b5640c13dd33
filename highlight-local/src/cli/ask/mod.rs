//! Commands that read what a running `highlight-local`, or its file, holds.

mod client;
pub(crate) mod errors;
mod sessions;
pub(crate) mod tail;
pub(crate) mod trace;

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand};
use highlight_local::{archive::Timestamp, terminal::Paint};

pub(crate) use client::{Client, Failure};

/// Where the rows are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The running highlight-local to ask.
    #[arg(long, env = "HIGHLIGHT_LOCAL_URL", default_value = "http://127.0.0.1:4319")]
    pub(crate) url: String,

    /// Take this file instead, which `highlight-local --data FILE` writes or wrote.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
}

/// Where the rows are, and how to print them.
#[derive(Debug, Args)]
struct From {
    #[command(flatten)]
    place: Place,

    /// Print JSON, one value a line.
    #[arg(long)]
    json: bool,
}

/// Which rows.
#[derive(Debug, Args)]
struct Filter {
    /// Only those with all of these words in message or attributes; of errors, in type or stack too.
    text: Option<String>,

    /// Only those of this service.
    #[arg(long)]
    service: Option<String>,

    /// Only those of this session and its requests.
    #[arg(long)]
    session: Option<String>,
}

impl Filter {
    fn parameters(&self) -> [(&'static str, Option<String>); 3] {
        [("text", self.text.clone()), ("service", self.service.clone()), ("session", self.session.clone())]
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Question {
    /// List the browser sessions, the last active first.
    Sessions(sessions::Options),
    /// Print a trace over all services: spans, logs, errors.
    Trace(trace::Options),
    /// List the errors, grouped as the server groups them.
    Errors(errors::Options),
    /// Print logs as they arrive, after the last few.
    Tail(tail::Options),
}

pub(crate) fn run(question: &Question) -> Result<ExitCode, Box<dyn std::error::Error>> {
    printed(match question {
        Question::Sessions(options) => sessions::run(options),
        Question::Trace(options) => trace::run(options),
        Question::Errors(options) => errors::run(options),
        Question::Tail(options) => tail::run(options),
    })
}

/// How the program ends after a command.
pub(crate) fn printed(outcome: Result<(), Failure>) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match outcome {
        // Such as `highlight-local tail | head`: the reader has seen enough.
        Err(Failure::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        outcome => Ok(outcome.map(|()| ExitCode::SUCCESS)?),
    }
}

/// Standard output, and how to color for it.
fn output() -> (impl Write, Paint) {
    let out = io::stdout();
    let paint = Paint::new(out.is_terminal() && std::env::var_os("NO_COLOR").is_none());
    (out.lock(), paint)
}

/// The time of day in UTC, to the millisecond.
pub(crate) fn time_of_day(time: Timestamp) -> String {
    let millis = time.nanos() / 1_000_000;
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}.{millis:03}", minutes / 60 % 24, minutes % 60)
}

/// How long ago it was, in one unit.
fn ago(time: Timestamp) -> String {
    let seconds = (Timestamp::now().nanos() - time.nanos()).max(0) / 1_000_000_000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}
