//! Memories that lack vectors of the present model, since another one made them or
//! none could: they are embedded in the background, a few at a time, by one node.
//! A stop loses nothing: what is done is done, and the rest is found again.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt as _, stream};
use picard_domain::{MemoryId, Span, UserId};
use picard_search::Stored;
use picard_store::{
    Source, leases,
    memories::{NO_MODEL, SealedVectors, Written},
    outdated::{self, Outdated},
};
use uuid::Uuid;

use crate::{App, Error, OpenError, embedding::Whose, loading::bound_to, memories::analysed};

/// The lease under which it is done.
const LEASE: &str = "renewal";

/// The lease that says that some server runs.
const SERVER: &str = "server";

/// For how long it says so.
const SERVER_RUNS: Span = Span::minutes(3);

/// For how long after that what its model embedded is left to it: it may be down.
const SERVER_COMES_BACK: Span = Span::days(30);

/// The lease that says that a node cannot embed what it stores.
const HELP: &str = "renewal help";

/// For how long it says so.
const HELP_WANTED: Span = Span::minutes(3);

/// For how long a node keeps the work from each time on that it says so (as long
/// others wait when it was killed),
const TURN: Span = Span::seconds(30);

/// which it does this often, however long a memory takes.
const TURN_AGAIN: Duration = Duration::from_secs(10);

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

/// Whose process embeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    Server,
    Assistant,
}

impl App {
    /// Gives every memory vectors of the present model. A memory that its owner
    /// changes meanwhile gets them that way; one that cannot be read is told in the
    /// log and left alone. [`Error::Unavailable`] when the model does not compute.
    pub async fn renew_vectors(&self) -> Result<Renewed, Error> {
        self.renew_vectors_as(Process::Server).await
    }

    /// Does so in an assistant's own process (`picard mcp`), which leaves it to a
    /// server where one runs. What another model embedded is left to one that ran in
    /// the last 30 days: it may have been given that model.
    pub async fn renew_vectors_without_server(&self) -> Result<Renewed, Error> {
        self.renew_vectors_as(Process::Assistant).await
    }

    async fn renew_vectors_as(&self, process: Process) -> Result<Renewed, Error> {
        if !self.is_for(process, Span::ZERO).await? {
            return Ok(Renewed::Elsewhere);
        }
        if let Err(error) = self.embedding.try_out().await {
            let now = self.now();
            // Another node asks for the same.
            let _ = leases::take(&self.db, HELP, self.holder, now, now + HELP_WANTED).await?;
            return Err(error);
        }
        let outdated = self.outdated_models().await?;
        let is_ours = outdated.is_empty() || self.goes_on(process).await?;
        // Whoever has the work counts it; others know that there is some.
        if is_ours || self.metrics.left_to_renew() == 0 {
            self.count(&outdated).await?;
        }
        if !is_ours {
            return Ok(Renewed::Elsewhere);
        }
        if outdated.is_empty() {
            return Ok(Renewed::All(0));
        }
        let mut renewed = 0;
        for model in outdated {
            if model != NO_MODEL && !self.is_for(process, SERVER_COMES_BACK).await? {
                continue;
            }
            match self.renew_all_of(&model, process, &mut renewed).await? {
                Renewed::All(_) => {}
                Renewed::Elsewhere => return Ok(Renewed::Elsewhere),
            }
        }
        self.count(&self.outdated_models().await?).await?;
        self.let_go().await?;
        Ok(Renewed::All(renewed))
    }

    /// Returns the models whose vectors the memories have, each with the number of
    /// those memories (up to [`MOST_COUNTED`](outdated::MOST_COUNTED)), by name; an empty
    /// name stands for those without vectors.
    pub async fn models_in_use(database: &Source) -> Result<Vec<(String, u64)>, OpenError> {
        let db = database.open().await?;
        let models = outdated::models(&db).await;
        db.close().await;
        Ok(models?)
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

    /// Tells whether a node whose model does not compute may have stored memories for
    /// others to embed.
    pub async fn is_help_wanted(&self) -> Result<bool, Error> {
        Ok(leases::is_held(&self.db, HELP, self.now()).await?)
    }

    /// Tells whether the work is this process's, and not that of a server that runs or
    /// did so less than `ago`.
    async fn is_for(&self, process: Process, ago: Span) -> Result<bool, Error> {
        let since = self.now() - ago;
        Ok(process == Process::Server || !leases::is_held(&self.db, SERVER, since).await?)
    }

    /// Waits until a memory was stored here that has yet to be embedded.
    pub async fn vectors_owed(&self) {
        self.embedding.health.owed.notified().await;
    }

    /// Returns the models whose vectors are to be replaced. A model that appears while
    /// this process runs is that of a newer process, whose vectors are not to be undone.
    async fn outdated_models(&self) -> Result<Vec<String>, Error> {
        let present = self.embedding.model();
        let mut others = outdated::names(&self.db).await?;
        self.partitions
            .previous
            .keep(|name| others.iter().any(|model| model == name));
        others.retain(|model| model != present);
        let known = &self.embedding.health.outdated;
        let known = known.get_or_init(|| others.iter().cloned().collect::<BTreeSet<_>>());
        others.retain(|model| model == NO_MODEL || known.contains(model));
        Ok(others)
    }

    /// Says in the metrics how many memories have vectors of these models.
    async fn count(&self, outdated: &[String]) -> Result<(), Error> {
        let mut left = 0;
        for model in outdated {
            left += outdated::count(&self.db, model).await?;
        }
        self.metrics.to_renew(left);
        Ok(())
    }

    async fn renew_all_of(
        &self,
        model: &str,
        process: Process,
        renewed: &mut usize,
    ) -> Result<Renewed, Error> {
        let mut again = tokio::time::interval(TURN_AGAIN);
        let mut after = (
            UserId::from_uuid(Uuid::nil()),
            MemoryId::from_uuid(Uuid::nil()),
        );
        loop {
            if !self.goes_on(process).await? {
                return Ok(Renewed::Elsewhere);
            }
            again.reset();
            let batch = outdated::list(&self.db, model, after, AT_ONCE).await?;
            let Some(last) = batch.last() else {
                return Ok(Renewed::All(*renewed));
            };
            after = (last.user_id, last.id);
            if self.metrics.left_to_renew() < batch.len() as u64 {
                // There were more than are counted at once.
                self.count(&[model.to_owned()]).await?;
            }
            let mut done = stream::iter(batch)
                .map(|memory: Outdated| async move {
                    let outcome = self.renew(&memory).await;
                    (memory, outcome)
                })
                .buffer_unordered(TOGETHER);
            loop {
                let next = tokio::select! {
                    next = done.next() => next,
                    _ = again.tick() => {
                        if self.goes_on(process).await? {
                            continue;
                        }
                        return Ok(Renewed::Elsewhere);
                    }
                };
                let Some((memory, outcome)) = next else { break };
                match outcome {
                    Ok(Written::At(_)) => {
                        *renewed += 1;
                        self.metrics.renewed();
                    }
                    // The owner was faster, and nothing is left to do here.
                    Ok(Written::Stale | Written::Gone) => {}
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

    async fn renew(&self, memory: &Outdated) -> Result<Written, Error> {
        let wrapped = memory.wrapped_key.clone();
        let key = self
            .keys
            .open_stored(memory.user_id, &memory.key_id, wrapped)
            .await?;
        let text = key.fernet_decrypt(&memory.ciphertext)?;
        let chunks = self.embedding.passage(Whose::House, text.expose()).await?;
        let analysis = analysed(vec![(text, memory.created_at)]).await?.remove(0);
        let bound = bound_to(memory.user_id, memory.id);
        let sealed = key.seal(self.entropy(), &bound, &Stored::write(&chunks, &analysis));
        let vectors = SealedVectors {
            model: self.embedding.model(),
            sealed: &sealed,
        };
        Ok(outdated::renew(&self.db, memory, vectors).await?)
    }

    async fn goes_on(&self, process: Process) -> Result<bool, Error> {
        Ok(self.is_for(process, Span::ZERO).await? && self.hold(TURN).await?)
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

#[cfg(test)]
mod tests;
