//! One driver for SQLite and PostgreSQL.
//!
//! A query is written once, in the SQL that both understand, and run by one
//! Rust function. Lives here: opening a database ([`Db`]), statements ([`sql!`]),
//! rows ([`record!`]), transactions that are retried ([`transaction!`]),
//! migrations ([`migrate`]), copies of whole databases ([`copy`]). Does not live here: any table, any business rule.
//! `store` and `web` call it for their own tables.
//!
//! # Types
//! | Rust | SQLite | PostgreSQL |
//! |---|---|---|
//! | `Uuid` and the ids of `domain` | `BLOB` | `UUID` |
//! | `i64`, `Instant` (microseconds) | `INTEGER` | `BIGINT` |
//! | `bool` | `INTEGER` | `BOOLEAN` |
//! | `&str`, `String`, `Scopes`, `Permission` | `TEXT` | `TEXT` |
//! | `&[u8]`, `Vec<u8>`, `[u8; 32]` | `BLOB` | `BYTEA` |
//!
//! Each also as an `Option`, for `NULL`.
//!
//! # Example
//! ```
//! use picard_domain::{Instant, UserId};
//! use picard_sql::{Db, Error, Migration, Options, Schema, migrate, record, sql, transaction};
//!
//! static SCHEMA: Schema = Schema {
//!     name: "example",
//!     migrations: &[Migration {
//!         version: 1,
//!         title: "notes",
//!         sqlite: "CREATE TABLE notes (user_id BLOB NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL,
//!                  at INTEGER, PRIMARY KEY (user_id, id)) STRICT",
//!         postgres: "CREATE TABLE notes (user_id UUID NOT NULL, id BIGINT NOT NULL, text TEXT NOT NULL,
//!                    at BIGINT, PRIMARY KEY (user_id, id))",
//!     }],
//! };
//!
//! record! {
//!     /// A note.
//!     #[derive(Debug, PartialEq)]
//!     pub struct Note {
//!         /// What it says.
//!         pub text: String,
//!         /// When it was written.
//!         pub at: Option<Instant>,
//!     }
//! }
//!
//! /// Reads: on SQLite from the pool of readers.
//! async fn notes(db: &Db, user: UserId) -> Result<Vec<Note>, Error> {
//!     db.all(sql!("SELECT text, at FROM notes WHERE user_id = $1 ORDER BY id", user)).await
//! }
//!
//! /// Writes twice or not at all; is run again when another transaction got in its way.
//! async fn write_two(db: &Db, user: UserId, texts: [&str; 2]) -> Result<(), Error> {
//!     transaction!(db, |tx| {
//!         for (id, text) in (0_i64..).zip(texts) {
//!             let insert = sql!(
//!                 "INSERT INTO notes (user_id, id, text, at) VALUES ($1, $2, $3, $4)",
//!                 user, id, text, None::<Instant>,
//!             );
//!             tx.execute(insert).await?;
//!         }
//!     })
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let url = format!("sqlite:{}", folder.path().join("notes.db").display());
//! let db = Db::open(&url, &Options::default()).await?;
//! migrate(&db, &SCHEMA).await?;
//! let user = UserId::from_uuid(uuid::Uuid::from_u128(1));
//! write_two(&db, user, ["one", "two"]).await?;
//! assert_eq!(notes(&db, user).await?[1].text, "two");
//! let (count,): (i64,) = db.one(sql!("SELECT count(*) FROM notes WHERE user_id = $1", user)).await?;
//! assert_eq!(count, 2);
//! db.close().await;
//! # Ok(())
//! # }
//! ```

pub mod copy;
mod db;
mod domain;
mod error;
mod file;
mod migrate;
mod pool;
mod postgres;
mod query;
mod refusal;
mod retry;
mod row;
mod sqlite;
mod tx;

pub use db::{Db, Options, Source, sqlite_path};
pub use error::Error;
pub use file::{Alone, check_file, copy_file};
pub use migrate::{Migration, Schema, migrate, pending, tables, version};
pub use pool::PoolState;
pub use postgres::Postgres;
pub use query::{Bind, Query, Value, placeholders};
pub use refusal::Refusal;
pub use retry::{Attempts, Transient, retries, wait};
pub use row::{Column, Record, Row, Unread};
pub use tx::Tx;
