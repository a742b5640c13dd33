//! How much there is.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{QueryError, Reader};

/// How much there is, and how much was lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Overview {
    /// Browser sessions.
    pub sessions: u64,
    /// Requests, each with what is stored under one trace id.
    pub requests: u64,
    /// Spans.
    pub spans: u64,
    /// Log rows, those of errors included.
    pub logs: u64,
    /// Errors.
    pub errors: u64,
    /// Groups of errors.
    pub error_groups: u64,
    /// Metrics by name, kind and unit.
    pub metrics: u64,
    /// Data points.
    pub points: u64,
    /// Notes of something that the server would drop.
    pub dropped: u64,
    /// Notes of something that the server would change.
    pub changed: u64,
    /// The services, by name; at most 1,000.
    pub services: Vec<String>,
    /// The id of the newest row: where a live tail begins.
    pub newest: i64,
    /// The size of the database, in bytes.
    pub bytes: u64,
    /// Rows that retention took.
    pub expired: u64,
    /// Rows, and pieces of recordings, that came faster than they could be written.
    pub missed: u64,
    /// Rows, and pieces of recordings, that the database refused.
    pub failed: u64,
    /// What the database said when it last refused, if it has not taken anything since.
    pub problem: Option<String>,
}

impl Reader {
    /// How much there is.
    pub fn overview(&self) -> Result<Overview, QueryError> {
        let mut overview = self.with(overview)?;
        if let Some(writing) = self.writing() {
            let trouble = writing.shared.trouble();
            overview.missed += trouble.missed;
            overview.failed += trouble.failed;
            overview.problem = trouble.problem;
        }
        Ok(overview)
    }

    /// The services, by name; at most 1,000.
    pub fn services(&self) -> Result<Vec<String>, QueryError> {
        self.with(services)
    }
}

fn services(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM services WHERE name <> '' ORDER BY name LIMIT 1000";
    connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn overview(connection: &Connection) -> rusqlite::Result<Overview> {
    let number = |sql: &str| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
    let count = |table: &str| number(&format!("SELECT count(*) FROM {table}"));
    let meta =
        |key: &str| number(&format!("SELECT coalesce((SELECT value FROM meta WHERE key = '{key}'), 0)"));
    let notes = |dropped: u8| {
        let of_kind = format!("SELECT id FROM reasons WHERE dropped = {dropped}");
        number(&format!("SELECT count(*) FROM notes WHERE reason IN ({of_kind})"))
    };
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    Ok(Overview {
        sessions: count("sessions")?,
        requests: count("requests")?,
        spans: count("spans")?,
        logs: count("logs")?,
        errors: count("errors")?,
        error_groups: count("error_groups")?,
        metrics: number("SELECT count(*) FROM (SELECT DISTINCT name, kind, unit FROM series)")?,
        points: count("points")?,
        dropped: notes(1)?,
        changed: notes(0)?,
        services: services(connection)?,
        newest: i64::try_from(meta("next_seq")?).unwrap_or(i64::MAX).saturating_sub(1).max(0),
        bytes: pragma("page_count")? * pragma("page_size")?,
        expired: meta("expired")?,
        missed: meta("missed")?,
        failed: meta("failed")?,
        problem: None,
    })
}
