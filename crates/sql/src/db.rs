//! An open database: one file of SQLite, or a pool of connections to PostgreSQL.

use std::{fmt, fs::OpenOptions, io, path::Path, time::Duration};

use sqlx::{
    ConnectOptions, SqlitePool,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    Attempts, Error, Query, Record, Refusal, Row, Tx,
    postgres::{Postgres, Use},
    retry::Transient as _,
    row::read_all,
    sqlite, wait,
};

/// How long a look whether the database answers may take.
const PING: Duration = Duration::from_secs(2);

/// Where a database is, and how it is used.
#[derive(Clone)]
pub struct Source {
    /// `sqlite:PATH` or `postgres://…`. It may hold a password.
    pub address: String,
    /// Connections and limits.
    pub options: Options,
}

impl Source {
    /// Opens it.
    pub async fn open(&self) -> Result<Db, Error> {
        Db::open(&self.address, &self.options).await
    }
}

impl<T: Into<String>> From<T> for Source {
    fn from(address: T) -> Self {
        Self {
            address: address.into(),
            options: Options::default(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// How many connections are kept, and how long one waits for what.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that read from SQLite, besides the one that writes.
    pub readers: u32,
    /// The most connections to PostgreSQL.
    pub connections: u32,
    /// The longest wait for a connection, and for the write lock of SQLite.
    pub patience: Duration,
    /// How long PostgreSQL may work on one statement, outside of migrations; as long
    /// as it takes when it is zero. With `None` nothing is sent, and what holds is
    /// what the server has for this role.
    pub statement_timeout: Option<Duration>,
    /// How long a transaction may do nothing before PostgreSQL ends it: a process
    /// that stands still must not hold its locks for ever. Zero and `None` as above.
    pub idle_in_transaction: Option<Duration>,
    /// After how long without an answer to a statement, outside of migrations, its
    /// connection is given up. It does not need the server, which may be gone.
    pub silence: Option<Duration>,
    /// How long to wait for a PostgreSQL that is not up yet, when it is opened.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            connections: 10,
            patience: Duration::from_secs(5),
            statement_timeout: Some(Duration::from_secs(30)),
            idle_in_transaction: Some(Duration::from_mins(1)),
            silence: Some(Duration::from_secs(35)),
            wait: Duration::ZERO,
        }
    }
}

/// An open database. Cloning it is cheap and opens nothing.
#[derive(Debug, Clone)]
pub enum Db {
    /// A file. Readers see a snapshot each and wait for nobody; the one
    /// writing connection makes writers queue in the program, where waiting is
    /// fair, instead of at the lock of the file.
    Sqlite {
        /// Connections that cannot write.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// A server.
    Postgres(Postgres),
}

impl Db {
    /// Opens `sqlite:PATH` (made, with mode 0600, when it does not exist) or
    /// `postgres://…`, which is waited for and looked at first. Runs no migration.
    pub async fn open(address: &str, options: &Options) -> Result<Self, Error> {
        if let Some(path) = sqlite_path(address)? {
            Self::open_sqlite(path, options).await
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            Postgres::open(address, options, Use::Write)
                .await
                .map(Self::Postgres)
        } else {
            Err(Error::Address)
        }
    }

    async fn open_sqlite(path: &Path, options: &Options) -> Result<Self, Error> {
        let refused = |why: &dyn fmt::Display| {
            Error::Refused(Refusal::File {
                path: path.display().to_string(),
                why: why.to_string(),
            })
        };
        create_private(path).map_err(|error| refused(&error))?;
        let common = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(options.patience)
            .foreign_keys(true)
            // A statement is compiled once per connection.
            .statement_cache_capacity(256)
            // The thread that reads hands over row by row. Room for a whole answer keeps it from
            // waiting for its reader at each: a page of 50 rows takes a third less time.
            .row_buffer_size(2048)
            .pragma("temp_store", "memory")
            // What was deleted is overwritten with zeros, in the file and its index pages.
            .pragma("secure_delete", "on")
            .pragma("cache_size", "-4000")
            .disable_statement_logging();
        let writer = common
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit reaches the disk before it is acknowledged.
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", "67108864")
            .optimize_on_close(true, 400);
        let pool = |most| {
            PoolOptions::new()
                .max_connections(most)
                .acquire_timeout(options.patience)
                // A connection to a file does not get stale: no need to ask whether it
                // lives, or to drop it with all its compiled statements.
                .test_before_acquire(false)
                .max_lifetime(None)
                .idle_timeout(None)
        };
        // The writer first: it makes the file a WAL file. SQLite refuses that at once, without
        // its busy timeout, while another program is at it or folds the log on leaving.
        let until = tokio::time::Instant::now() + options.patience;
        let write = loop {
            match pool(1).connect_with(writer.clone()).await {
                Ok(write) => break write,
                Err(error) => {
                    let why = refused(&error);
                    if !Error::from(error).is_transient() || tokio::time::Instant::now() >= until {
                        return Err(why);
                    }
                    wait(Duration::from_millis(10)).await;
                }
            }
        };
        let read = pool(options.readers)
            .connect_with(common.pragma("query_only", "on"))
            .await
            .map_err(|error| refused(&error))?;
        Ok(Self::Sqlite { read, write })
    }

    /// Opens a database that is there to read from it. The file of SQLite is not
    /// changed, nor made when it is missing.
    pub async fn open_to_read(address: &str, options: &Options) -> Result<Self, Error> {
        let Some(path) = sqlite_path(address)? else {
            let server = Postgres::open(address, options, Use::Read).await;
            return server.map(Self::Postgres);
        };
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(options.patience)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let pool = PoolOptions::new()
            .max_connections(2)
            .acquire_timeout(options.patience)
            .connect_with(connect)
            .await?;
        Ok(Self::Sqlite {
            read: pool.clone(),
            write: pool,
        })
    }

    /// Returns all rows of a statement.
    pub async fn all<R: Record>(&self, query: Query) -> Result<Vec<R>, Error> {
        read_all(&self.rows(&query).await?)
    }

    /// Returns the row of a statement that has at most one.
    pub async fn optional<R: Record>(&self, query: Query) -> Result<Option<R>, Error> {
        at_most_one(&self.rows(&query).await?)
    }

    /// Returns the row of a statement that always has one.
    pub async fn one<R: Record>(&self, query: Query) -> Result<R, Error> {
        self.optional(query).await?.ok_or(Error::RowCount(0))
    }

    /// Runs a statement and returns how many rows it changed.
    pub async fn execute(&self, query: Query) -> Result<u64, Error> {
        let mut attempts = Attempts::new();
        loop {
            let done = match self {
                Self::Sqlite { write, .. } => {
                    let done = query.sqlite().execute(write).await;
                    done.map(|done| done.rows_affected()).map_err(Error::from)
                }
                Self::Postgres(server) => {
                    let done = server.execute(&query).await;
                    done.map(|done| done.rows_affected())
                }
            };
            match done {
                Err(error) => wait(attempts.pause(&error).ok_or(error)?).await,
                done => return done,
            }
        }
    }

    /// Begins a transaction that may write. Callers want [`transaction!`](crate::transaction),
    /// which commits and retries.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(match self {
            // IMMEDIATE takes the write lock now: a transaction that read first and then
            // wants to write could not wait for the lock, only fail.
            Self::Sqlite { write, .. } => {
                Tx::Sqlite(sqlite::Begun::by("BEGIN IMMEDIATE", write).await?)
            }
            Self::Postgres(server) => Tx::Postgres(server.begin("BEGIN").await?),
        })
    }

    /// Begins a transaction whose reads all see the database of one moment.
    pub async fn snapshot(&self) -> Result<Tx, Error> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(sqlite::Begun::by("BEGIN", read).await?),
            Self::Postgres(server) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Tx::Postgres(server.begin(begin).await?)
            }
        })
    }

    /// Checks that the database answers soon.
    pub async fn ping(&self) -> Result<(), Error> {
        let asked = self.one::<(i64,)>(crate::sql!("SELECT CAST(1 AS BIGINT)"));
        match tokio::time::timeout(PING, asked).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Error::Unavailable(sqlx::Error::PoolTimedOut)),
        }
    }

    /// Tells whether a program of ours is connected besides this one, as far as
    /// the database tells; of a file that is told by [`Alone`](crate::Alone). Asked of a
    /// pool with one connection, since others of its own would count.
    pub async fn is_in_use(&self) -> Result<bool, Error> {
        let Self::Postgres(_) = self else {
            return Ok(false);
        };
        let others = crate::sql!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
             AND application_name LIKE 'picard%' AND pid <> pg_backend_pid()"
        );
        let (others,): (i64,) = self.one(others).await?;
        Ok(others > 0)
    }

    /// Waits for statements under way, then closes. SQLite's write-ahead log is
    /// folded into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                if write.is_closed() {
                    // Opened to read: one pool, which may not fold anything.
                    return;
                }
                let fold = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                    .execute(write)
                    .await;
                if let Err(error) = fold {
                    tracing::warn!(%error, "the write-ahead log was not folded into the file");
                }
                write.close().await;
            }
            Self::Postgres(server) => server.close().await,
        }
    }

    async fn rows(&self, query: &Query) -> Result<Vec<Row>, Error> {
        let mut attempts = Attempts::new();
        loop {
            let rows = match self {
                Self::Sqlite { read, write } => {
                    let pool = if query.reads() { read } else { write };
                    let rows = query.sqlite().fetch_all(pool).await;
                    rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
                        .map_err(Error::from)
                }
                Self::Postgres(server) => {
                    let rows = server.rows(query).await;
                    rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
                }
            };
            match rows {
                Err(error) => wait(attempts.pause(&error).ok_or(error)?).await,
                rows => return rows,
            }
        }
    }
}

/// Returns the file that `sqlite:PATH` names, or `None` for another kind of address.
pub fn sqlite_path(address: &str) -> Result<Option<&Path>, Error> {
    let Some(rest) = address.strip_prefix("sqlite:") else {
        return Ok(None);
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.split('?').next().filter(|path| !path.is_empty());
    Ok(Some(Path::new(path.ok_or(Error::Address)?)))
}

/// Reads the row of an answer that has at most one.
pub(crate) fn at_most_one<R: Record>(rows: &[Row]) -> Result<Option<R>, Error> {
    match rows {
        [] => Ok(None),
        [row] => R::read(row, &R::places(row)?).map(Some),
        rows => Err(Error::RowCount(rows.len())),
    }
}

/// Makes the file before SQLite does, so that no moment passes in which others
/// could open it. SQLite gives its log files the mode of the database.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
