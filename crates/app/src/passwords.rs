//! Passwords: hashed and checked off the async threads, few at a time, since
//! each takes 19 MiB and tens of milliseconds on purpose.

use std::sync::Arc;

use picard_crypto::{dummy_hash, hash_password, verify_password};
use picard_domain::{Entropy, Plaintext};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::Error;

/// Argon2id at most this often at once: 40 MiB.
const AT_ONCE: usize = 2;

pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
}

impl Passwords {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            entropy,
        }
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        let entropy = self.entropy.clone();
        self.in_turn(password, move |password| hash_password(password, &*entropy))
            .await
    }

    /// Checks a password. Without a hash (no such account) it works as long,
    /// so that the time does not tell which accounts exist.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(dummy_hash()).to_owned();
        let fits = self
            .in_turn(password, move |password| verify_password(password, &hash))
            .await?;
        Ok(known && fits)
    }

    /// The turn goes along to the thread: a caller who hangs up gives none back
    /// while its work goes on.
    async fn in_turn<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(&str) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        let password = Plaintext::new(password.to_owned());
        let done = spawn_blocking(move || {
            let _turn = turn;
            work(password.expose())
        });
        Ok(done.await?)
    }
}
