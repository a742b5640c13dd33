//! Reading the file, which anyone may have written.
//!
//! All of it is read and judged before any of it is stored.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
};

use flate2::bufread::GzDecoder;
use rusqlite::{OptionalExtension, TransactionBehavior};

use super::{
    super::{Reader, recordings},
    FORMAT, Format, Header, Imported, MOST_BYTES, MOST_LINE, MOST_PACKED, MOST_RECORDS, OpenError,
    QueryError, VERSION,
    record::Record,
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

/// What is in a file.
struct Session {
    rows: Vec<Row>,
    traces: BTreeSet<String>,
    recording: Option<Recording>,
    chunks: Vec<Chunk>,
    imported: Imported,
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

/// The lines of a file, each of a bounded length and all of them together.
struct Lines<'f> {
    file: BufReader<GzDecoder<&'f [u8]>>,
    line: Vec<u8>,
    number: u64,
    bytes: usize,
}

impl Lines<'_> {
    /// The next line; empty at the end.
    fn next(&mut self) -> Result<&[u8], ImportError> {
        self.number += 1;
        self.line.clear();
        let most = MOST_LINE as u64 + 1;
        let read = self.file.by_ref().take(most).read_until(b'\n', &mut self.line);
        read.map_err(|error| self.damaged(error))?;
        self.bytes += self.line.len();
        if self.line.len() > MOST_LINE {
            return Err(ImportError::TooLarge { most: MOST_LINE, what: "bytes in a line" });
        }
        if self.bytes > MOST_BYTES {
            return Err(ImportError::TooLarge { most: MOST_BYTES, what: "bytes, unpacked" });
        }
        Ok(&self.line)
    }

    fn damaged(&self, detail: impl ToString) -> ImportError {
        ImportError::Damaged { line: self.number, detail: detail.to_string() }
    }
}

fn read(file: &[u8]) -> Result<Session, ImportError> {
    if file.len() > MOST_PACKED {
        return Err(ImportError::TooLarge { most: MOST_PACKED, what: "bytes" });
    }
    let file = BufReader::new(GzDecoder::new(file));
    let mut lines = Lines { file, line: Vec::new(), number: 0, bytes: 0 };
    let mut session = begin(&mut lines)?;
    let mut records = 0;
    loop {
        let line = lines.next()?;
        if line.is_empty() {
            return Err(lines.damaged("it is cut short"));
        }
        let record = match serde_json::from_slice(line) {
            Ok(Record::End(count)) if count == records => break,
            Ok(Record::End(count)) => {
                return Err(lines.damaged(format!("there should be {count} rows, and there are {records}")));
            }
            Ok(record) => record,
            Err(error) => return Err(lines.damaged(error)),
        };
        records += 1;
        if records > MOST_RECORDS {
            let most = usize::try_from(MOST_RECORDS).unwrap_or(usize::MAX);
            return Err(ImportError::TooLarge { most, what: "rows" });
        }
        session.add(record).map_err(|detail| lines.damaged(detail))?;
    }
    if lines.next()?.is_empty() { Ok(session) } else { Err(lines.damaged("it goes on after its end")) }
}

/// The first line.
fn begin(lines: &mut Lines<'_>) -> Result<Session, ImportError> {
    let line = match lines.next() {
        Err(ImportError::Damaged { .. }) => return Err(ImportError::NotAnExport),
        line => line?,
    };
    let format: Format = serde_json::from_slice(line).map_err(|_| ImportError::NotAnExport)?;
    if format.format != FORMAT {
        return Err(ImportError::NotAnExport);
    }
    if format.version != VERSION {
        return Err(ImportError::Newer { found: format.version });
    }
    match serde_json::from_slice(line) {
        Ok(Header { session, .. }) if session.is_empty() => Err(lines.damaged("the session has no id")),
        Ok(Header { session, .. }) => Ok(Session {
            rows: Vec::new(),
            traces: BTreeSet::new(),
            recording: None,
            chunks: Vec::new(),
            imported: Imported { session, ..Imported::default() },
        }),
        Err(error) => Err(lines.damaged(error)),
    }
}

/// Lines behind a good first one are read or refused, as bytes of a file and packed into one.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz_import(lines: &[u8]) {
    use std::io::Write;
    drop(read(lines));
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let header = format!("{{\"format\":\"{FORMAT}\",\"version\":{VERSION},\"session\":\"s\"}}\n");
    let packed = file.write_all(&[header.as_bytes(), lines].concat()).and_then(|()| file.finish());
    let Ok(Session { rows, chunks, imported, .. }) = read(&packed.unwrap_or_default()) else { return };
    let Imported { spans, logs, errors, notes, .. } = imported;
    assert_eq!(rows.len() as u64, spans + logs + errors + notes);
    assert_eq!(chunks.len() as u64, imported.chunks);
    for row in rows {
        assert!(matches!(row.origin().session_id.as_str(), "" | "s"), "a row of another session: {row:?}");
    }
}

impl Session {
    fn add(&mut self, record: Record) -> Result<(), String> {
        let Self { rows, traces, recording, chunks, imported } = self;
        let session = &imported.session;
        let trace = match &record {
            Record::Span(span) => Some(&span.place.trace),
            Record::Log(log) => Some(&log.place.trace),
            Record::Error(error) => Some(&error.place.trace),
            Record::Note(_) | Record::Recording(_) | Record::Chunk(_) | Record::End(_) => None,
        };
        if let Some(trace) = trace.filter(|trace| !trace.is_empty() && !traces.contains(*trace)) {
            traces.insert(trace.clone());
        }
        match record {
            Record::Span(span) => {
                rows.push(span.row(session)?);
                imported.spans += 1;
            }
            Record::Log(log) => {
                rows.push(log.row(session));
                imported.logs += 1;
            }
            Record::Error(error) => {
                rows.push(error.row(session));
                imported.errors += 1;
            }
            Record::Note(note) => {
                rows.push(note.row(session)?);
                imported.notes += 1;
            }
            Record::Recording(known) => *recording = Some(known.recording(session)),
            Record::Chunk(chunk) => {
                chunks.push(chunk.chunk()?);
                imported.chunks += 1;
            }
            Record::End(_) => {}
        }
        Ok(())
    }
}
