//! The program: a module for each command, and for the options that some share.

mod ask;
mod doctor;
mod export;
mod import;
mod keep;
mod mcp;
mod receive;
mod run;
mod show;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use highlight_local::terminal::Chain;

/// A stand-in for a Highlight server: receives OTLP over HTTP, prints what the server would store
/// and what it would silently lose.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    receive: receive::Receive,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(doctor::Options),
    Run(run::Options),
    Export(export::Options),
    Import(import::Options),
    Mcp(mcp::Options),
    #[command(flatten)]
    Ask(ask::Question),
}

pub(crate) fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = match options.command {
        Some(Command::Doctor(options)) => doctor::run(&options),
        Some(Command::Run(options)) => Ok(run::run(options)),
        Some(Command::Export(options)) => ask::printed(export::run(&options)),
        Some(Command::Import(options)) => ask::printed(import::run(&options)),
        Some(Command::Mcp(options)) => ask::printed(mcp::run(&options)),
        Some(Command::Ask(question)) => ask::run(&question),
        None => receive::run(&options.receive).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // Nobody reads standard error then: the exit code still tells.
            let _ = writeln!(io::stderr(), "highlight-local: {}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}
