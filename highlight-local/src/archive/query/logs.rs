//! Log rows.

use serde::{Deserialize, Serialize};

use super::{
    super::{time::Timestamp, words},
    Filter, NAMES, OF_SERVICE, OF_SESSION, OF_TRACE, Page, Paged, QueryError, Reader, from_json, level, read,
};
use crate::model::{Attributes, Level};

/// Which logs. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Which part.
    pub page: Page,
    /// Only what arrived after the row of this id, **oldest first**: for a live tail, with the last id it saw.
    pub after: Option<i64>,
    /// This level or worse.
    pub level: Option<Level>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this session and its requests.
    pub session: Option<String>,
    /// Of this trace, by the id it is stored under.
    pub trace: Option<String>,
    /// With all of these words in message or attributes; the last may be just begun.
    pub text: Option<String>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogRow {
    /// Its number in the order of arrival.
    pub id: i64,
    /// When it happened, as sent.
    pub time: Timestamp,
    /// What its severity was understood as.
    pub level: Level,
    /// The message as stored.
    pub message: String,
    /// Its service.
    pub service: String,
    /// Its session, or its request's.
    pub session: String,
    /// The id that its request is stored under.
    pub trace_id: String,
    /// The span that was current.
    pub span_id: String,
    /// Whether it came from a browser.
    pub frontend: bool,
    /// The error that it is, by id.
    pub error: Option<i64>,
    /// Its attributes.
    pub attributes: Attributes,
}

impl Reader {
    /// The logs, the latest to arrive first.
    pub fn logs(&self, query: &LogQuery) -> Result<Paged<LogRow>, QueryError> {
        let mut filter = Filter::default();
        let (from, id) = source(query, &mut filter);
        filter.and_some(&format!("{id} < ?"), query.page.before);
        filter.and_some(&format!("{id} > ?"), query.after);
        if let Some(least) = query.level {
            filter.and("level >= ?", i64::from(least as u8));
            if least >= Level::Warn {
                // Said in so many words, the index of such logs is used.
                filter.and_plain("level >= 3");
            }
        }
        filter.and_some(OF_SERVICE, query.service.clone());
        filter.and_some(OF_SESSION, query.session.clone());
        filter.and_some(OF_TRACE, query.trace.clone());
        let order = if query.after.is_some() { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT seq, time, level, message, span_id, frontend, attributes,
             (SELECT seq FROM errors WHERE log = row.seq) AS error, {NAMES}
             FROM {from}{} ORDER BY {id} {order}",
            filter.sql
        );
        self.with(|connection| {
            let found = read(connection, &sql, &filter, query.page.limit(), |row| {
                let attributes: String = row.get("attributes")?;
                let message: String = row.get("message")?;
                let weight = attributes.len() + message.len();
                let log = LogRow {
                    id: row.get("seq")?,
                    time: row.get("time")?,
                    level: level(row.get("level")?),
                    message,
                    service: row.get("service_name")?,
                    session: row.get("session_name")?,
                    trace_id: row.get("trace_name")?,
                    span_id: row.get("span_id")?,
                    frontend: row.get("frontend")?,
                    error: row.get("error")?,
                    attributes: from_json(&attributes),
                };
                Ok((log, weight))
            })?;
            Ok(Paged::of(found, |log| log.id))
        })
    }
}

/// The table to read from and its column of ids; where words are searched for, with that condition.
fn source(query: &LogQuery, filter: &mut Filter) -> (&'static str, &'static str) {
    let is_small = query.session.is_some() || query.trace.is_some();
    match query.text.as_deref().and_then(words::query) {
        None => ("logs AS row", "seq"),
        Some(words) if is_small => {
            filter.and("seq IN (SELECT rowid FROM log_words WHERE log_words MATCH ?)", words);
            ("logs AS row", "seq")
        }
        // From the newest with these words on, until the page is full: the words may be in most of the logs.
        Some(words) => {
            filter.and("log_words MATCH ?", words);
            ("log_words CROSS JOIN logs AS row ON row.seq = log_words.rowid", "log_words.rowid")
        }
    }
}
