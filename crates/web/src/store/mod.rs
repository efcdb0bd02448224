//! The web client's own tables: accounts, sessions, connections, flows, attempts.
//!
//! One file per table, functions that take the database. They know neither
//! passwords nor tokens: only hashes, digests and sealed bytes come here.

pub(crate) mod accounts;
pub(crate) mod attempts;
pub(crate) mod connections;
pub(crate) mod flows;
pub(crate) mod sessions;

use picard_domain::{Entropy, InvalidId};
use picard_sql::{Bind, Column, Migration, Row, Schema, Value};
use uuid::Uuid;

/// The versions of the web client's schema.
pub static SCHEMA: Schema = Schema {
    name: "web",
    migrations: &[Migration {
        version: 1,
        title: "accounts, sessions, connections",
        sqlite: include_str!("../../migrations/0001_start.sqlite.sql"),
        postgres: include_str!("../../migrations/0001_start.postgres.sql"),
    }],
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) struct $name(Uuid);

        impl $name {
            pub(crate) fn random(entropy: &dyn Entropy) -> Self {
                Self(uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid())
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl Bind for $name {
            const NULL: Value = Value::Uuid(None);

            fn into_value(self) -> Value {
                Value::Uuid(Some(self.0))
            }
        }

        impl Column for $name {
            fn read(row: &Row, at: usize) -> Result<Self, picard_sql::Error> {
                Uuid::read(row, at).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )*};
}

ids! {
    /// Somebody with an account on the web client. It has nothing to do with
    /// the accounts of the server.
    AccountId;
    /// One log-in of a browser.
    SessionId;
    /// One connection of an account with the server: a new one with each consent.
    ConnectionId;
}
