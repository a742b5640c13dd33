//! What the server drops or changes without a word.

use serde::{Deserialize, Serialize};

use super::{super::time::Timestamp, Filter, NAMES, OF_SERVICE, Page, Paged, QueryError, Reader, read};

/// Which notes. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoteQuery {
    /// Which part.
    pub page: Page,
    /// Only drops, or only changes.
    pub dropped: Option<bool>,
    /// Only with the reason of this code.
    pub code: Option<String>,
    /// Of this service.
    pub service: Option<String>,
}

/// Something that the server would not store, or not as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Note {
    /// Its number in the order of arrival.
    pub id: i64,
    /// When it was stored.
    pub time: Timestamp,
    /// `true`: it is gone; `false`: it is stored differently.
    pub dropped: bool,
    /// The kind of thing: `span`, `log`, `attribute`, ...
    pub item: String,
    /// A span's or metric's name, an attribute's key, the beginning of a message.
    pub name: String,
    /// The reason's name.
    pub code: String,
    /// The paragraph of the contract that says so, without the `C§`.
    pub paragraph: String,
    /// What happened, in a sentence.
    pub text: String,
    /// Whose it was.
    pub service: String,
    /// The session it was of.
    pub session: String,
    /// The id that its request is stored under.
    pub trace_id: String,
}

/// A reason and how often it came up, of the notes still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reason {
    /// `true`: it is gone; `false`: it is stored differently.
    pub dropped: bool,
    /// The reason's name.
    pub code: String,
    /// The paragraph of the contract that says so, without the `C§`.
    pub paragraph: String,
    /// What happened, in a sentence.
    pub text: String,
    /// How many notes give it.
    pub count: u64,
}

impl Reader {
    /// The notes, newest first.
    pub fn notes(&self, query: &NoteQuery) -> Result<Paged<Note>, QueryError> {
        let mut filter = Filter::default();
        filter.and_some("seq < ?", query.page.before);
        filter.and_some("dropped = ?", query.dropped.map(i64::from));
        filter.and_some("code = ?", query.code.clone());
        filter.and_some(OF_SERVICE, query.service.clone());
        let sql = format!(
            "SELECT seq, time, dropped, item, row.name AS subject, code, paragraph, text, {NAMES}
             FROM notes AS row CROSS JOIN reasons ON reasons.id = row.reason{} ORDER BY seq DESC",
            filter.sql
        );
        self.with(|connection| {
            let found = read(connection, &sql, &filter, query.page.limit(), |row| {
                let name: String = row.get("subject")?;
                let weight = name.len();
                let note = Note {
                    id: row.get("seq")?,
                    time: row.get("time")?,
                    dropped: row.get("dropped")?,
                    item: row.get("item")?,
                    name,
                    code: row.get("code")?,
                    paragraph: row.get("paragraph")?,
                    text: row.get("text")?,
                    service: row.get("service_name")?,
                    session: row.get("session_name")?,
                    trace_id: row.get("trace_name")?,
                };
                Ok((note, weight))
            })?;
            Ok(Paged::of(found, |note| note.id))
        })
    }

    /// The reasons that came up, the most frequent first. There are as many as the contract has.
    pub fn reasons(&self) -> Result<Vec<Reason>, QueryError> {
        let sql = "SELECT * FROM (SELECT dropped, code, paragraph, text,
             (SELECT count(*) FROM notes WHERE reason = reasons.id) AS count FROM reasons)
             WHERE count > 0 ORDER BY count DESC, code";
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let make = |row: &rusqlite::Row<'_>| {
                Ok(Reason {
                    dropped: row.get("dropped")?,
                    code: row.get("code")?,
                    paragraph: row.get("paragraph")?,
                    text: row.get("text")?,
                    count: row.get("count")?,
                })
            };
            statement.query_map([], make)?.collect()
        })
    }
}
