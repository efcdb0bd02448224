//! The partitions in memory: loaded on first use, brought up to date before
//! each query, dropped when memory is short. Nothing of them is ever written.
//!
//! Every change of a memory bumps its user's version in the same transaction,
//! and the row keeps that number as its revision. A partition knows the
//! version that it has reached; a query names the version that it must see,
//! and what is missing is read and applied first. So every node answers right
//! at once, without messages between nodes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use picard_crypto::{CryptoError, DataKey};
use picard_domain::UserId;
use picard_metrics::{PartitionWork, ServerMetrics};
use picard_search::{Entry, Hit, Partition, Query, Ranking};
use picard_store::{
    Db,
    changes::{self, Changes, Position},
};
use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    task::spawn_blocking,
};

use crate::{Error, embedding::Embedding, vectors};

/// Above this many memories a search leaves the async thread.
const INLINE: usize = 2_000;

/// Rows read and decrypted at once while a partition is loaded.
const AT_ONCE: usize = 1_000;

/// The loaded partitions of all users, under one byte budget.
pub(crate) struct Partitions {
    slots: Mutex<HashMap<UserId, Arc<Slot>>>,
    budget: usize,
    ticks: AtomicU64,
    metrics: Arc<ServerMetrics>,
    ranking: Ranking,
}

/// One user's place in memory.
struct Slot {
    loaded: Arc<RwLock<Loaded>>,
    bytes: AtomicUsize,
    used: AtomicU64,
}

struct Loaded {
    reached: Position,
    partition: Partition,
}

/// Whose partition is asked, and how far it must have come.
pub(crate) struct Target<'a> {
    pub(crate) user: UserId,
    pub(crate) version: i64,
    pub(crate) key: &'a Arc<DataKey>,
}

/// A query that may move to another thread.
pub(crate) struct Question {
    pub(crate) text: picard_domain::Plaintext,
    pub(crate) vector: Arc<[f32]>,
    pub(crate) filter: picard_domain::MemoryFilter,
    pub(crate) now: picard_domain::Instant,
    pub(crate) limit: usize,
}

/// Turns rows of one user into entries of their partition.
struct Reader {
    user: UserId,
    key: Arc<DataKey>,
    model: String,
    dimensions: usize,
}

type WriteGuard = OwnedRwLockWriteGuard<Loaded>;

impl Reader {
    fn apply(&self, changes: Changes, mut loaded: WriteGuard) -> Result<WriteGuard, CryptoError> {
        if changes.anew {
            loaded.partition = Partition::new(self.dimensions);
        }
        for memory in changes.deleted {
            loaded.partition.remove(memory);
        }
        for row in changes.changed {
            let text = self.key.fernet_decrypt(&row.ciphertext)?;
            // Vectors of another model do not compare; such a memory is found by its words.
            let vectors = match (row.model, row.sealed) {
                (Some(model), Some(sealed)) if model == self.model => {
                    let plain = self
                        .key
                        .open(&vectors::bound_to(self.user, row.id), &sealed)?;
                    vectors::decode(&plain, self.dimensions).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            let entry = Entry {
                text: text.expose(),
                vectors: &vectors,
                permission: row.permission,
                expires: row.expiration_date,
                created_at: row.created_at,
            };
            loaded.partition.upsert(row.id, entry);
        }
        loaded.reached = changes.reached;
        Ok(loaded)
    }
}

impl Question {
    fn ask(&self, partition: &Partition, ranking: &Ranking) -> Vec<Hit> {
        partition.query(&Query {
            text: self.text.expose(),
            vector: &self.vector,
            filter: self.filter,
            now: self.now,
            limit: self.limit,
            ranking,
        })
    }
}

impl Partitions {
    pub(crate) fn new(budget: usize, metrics: Arc<ServerMetrics>) -> Self {
        Self {
            slots: Mutex::default(),
            budget,
            ticks: AtomicU64::new(0),
            metrics,
            ranking: Ranking::PRODUCT,
        }
    }

    /// Ranks in another way than the product does.
    pub(crate) fn with_ranking(self, ranking: Ranking) -> Self {
        Self { ranking, ..self }
    }

    /// Ranks the user's memories against the question.
    pub(crate) async fn query(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: Target<'_>,
        question: Question,
    ) -> Result<Vec<Hit>, Error> {
        let slot = self.slot(target.user, embedding.dimensions());
        let mut loaded = slot.loaded.clone().read_owned().await;
        if loaded.reached.revision < target.version {
            drop(loaded);
            self.catch_up(db, embedding, &target, &slot).await?;
            loaded = slot.loaded.clone().read_owned().await;
        }
        let ranking = self.ranking;
        if loaded.partition.len() <= INLINE {
            return Ok(question.ask(&loaded.partition, &ranking));
        }
        Ok(spawn_blocking(move || question.ask(&loaded.partition, &ranking)).await?)
    }

    /// Forgets a user's partition.
    pub(crate) fn drop_user(&self, user: UserId) {
        self.lock().remove(&user);
    }

    /// Takes over into the metrics what is in memory.
    pub(crate) fn tell(&self) {
        let slots = self.lock();
        let bytes = slots
            .values()
            .map(|slot| slot.bytes.load(Ordering::Relaxed));
        self.metrics
            .partitions(slots.len(), bytes.sum(), self.budget);
    }

    async fn catch_up(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: &Target<'_>,
        slot: &Arc<Slot>,
    ) -> Result<(), Error> {
        let mut loaded = slot.loaded.clone().write_owned().await;
        if loaded.reached.revision >= target.version {
            return Ok(());
        }
        let began = Instant::now();
        let work = if loaded.reached == Position::default() {
            PartitionWork::Load
        } else {
            PartitionWork::Refresh
        };
        let reader = Arc::new(Reader {
            user: target.user,
            key: target.key.clone(),
            model: embedding.model().to_owned(),
            dimensions: embedding.dimensions(),
        });
        while loaded.reached.revision < target.version {
            let changes = changes::since(db, target.user, loaded.reached, AT_ONCE).await?;
            let changes = changes.ok_or(Error::NotFound("user"))?;
            let reader = reader.clone();
            let slot = slot.clone();
            // The bytes are noted on the thread: a caller who hangs up leaves what was loaded.
            loaded = spawn_blocking(move || {
                let applied = reader.apply(changes, loaded)?;
                slot.bytes
                    .store(applied.partition.bytes(), Ordering::Relaxed);
                Ok::<_, CryptoError>(applied)
            })
            .await??;
        }
        drop(loaded);
        self.metrics.partition(work, began.elapsed());
        self.evict(target.user);
        Ok(())
    }

    fn slot(&self, user: UserId, dimensions: usize) -> Arc<Slot> {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.lock();
        let slot = slots.entry(user).or_insert_with(|| {
            let loaded = Loaded {
                reached: Position::default(),
                partition: Partition::new(dimensions),
            };
            Arc::new(Slot {
                loaded: Arc::new(RwLock::new(loaded)),
                bytes: AtomicUsize::new(0),
                used: AtomicU64::new(tick),
            })
        });
        slot.used.store(tick, Ordering::Relaxed);
        slot.clone()
    }

    /// Drops the least recently used partitions until the rest fits; the one
    /// in use stays, however large it is.
    fn evict(&self, in_use: UserId) {
        let mut slots = self.lock();
        let mut total: usize = slots
            .values()
            .map(|slot| slot.bytes.load(Ordering::Relaxed))
            .sum();
        if total <= self.budget {
            return;
        }
        let mut by_use: Vec<_> = slots
            .iter()
            .filter(|(user, _)| **user != in_use)
            .map(|(user, slot)| {
                (
                    slot.used.load(Ordering::Relaxed),
                    *user,
                    slot.bytes.load(Ordering::Relaxed),
                )
            })
            .collect();
        by_use.sort_unstable();
        for (_, user, bytes) in by_use {
            if total <= self.budget {
                break;
            }
            slots.remove(&user);
            self.metrics.evicted();
            total -= bytes;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
