//! `export`: a session as one file.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use clap::Args;

use crate::cli::ask::{Client, Failure, Place};

/// Write a session to one file, to attach to a ticket: its requests, spans, logs, errors, notes and recording.
///
/// The file is gzip around lines of JSON; `import` reads it. It holds what the telemetry holds: look at it before you
/// hand it to others.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,

    /// The session's id; `sessions` lists them.
    session: String,

    /// The file to write [default: standard output, if that is no terminal].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    if options.out.is_none() && io::stdout().is_terminal() {
        return Err(Failure::Refused("name a file with --out FILE; a terminal does not show it".to_owned()));
    }
    let file = Client::new(&options.place)?.download(&["sessions", &options.session, "export"])?;
    match &options.out {
        Some(path) => {
            let failed = |source| Failure::File { path: path.clone(), source };
            fs::write(path, &file).map_err(failed)?;
            writeln!(io::stderr(), "highlight-local: wrote {} ({} bytes)", path.display(), file.len())?;
        }
        None => io::stdout().write_all(&file)?,
    }
    Ok(())
}
