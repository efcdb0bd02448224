//! Hashing passwords without starving everything else: each hash takes tens of
//! milliseconds of a core and 19 MiB, so only a few run at a time.

use std::sync::Arc;

use picard_crypto::{Zeroizing, check_strength, dummy_hash, hash_password, verify_password};
use picard_domain::Entropy;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::Error;

/// The longest password that is looked at, in bytes, so that nobody makes us hash megabytes.
const MAX: usize = 1024;

/// Hashes and verifies behind a limit.
pub(crate) struct Passwords {
    entropy: Arc<dyn Entropy>,
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            entropy,
            turns: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Checks a password that somebody chose.
    pub(crate) fn check(field: &'static str, password: &str, username: &str) -> Result<(), Error> {
        check_strength(password, username).map_err(|why| Error::refused(field, why))
    }

    /// Hashes a password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        let entropy = self.entropy.clone();
        self.in_turn(password, move |password| hash_password(password, &*entropy))
            .await
    }

    /// Tells whether a password fits a hash; without one it takes as long and
    /// does not.
    pub(crate) async fn fits(&self, password: &str, hash: Option<String>) -> Result<bool, Error> {
        self.in_turn(password, move |password| {
            verify_password(password, hash.as_deref().unwrap_or(dummy_hash()))
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(&str) -> T + Send + 'static,
    ) -> Result<T, Error> {
        if password.len() > MAX {
            return Err(Error::refused("password", "is too long"));
        }
        let password = Zeroizing::new(password.to_owned());
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Closing)?;
        // The turn goes along to the thread: a caller who hangs up gives none
        // back while its work goes on.
        let done = spawn_blocking(move || {
            let _turn = turn;
            work(&password)
        });
        done.await.map_err(|_| Error::Closing)
    }
}
