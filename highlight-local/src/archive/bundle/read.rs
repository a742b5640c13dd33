//! Reading the file, which anyone may have written.

use std::{
    collections::BTreeSet,
    fmt::Display,
    io::{BufRead, BufReader, Read},
};

use flate2::bufread::GzDecoder;

use super::{
    FORMAT, Format, Header, ImportError, Imported, MOST_BYTES, MOST_LINE, MOST_PACKED, MOST_RECORDS, VERSION,
    record::Record,
};
use crate::{
    replay::{Chunk, Recording},
    row::Row,
};

/// What is in a file.
pub(super) struct Session {
    pub(super) rows: Vec<Row>,
    pub(super) traces: BTreeSet<String>,
    pub(super) recording: Option<Recording>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) imported: Imported,
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

    fn damaged(&self, detail: impl Display) -> ImportError {
        ImportError::Damaged { line: self.number, detail: format!("{detail}") }
    }
}

pub(super) fn read(file: &[u8]) -> Result<Session, ImportError> {
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
