//! Whether this process can be asked anything: the database, the migrations,
//! the keys and the model, each by itself.

use std::sync::atomic::{AtomicI64, Ordering};

use picard_domain::{Instant, Span};
use picard_store::users;

use crate::{App, Error};

/// How long the keys count as complete after they were: to look goes over all
/// accounts, and anybody may ask for readiness.
const KEYS_FOR: Span = Span::minutes(1);

/// When the keys were last complete, in microseconds.
pub(crate) struct Checked(AtomicI64);

impl Default for Checked {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

/// How the parts are that every call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The database.
    pub database: DatabaseState,
    /// Whether every data key can be unwrapped; `None` when the database does not tell.
    pub has_keys: Option<bool>,
    /// The model.
    pub model: ModelState,
}

/// How the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseState {
    /// It answers, and has the tables that this program needs.
    Ready,
    /// It answers, but lacks migrations.
    Behind,
    /// It answers, and a newer program has changed its tables: this one is
    /// about to be replaced.
    Ahead,
    /// It does not answer.
    Silent,
}

/// How the model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// It computes.
    Ready,
    /// It computes, and some memories still wait for vectors of it: until then
    /// they are found by their words.
    Renewing,
    /// It does not compute.
    Failing,
}

impl App {
    /// Looks at everything that calls need. Causes go to the log.
    pub async fn state(&self) -> State {
        let database = match picard_store::pending(&self.db).await {
            Ok(0) => DatabaseState::Ready,
            Ok(_) => DatabaseState::Behind,
            Err(picard_store::Error::SchemaTooNew { .. }) => DatabaseState::Ahead,
            Err(error) => {
                tracing::warn!(%error, "not ready: the database does not answer");
                DatabaseState::Silent
            }
        };
        let has_keys = match database {
            DatabaseState::Ready | DatabaseState::Ahead => self.has_keys().await.ok(),
            DatabaseState::Behind | DatabaseState::Silent => None,
        };
        let model = match self.embedding.check(self.now()).await {
            Ok(()) if self.metrics.left_to_renew() > 0 => ModelState::Renewing,
            Ok(()) => ModelState::Ready,
            Err(error) => {
                tracing::warn!(%error, "not ready: the model does not compute");
                ModelState::Failing
            }
        };
        State {
            database,
            has_keys,
            model,
        }
    }

    async fn has_keys(&self) -> Result<bool, Error> {
        let now = self.now();
        let last = Instant::from_micros(self.checked.0.load(Ordering::Relaxed));
        if last <= now && now < last + KEYS_FOR {
            return Ok(true);
        }
        for id in users::key_ids_in_use(&self.db).await? {
            let id = id.parse().map_err(Error::internal)?;
            if !self.keys.knows(id).await {
                tracing::warn!(%id, "not ready: a master key that is in use is missing");
                return Ok(false);
            }
        }
        self.checked.0.store(now.micros(), Ordering::Relaxed);
        Ok(true)
    }
}
