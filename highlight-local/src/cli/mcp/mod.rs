//! A Model Context Protocol server over standard input and output.

mod protocol;
mod text;
mod tools;

use std::io::{self, BufRead, Read, Write};

use clap::Args;

use crate::cli::ask::{Client, Failure, Place};

/// Let coding tools ask what arrived: a Model Context Protocol server over standard input and output.
///
/// Its tools are `last_errors`, `trace`, `session`, `search_logs` and `dropped`. All of them only read, and what they answer is
/// bounded. Telemetry holds what others sent: the tools say so to whoever reads it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
}

/// The longest message read, in bytes.
const MOST: u64 = 1 << 20;

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let client = Client::new(&options.place)?;
    serve(&client, io::stdin().lock(), io::stdout().lock())
}

/// Answers message for message, until there are no more. Each is a line.
fn serve(client: &Client, mut messages: impl BufRead, mut out: impl Write) -> Result<(), Failure> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if messages.by_ref().take(MOST + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let answer = if line.len() as u64 > MOST {
            if line.last() != Some(&b'\n') {
                messages.skip_until(b'\n')?;
            }
            Some(protocol::too_long(MOST))
        } else if line.trim_ascii().is_empty() {
            None
        } else {
            protocol::answer(client, &line)
        };
        if let Some(answer) = answer {
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
}
