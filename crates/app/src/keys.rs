//! The data keys of users, unwrapped, for as long as they are in use.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use picard_crypto::{DataKey, Keyring, Wrapped, sha256};
use picard_domain::{Entropy, UserId};

use crate::Error;

/// Unwrapped keys kept at most, and how long an unused one stays.
const KEPT: u64 = 10_000;
const IDLE: Duration = Duration::from_mins(10);

/// The keyring, and the data keys that it opened.
pub(crate) struct Keys {
    keyring: Keyring,
    /// By the wrapped form, so that another wrapping can never give a stale key.
    opened: Cache<[u8; 32], Arc<DataKey>>,
}

impl Keys {
    pub(crate) fn new(keyring: Keyring) -> Self {
        Self {
            keyring,
            opened: Cache::builder()
                .max_capacity(KEPT)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    /// Makes a data key for a new user.
    pub(crate) fn make(&self, user: UserId, entropy: &dyn Entropy) -> Wrapped {
        self.keyring
            .wrap(entropy, &DataKey::generate(entropy), user.uuid().as_bytes())
    }

    /// Opens a user's data key.
    pub(crate) fn open(&self, user: UserId, wrapped: &Wrapped) -> Result<Arc<DataKey>, Error> {
        let name = sha256(&[user.uuid().as_bytes(), wrapped.bytes.as_slice()].concat());
        if let Some(key) = self.opened.get(&name) {
            return Ok(key);
        }
        let key = Arc::new(self.keyring.unwrap(wrapped, user.uuid().as_bytes())?);
        self.opened.insert(name, key.clone());
        Ok(key)
    }

    /// Forgets every unwrapped key: after an account was deleted its key must not linger.
    pub(crate) fn forget_all(&self) {
        self.opened.invalidate_all();
    }
}
