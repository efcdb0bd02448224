//! Texts to vectors, off the async threads.
//!
//! The embedder itself lets in as many as there are cores, by turns of one
//! window of a text, so that a question never waits for a whole long document.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use moka::sync::Cache;
use picard_crypto::sha256;
use picard_domain::{Plaintext, Span, UserId};
use picard_embed::Embedder;
use picard_metrics::{EmbeddedText, EmbeddingTotals, ServerMetrics};
use picard_search::Preparer;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{Error, Notice};

/// What the names of all versions of the model that comes with Picard begin with.
const E5: &str = "multilingual-e5-small/";
const E5_DIMENSIONS: usize = 384;

/// How long the model counts as working after it did: anybody may ask for readiness.
const CHECKED_FOR: Span = Span::seconds(10);

/// Query vectors kept: at 384 dimensions about 7 MiB.
const CACHED_QUERIES: u64 = 4096;

/// Threads that may wait for the embedder at once; whoever comes after waits without one.
const WAITING: usize = 64;

/// The model, and the vectors of recent queries.
///
/// The cache is in memory only and its keys are digests, so it holds no text.
pub(crate) struct Embedding {
    embedder: Arc<dyn Embedder>,
    queries: Cache<[u8; 32], Asked>,
    turns: Arc<Semaphore>,
    /// When the model last ran well on being asked to, in microseconds.
    ran_well_at: AtomicI64,
    metrics: Arc<ServerMetrics>,
}

/// A question as the model sees it.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) vector: Arc<[f32]>,
    /// What was not read of it, if it was too long.
    pub(crate) notice: Option<Notice>,
}

impl Embedding {
    pub(crate) fn new(embedder: Arc<dyn Embedder>, metrics: Arc<ServerMetrics>) -> Self {
        Self {
            embedder,
            queries: Cache::new(CACHED_QUERIES),
            turns: Arc::new(Semaphore::new(WAITING)),
            ran_well_at: AtomicI64::new(i64::MIN),
            metrics,
        }
    }

    /// The name stored with each vector; vectors of another model do not compare.
    pub(crate) fn model(&self) -> &str {
        self.embedder.model()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.embedder.dimensions()
    }

    /// Returns what makes memories ready for a search with the model's vectors.
    pub(crate) fn preparer(&self) -> Preparer {
        if self.model().starts_with(E5) && self.dimensions() == E5_DIMENSIONS {
            Preparer::of_e5()
        } else {
            Preparer::new(self.dimensions())
        }
    }

    /// Returns the vector of a person's question.
    pub(crate) async fn query(&self, who: UserId, text: &str) -> Result<Asked, Error> {
        // By person: how fast an answer comes must not tell what others asked.
        let digest = sha256(&[who.uuid().as_bytes(), text.as_bytes()].concat());
        if let Some(asked) = self.queries.get(&digest) {
            self.metrics.embedded(EmbeddedText::Cached, Duration::ZERO);
            return Ok(asked);
        }
        let text = Plaintext::new(text.to_owned());
        let asked = self
            .timed(EmbeddedText::Query, move |embedder| {
                let text = text.expose();
                Ok::<_, picard_embed::Error>(Asked {
                    vector: embedder.embed_query(text)?.into(),
                    notice: Notice::truncated(text, embedder.reads(text)?),
                })
            })
            .await?
            .map_err(Error::internal)?;
        self.queries.insert(digest, asked.clone());
        Ok(asked)
    }

    /// Returns the vectors of a memory, one for each of its overlapping chunks.
    pub(crate) async fn passage(&self, text: &str) -> Result<Vec<Vec<f32>>, Error> {
        let text = Plaintext::new(text.to_owned());
        let vectors = self
            .timed(EmbeddedText::Passage, move |embedder| {
                embedder.embed_passage(text.expose())
            })
            .await?;
        vectors.map_err(Error::internal)
    }

    /// Runs the model once, past the cache, unless it ran well a moment ago.
    pub(crate) async fn check(&self, now: picard_domain::Instant) -> Result<(), Error> {
        let last = picard_domain::Instant::from_micros(self.ran_well_at.load(Ordering::Relaxed));
        if last <= now && now < last + CHECKED_FOR {
            return Ok(());
        }
        let vector = self
            .in_turn(|embedder| embedder.embed_query("ready?"))
            .await?;
        vector.map_err(|error| Error::Unavailable(error.into()))?;
        self.ran_well_at.store(now.micros(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes over into the metrics what the embedder did so far.
    pub(crate) fn tell(&self) {
        let work = self.embedder.work();
        self.metrics.embedder(EmbeddingTotals {
            windows: work.windows,
            busy: work.busy,
            wait: work.wait,
        });
    }

    async fn timed<T: Send + 'static>(
        &self,
        kind: EmbeddedText,
        work: impl FnOnce(&dyn Embedder) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _pending = self.metrics.embedding();
        let began = Instant::now();
        let done = self.in_turn(work).await?;
        self.metrics.embedded(kind, began.elapsed());
        Ok(done)
    }

    /// The turn goes along to the thread: a caller who hangs up gives none back
    /// while its work goes on.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Embedder) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self
            .turns
            .clone()
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        let embedder = self.embedder.clone();
        let done = spawn_blocking(move || {
            let _turn = turn;
            work(&*embedder)
        });
        Ok(done.await?)
    }
}
