//! Storing what is in a file.
//!
//! All of it is read and judged before any of it is stored.

use rusqlite::{OptionalExtension, TransactionBehavior};

use super::{
    super::{Reader, recordings},
    Imported, OpenError, QueryError, VERSION,
    read::{Session, read},
};
use crate::{
    replay::{Chunk, Recording},
    row::Row,
};

/// Why a file is not imported. Nothing of it is stored then, unless the archive broke in the midst of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is something else.
    #[error("this is no exported session; `highlight-local export SESSION` writes one")]
    NotAnExport,
    /// A later version wrote it.
    #[error(
        "a newer highlight-local exported this (version {found}, this one knows {VERSION}); use that one"
    )]
    Newer {
        /// The file's version.
        found: u32,
    },
    /// It was an exported session once.
    #[error("the file is damaged in line {line}: {detail}; ask for it again")]
    Damaged {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        detail: String,
    },
    /// Reading it would cost too much.
    #[error("the file is too large: more than {most} {what}")]
    TooLarge {
        /// The limit.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// It is here already, or some of it is.
    #[error("{what} is here already; import it into a new file with --data FILE")]
    Known {
        /// The session or request.
        what: String,
    },
    /// The reader reads a file that nobody is told to write.
    #[error("this archive is only read; import into a running one, or into a file with --data FILE")]
    ReadOnly,
    /// The archive cannot be read or opened.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The archive does not take it.
    #[error("the archive does not take it: {0}; is the disk full?")]
    Write(String),
}

impl From<OpenError> for ImportError {
    fn from(error: OpenError) -> Self {
        Self::Query(error.into())
    }
}

impl Reader {
    /// Stores a session that [`export`](Self::export) wrote, and returns when it can be asked for. Its rows count as
    /// having arrived now: their ids, the times of its notes and how long they are kept.
    ///
    /// Of a reader that [`Archive::reader`](crate::archive::Archive::reader) gave.
    pub fn import(&self, file: &[u8]) -> Result<Imported, ImportError> {
        let Some(writing) = self.writing() else { return Err(ImportError::ReadOnly) };
        let session = read(file)?;
        let _one_at_a_time = writing.shared.importing();
        self.must_be_unknown(&session)?;
        let Session { rows, recording, chunks, imported, .. } = session;
        if recording.is_some() || !chunks.is_empty() {
            self.write_recording(&imported.session, recording, &chunks)
                .map_err(|error| ImportError::Write(error.to_string()))?;
        }
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            /// So many that the store need not let go of any that nobody has read yet.
            const AT_ONCE: usize = 2_000;
            let mut some: Vec<Row> = rows.by_ref().take(AT_ONCE).collect();
            // An error comes right after its log.
            while let Some(error) = rows.next_if(|row| matches!(row, Row::Error(_))) {
                some.push(error);
            }
            writing.store.add(some);
            writing.shared.wait_for(writing.store.end());
            if let Some(problem) = writing.shared.trouble().problem {
                return Err(ImportError::Write(problem));
            }
        }
        Ok(imported)
    }

    fn must_be_unknown(&self, session: &Session) -> Result<(), ImportError> {
        let known = self.with(|connection| {
            let is_known = |sql: &str, id: &str| -> rusqlite::Result<bool> {
                let found = connection.prepare_cached(sql)?.query_row([id], |_| Ok(())).optional()?;
                Ok(found.is_some())
            };
            let id = &session.imported.session;
            for table in ["sessions", "recordings"] {
                if is_known(&format!("SELECT 1 FROM {table} WHERE session_id = ?1"), id)? {
                    return Ok(Some(format!("session {id}")));
                }
            }
            for trace in &session.traces {
                if is_known("SELECT 1 FROM requests WHERE trace_id = ?1", trace)? {
                    return Ok(Some(format!("request {trace}")));
                }
            }
            Ok(None)
        })?;
        known.map_or(Ok(()), |what| Err(ImportError::Known { what }))
    }

    fn write_recording(
        &self,
        session: &str,
        recording: Option<Recording>,
        chunks: &[Chunk],
    ) -> Result<(), QueryError> {
        let mut connection = self.place().open()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(recording) = recording {
            recordings::insert_session(&transaction, &recording)?;
        }
        for chunk in chunks {
            recordings::insert_chunk(&transaction, session, chunk)?;
        }
        Ok(transaction.commit()?)
    }
}
