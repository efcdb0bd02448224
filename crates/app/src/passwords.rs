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
    turns: Semaphore,
    entropy: Arc<dyn Entropy>,
}

impl Passwords {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            turns: Semaphore::new(AT_ONCE),
            entropy,
        }
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let (password, entropy) = (Plaintext::new(password.to_owned()), self.entropy.clone());
        Ok(spawn_blocking(move || hash_password(password.expose(), &*entropy)).await?)
    }

    /// Checks a password. Without a hash (no such account) it works as long,
    /// so that the time does not tell which accounts exist.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Error> {
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let password = Plaintext::new(password.to_owned());
        let known = hash.is_some();
        let hash = hash.unwrap_or(dummy_hash()).to_owned();
        let fits = spawn_blocking(move || verify_password(password.expose(), &hash)).await?;
        Ok(known && fits)
    }
}

/// Refuses passwords that are guessed first (NIST SP 800-63B section 3.1.1.2:
/// length counts, composition rules do not).
pub(crate) fn check_strength(password: &str, handle: &str) -> Result<(), &'static str> {
    const COMMON: [&str; 12] = [
        "password",
        "12345678",
        "123456789",
        "1234567890",
        "qwertyui",
        "qwerty123",
        "iloveyou",
        "adminpassword",
        "letmein1",
        "sunshine",
        "football",
        "password1",
    ];
    let folded = password.to_lowercase();
    if password.chars().count() < 8 {
        Err("must have 8 characters at least")
    } else if password.len() > 1024 {
        Err("must have 1,024 bytes at most")
    } else if folded == handle {
        Err("must not be the handle")
    } else if COMMON.contains(&folded.as_str()) || password.chars().all(|c| password.starts_with(c))
    {
        Err("is one of the first that anybody would guess")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        for weak in [
            "short",
            "password",
            "Password1",
            "aaaaaaaaaa",
            "jean-luc-p",
            &"x1".repeat(600),
        ] {
            assert!(check_strength(weak, "jean-luc-p").is_err(), "{weak}");
        }
        assert_eq!(check_strength("tea, earl grey, hot", "jean-luc"), Ok(()));
    }
}
