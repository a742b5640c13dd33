//! Sessions and their requests.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{
    super::time::Timestamp, ErrorQuery, ErrorRow, Filter, LogQuery, LogRow, Page, Paged, QueryError, Reader,
    from_json, read,
};

/// Which sessions. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionQuery {
    /// Which part.
    pub page: Page,
    /// Only those with this text in their id or user.
    pub text: Option<String>,
}

/// A browser session. The counts are of what arrived, also of what retention has taken since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Session {
    /// `highlight.session_id`.
    pub id: String,
    /// The earliest time on any of its rows.
    pub first_seen: Timestamp,
    /// The latest time on any of its rows.
    pub last_seen: Timestamp,
    /// The id of its latest row.
    pub last_id: i64,
    /// How many requests it has.
    pub requests: u64,
    /// How many errors it met.
    pub errors: u64,
    /// The services that served it, by name.
    pub services: Vec<String>,
    /// Who it was, where an attribute says so: the last `user.email`, `user.name`, `user.full_name`, `user.id` or
    /// `enduser.id`, in this order of preference.
    pub user: Option<String>,
}

/// All that is stored under one trace id. The counts are of what arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The id it is stored under (C§4.3).
    pub trace_id: String,
    /// Its session, or empty.
    pub session: String,
    /// When its server span started; without one, the earliest time on its rows.
    pub start: Timestamp,
    /// How long the server span took, in nanoseconds.
    pub duration_ns: Option<i64>,
    /// The service of that span.
    pub service: String,
    /// The name of that span.
    pub name: String,
    /// Its HTTP method.
    pub method: Option<String>,
    /// Its HTTP route; without one, the path.
    pub route: Option<String>,
    /// Its HTTP or gRPC status.
    pub status: Option<String>,
    /// The services it went through, by name.
    pub services: Vec<String>,
    /// How many spans it has.
    pub spans: u64,
    /// How many logs it has, those of errors included.
    pub logs: u64,
    /// How many errors it has.
    pub errors: u64,
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionTimeline {
    /// The session.
    pub session: Session,
    /// Its requests by start, at most 1,000.
    pub requests: Vec<Request>,
    /// Whether there are more requests than that.
    pub more_requests: bool,
    /// Its latest logs, newest first: a page for [`Reader::logs`] to go on with.
    pub logs: Paged<LogRow>,
    /// Its latest errors, newest first: a page for [`Reader::errors`] to go on with.
    pub errors: Paged<ErrorRow>,
}

const SESSION: &str = "SELECT session_id, first_seen, last_seen, last_seq,
     coalesce(user, (SELECT user FROM recordings WHERE recordings.session_id = row.session_id)) AS user,
     (SELECT count(*) FROM requests WHERE session = row.id) AS requests,
     loose_errors + (SELECT coalesce(sum(errors), 0) FROM requests WHERE session = row.id) AS errors,
     (SELECT json_group_array(name) FROM (SELECT DISTINCT services.name FROM requests
         JOIN request_services ON request = requests.id JOIN services ON services.id = request_services.service
         WHERE session = row.id AND services.name <> '' ORDER BY 1 LIMIT 100)) AS services
     FROM sessions AS row";

pub(super) const REQUEST: &str =
    "SELECT trace_id, coalesce(start, first_seen) AS start, duration, name, method, route,
     status, spans, logs, errors,
     coalesce((SELECT session_id FROM sessions WHERE id = row.session), '') AS session,
     coalesce((SELECT name FROM services WHERE id = row.service), '') AS service,
     (SELECT json_group_array(name) FROM (SELECT name FROM request_services
         JOIN services ON services.id = request_services.service
         WHERE request = row.id AND name <> '' ORDER BY name LIMIT 100)) AS services
     FROM requests AS row";

impl Reader {
    /// The sessions, the last active first.
    pub fn sessions(&self, query: &SessionQuery) -> Result<Paged<Session>, QueryError> {
        let mut filter = Filter::default();
        filter.and_some("last_seq < ?", query.page.before);
        filter.and_some("(instr(session_id, ?) OR instr(user, ?))", query.text.clone());
        let sql = format!("{SESSION}{} ORDER BY last_seq DESC", filter.sql);
        self.with(|connection| {
            let found = read(connection, &sql, &filter, query.page.limit(), |row| Ok((session(row)?, 0)))?;
            Ok(Paged::of(found, |session| session.last_id))
        })
    }

    /// A session with its requests, logs and errors; `None` where nothing of it is known.
    pub fn session(&self, id: &str) -> Result<Option<SessionTimeline>, QueryError> {
        const MOST: usize = 1_000;
        let mut of_it = Filter::default();
        of_it.and("session_id = ?", id.to_owned());
        let mut of_requests = Filter::default();
        of_requests.and("session = (SELECT id FROM sessions WHERE session_id = ?)", id.to_owned());
        let found = self.with(|connection| {
            let sql = format!("{SESSION}{}", of_it.sql);
            let (mut sessions, _) = read(connection, &sql, &of_it, 1, |row| Ok((session(row)?, 0)))?;
            let Some(session) = sessions.pop() else { return Ok(None) };
            let sql = format!("{REQUEST}{} ORDER BY 2, id", of_requests.sql);
            let (requests, more) = read(connection, &sql, &of_requests, MOST, |row| Ok((request(row)?, 0)))?;
            Ok(Some((session, requests, more)))
        })?;
        let Some((session, requests, more_requests)) = found else { return Ok(None) };
        let page = Page::new(Page::MOST);
        let logs = self.logs(&LogQuery { page, session: Some(id.to_owned()), ..LogQuery::default() })?;
        let errors =
            self.errors(&ErrorQuery { page, session: Some(id.to_owned()), ..ErrorQuery::default() })?;
        Ok(Some(SessionTimeline { session, requests, more_requests, logs, errors }))
    }
}

/// One request.
pub(super) fn request_of(connection: &Connection, trace_id: &str) -> rusqlite::Result<Option<Request>> {
    let sql = format!("{REQUEST} WHERE trace_id = ?1");
    connection.prepare_cached(&sql)?.query_row([trace_id], request).optional()
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get("session_id")?,
        first_seen: row.get("first_seen")?,
        last_seen: row.get("last_seen")?,
        last_id: row.get("last_seq")?,
        requests: row.get("requests")?,
        errors: row.get("errors")?,
        services: from_json(&row.get::<_, String>("services")?),
        user: row.get("user")?,
    })
}

pub(super) fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    Ok(Request {
        trace_id: row.get("trace_id")?,
        session: row.get("session")?,
        start: row.get("start")?,
        duration_ns: row.get("duration")?,
        service: row.get("service")?,
        name: row.get::<_, Option<String>>("name")?.unwrap_or_default(),
        method: row.get("method")?,
        route: row.get("route")?,
        status: row.get("status")?,
        services: from_json(&row.get::<_, String>("services")?),
        spans: row.get("spans")?,
        logs: row.get("logs")?,
        errors: row.get("errors")?,
    })
}
