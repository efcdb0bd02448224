//! What is done with the file of an SQLite database as a whole.
//!
//! A copy of a file in use is made by `VACUUM INTO`: it reads in one
//! transaction, so it sees one moment however many writers go on, and waits
//! for none and none for it. The online backup interface would begin anew
//! whenever another process writes, copies the free pages too, in which deleted
//! rows may be, and is not to be had without `unsafe`.

use std::{fs, path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteLockingMode},
};

use crate::{Error, db::create_private};

/// How long a lock is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Copies a database in use as it is at one moment into a new file of mode
/// 0600, which is on the disk when this returns. What is there already is not
/// overwritten.
pub async fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    let mut db = options(from).read_only(true).connect().await?;
    create_private(to).map_err(io)?;
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(to.to_string_lossy().into_owned())
        .execute(&mut db)
        .await;
    db.close().await?;
    copied?;
    fs::File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(io)
}

/// Checks that every page and index of a database agrees with the others.
pub async fn check_file(file: &Path) -> Result<(), Error> {
    let mut db = options(file).read_only(true).connect().await?;
    let said: Result<Vec<(String,)>, _> = sqlx::query_as("PRAGMA integrity_check(3)")
        .fetch_all(&mut db)
        .await;
    db.close().await?;
    match said {
        Ok(said) if matches!(&said[..], [(ok,)] if ok == "ok") => Ok(()),
        Ok(said) => {
            let said: Vec<_> = said.into_iter().map(|(line,)| line).collect();
            Err(Error::Damaged(said.join("; ")))
        }
        Err(error) => Err(Error::Damaged(error.to_string())),
    }
}

/// A database that nobody else has open, and nobody can open until this is
/// dropped. Its write-ahead log is folded into the file and gone: the file is all there is.
pub struct Alone(SqliteConnection);

impl Alone {
    /// Takes it; [`Error::Busy`] when a program has it open.
    pub async fn take(file: &Path) -> Result<Self, Error> {
        let mut db = options(file)
            .locking_mode(SqliteLockingMode::Exclusive)
            .connect()
            .await?;
        sqlx::raw_sql("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
            .execute(&mut db)
            .await?;
        Ok(Self(db))
    }

    /// Lets go of it.
    pub async fn release(mut self) -> Result<(), Error> {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.0).await?;
        Ok(self.0.close().await?)
    }
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

fn io(error: std::io::Error) -> Error {
    Error::Unavailable(sqlx::Error::Io(error))
}
