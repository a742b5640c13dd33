//! Errors and their groups.

mod view;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    super::{
        time::{Timestamp, nanos_of},
        words,
    },
    Filter, NAMES, OF_SERVICE, OF_SESSION, OF_TRACE, Paged, QueryError, Reader, from_json, level, read,
};
use crate::{model::Attributes, timeline::causes};

pub use view::*;

const COLUMNS: &str = "seq, group_id, time, level, message, type, span_id, frames -> '$[0]' AS top";

impl Reader {
    /// The errors, the latest to arrive first.
    pub fn errors(&self, query: &ErrorQuery) -> Result<Paged<ErrorRow>, QueryError> {
        let mut filter = Filter::default();
        filter.and_some("seq < ?", query.page.before);
        filter.and_some("seq > ?", query.after);
        filter.and_some("group_id = ?", query.group);
        filter.and_some(OF_SERVICE, query.service.clone());
        filter.and_some(OF_SESSION, query.session.clone());
        filter.and_some(OF_TRACE, query.trace.clone());
        filter.and_some(
            "seq IN (SELECT rowid FROM error_words WHERE error_words MATCH ?)",
            query.text.as_deref().and_then(words::query),
        );
        let order = if query.after.is_some() { "ASC" } else { "DESC" };
        let sql = format!("SELECT {COLUMNS}, {NAMES} FROM errors AS row{} ORDER BY seq {order}", filter.sql);
        self.with(|connection| {
            let found = read(connection, &sql, &filter, query.page.limit(), |row| {
                let error = error_row(row)?;
                let weight = error.message.len();
                Ok((error, weight))
            })?;
            Ok(Paged::of(found, |error| error.id))
        })
    }

    /// An error; `None` where it is unknown.
    pub fn error(&self, id: i64) -> Result<Option<ErrorDetail>, QueryError> {
        self.with(|connection| detail(connection, id))
    }

    /// The groups, the last to grow first. Of the query's filters, each asks for groups with such an error.
    pub fn error_groups(&self, query: &ErrorQuery) -> Result<Paged<ErrorGroup>, QueryError> {
        let mut inner = Filter::default();
        inner.and_some(OF_SERVICE, query.service.clone());
        inner.and_some(OF_SESSION, query.session.clone());
        inner.and_some(OF_TRACE, query.trace.clone());
        inner.and_some(
            "seq IN (SELECT rowid FROM error_words WHERE error_words MATCH ?)",
            query.text.as_deref().and_then(words::query),
        );
        let with_such = format!("id IN (SELECT group_id FROM errors{})", inner.sql);
        let has_any = !inner.sql.is_empty();
        let mut filter = Filter { sql: String::new(), parameters: inner.parameters };
        if has_any {
            filter.and_plain(&with_such);
        }
        filter.and_some("last_seq < ?", query.page.before);
        filter.and_some("last_seq > ?", query.after);
        filter.and_some("id = ?", query.group);
        let sql = format!("{GROUP}{} ORDER BY last_seq DESC", filter.sql);
        self.with(|connection| {
            let (mut groups, is_more) = read(connection, &sql, &filter, query.page.limit(), |row| {
                let group = group(row)?;
                let weight = group.message.len();
                Ok((group, weight))
            })?;
            for group in &mut groups {
                group.last = row_of(connection, group.last_id)?;
            }
            Ok(Paged::of((groups, is_more), |group| group.last_id))
        })
    }

    /// A group, its errors counted in so many buckets (1 to 500) from `since` until now; `None` where it is unknown.
    pub fn error_group(
        &self,
        id: i64,
        since: Timestamp,
        buckets: usize,
    ) -> Result<Option<ErrorGroupDetail>, QueryError> {
        self.with(|connection| {
            let sql = format!("{GROUP} WHERE id = ?1");
            let Some(mut group) = connection.prepare_cached(&sql)?.query_row([id], group).optional()? else {
                return Ok(None);
            };
            let last_error = detail(connection, group.last_id)?;
            group.last = last_error.as_ref().map(|error| error.row.clone());
            let sql = "SELECT session_id FROM (SELECT session, max(seq) AS last FROM errors WHERE group_id = ?1
                 AND session IS NOT NULL GROUP BY session ORDER BY last DESC LIMIT 100) JOIN sessions ON id = session";
            let mut statement = connection.prepare_cached(sql)?;
            let met_by = statement.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let histogram = histogram(connection, id, since, buckets)?;
            Ok(Some(ErrorGroupDetail { group, last_error, met_by, histogram }))
        })
    }
}

const GROUP: &str = "SELECT id, message, errors, first_seen, last_seen, last_seq,
     (SELECT count(DISTINCT session) FROM errors WHERE group_id = row.id) AS sessions FROM error_groups AS row";

fn group(row: &Row<'_>) -> rusqlite::Result<ErrorGroup> {
    Ok(ErrorGroup {
        id: row.get("id")?,
        message: row.get("message")?,
        errors: row.get("errors")?,
        first_seen: row.get("first_seen")?,
        last_seen: row.get("last_seen")?,
        last_id: row.get("last_seq")?,
        sessions: row.get("sessions")?,
        last: None,
    })
}

fn error_row(row: &Row<'_>) -> rusqlite::Result<ErrorRow> {
    Ok(ErrorRow {
        id: row.get("seq")?,
        group: row.get("group_id")?,
        time: row.get("time")?,
        level: level(row.get("level")?),
        message: row.get("message")?,
        type_name: row.get("type")?,
        service: row.get("service_name")?,
        session: row.get("session_name")?,
        trace_id: row.get("trace_name")?,
        span_id: row.get("span_id")?,
        top_frame: row.get::<_, Option<String>>("top")?.and_then(|text| from_json(&text)),
    })
}

fn row_of(connection: &Connection, id: i64) -> rusqlite::Result<Option<ErrorRow>> {
    let sql = format!("SELECT {COLUMNS}, {NAMES} FROM errors AS row WHERE seq = ?1");
    connection.prepare_cached(&sql)?.query_row([id], error_row).optional()
}

fn detail(connection: &Connection, id: i64) -> rusqlite::Result<Option<ErrorDetail>> {
    let sql = format!(
        "SELECT {COLUMNS}, {NAMES}, url, log, stack_text, frames, attributes FROM errors AS row WHERE seq = ?1"
    );
    let make = |row: &Row<'_>| {
        let attributes: Attributes = from_json(&row.get::<_, String>("attributes")?);
        let chain = causes(&attributes).map(|(message, type_name)| Cause {
            message: message.to_owned(),
            type_name: type_name.map(str::to_owned),
        });
        Ok(ErrorDetail {
            row: error_row(row)?,
            url: row.get("url")?,
            log: row.get("log")?,
            frames: from_json(&row.get::<_, String>("frames")?),
            chain: chain.collect(),
            stack_text: row.get("stack_text")?,
            attributes,
        })
    };
    connection.prepare_cached(&sql)?.query_row([id], make).optional()
}

fn histogram(
    connection: &Connection,
    group: i64,
    since: Timestamp,
    buckets: usize,
) -> rusqlite::Result<Histogram> {
    const MOST: usize = 500;
    let buckets = i64::try_from(buckets.clamp(1, MOST)).unwrap_or(1);
    // Senders' clocks may be ahead of ours.
    let sql = "SELECT max(time) FROM errors WHERE group_id = ?1";
    let last: Option<Timestamp> = connection.prepare_cached(sql)?.query_row([group], |row| row.get(0))?;
    let end = Timestamp::now().max(last.unwrap_or_default());
    let width_ns = (end.nanos().saturating_sub(since.nanos()) / buckets)
        .max(nanos_of(std::time::Duration::from_micros(1)))
        + 1;
    let mut counts: Vec<Bucket> = (0..buckets)
        .map(|index| Bucket {
            start: Timestamp::from_nanos(since.nanos().saturating_add(index.saturating_mul(width_ns))),
            count: 0,
        })
        .collect();
    let sql = "SELECT (time - ?2) / ?3, count(*) FROM errors WHERE group_id = ?1 AND time >= ?2 GROUP BY 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![group, since, width_ns])?;
    while let Some(row) = rows.next()? {
        let index: usize = row.get(0)?;
        if let Some(bucket) = counts.get_mut(index) {
            bucket.count = row.get(1)?;
        }
    }
    Ok(Histogram { width_ns, buckets: counts })
}
