//! Hashing passwords without starving everything else: each hash takes tens of
//! milliseconds of a core and 19 MiB, so only a few run at a time.

use std::sync::Arc;

use picard_crypto::{Zeroizing, dummy_hash, hash_password, verify_password};
use picard_domain::Entropy;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::Error;

/// The shortest password, in characters (NIST SP 800-63B section 3.1.1.2).
const MIN: usize = 8;
/// The longest, in bytes, so that nobody makes us hash megabytes.
const MAX: usize = 1024;

/// Hashes and verifies behind a limit.
pub(crate) struct Passwords {
    entropy: Arc<dyn Entropy>,
    turns: Semaphore,
}

impl Passwords {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            entropy,
            turns: Semaphore::new(cores),
        }
    }

    /// Checks a password that somebody chose.
    pub(crate) fn check(field: &'static str, password: &str, username: &str) -> Result<(), Error> {
        if password.chars().count() < MIN {
            Err(Error::refused(
                field,
                format!("needs at least {MIN} characters"),
            ))
        } else if password.len() > MAX {
            Err(Error::refused(field, "is too long"))
        } else if password.eq_ignore_ascii_case(username) {
            Err(Error::refused(field, "is your username; choose another"))
        } else {
            Ok(())
        }
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
        let _turn = self.turns.acquire().await.map_err(|_| Error::Closing)?;
        spawn_blocking(move || work(&password))
            .await
            .map_err(|_| Error::Closing)
    }
}
