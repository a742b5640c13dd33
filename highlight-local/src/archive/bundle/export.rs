//! Writing the file.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::{
    super::{Reader, query::NAMES},
    FORMAT, Format, Header, MOST_BYTES, MOST_LINE, MOST_PACKED, MOST_RECORDS, QueryError, VERSION,
    record::Record,
};

/// Why a session is not exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It could not be imported.
    #[error("the session is too large for a file: more than {most} {what}")]
    TooLarge {
        /// The limit.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// It cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It cannot be packed.
    #[error("the session cannot be packed")]
    Pack(#[from] io::Error),
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Query(error.into())
    }
}

/// The kinds of rows: their table, what else is selected, and how a line is made of one.
type Kind = (&'static str, &'static str, fn(&rusqlite::Row<'_>) -> rusqlite::Result<Record>);
const KINDS: [Kind; 4] = [
    ("spans AS row", "row.*", Record::span),
    ("logs AS row", "row.*", Record::log),
    (
        "errors AS row",
        "row.*, (SELECT project FROM error_groups WHERE id = group_id) AS project",
        Record::error,
    ),
    (
        "notes AS row JOIN reasons ON reasons.id = row.reason",
        "row.item, row.name, dropped, code",
        Record::note,
    ),
];

impl Reader {
    /// A session as one file: all that the archive holds of it. `None` where nothing of it is known.
    pub fn export(&self, session: &str) -> Result<Option<Vec<u8>>, ExportError> {
        let Some(mut lines) = self.with(|connection| Ok(rows(connection, session)))?? else {
            return Ok(None);
        };
        for number in self.recording_chunks(session)? {
            if let Some(chunk) = self.recording_chunk(session, number)? {
                lines.add(&Record::chunk(&chunk))?;
            }
        }
        lines.finish().map(Some)
    }
}

fn rows(connection: &Connection, session: &str) -> Result<Option<Lines>, ExportError> {
    let find = |sql: &str| connection.prepare_cached(sql)?.query_row([session], |row| row.get(0)).optional();
    let id: Option<i64> = find("SELECT id FROM sessions WHERE session_id = ?1")?;
    let sql = "SELECT * FROM recordings WHERE session_id = ?1";
    let recording = connection.prepare_cached(sql)?.query_row([session], Record::recording).optional()?;
    if id.is_none() && recording.is_none() {
        return Ok(None);
    }
    let mut lines = Lines::begin(session)?;
    if let Some(id) = id {
        for (seq, kind) in arrived(connection, id)? {
            let Some((table, columns, make)) = KINDS.get(kind) else { continue };
            let sql = format!(
                "SELECT {columns}, row.session IS ?2 AS own, {NAMES} FROM {table} WHERE row.seq = ?1"
            );
            lines.add(&connection.prepare_cached(&sql)?.query_row(params![seq, id], make)?)?;
        }
    }
    if let Some(recording) = recording {
        lines.add(&recording)?;
    }
    Ok(Some(lines))
}

/// The numbers of a session's rows and their kinds, in order.
fn arrived(connection: &Connection, session: i64) -> rusqlite::Result<Vec<(i64, usize)>> {
    let of_kind = |(kind, (table, ..)): (usize, &Kind)| {
        format!(
            "SELECT row.seq AS seq, {kind} FROM {table} WHERE row.session = ?1
             OR row.request IN (SELECT id FROM requests WHERE session = ?1)"
        )
    };
    let parts: Vec<String> = KINDS.iter().enumerate().map(of_kind).collect();
    let sql = format!("{} ORDER BY 1 LIMIT {}", parts.join(" UNION ALL "), MOST_RECORDS + 1);
    connection.prepare_cached(&sql)?.query_map([session], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The file under construction.
struct Lines {
    file: GzEncoder<Vec<u8>>,
    bytes: usize,
    records: u64,
}

impl Lines {
    fn begin(session: &str) -> Result<Self, ExportError> {
        let file = GzEncoder::new(Vec::new(), Compression::default());
        let mut lines = Self { file, bytes: 0, records: 0 };
        let format = Format { format: FORMAT.to_owned(), version: VERSION };
        lines.line(&Header { format, session: session.to_owned() })?;
        Ok(lines)
    }

    fn add(&mut self, record: &Record) -> Result<(), ExportError> {
        self.records += 1;
        if self.records > MOST_RECORDS {
            let most = usize::try_from(MOST_RECORDS).unwrap_or(usize::MAX);
            return Err(ExportError::TooLarge { most, what: "rows" });
        }
        self.line(record)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), ExportError> {
        let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
        line.push(b'\n');
        self.bytes += line.len();
        if line.len() > MOST_LINE {
            return Err(ExportError::TooLarge { most: MOST_LINE, what: "bytes in a row" });
        }
        if self.bytes > MOST_BYTES {
            return Err(ExportError::TooLarge { most: MOST_BYTES, what: "bytes" });
        }
        Ok(self.file.write_all(&line)?)
    }

    fn finish(mut self) -> Result<Vec<u8>, ExportError> {
        self.line(&Record::End(self.records))?;
        let file = self.file.finish()?;
        if file.len() > MOST_PACKED {
            return Err(ExportError::TooLarge { most: MOST_PACKED, what: "bytes" });
        }
        Ok(file)
    }
}
