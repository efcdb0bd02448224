//! The master keys of a database: which of them wrap data keys, and wrapping
//! these anew. For `picard key`; nothing here needs a model or a person.

use picard_crypto::{KeyId, Keyring, Wrapped};
use picard_domain::{Entropy, UserId};
use picard_store::{Db, Source, users};
use uuid::Uuid;

use crate::{Error, OpenError};

/// Data keys read at once.
const AT_ONCE: usize = 500;

/// A server's database, looked at for its keys alone.
pub struct MasterKeys {
    db: Db,
}

/// How a pass over the data keys ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Data keys that the first master key wraps now.
    pub done: u64,
    /// People whose data key could not be unwrapped. Nothing of theirs was changed.
    pub refused: Vec<UserId>,
}

impl MasterKeys {
    /// Opens a database that is there. It is neither made nor brought to a newer version.
    pub async fn open(database: &Source) -> Result<Self, OpenError> {
        let db = database.open().await?;
        Ok(Self { db })
    }

    /// Closes the database cleanly.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Returns every master key that wraps something, and how many data keys.
    pub async fn in_use(&self) -> Result<Vec<(KeyId, u64)>, OpenError> {
        if picard_store::pending(&self.db).await? == picard_store::SCHEMA.migrations.len() {
            return Ok(Vec::new());
        }
        let mut used = Vec::new();
        for (id, count) in users::key_counts(&self.db).await? {
            used.push((id.parse()?, count as u64));
        }
        Ok(used)
    }

    /// Wraps every data key with the first master key that another one wraps,
    /// and calls `told` with the number done after each step.
    ///
    /// Each is one conditional statement: it may be stopped at any moment and
    /// run again, on any number of nodes, while people work. Whoever gets an
    /// account meanwhile from a node that knew only the old key is found by
    /// another pass.
    pub async fn rewrap(
        &self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
        mut told: impl FnMut(u64),
    ) -> Result<Rewrapped, Error> {
        let active = keyring.active().to_string();
        let mut outcome = Rewrapped::default();
        loop {
            let (mut changed, mut after) = (0, UserId::from_uuid(Uuid::nil()));
            outcome.refused.clear();
            loop {
                let batch = users::keys_to_rewrap(&self.db, &active, after, AT_ONCE).await?;
                let Some(last) = batch.last() else { break };
                after = last.id;
                for old in &batch {
                    let owner = old.id.uuid();
                    let wrapped = Wrapped {
                        key_id: old.key_id.parse().map_err(Error::internal)?,
                        bytes: old.wrapped_key.clone(),
                    };
                    match keyring.rewrap(entropy, &wrapped, owner.as_bytes()) {
                        Ok(Some(new)) => {
                            changed +=
                                u64::from(users::rewrap(&self.db, old, &active, &new.bytes).await?);
                        }
                        Ok(None) => {}
                        Err(error) => {
                            tracing::error!(user = %old.id, %error, "a data key cannot be unwrapped");
                            outcome.refused.push(old.id);
                        }
                    }
                }
                told(outcome.done + changed);
            }
            outcome.done += changed;
            if changed == 0 {
                return Ok(outcome);
            }
        }
    }
}
