//! What rows of a batch have in common: services, sessions, requests, and the sums over their rows.
//!
//! Everything known here was read in the transaction at hand, so that two processes may write one file.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use rusqlite::{Connection, params};

use super::super::time::{Timestamp, nanos_of};
use crate::{
    model::{Attributes, Origin, Span},
    timeline::{METHOD, attribute, status},
};

/// The ids that a row refers to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) service: i64,
    pub(super) session: Option<i64>,
    pub(super) request: Option<i64>,
}

/// A row's kind, where a request counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Span,
    Log,
    Error,
}

/// When rows of a session or a request happened, and the id of the last one.
#[derive(Debug, Default)]
struct Seen {
    times: Option<(Timestamp, Timestamp)>,
    seq: i64,
}

impl Seen {
    fn add(&mut self, first: Timestamp, last: Timestamp, seq: i64) {
        let (known_first, known_last) = self.times.unwrap_or((first, last));
        self.times = Some((known_first.min(first), known_last.max(last)));
        self.seq = seq;
    }
}

#[derive(Debug, Default)]
struct Session {
    id: i64,
    seen: Seen,
    user: Option<String>,
    loose_errors: u32,
}

#[derive(Debug, Default)]
struct Request {
    id: i64,
    session: Option<i64>,
    seen: Seen,
    spans: u32,
    logs: u32,
    errors: u32,
    services: HashSet<i64>,
}

/// The state of a batch.
pub(super) struct Common<'c> {
    pub(super) connection: &'c Connection,
    next_seq: i64,
    services: HashMap<String, i64>,
    sessions: HashMap<String, Session>,
    requests: HashMap<String, Request>,
}

impl<'c> Common<'c> {
    pub(super) fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT coalesce((SELECT value FROM meta WHERE key = 'next_seq'), 1)";
        let next_seq = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        let (services, sessions, requests) = Default::default();
        Ok(Self { connection, next_seq, services, sessions, requests })
    }

    pub(super) fn next_seq(&mut self) -> i64 {
        self.next_seq += 1;
        self.next_seq - 1
    }

    /// The ids for a row that happened at this time; its session and request have been seen then.
    pub(super) fn place(
        &mut self,
        origin: &Origin,
        trace_id: &str,
        (first, last): (Timestamp, Timestamp),
        seq: i64,
    ) -> rusqlite::Result<Place> {
        let service = self.service(&origin.service)?;
        let session = self.session(&origin.session_id)?.map(|session| {
            session.seen.add(first, last, seq);
            session.id
        });
        let request = self.request(trace_id)?.map(|request| {
            request.seen.add(first, last, seq);
            request.session = request.session.or(session);
            request.services.insert(service);
            request.id
        });
        Ok(Place { service, session, request })
    }

    /// The ids for a row that is no sign of life of its session or request, such as a note.
    pub(super) fn refer(&mut self, origin: &Origin) -> rusqlite::Result<Place> {
        let service = self.service(&origin.service)?;
        let find = |table: &str, column: &str, id: &str| -> rusqlite::Result<Option<i64>> {
            let sql = format!("SELECT max(id) FROM {table} WHERE {column} = ?1");
            self.connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))
        };
        let session = find("sessions", "session_id", &origin.session_id)?;
        let request = find("requests", "trace_id", &origin.request_id)?;
        Ok(Place { service, session, request })
    }

    /// Adds a row to the sums of its request.
    pub(super) fn count(&mut self, origin: &Origin, trace_id: &str, counted: Counted) {
        if let Some(request) = self.requests.get_mut(trace_id) {
            match counted {
                Counted::Span => request.spans += 1,
                Counted::Log => request.logs += 1,
                Counted::Error => request.errors += 1,
            }
        } else if let Some(session) = self.sessions.get_mut(&origin.session_id) {
            session.loose_errors += u32::from(counted == Counted::Error);
        }
    }

    /// Remembers whose session it is, where attributes tell (semantic conventions `user.*`, `enduser.id`).
    pub(super) fn user(&mut self, origin: &Origin, attributes: &Attributes) {
        const NAMES: [&str; 5] = ["user.email", "user.name", "user.full_name", "user.id", "enduser.id"];
        let Some(session) = self.sessions.get_mut(&origin.session_id) else { return };
        let mut values = NAMES.iter().filter_map(|name| attributes.get(*name));
        if let Some(user) = values.find(|value| !matches!(value.as_str(), "" | "[REDACTED]")) {
            session.user = Some(user.clone());
        }
    }

    /// Lets a span speak for its request, if no better one has: servers' spans before consumers', these before
    /// others without a parent, the earliest first.
    pub(super) fn speaks(&self, span: &Span, place: Place) -> rusqlite::Result<()> {
        let rank = match span.kind {
            "Server" => 0,
            "Consumer" => 1,
            _ if span.parent_span_id.is_empty() => 2,
            _ => 3,
        };
        let sql =
            "UPDATE requests SET rank = ?2, start = ?3, duration = ?4, service = ?5, name = ?6, method = ?7,
             route = ?8, status = ?9
             WHERE id = ?1 AND (rank IS NULL OR (rank, start) > (?2, ?3))";
        let route = attribute(span, &["http.route", "url.path", "http.target"]);
        self.connection.prepare_cached(sql)?.execute(params![
            place.request,
            rank,
            Timestamp::from(span.start),
            nanos_of(span.duration),
            place.service,
            span.name,
            attribute(span, METHOD),
            route,
            status(span),
        ])?;
        Ok(())
    }

    /// The id of a service; `""` is one too.
    pub(super) fn service(&mut self, name: &str) -> rusqlite::Result<i64> {
        let connection = self.connection;
        get_or_insert(&mut self.services, name, || id_of(connection, "services", "name", name)).copied()
    }

    fn session(&mut self, id: &str) -> rusqlite::Result<Option<&mut Session>> {
        let connection = self.connection;
        let find = || {
            let id = id_of(connection, "sessions", "session_id", id)?;
            Ok(Session { id, ..Session::default() })
        };
        if id.is_empty() { Ok(None) } else { get_or_insert(&mut self.sessions, id, find).map(Some) }
    }

    fn request(&mut self, id: &str) -> rusqlite::Result<Option<&mut Request>> {
        let connection = self.connection;
        let find = || {
            let id = id_of(connection, "requests", "trace_id", id)?;
            Ok(Request { id, ..Request::default() })
        };
        if id.is_empty() { Ok(None) } else { get_or_insert(&mut self.requests, id, find).map(Some) }
    }

    /// Writes the sums; returns the newest id.
    pub(super) fn finish(self, now: Timestamp) -> rusqlite::Result<i64> {
        let connection = self.connection;
        let mut statement = connection.prepare_cached(
            "UPDATE sessions SET first_seen = min(coalesce(first_seen, ?2), ?2),
             last_seen = max(coalesce(last_seen, ?3), ?3), last_seq = ?4, user = coalesce(?5, user),
             loose_errors = loose_errors + ?6 WHERE id = ?1",
        )?;
        for Session { id, seen, user, loose_errors } in self.sessions.into_values() {
            let (first, last) = seen.times.unzip();
            statement.execute(params![id, first, last, seen.seq, user, loose_errors])?;
        }
        let mut statement = connection.prepare_cached(
            "UPDATE requests SET first_seen = min(coalesce(first_seen, ?2), ?2),
             last_seen = max(coalesce(last_seen, ?3), ?3), last_seq = ?4, session = coalesce(session, ?5),
             spans = spans + ?6, logs = logs + ?7, errors = errors + ?8 WHERE id = ?1",
        )?;
        let mut uses = connection.prepare_cached("INSERT OR IGNORE INTO request_services VALUES (?1, ?2)")?;
        for Request { id, session, seen, spans, logs, errors, services } in self.requests.into_values() {
            let (first, last) = seen.times.unzip();
            statement.execute(params![id, first, last, seen.seq, session, spans, logs, errors])?;
            for service in services {
                uses.execute([id, service])?;
            }
        }
        let newest = self.next_seq - 1;
        let mut statement = connection.prepare_cached("UPDATE services SET last_seq = ?2 WHERE id = ?1")?;
        for id in self.services.into_values() {
            statement.execute([id, newest])?;
        }
        let sql = "INSERT OR REPLACE INTO meta VALUES ('next_seq', ?1)";
        connection.prepare_cached(sql)?.execute([self.next_seq])?;
        let sql = "INSERT OR REPLACE INTO batches VALUES (?1, ?2)";
        connection.prepare_cached(sql)?.execute(params![newest, now])?;
        Ok(newest)
    }
}

fn id_of(connection: &Connection, table: &str, column: &str, id: &str) -> rusqlite::Result<i64> {
    // The update changes nothing; without it nothing would be returned.
    let sql = format!(
        "INSERT INTO {table}({column}) VALUES (?1)
         ON CONFLICT({column}) DO UPDATE SET {column} = {column} RETURNING id"
    );
    connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))
}

fn get_or_insert<'m, V, E>(
    map: &'m mut HashMap<String, V>,
    key: &str,
    make: impl FnOnce() -> Result<V, E>,
) -> Result<&'m mut V, E> {
    match map.entry(key.to_owned()) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(unknown) => Ok(unknown.insert(make()?)),
    }
}
