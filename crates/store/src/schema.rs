//! The versions of the server's schema.

use picard_sql::{Db, Error, Migration, Schema};

/// All versions, from an empty database on.
pub static SCHEMA: Schema = Schema {
    name: "server",
    migrations: &[
        Migration {
            version: 1,
            title: "users, memories, sessions and OAuth",
            sqlite: include_str!("../migrations/0001_server.sqlite.sql"),
            postgres: include_str!("../migrations/0001_server.postgres.sql"),
        },
        Migration {
            version: 2,
            title: "clients that register themselves or are known by a document",
            sqlite: include_str!("../migrations/0002_clients.sqlite.sql"),
            postgres: include_str!("../migrations/0002_clients.postgres.sql"),
        },
        Migration {
            version: 3,
            title: "work that one node at a time does for all",
            sqlite: include_str!("../migrations/0003_leases.sqlite.sql"),
            postgres: include_str!("../migrations/0003_leases.postgres.sql"),
        },
        Migration {
            version: 4,
            title: "what the administration of a server asks",
            sqlite: include_str!("../migrations/0004_administration.sqlite.sql"),
            postgres: include_str!("../migrations/0004_administration.postgres.sql"),
        },
        Migration {
            version: 5,
            title: "the audit trail of each person",
            sqlite: include_str!("../migrations/0005_audit.sqlite.sql"),
            postgres: include_str!("../migrations/0005_audit.postgres.sql"),
        },
        Migration {
            version: 6,
            title: "which memories a model embedded",
            sqlite: include_str!("../migrations/0006_models.sqlite.sql"),
            postgres: include_str!("../migrations/0006_models.postgres.sql"),
        },
    ],
};

/// Brings the database to the newest version and returns how many steps that took.
///
/// Refuses a database of a newer program ([`Error::SchemaTooNew`]) and one that
/// holds another service's tables ([`Error::ForeignSchema`]).
pub async fn migrate(db: &Db) -> Result<usize, Error> {
    picard_sql::migrate(db, &SCHEMA).await
}

/// Returns how many steps the database lacks, without taking them.
pub async fn pending(db: &Db) -> Result<usize, Error> {
    Ok(picard_sql::pending(db, &SCHEMA).await?.len())
}
