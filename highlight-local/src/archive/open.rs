//! Opening the database, and what can be wrong with it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Written into the file's header, so that another program's database is not taken for ours.
const APPLICATION_ID: i32 = 0x686c_6c61;
/// Counts up with every change of `schema.sql`.
const SCHEMA: i32 = 1;

/// Why an archive cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file is some other program's, or no database at all.
    #[error("{path} is not an archive of highlight-local; name another file, or one that does not exist yet")]
    NotAnArchive {
        /// The file.
        path: PathBuf,
    },
    /// The file was an archive once.
    #[error(
        "{path} is damaged ({detail}); move it away (with its -wal and -shm) and start anew, or try sqlite3's .recover on it"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database says.
        detail: String,
    },
    /// A later version wrote the file.
    #[error(
        "{path} was written by a newer highlight-local (schema {found}, this one knows {known}); use that version, or name another file"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's schema.
        found: i32,
        /// The newest schema known here.
        known: i32,
    },
    /// There is no such file, and it is only to be read.
    #[error("there is no archive at {path}; `highlight-local --data {path}` makes one")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The system or the database refuses.
    #[error("cannot open the archive {path}; is the directory there and writable, and the disk not full?")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: rusqlite::Error,
    },
    /// The system gives no thread.
    #[error("cannot start the archive's thread; the system is short of resources")]
    Thread(#[source] io::Error),
}

/// Where the rows are. Every connection to a place sees the same ones.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File(PathBuf),
    /// A name; the memory is freed with the last connection to it.
    Memory(String),
}

impl Place {
    /// Memory of its own.
    pub(super) fn memory() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::Memory(format!("file:/highlight-local-{count}?vfs=memdb"))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Memory(_) => PathBuf::from("in memory"),
        }
    }

    /// A connection that may write; makes the tables where there are none.
    pub(super) fn open(&self) -> Result<Connection, OpenError> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE, prepare)
    }

    /// A connection that cannot write.
    pub(super) fn open_to_read(&self) -> Result<Connection, OpenError> {
        match self {
            Self::File(path) if !path.exists() => Err(OpenError::Missing { path: path.clone() }),
            Self::File(_) => self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE, |connection| {
                let schema = check(connection)?;
                // Not opened as read-only: such a connection could not recover after a crash.
                connection.pragma_update(None, "query_only", true)?;
                if schema == 0 { Err(Unfit::Foreign) } else { Ok(()) }
            }),
            Self::Memory(_) => self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE, |connection| {
                Ok(connection.pragma_update(None, "query_only", true)?)
            }),
        }
    }

    fn connect(
        &self,
        flags: OpenFlags,
        make_fit: impl FnOnce(&Connection) -> Result<(), Unfit>,
    ) -> Result<Connection, OpenError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let opened = match self {
            // A path that begins with `file:` would be read as a URI.
            Self::File(path) => Connection::open_with_flags(Path::new(".").join(path), flags),
            Self::Memory(name) => Connection::open_with_flags(name, flags),
        };
        let connection = opened.map_err(|error| self.unfit(error.into()))?;
        let made = connection.busy_timeout(Duration::from_secs(5)).map_err(Unfit::from);
        made.and_then(|()| make_fit(&connection)).map_err(|unfit| self.unfit(unfit))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    fn unfit(&self, unfit: Unfit) -> OpenError {
        let path = self.path();
        match unfit {
            Unfit::Foreign => OpenError::NotAnArchive { path },
            Unfit::Newer(found) => OpenError::Newer { path, found, known: SCHEMA },
            Unfit::Database(source) => match source.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => OpenError::NotAnArchive { path },
                Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, detail: source.to_string() },
                _ => OpenError::Refused { path, source },
            },
        }
    }
}

/// Why a database is not usable.
enum Unfit {
    Foreign,
    Newer(i32),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// The schema's number; 0 for a database that is still empty.
fn check(connection: &Connection) -> Result<i32, Unfit> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (application, schema) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, schema) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, SCHEMA) => Ok(SCHEMA),
        (APPLICATION_ID, newer) if newer > SCHEMA => Err(Unfit::Newer(newer)),
        _ => Err(Unfit::Foreign),
    }
}

fn prepare(connection: &Connection) -> Result<(), Unfit> {
    check(connection)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit survives the process; the machine's loss of power may cost the last ones, not the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // Again, now that nobody else can be making the tables.
    let made = check(connection).and_then(|schema| {
        if schema == 0 {
            connection.execute_batch(include_str!("schema.sql"))?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", SCHEMA)?;
        }
        read_every_table(connection)
    });
    connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    made
}

/// Both ends of each table: a file that is cut short or overwritten is found now rather than later.
fn read_every_table(connection: &Connection) -> Result<(), Unfit> {
    for table in ["spans", "logs", "errors", "points", "notes"] {
        let sql = format!("SELECT min(seq), (SELECT max(seq) FROM {table}) FROM {table}");
        connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0))?;
    }
    connection
        .query_row("SELECT min(rowid) + max(rowid) FROM chunks", [], |row| row.get::<_, Option<i64>>(0))?;
    Ok(())
}
