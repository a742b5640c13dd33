//! The message, and the file it waits in.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use highlight::{RequestContext, messaging::Message};
use serde::{Deserialize, Serialize};

/// What the worker has to do, and for which request: one string of JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) request: RequestContext,
    pub(crate) order: u32,
}

/// A file with a job in each line.
pub(crate) struct Queue(PathBuf);

impl Queue {
    pub(crate) fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// What the spans on both sides say about it.
    pub(crate) fn message() -> Message {
        Message::new("file", "invoices")
    }

    pub(crate) fn push(&self, job: &Job) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.0)?;
        writeln!(file, "{}", serde_json::to_string(job)?)
    }

    pub(crate) fn jobs(&self) -> io::Result<Vec<Job>> {
        let text = fs::read_to_string(&self.0)?;
        Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }
}
