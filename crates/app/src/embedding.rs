//! Texts to vectors, off the async threads and in fair turns.
//!
//! What is asked for goes into a bounded queue (`queue.rs`), from which as many threads as there are
//! cores take the pieces of work (`work.rs`) in an order that is fair between people (`turns.rs`).

mod queue;
#[cfg(test)]
mod tests;
mod turns;
mod work;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use moka::sync::Cache;
use picard_crypto::sha256;
use picard_domain::{Plaintext, Span, UserId};
use picard_embed::{E5, Embedder};
use picard_metrics::{EmbeddedText, EmbeddingTotals, ServerMetrics, WaitingText};
use picard_search::Preparer;
use picard_store::memories::NO_MODEL;
use tokio::{
    sync::{Mutex, OnceCell},
    task::spawn_blocking,
};

use self::{queue::Queue, turns::Kind, work::Work};
pub(crate) use self::{queue::Whose, work::Chunks};
use crate::{Error, Notice, model_health::ModelHealth};

/// How long the model counts as working after it did: anybody may ask for readiness.
const CHECKED_FOR: Span = Span::seconds(10);

/// Query vectors kept: at 384 dimensions about 7 MiB.
const CACHED_QUERIES: u64 = 4096;

/// What is remembered of a question.
#[derive(Default)]
struct Remembered {
    /// Once somebody has put it there.
    asked: OnceCell<Asked>,
    /// Whether anybody asked since idle ones were last forgotten.
    lately: AtomicBool,
}

/// The model, and the vectors of recent queries.
///
/// The cache is in memory only and its keys are digests, so it holds no text.
pub(crate) struct Embedding {
    embedder: Arc<dyn Embedder>,
    queue: Arc<Queue>,
    queries: Cache<[u8; 32], Arc<Remembered>>,
    /// Held while the model is tried: the last failure, with which try it was.
    trying: Mutex<Option<(u64, String)>>,
    /// How many tries were begun.
    tries: AtomicU64,
    /// When the model last ran well on being asked to, in microseconds.
    ran_well_at: AtomicI64,
    pub(crate) health: ModelHealth,
    metrics: Arc<ServerMetrics>,
}

/// A question as the model sees it; by default it sees nothing.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    /// Empty when the model does not compute.
    pub(crate) vector: Arc<[f32]>,
    /// What was not read of it, if anything.
    pub(crate) notice: Option<Notice>,
}

impl Embedding {
    pub(crate) fn new(embedder: Arc<dyn Embedder>, metrics: Arc<ServerMetrics>) -> Self {
        Self {
            queue: Queue::new(embedder.clone(), metrics.clone()),
            embedder,
            queries: Cache::new(CACHED_QUERIES),
            trying: Mutex::default(),
            tries: AtomicU64::new(0),
            ran_well_at: AtomicI64::new(i64::MIN),
            health: ModelHealth::default(),
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
        if self.model() == E5::NAME {
            Preparer::of_e5()
        } else {
            Preparer::new(self.dimensions())
        }
    }

    /// Returns the vector of a person's question, or that there is none because the model does not
    /// compute: then it goes by its words. Equal questions of one person at the same moment are
    /// embedded once.
    pub(crate) async fn query(&self, who: UserId, text: &str) -> Result<Asked, Error> {
        // By person: how fast an answer comes must not tell what others asked.
        let digest = sha256(&[who.uuid().as_bytes(), text.as_bytes()].concat());
        let remembered = self.queries.get_with(digest, Arc::default);
        remembered.lately.store(true, Ordering::Relaxed);
        let mut is_new = false;
        // If the first who asks hangs up, or fails, the next goes on in their place.
        let asked = remembered
            .asked
            .get_or_try_init(async || {
                is_new = true;
                let began = Instant::now();
                let asked = self.ask(Whose::Person(who), text).await?;
                self.metrics.embedded(EmbeddedText::Query, began.elapsed());
                Ok(asked)
            })
            .await;
        // What is remembered says nothing of how it goes with the model.
        if is_new && self.health.failed(&asked) {
            self.metrics.not_embedded(1);
            return Ok(Asked {
                vector: Arc::default(),
                notice: Some(Notice::WordsOnly),
            });
        }
        let asked = asked?;
        if !is_new {
            self.metrics.embedded(EmbeddedText::Cached, Duration::ZERO);
        }
        Ok(asked.clone())
    }

    /// Forgets the vectors of questions that nobody asked since this was last done: they are kept for
    /// those that are asked again, and a vector tells much of its text.
    pub(crate) fn forget_idle(&self) {
        for (digest, remembered) in &self.queries {
            if !remembered.lately.swap(false, Ordering::Relaxed) {
                self.queries.invalidate(&*digest);
            }
        }
        // Else they stay until somebody asks again.
        self.queries.run_pending_tasks();
    }

    /// Returns the vectors of a text that is stored, one for each of its overlapping windows.
    pub(crate) async fn passage(&self, whose: Whose, text: &str) -> Result<Chunks, Error> {
        let text = Plaintext::new(text.to_owned());
        let mut chunks = self.passages(whose, vec![text]).await?;
        Ok(chunks.pop().unwrap_or_default())
    }

    /// Returns the vectors of many texts, in their order; on all cores, as far as others leave
    /// them. Either all have their vectors or there is an error.
    pub(crate) async fn passages(
        &self,
        whose: Whose,
        texts: Vec<Plaintext>,
    ) -> Result<Vec<Chunks>, Error> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let _waiting = self.metrics.embedding(WaitingText::Passage, texts.len());
        let (pieces, answer) = Work::texts(texts);
        let done = self.queue.done(Kind::Text, whose, pieces, answer).await;
        self.health.failed(&done);
        done
    }

    /// Returns the vectors of many texts with the name of the model, or none of any text with the
    /// name of no model: they are stored all the same, and embedded when it computes again.
    pub(crate) async fn passages_or_none(
        &self,
        whose: Whose,
        texts: Vec<Plaintext>,
    ) -> Result<(String, Vec<Chunks>), Error> {
        let count = texts.len();
        match self.passages(whose, texts).await {
            Err(Error::Internal(_)) => {
                self.metrics.not_embedded(count);
                self.metrics.owed(count);
                self.health.owed.notify_one();
                Ok((NO_MODEL.to_owned(), vec![Chunks::default(); count]))
            }
            done => Ok((self.model().to_owned(), done?)),
        }
    }

    /// Loads the model if it could not be loaded before, and runs it once, past the cache.
    pub(crate) async fn try_out(&self) -> Result<(), Error> {
        let embedder = self.embedder.clone();
        let tried = match spawn_blocking(move || embedder.load()).await? {
            Ok(()) => self.ask(Whose::House, "ready?").await.map(drop),
            Err(error) => Err(Error::internal(error)),
        };
        self.health.failed(&tried);
        tried.map_err(|error| Error::Unavailable(error.into()))
    }

    /// Runs the model once, past the cache, unless it ran well a moment ago.
    pub(crate) async fn check(&self, now: picard_domain::Instant) -> Result<(), Error> {
        // However many ask at once, one tries, and one for all who came meanwhile.
        let came = self.tries.load(Ordering::Relaxed);
        let mut failure = self.trying.lock().await;
        let last = picard_domain::Instant::from_micros(self.ran_well_at.load(Ordering::Relaxed));
        if last <= now && now < last + CHECKED_FOR {
            return Ok(());
        }
        if let Some((number, why)) = &*failure
            && *number > came
        {
            return Err(Error::Unavailable(why.clone().into()));
        }
        let number = self.tries.fetch_add(1, Ordering::Relaxed) + 1;
        let tried = self.ask(Whose::House, "ready?").await;
        self.health.failed(&tried);
        if let Err(error) = tried {
            *failure = Some((number, error.to_string()));
            return Err(Error::Unavailable(error.into()));
        }
        self.ran_well_at.store(now.micros(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes over into the metrics what the embedder did so far.
    pub(crate) fn tell(&self) {
        let work = self.embedder.work();
        self.metrics.embedder(EmbeddingTotals {
            windows: work.windows,
            busy: work.busy,
            wait: self.queue.waited(),
        });
    }

    async fn ask(&self, whose: Whose, text: &str) -> Result<Asked, Error> {
        let _waiting = self.metrics.embedding(WaitingText::Query, 1);
        let (piece, answer) = Work::question(Plaintext::new(text.to_owned()));
        let kind = Kind::Question;
        self.queue.done(kind, whose, vec![piece], answer).await
    }
}
