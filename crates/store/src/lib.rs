//! The server's tables. Sees ciphertext only.
//!
//! One file per aggregate, each a set of functions over [`Db`]; a function is
//! one statement or one transaction. Nothing here decrypts, hashes, mints or
//! decides: `app` calls it with ciphertext, digests and instants.
//!
//! Habits that hold in every file, so that a database which spreads users over
//! many machines stays possible: rows of a user are found by `user_id` first
//! (or by a digest, which nobody can guess), ids and instants come from the
//! caller, a race is decided by one conditional statement, and lists go on
//! where the last page ended.

pub mod assertions;
pub mod attempts;
pub mod audit;
pub mod changes;
pub mod clients;
pub mod codes;
pub mod grants;
pub mod import;
pub mod leases;
pub mod memories;
mod outcome;
pub mod outdated;
pub mod people;
pub mod schema;
pub mod sessions;
pub mod tickets;
pub mod tokens;
pub mod users;

pub use picard_sql::{Db, Error, Options, PoolState, Record, Source, retries};
pub use schema::{SCHEMA, migrate, pending};

/// The SHA-256 of a token, a code or a cookie: all that the database knows of it.
pub type Digest = [u8; 32];
