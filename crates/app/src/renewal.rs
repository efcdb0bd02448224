//! Memories that lack vectors of the present model, since another one made them or
//! none could: they are embedded in the background, a few at a time, by one node.
//! A stop loses nothing: what is done is done, and the rest is found again.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use picard_domain::{MemoryId, Span, UserId};
use picard_store::{
    leases,
    memories::{NO_MODEL, SealedVectors},
    outdated::{self, Outdated},
};
use uuid::Uuid;

use crate::{App, Error, embedding::Whose, vectors};

/// The lease under which it is done.
const LEASE: &str = "renewal";

/// The lease that says that some server runs.
const SERVER: &str = "server";

/// For how long it says so.
const SERVER_RUNS: Span = Span::minutes(3);

/// For how long a node keeps it from each few memories on.
const TURN: Span = Span::minutes(2);

/// Memories read at once.
const AT_ONCE: usize = 64;

/// Memories embedded at once: enough to keep all cores busy while some are written.
const TOGETHER: usize = 8;

/// What became of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// Every memory has vectors of the present model; so many had none before.
    All(usize),
    /// Another node is at it.
    Elsewhere,
}

impl App {
    /// Gives every memory vectors of the present model. A memory that its owner
    /// changes meanwhile gets them that way; one that cannot be read is told in the
    /// log and left alone. [`Error::Unavailable`] when the model does not compute.
    pub async fn renew_vectors(&self) -> Result<Renewed, Error> {
        self.embedding.try_out().await?;
        let outdated = self.outdated_models().await?;
        if outdated.is_empty() {
            return Ok(Renewed::All(0));
        }
        let mut renewed = 0;
        for model in outdated {
            match self.renew_all_of(&model, &mut renewed).await? {
                Renewed::All(_) => {}
                Renewed::Elsewhere => return Ok(Renewed::Elsewhere),
            }
        }
        self.outdated_models().await?;
        self.let_go().await?;
        Ok(Renewed::All(renewed))
    }

    /// Says to the assistants' own processes (`picard mcp`) that a server runs: then
    /// embedding is left to that, which may have been given another model. To be
    /// said once a minute.
    pub async fn announce_server(&self) -> Result<(), Error> {
        let now = self.now();
        // Another server says the same.
        let _ = leases::take(&self.db, SERVER, self.holder, now, now + SERVER_RUNS).await?;
        Ok(())
    }

    /// Tells whether a server runs on this database, or ran a moment ago.
    pub async fn has_server(&self) -> Result<bool, Error> {
        Ok(leases::is_held(&self.db, SERVER, self.now()).await?)
    }

    /// Waits until a memory was stored here that has yet to be embedded.
    pub async fn vectors_owed(&self) {
        self.embedding.health.owed.notified().await;
    }

    /// Returns the models whose vectors are to be replaced, and says in the metrics
    /// how many memories that are. A model that appears while this process runs is
    /// that of a newer process, whose vectors are not to be undone.
    async fn outdated_models(&self) -> Result<Vec<String>, Error> {
        let present = self.embedding.model();
        let found = outdated::models(&self.db).await?;
        let mut others = found;
        others.retain(|(model, _)| model != present);
        let known = self.embedding.health.outdated.get_or_init(|| {
            let names = others.iter().map(|(model, _)| model.clone());
            names.collect::<BTreeSet<_>>()
        });
        others.retain(|(model, _)| model == NO_MODEL || known.contains(model));
        self.metrics
            .to_renew(others.iter().map(|(_, count)| count).sum());
        Ok(others.into_iter().map(|(model, _)| model).collect())
    }

    async fn renew_all_of(&self, model: &str, renewed: &mut usize) -> Result<Renewed, Error> {
        let mut after = (
            UserId::from_uuid(Uuid::nil()),
            MemoryId::from_uuid(Uuid::nil()),
        );
        loop {
            if !self.hold(TURN).await? {
                return Ok(Renewed::Elsewhere);
            }
            let batch = outdated::list(&self.db, model, after, AT_ONCE).await?;
            let Some(last) = batch.last() else {
                return Ok(Renewed::All(*renewed));
            };
            after = (last.user_id, last.id);
            let mut done = stream::iter(batch)
                .map(|memory: Outdated| async move {
                    let outcome = self.renew(&memory).await;
                    (memory, outcome)
                })
                .buffer_unordered(TOGETHER);
            while let Some((memory, outcome)) = done.next().await {
                match outcome {
                    Ok(()) => {
                        *renewed += 1;
                        self.metrics.renewed();
                    }
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        // Is it the model, or this memory alone?
                        self.embedding.try_out().await?;
                        left_alone(&memory, &error);
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

    async fn hold(&self, time: Span) -> Result<bool, Error> {
        let now = self.now();
        Ok(leases::take(&self.db, LEASE, self.holder, now, now + time).await?)
    }

    /// The next node need not wait until the lease ends.
    async fn let_go(&self) -> Result<(), Error> {
        self.hold(Span::ZERO).await.map(drop)
    }
}

fn left_alone(memory: &Outdated, error: &Error) {
    let (user, id) = (memory.user_id, memory.id);
    tracing::error!(%user, %id, %error, "a memory cannot be embedded");
}
