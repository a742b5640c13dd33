//! Listens for OTLP and prints what a Highlight server would store; or says why nothing arrives.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
