//! What can be asked, and the answers: plain structs, the same in a program and as JSON.

mod errors;
mod logs;
mod metrics;
mod notes;
mod overview;
mod requests;
mod sessions;
mod trace;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, Row, ToSql, types::Value};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    open::{OpenError, Place},
    write::Writing,
};
use crate::model::Level;

pub use errors::{
    Bucket, Cause, ErrorDetail, ErrorGroup, ErrorGroupDetail, ErrorQuery, ErrorRow, Frame, Histogram,
};
pub use logs::{LogQuery, LogRow};
pub use metrics::{MetricKind, MetricName, MetricQuery, Point, PointDetail, Series};
pub use notes::{Note, NoteQuery, Reason};
pub use overview::Overview;
pub use requests::RequestQuery;
pub use sessions::{Request, Session, SessionQuery, SessionTimeline};
pub use trace::{SpanDetail, SpanEvent, SpanLink, Trace, TraceSpan};

/// Answers questions about the rows, without holding the writer up. Clones share their connections.
#[derive(Clone)]
pub struct Reader {
    place: Place,
    idle: Arc<Mutex<Vec<Connection>>>,
    writing: Option<Writing>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database has no answer.
    #[error("the archive cannot be read; if it is damaged, move it away and start anew")]
    Read(#[from] rusqlite::Error),
}

/// Which part of a long answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many at most: 1 to 1,000. Default: 100.
    pub limit: usize,
    /// [`Paged::next`] of the page before. Default: from the newest.
    pub before: Option<i64>,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 100, before: None }
    }
}

impl Page {
    /// A page of this many.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, before: None }
    }

    const MOST: usize = 1_000;

    fn limit(self) -> usize {
        self.limit.clamp(1, Self::MOST)
    }
}

/// A part of a long answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Paged<T> {
    /// The newest first.
    pub items: Vec<T>,
    /// What to ask for as [`Page::before`] to go on; `None` at the end.
    pub next: Option<i64>,
}

/// The longest answer in bytes, near enough: a page of long rows ends early.
const MOST_BYTES: usize = 8 << 20;

impl Reader {
    pub(super) fn new(place: Place, writing: Option<Writing>) -> Self {
        Self { place, idle: Arc::default(), writing }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn writing(&self) -> Option<&Writing> {
        self.writing.as_ref()
    }

    /// Runs a query on a connection of its own.
    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueryError> {
        /// More are opened when needed, and closed after.
        const IDLE: usize = 4;
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let connection = match known {
            Some(connection) => connection,
            None => self.place.open_to_read()?,
        };
        // One state of the rows for all that a question asks.
        connection.execute_batch("BEGIN")?;
        let answer = query(&connection);
        connection.execute_batch("COMMIT")?;
        let mut idle = idle();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(answer?)
    }
}

/// Conditions and their parameters.
#[derive(Default)]
struct Filter {
    sql: String,
    parameters: Vec<Value>,
}

impl Filter {
    /// Adds a condition; each `?` in it stands for the value.
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.parameters.push(value.into());
        let number = format!("?{}", self.parameters.len());
        self.and_plain(&condition.replace('?', &number));
    }

    fn and_plain(&mut self, condition: &str) {
        self.sql.push_str(if self.sql.is_empty() { " WHERE " } else { " AND " });
        self.sql.push_str(condition);
    }

    fn and_some<T: Into<Value>>(&mut self, condition: &str, value: Option<T>) {
        if let Some(value) = value {
            self.and(condition, value);
        }
    }

    fn parameters(&self) -> Vec<&dyn ToSql> {
        self.parameters.iter().map(|value| value as &dyn ToSql).collect()
    }
}

/// Reads rows up to a limit of number and bytes; says whether there are more.
fn read<T>(
    connection: &Connection,
    sql: &str,
    filter: &Filter,
    limit: usize,
    mut make: impl FnMut(&Row<'_>) -> rusqlite::Result<(T, usize)>,
) -> rusqlite::Result<(Vec<T>, bool)> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(&*filter.parameters())?;
    let (mut items, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if items.len() == limit || bytes > MOST_BYTES {
            return Ok((items, true));
        }
        let (item, weight) = make(row)?;
        items.push(item);
        bytes += weight;
    }
    Ok((items, false))
}

impl<T> Paged<T> {
    fn of((items, is_more): (Vec<T>, bool), id: impl Fn(&T) -> i64) -> Self {
        let next = items.last().filter(|_| is_more).map(id);
        Self { items, next }
    }
}

/// What was written as JSON; of a row that was not, nothing.
pub(super) fn from_json<T: DeserializeOwned + Default>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) fn level(number: u8) -> Level {
    const LEVELS: [Level; 7] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal, Level::Panic];
    LEVELS.get(usize::from(number)).copied().unwrap_or_default()
}

/// The condition on `session` and `request` columns for a session: also rows that lost it but not their request.
const OF_SESSION: &str = "(session = (SELECT id FROM sessions WHERE session_id = ?)
     OR request IN (SELECT id FROM requests WHERE session = (SELECT id FROM sessions WHERE session_id = ?)))";
const OF_TRACE: &str = "request = (SELECT id FROM requests WHERE trace_id = ?)";
const OF_SERVICE: &str = "service = (SELECT id FROM services WHERE name = ?)";

/// Columns that turn the ids of a row into names; the row's table is called `row`.
pub(super) const NAMES: &str =
    "coalesce((SELECT name FROM services WHERE id = row.service), '') AS service_name,
     coalesce((SELECT session_id FROM sessions WHERE id = coalesce(row.session,
         (SELECT session FROM requests WHERE id = row.request))), '') AS session_name,
     coalesce((SELECT trace_id FROM requests WHERE id = row.request), '') AS trace_name";
