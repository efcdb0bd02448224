//! After a change of the model: every memory is embedded again, in the
//! background, a few at a time. Until its turn a memory is found by its words
//! alone. A stop loses nothing: what is done is done, and the rest is found again.

use picard_domain::{MemoryId, UserId};
use picard_store::{
    memories::SealedVectors,
    outdated::{self, Outdated},
};
use uuid::Uuid;

use crate::{App, Error, embedding::Whose, vectors};

/// Memories read at once.
const AT_ONCE: usize = 20;

impl App {
    /// Gives every memory vectors of the present model; returns how many had
    /// others. A memory that its owner changes meanwhile gets them that way; one
    /// that cannot be read is told in the log and left alone.
    pub async fn renew_vectors(&self) -> Result<usize, Error> {
        let mut renewed = 0;
        let left = outdated::count(&self.db, self.embedding.model()).await?;
        self.metrics.to_renew(left);
        let mut after = (
            UserId::from_uuid(Uuid::nil()),
            MemoryId::from_uuid(Uuid::nil()),
        );
        loop {
            let model = self.embedding.model();
            let batch = outdated::list(&self.db, model, after, AT_ONCE).await?;
            let Some(last) = batch.last() else {
                self.metrics.to_renew(0);
                return Ok(renewed);
            };
            after = (last.user_id, last.id);
            for memory in batch {
                match self.renew(&memory).await {
                    Ok(()) => {
                        renewed += 1;
                        self.metrics.renewed();
                    }
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        let (user, id) = (memory.user_id, memory.id);
                        tracing::error!(%user, %id, %error, "a memory cannot be embedded again");
                    }
                }
                self.metrics.looked_at_for_renewal();
            }
        }
    }

    async fn renew(&self, memory: &Outdated) -> Result<(), Error> {
        let wrapped = memory.wrapped_key.clone();
        let key = self
            .keys
            .open_stored(memory.user_id, &memory.key_id, wrapped)
            .await?;
        let text = key.fernet_decrypt(&memory.ciphertext)?;
        let chunks = self.embedding.passage(Whose::House, text.expose()).await?;
        let bound = vectors::bound_to(memory.user_id, memory.id);
        let sealed = key.seal(self.entropy(), &bound, &vectors::encode(&chunks));
        let vectors = SealedVectors {
            model: self.embedding.model(),
            sealed: &sealed,
        };
        // Stale or gone: the owner was faster, and nothing is left to do here.
        let _ = outdated::renew(&self.db, memory, vectors).await?;
        Ok(())
    }
}
