-- Every row gets its number (seq) from one counter, in the order of arrival. Pages, live tails and
-- retention go by it alone: what is older than a number goes, from every table.
-- Times are nanoseconds since 1970.

CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE batches(last_seq INTEGER PRIMARY KEY, written INTEGER NOT NULL);

-- What rows have in common. It outlives its last row by one round of retention at most.

CREATE TABLE services(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_seq INTEGER NOT NULL DEFAULT 0);
CREATE TABLE sessions(
    id INTEGER PRIMARY KEY, session_id TEXT NOT NULL UNIQUE,
    first_seen INTEGER, last_seen INTEGER, last_seq INTEGER NOT NULL DEFAULT 0,
    user TEXT, loose_errors INTEGER NOT NULL DEFAULT 0);
CREATE INDEX sessions_by_seq ON sessions(last_seq);
-- All that is stored under one trace id. The columns from rank on come from the span that speaks for it.
CREATE TABLE requests(
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE, session INTEGER,
    first_seen INTEGER, last_seen INTEGER, last_seq INTEGER NOT NULL DEFAULT 0,
    spans INTEGER NOT NULL DEFAULT 0, logs INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0,
    rank INTEGER, start INTEGER, duration INTEGER, service INTEGER, name TEXT, method TEXT, route TEXT, status TEXT);
CREATE INDEX requests_by_session ON requests(session, first_seen) WHERE session IS NOT NULL;
CREATE TABLE request_services(request INTEGER, service INTEGER, PRIMARY KEY(request, service)) WITHOUT ROWID;

CREATE TABLE spans(
    seq INTEGER PRIMARY KEY, request INTEGER, service INTEGER NOT NULL, session INTEGER,
    span_id TEXT NOT NULL, parent_id TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    start INTEGER NOT NULL, duration INTEGER NOT NULL, status TEXT NOT NULL, status_message TEXT NOT NULL,
    has_errors INTEGER NOT NULL, attributes TEXT NOT NULL, events TEXT NOT NULL, links TEXT NOT NULL);
CREATE INDEX spans_by_request ON spans(request);

CREATE TABLE logs(
    seq INTEGER PRIMARY KEY, request INTEGER, service INTEGER NOT NULL, session INTEGER,
    time INTEGER NOT NULL, level INTEGER NOT NULL, message TEXT NOT NULL, span_id TEXT NOT NULL,
    frontend INTEGER NOT NULL, attributes TEXT NOT NULL);
CREATE INDEX logs_by_request ON logs(request) WHERE request IS NOT NULL;
CREATE INDEX logs_by_session ON logs(session) WHERE session IS NOT NULL;
CREATE INDEX logs_by_service ON logs(service);
CREATE INDEX logs_of_note ON logs(level) WHERE level >= 3;

-- Errors as the server groups them (C§6.4).
CREATE TABLE error_groups(
    id INTEGER PRIMARY KEY, project TEXT NOT NULL, message TEXT NOT NULL, frames TEXT,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, last_seq INTEGER NOT NULL,
    errors INTEGER NOT NULL DEFAULT 0, UNIQUE(project, message));
CREATE INDEX error_groups_by_seq ON error_groups(last_seq);
CREATE INDEX error_groups_by_frames ON error_groups(project, frames) WHERE frames IS NOT NULL;
CREATE TABLE errors(
    seq INTEGER PRIMARY KEY, request INTEGER, service INTEGER NOT NULL, session INTEGER,
    group_id INTEGER NOT NULL, log INTEGER, time INTEGER NOT NULL, level INTEGER NOT NULL,
    message TEXT NOT NULL, type TEXT NOT NULL, url TEXT NOT NULL, span_id TEXT NOT NULL,
    stack_text TEXT NOT NULL, frames TEXT NOT NULL, attributes TEXT NOT NULL);
CREATE INDEX errors_by_group ON errors(group_id, time);
CREATE INDEX errors_by_request ON errors(request) WHERE request IS NOT NULL;
CREATE INDEX errors_by_session ON errors(session) WHERE session IS NOT NULL;
CREATE INDEX errors_by_log ON errors(log) WHERE log IS NOT NULL;

CREATE TABLE series(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, service INTEGER NOT NULL, attributes TEXT NOT NULL,
    kind TEXT NOT NULL, unit TEXT NOT NULL, description TEXT NOT NULL, last_seq INTEGER NOT NULL DEFAULT 0,
    UNIQUE(name, kind, unit, service, attributes));
CREATE TABLE points(
    seq INTEGER PRIMARY KEY, series INTEGER NOT NULL, time INTEGER NOT NULL,
    value REAL NOT NULL, count INTEGER, detail TEXT);
CREATE INDEX points_by_series ON points(series, time);

-- What the server drops or changes without a word.
CREATE TABLE reasons(
    id INTEGER PRIMARY KEY, dropped INTEGER NOT NULL, code TEXT NOT NULL, paragraph TEXT NOT NULL,
    text TEXT NOT NULL, UNIQUE(dropped, code));
CREATE TABLE notes(
    seq INTEGER PRIMARY KEY, reason INTEGER NOT NULL, item TEXT NOT NULL, name TEXT NOT NULL,
    service INTEGER NOT NULL, session INTEGER, request INTEGER, time INTEGER NOT NULL);
CREATE INDEX notes_by_reason ON notes(reason);

-- The words of logs and errors, under the same numbers.
CREATE VIRTUAL TABLE log_words USING fts5(text, content='', contentless_delete=1);
CREATE VIRTUAL TABLE error_words USING fts5(text, content='', contentless_delete=1);

-- What browsers recorded. It has no numbers, and goes by the time it was last seen.
CREATE TABLE recordings(
    session_id TEXT PRIMARY KEY, started INTEGER NOT NULL, seen INTEGER NOT NULL,
    user TEXT, service TEXT NOT NULL, environment TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE chunks(
    session_id TEXT NOT NULL, payload_id INTEGER NOT NULL, events INTEGER NOT NULL, first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, unloaded INTEGER NOT NULL, length INTEGER NOT NULL, gzip BLOB NOT NULL,
    UNIQUE(session_id, payload_id));
