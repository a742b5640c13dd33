//! Programs that do one of several things, and what came of one that did.

#![expect(clippy::print_stdout, reason = "printing is what they do")]

use std::{
    error::Error,
    process::{ExitCode, ExitStatus},
};

use anyhow::{Context, Result};
use highlight_local::{Receiver, Snapshot};

use crate::process::{self, Ended};

/// How a case ends.
pub type Outcome = Result<(), Box<dyn Error>>;

/// A case, by its name.
pub type Case = (&'static str, fn() -> Outcome);

/// Does what the first argument names, and says `done` or why not.
#[must_use]
pub fn main(cases: &[Case]) -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some((_, case)) = cases.iter().find(|(name, _)| *name == wanted) else {
        println!("no case {wanted:?}");
        return ExitCode::FAILURE;
    };
    match case() {
        Ok(()) => {
            println!("done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a case did.
#[derive(Debug)]
pub struct Run {
    /// How its process ended.
    pub status: ExitStatus,
    /// All that it printed.
    pub stdout: String,
    /// All that it complained about.
    pub stderr: String,
    /// What it stored.
    pub rows: Snapshot,
}

impl Run {
    /// Runs a case of `program`, which reports to a receiver of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be run, or hangs.
    pub fn of(program: &str, case: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let receiver = Receiver::start(0).context("starting a receiver")?;
        // What a busy machine does not deliver at once is not what these tests are about.
        let environment = [&[("HIGHLIGHT_SHUTDOWN_TIMEOUT", "60000")], environment].concat();
        let Ended { status, stdout, stderr } =
            process::run(program, case, &receiver.endpoint(), &environment)?;
        Ok(Self { status, stdout, stderr, rows: receiver.store().snapshot() })
    }
}
