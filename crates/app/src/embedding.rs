//! Texts to vectors, off the async threads, and no more at once than there are cores.

use std::sync::Arc;

use moka::sync::Cache;
use picard_crypto::sha256;
use picard_embed::Embedder;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

use crate::Error;

/// Query vectors kept: at 384 dimensions about 7 MiB.
const CACHED_QUERIES: u64 = 4096;

/// The model, and the vectors of recent queries.
///
/// The cache is in memory only and its keys are digests, so it holds no text.
pub(crate) struct Embedding {
    embedder: Arc<dyn Embedder>,
    queries: Cache<[u8; 32], Arc<[f32]>>,
    turns: Semaphore,
}

impl Embedding {
    pub(crate) fn new(embedder: Arc<dyn Embedder>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            embedder,
            queries: Cache::new(CACHED_QUERIES),
            turns: Semaphore::new(cores),
        }
    }

    /// The name stored with each vector; vectors of another model do not compare.
    pub(crate) fn model(&self) -> &str {
        self.embedder.model()
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.embedder.dimensions()
    }

    /// Returns the vector of a question.
    pub(crate) async fn query(&self, text: &str) -> Result<Arc<[f32]>, Error> {
        let digest = sha256(text.as_bytes());
        if let Some(vector) = self.queries.get(&digest) {
            return Ok(vector);
        }
        let _turn = self.turn().await;
        let (embedder, text) = (self.embedder.clone(), text.to_owned());
        let vector = spawn_blocking(move || embedder.embed_query(&text)).await?;
        let vector: Arc<[f32]> = vector.map_err(Error::internal)?.into();
        self.queries.insert(digest, vector.clone());
        Ok(vector)
    }

    /// Returns the vectors of a memory, one for each of its overlapping chunks.
    pub(crate) async fn passage(&self, text: &str) -> Result<Vec<Vec<f32>>, Error> {
        let _turn = self.turn().await;
        let (embedder, text) = (self.embedder.clone(), text.to_owned());
        let vectors = spawn_blocking(move || embedder.embed_passage(&text)).await?;
        vectors.map_err(Error::internal)
    }

    /// Runs the model once, past the cache.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let embedder = self.embedder.clone();
        let vector = spawn_blocking(move || embedder.embed_query("ready?")).await?;
        vector
            .map(drop)
            .map_err(|error| Error::Unavailable(error.into()))
    }

    async fn turn(&self) -> SemaphorePermit<'_> {
        self.turns
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }
}
