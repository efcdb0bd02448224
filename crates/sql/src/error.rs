//! What a database answers when it does not do what it was asked.
//!
//! The cases are told apart by the codes of the databases, never by their texts.

use sqlx::error::{DatabaseError, ErrorKind};

use crate::{Refusal, Transient, refusal};

/// Why a statement or a migration failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the database cannot be read. The address itself is left
    /// out, since it may hold a password.
    #[error(
        "the database address is not understood; write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
    )]
    Address,
    /// The database is not what we were told, or not set up for us.
    #[error(transparent)]
    Refused(Refusal),
    /// The database cannot be reached, or has no room, or refuses to write.
    #[error("the database is not available: {0}")]
    Unavailable(sqlx::Error),
    /// Another transaction was in the way, and still was after all retries.
    #[error("the database is busy with other writers: {0}")]
    Busy(sqlx::Error),
    /// A migration did not get its tables for itself, however often it tried.
    #[error("the tables cannot be changed, since others do not let go of them: {0}")]
    InUse(sqlx::Error),
    /// A row with this key exists.
    #[error("the row exists already: {0}")]
    Conflict(sqlx::Error),
    /// A query that always has a row had none, or more than one where one is the most.
    #[error("a query that answers with one row answered with {0}")]
    RowCount(usize),
    /// A stored value is none that this program writes.
    #[error("the column {column} holds a value that is no {wanted}")]
    Corrupt {
        /// The name of the column, or its place in the row.
        column: String,
        /// The type that was expected.
        wanted: &'static str,
    },
    /// The database was written by a newer program.
    #[error(
        "the database has schema version {found}, this program knows versions up to {known}; install a newer program or restore an older backup"
    )]
    SchemaTooNew {
        /// The version of the database.
        found: i64,
        /// The newest version that the program knows.
        known: i64,
    },
    /// The database belongs to another service.
    #[error(
        "the database holds the tables of the {found} service, not of {wanted}; give each service its own database"
    )]
    ForeignSchema {
        /// Whose tables it holds.
        found: String,
        /// Whose tables were looked for.
        wanted: &'static str,
    },
    /// The database is a copy that was stopped before its end.
    #[error("the database is a half-done copy of {of}")]
    HalfCopied {
        /// What it becomes a copy of.
        of: String,
    },
    /// A table that cannot be copied, or cannot be made.
    #[error("the table {table} cannot be copied: {why}")]
    Uncopyable {
        /// Its name.
        table: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The file of an SQLite database is no longer what was written.
    #[error("the database file is damaged: {0}")]
    Damaged(String),
    /// A statement is wrong, or the database has lost its tables.
    #[error("the database refused a statement: {0}")]
    Other(sqlx::Error),
}

impl Error {
    /// Says what to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::HalfCopied { .. } => Some(
                "finish it with the `picard migrate --from … --to …` that began it, or empty the database",
            ),
            Self::InUse(_) => Some(
                "start again when the backup or the long query is over that reads them; \
                 pg_stat_activity shows it",
            ),
            Self::Unavailable(sqlx::Error::Database(refusal)) => {
                match refusal.code()?.parse::<i32>().ok()? & 0xff {
                    8 => Some("the database file or its folder cannot be written by this user"),
                    10 | 13 => Some("make room on the disk; nothing that was stored is lost"),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Tells whether a file is no SQLite database, or damaged where it was read. That
    /// it cannot be read, or not now, is something else.
    pub fn is_no_database(&self) -> bool {
        let code = match self {
            Self::Damaged(_) => return true,
            Self::Other(sqlx::Error::Database(refusal)) => refusal.code(),
            _ => None,
        };
        let number = code.filter(|code| code.len() != 5);
        let number = number.and_then(|code| code.parse::<i32>().ok());
        // CORRUPT, NOTADB
        number.is_some_and(|number| [11, 26].contains(&(number & 0xff)))
    }

    pub(crate) fn uncopyable(table: &str, why: &'static str) -> Self {
        Self::Uncopyable {
            table: table.to_owned(),
            why,
        }
    }
}

impl Error {
    /// Tells whether a lock was waited for as long as we wanted (SQLSTATE 55P03).
    pub(crate) fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Busy(sqlx::Error::Database(refusal))
            if refusal.code().as_deref() == Some("55P03"))
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => match Meaning::of(refusal.as_ref()) {
                Meaning::Refused(refusal) => Self::Refused(refusal),
                Meaning::Conflict => Self::Conflict(error),
                Meaning::Busy => Self::Busy(error),
                Meaning::Unavailable => Self::Unavailable(error),
                Meaning::Other => Self::Other(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Other(error),
        }
    }
}

enum Meaning {
    Refused(Refusal),
    Conflict,
    Busy,
    Unavailable,
    Other,
}

impl Meaning {
    fn of(refusal: &dyn DatabaseError) -> Self {
        if refusal.kind() == ErrorKind::UniqueViolation {
            return Self::Conflict;
        }
        if let Some(refusal) = refusal::of_statement(refusal) {
            return Self::Refused(refusal);
        }
        let code = refusal.code().unwrap_or_default();
        // SQLite numbers its errors (https://www.sqlite.org/rescode.html), the low byte being
        // the kind; a SQLSTATE of PostgreSQL has five characters, so the two do not mix.
        match code.parse::<i32>() {
            Ok(number) if code.len() != 5 => match number & 0xff {
                5 | 6 => Self::Busy,                   // BUSY, LOCKED
                8 | 10 | 13 | 14 => Self::Unavailable, // READONLY, IOERR, FULL, CANTOPEN
                _ => Self::Other,
            },
            _ => match code.as_ref() {
                // serialization failure, deadlock, lock timeout
                "40001" | "40P01" | "55P03" => Self::Busy,
                "42P07" => Self::Conflict, // a table of that name was made by another node
                // A standby, since a failover; a transaction that stood still for too long; a
                // commit whose end is not known.
                "25006" | "25P03" | "25P04" | "40003" | "3D000" => Self::Unavailable,
                // connection, authorization, resources, operator, system
                state
                    if ["08", "28", "53", "57", "58"]
                        .contains(&state.get(..2).unwrap_or_default()) =>
                {
                    Self::Unavailable
                }
                _ => Self::Other,
            },
        }
    }
}
