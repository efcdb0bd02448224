//! How a server stands, on one page.

use picard_store::{Db, SCHEMA, clients, people, users};

use super::{Administration, Tally};
use crate::{App, DatabaseState, Error, ModelState, Registered};

/// How a server stands.
pub struct Overview {
    /// How many people there are.
    pub people: Tally,
    /// How many applications an administrator registered.
    pub operators_applications: i64,
    /// How many registered themselves.
    pub dynamic_applications: i64,
    /// How many are known by a document.
    pub document_applications: i64,
    /// The kind of database.
    pub database: &'static str,
    /// The version of its schema.
    pub schema: i64,
    /// The master keys, the one that wraps new data keys first.
    pub keys: Vec<KeyUse>,
    /// The name of the model that embeds.
    pub model: String,
    /// Whether database, keys and model work.
    pub health: Health,
}

/// A master key at work.
pub struct KeyUse {
    /// Its name: the start of a hash, no secret.
    pub id: String,
    /// Whether it is the first in the keyring.
    pub is_active: bool,
    /// How many data keys it wraps.
    pub data_keys: i64,
}

/// Whether a server could answer just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Database, keys and model work.
    Good,
    /// One of them does not; `/health/ready` says which.
    Bad,
}

impl App {
    /// Returns how the server stands, for those who administer it.
    pub async fn overview(&self, admin: &Administration) -> Result<Overview, Error> {
        let state = self.state().await;
        let database = matches!(state.database, DatabaseState::Ready | DatabaseState::Ahead);
        let model = matches!(state.model, ModelState::Ready | ModelState::Renewing);
        let health = if database && model && state.has_keys == Some(true) {
            Health::Good
        } else {
            Health::Bad
        };
        let counts = clients::count(&admin.db).await?;
        let of = |kind| {
            let found = counts.iter().find(|(known, _)| *known == kind);
            found.map_or(0, |(_, count)| *count)
        };
        let used = users::key_counts(&admin.db).await?;
        let known = self.keys.ids();
        let keys = known.iter().enumerate().map(|(at, id)| {
            let id = id.to_string();
            let count = used.iter().find(|(used, _)| *used == id);
            KeyUse {
                data_keys: count.map_or(0, |(_, count)| *count),
                is_active: at == 0,
                id,
            }
        });
        Ok(Overview {
            people: people::tally(&admin.db).await?,
            operators_applications: of(Registered::Operator),
            dynamic_applications: of(Registered::Dynamic),
            document_applications: of(Registered::Document),
            database: match admin.db {
                Db::Sqlite { .. } => "SQLite, inside this program",
                Db::Postgres(_) => "PostgreSQL",
            },
            schema: SCHEMA.migrations.last().map_or(0, |last| last.version),
            keys: keys.collect(),
            model: self.embedding.model().to_owned(),
            health,
        })
    }
}
