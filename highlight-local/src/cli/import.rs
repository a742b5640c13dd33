//! `import`: such a file, read back.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use highlight_local::{
    Store, StoreLimits,
    archive::{Archive, Imported, Retention},
    terminal::{Chain, clean, plural},
};

use crate::cli::ask::{Client, Failure, Place};

/// Add a session that `export` wrote to a running highlight-local, or to the file of `--data`, which is made where
/// there is none.
///
/// What is wrong with the file is said, and nothing of it is stored.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,

    /// The file that `export` wrote.
    file: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let failed = |source| Failure::File { path: options.file.clone(), source };
    let file = read(&options.file).map_err(failed)?;
    let imported = match &options.place.data {
        Some(data) => import_into(data, &file)?,
        None => Client::new(&options.place)?.upload(&["import"], &file)?,
    };
    let Imported { session, spans, logs, errors, notes, chunks, .. } = imported;
    let parts =
        [(spans, "span"), (logs, "log"), (errors, "error"), (notes, "note"), (chunks, "recorded chunk")];
    let parts: Vec<String> = parts.into_iter().map(|(count, noun)| plural(count, noun)).collect();
    writeln!(io::stdout(), "imported session {}: {}", clean(&session), parts.join(", "))?;
    Ok(())
}

/// No more than there can be in an export, and a little.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    const MOST: u64 = 100 << 20;
    let mut file = Vec::new();
    fs::File::open(path)?.take(MOST).read_to_end(&mut file)?;
    Ok(file)
}

/// Another process may be writing the same file.
fn import_into(data: &Path, file: &[u8]) -> Result<Imported, Failure> {
    // What is in it already is for those to take who keep it.
    let everything = Retention { age: Duration::MAX, bytes: u64::MAX };
    let archive = Archive::file(data).retention(everything).start(&Store::new(StoreLimits::default()))?;
    archive.reader().import(file).map_err(|error| Failure::Refused(Chain(&error).to_string()))
}
