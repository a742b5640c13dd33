//! Why [`init`](crate::init) could not start.

use std::{borrow::Cow, fmt, io, path::PathBuf};

use super::mask::masked;

/// How to write a value that was refused: the second half of an error message.
pub(super) type Remedy = Cow<'static, str>;

/// The name that errors give to values that were set by a method of [`Config`](super::Config).
pub(super) const CODE: &str = "code";

/// Why `init` could not start.
///
/// Each message is one sentence that ends with the remedy. Values of headers, credentials in URLs and SDK keys
/// never appear in it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Neither code nor environment names the project.
    #[error("the project id is missing: pass it to `Config::new` or set HIGHLIGHT_PROJECT_ID")]
    MissingProjectId,

    /// An option has a value that means nothing.
    #[error("option `{option}`, set in {source_name}, cannot be {value:?}: {remedy}")]
    InvalidOption {
        /// The option's name, which is the name of its method on [`Config`](super::Config).
        option: &'static str,
        /// `code`, or the environment variable that the value came from.
        source_name: &'static str,
        /// The value, cut after 80 characters; secrets are replaced by `[hidden]`.
        value: String,
        /// What to write instead.
        remedy: Cow<'static, str>,
    },

    /// The file named by `certificate` has no certificates that could be read.
    #[error("the certificates in {} cannot be used: name a readable file in PEM form", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What went wrong with it.
        source: io::Error,
    },

    /// `init` was called twice.
    #[error(
        "this process is already initialised: call `init` once, at the start of `main`, and keep its guard"
    )]
    AlreadyInitialized,

    /// The operating system refused the worker thread.
    #[error("the export worker could not start: allow the process one more thread")]
    Start(#[source] io::Error),
}

/// The message, with its cause: what a `main` that returns the error shows.
impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match std::error::Error::source(self) {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl InitError {
    /// An [`InvalidOption`](Self::InvalidOption) whose value is safe to print.
    pub(super) fn invalid(
        option: &'static str,
        source_name: &'static str,
        value: &str,
        remedy: Remedy,
    ) -> Self {
        Self::InvalidOption { option, source_name, value: masked(value), remedy }
    }
}
