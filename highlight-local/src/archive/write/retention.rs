//! What is too old or too much goes, the oldest first.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::super::{Retention, time::Timestamp};

/// Tables of rows, by `seq`.
const ROWS: [&str; 5] = ["spans", "logs", "errors", "points", "notes"];
/// Tables of what rows have in common, by `last_seq`.
const COMMON: [&str; 5] = ["services", "sessions", "requests", "error_groups", "series"];
/// How many ids go in one transaction, so that nobody waits long.
const STEP: i64 = 20_000;
/// How often age is looked at.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Pruner {
    retention: Retention,
    age_checked: Option<Instant>,
}

impl Pruner {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, age_checked: None }
    }

    /// Deletes what is over the limits. Called after every batch; mostly it only asks for the size.
    pub(super) fn prune(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        if self.age_checked.is_none_or(|at| at.elapsed() >= PAUSE) {
            let oldest = Timestamp::now().before(self.retention.age);
            let sql = "SELECT max(last_seq) FROM batches WHERE written < ?1";
            let expired: Option<i64> = connection.query_row(sql, [oldest], |row| row.get(0))?;
            if let Some(last) = expired {
                while delete(connection, last)? {}
            }
            self.age_checked = Some(Instant::now());
        }
        while used_bytes(connection)? > self.retention.bytes {
            let (first, last) = ends(connection)?;
            // A tenth, so that it is not needed again at once.
            let last = first + (last - first) / 10;
            if !delete(connection, last)? && first == last {
                break;
            }
        }
        Ok(())
    }
}

/// Adds to a counter that outlives the process.
pub(in crate::archive) fn count(connection: &Connection, key: &str, count: u64) -> rusqlite::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let sql = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = value + ?2";
    connection.prepare_cached(sql)?.execute(params![key, count])?;
    Ok(())
}

/// The pages in use; what was deleted is free for what comes.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?)
}

/// The oldest and the newest id.
fn ends(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let oldest = ROWS.map(|table| format!("SELECT min(seq) AS seq FROM {table}")).join(" UNION ALL ");
    let sql = format!("SELECT min(seq) FROM ({oldest})");
    let first: Option<i64> = connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
    let sql = "SELECT value - 1 FROM meta WHERE key = 'next_seq'";
    let last = connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.unwrap_or(0);
    Ok((first.unwrap_or(last), last))
}

/// Deletes rows up to an id, but no more than a step of them; says whether there were any.
fn delete(connection: &mut Connection, last: i64) -> rusqlite::Result<bool> {
    let (first, _) = ends(connection)?;
    let last = last.min(first + STEP - 1);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in ["log_words", "error_words"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE rowid <= ?1"), [last])?;
    }
    let mut deleted = 0;
    for table in ROWS {
        deleted += transaction.execute(&format!("DELETE FROM {table} WHERE seq <= ?1"), [last])?;
    }
    transaction.execute(
        "DELETE FROM request_services WHERE request IN (SELECT id FROM requests WHERE last_seq <= ?1)",
        [last],
    )?;
    for table in COMMON {
        transaction.execute(&format!("DELETE FROM {table} WHERE last_seq <= ?1"), [last])?;
    }
    transaction.execute("DELETE FROM batches WHERE last_seq <= ?1", [last])?;
    count(&transaction, "expired", deleted as u64)?;
    transaction.commit()?;
    // Gives the file's free end back, a little at a time.
    connection.execute_batch("PRAGMA incremental_vacuum(2000)")?;
    Ok(deleted > 0)
}
