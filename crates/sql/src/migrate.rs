//! The versions of a schema, and how a database is brought to the newest.
//!
//! Each migration is one transaction that begins with inserting its own row
//! into `picard_schema`. When several nodes start at once, one insert wins;
//! the others wait for it, meet its row, and read on: no advisory locks.
//!
//! On PostgreSQL a step may need a table for itself, and then it waits for whoever
//! reads it, a backup perhaps, while everybody else waits for the step. So it waits
//! a moment only, rolls back, lets the others pass, and tries again.

use std::time::{Duration, Instant};

use crate::{Attempts, Db, Error, sql, wait};

/// For how long a step tries to get its tables for itself.
const PATIENCE: Duration = Duration::from_mins(10);

/// What others get between two tries.
const PASSING: Duration = Duration::from_secs(2);

/// The table that says which versions a database has.
const VERSIONS: &str = "picard_schema";

/// The table that marks a copy which is not complete; `copy` makes and drops it.
pub(crate) const MARK: &str = "picard_copy";

/// One step of a schema, written for both databases.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place: 1, 2, 3, without gaps.
    pub version: i64,
    /// What it brings, in a few words.
    pub title: &'static str,
    /// The statements for SQLite.
    pub sqlite: &'static str,
    /// The statements for PostgreSQL.
    pub postgres: &'static str,
}

/// The tables of one service.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Whose tables these are, so that no service takes another's database for its own.
    pub name: &'static str,
    /// All steps from an empty database on, in order.
    pub migrations: &'static [Migration],
}

/// Brings the database to the newest version and returns how many steps that
/// took. Safe to call on several nodes at once.
pub async fn migrate(db: &Db, schema: &Schema) -> Result<usize, Error> {
    create_versions_table(db).await?;
    let (mut applied, mut attempts) = (0, Attempts::new());
    let mut since = None;
    while let Some(next) = pending(db, schema).await?.first() {
        match apply(db, schema, next).await {
            Ok(()) => (applied, attempts, since) = (applied + 1, Attempts::new(), None),
            Err(error) if error.is_lock_timeout() => {
                let left =
                    PATIENCE.saturating_sub(since.get_or_insert_with(Instant::now).elapsed());
                if left.is_zero() {
                    return Err(match error {
                        Error::Busy(error) => Error::InUse(error),
                        error => error,
                    });
                }
                tracing::warn!(
                    schema = schema.name,
                    version = next.version,
                    "the migration waits for others who use its tables, a backup perhaps, \
                     for {} seconds at most",
                    left.as_secs()
                );
                wait(PASSING).await;
            }
            // Another node did this step while we waited for it.
            Err(Error::Conflict(error)) => {
                tracing::debug!(%error, version = next.version, "migrated by another node");
                let met = Error::Busy(error);
                wait(attempts.pause(&met).ok_or(met)?).await;
            }
            Err(error) => wait(attempts.pause(&error).ok_or(error)?).await,
        }
    }
    Ok(applied)
}

/// Returns the steps that the database still lacks, changing nothing.
///
/// A database of a newer program or of another service is an error, and so is
/// one that is being copied into.
pub async fn pending(db: &Db, schema: &Schema) -> Result<&'static [Migration], Error> {
    let tables = tables(db).await?;
    if !tables.iter().any(|table| table == VERSIONS) {
        return Ok(schema.migrations);
    }
    if tables.iter().any(|table| table == MARK) {
        let (of,) = db.one(sql!("SELECT source FROM picard_copy")).await?;
        return Err(Error::HalfCopied { of });
    }
    Ok(&schema.migrations[found(db, schema).await? as usize..])
}

/// Returns the version of the database, 0 for an empty one, whether it is being
/// copied into or not. A newer program's or another service's is an error.
pub async fn version(db: &Db, schema: &Schema) -> Result<i64, Error> {
    if has_versions_table(db).await? {
        found(db, schema).await
    } else {
        Ok(0)
    }
}

async fn found(db: &Db, schema: &Schema) -> Result<i64, Error> {
    let rows = db
        .all::<(String, i64)>(sql!("SELECT schema_name, version FROM picard_schema"))
        .await?;
    if let Some((found, _)) = rows.iter().find(|(name, _)| name != schema.name) {
        return Err(Error::ForeignSchema {
            found: found.clone(),
            wanted: schema.name,
        });
    }
    let found = rows.iter().map(|(_, version)| *version).max().unwrap_or(0);
    let known = schema.migrations.len() as i64;
    if found > known {
        return Err(Error::SchemaTooNew { found, known });
    }
    Ok(found)
}

/// Returns the names of all tables in the database.
pub async fn tables(db: &Db) -> Result<Vec<String>, Error> {
    let names = match db {
        Db::Sqlite { .. } => sql!("SELECT name FROM sqlite_master WHERE type = 'table'"),
        Db::Postgres(_) => sql!(
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
             WHERE table_schema = current_schema()"
        ),
    };
    Ok(db
        .all::<(String,)>(names)
        .await?
        .into_iter()
        .map(|(name,)| name)
        .collect())
}

async fn create_versions_table(db: &Db) -> Result<(), Error> {
    let create = sql!(
        "CREATE TABLE IF NOT EXISTS picard_schema (
            schema_name TEXT NOT NULL, version BIGINT NOT NULL, title TEXT NOT NULL,
            PRIMARY KEY (schema_name, version))"
    );
    match db.execute(create).await {
        // IF NOT EXISTS of PostgreSQL does not look at what others are about to commit, and
        // then names the table, its type or its key as what exists already.
        Err(_) if has_versions_table(db).await? => Ok(()),
        done => done.map(drop),
    }
}

async fn has_versions_table(db: &Db) -> Result<bool, Error> {
    let tables = tables(db).await?;
    Ok(tables.iter().any(|table| table == VERSIONS))
}

async fn apply(db: &Db, schema: &Schema, step: &Migration) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    // The tables may be large, and another node may be at it already.
    tx.take_your_time().await?;
    let claim = sql!(
        "INSERT INTO picard_schema (schema_name, version, title) VALUES ($1, $2, $3)",
        schema.name,
        step.version,
        step.title,
    );
    tx.execute(claim).await?;
    // Not before the claim: another node's step is waited for, and holds up nobody.
    tx.let_others_pass().await?;
    tx.script(step.sqlite, step.postgres).await?;
    tx.commit().await?;
    tracing::info!(
        schema = schema.name,
        version = step.version,
        title = step.title,
        "migrated"
    );
    Ok(())
}
