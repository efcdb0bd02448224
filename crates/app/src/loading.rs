//! The way of a person's rows into their partition: read from the database, opened, put
//! into place. The text is not decrypted: what is found by its words was sealed with its
//! vectors when it was stored.
//!
//! Of a long way the three overlap. One stretch of rows is read while those before
//! it are decrypted on as many threads as there are cores, and one thread puts them
//! into place in the order in which they were read. Only a few stretches are under
//! way at once, so a million memories need no more room on the way than some
//! thousand do; and the threads are shared out among all who load, so that a long
//! load does not keep the cores from everybody else.

use std::{
    num::NonZero,
    sync::{Arc, OnceLock},
    thread::available_parallelism,
};

use picard_crypto::{CryptoError, DataKey};
use picard_domain::{MemoryId, UserId};
use picard_search::{Prepared, Preparer, Stored, StoredEntry};
use picard_store::{
    Db,
    changes::{self, Change, Changes, Position},
    memories::NO_MODEL,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, spawn_blocking},
};

use crate::{
    Error,
    embedding::Embedding,
    loaded::{Kind, Loaded, MadeBy},
    previous::Previous,
};

/// Rows read and decrypted at once.
const AT_ONCE: usize = 256;

/// Bytes of rows that are to be read and decrypted at once, at most.
const BYTES_AT_ONCE: usize = 1 << 20;

/// How many rows the next stretch has: as many as their bytes allow, by those of the last
/// one. So of long texts one stretch at a time is too long, when they follow short ones.
pub(crate) struct Pace(usize);

/// Whose rows are read, and what for.
pub(crate) struct Reader {
    pub(crate) user: UserId,
    pub(crate) key: Arc<DataKey>,
    /// Empty when there is no model.
    pub(crate) model: String,
    pub(crate) dimensions: usize,
    pub(crate) preparer: Preparer,
    pub(crate) previous: Arc<Previous>,
    /// The other model of the person's memories, from when one of it is met. There is
    /// one at a time: vectors of a third do not compare, as if it were not at hand.
    pub(crate) earlier: OnceLock<Kind>,
}

/// A stretch of changes that only has to be put into place.
pub(crate) struct Ready {
    reached: Position,
    anew: bool,
    deleted: Vec<MemoryId>,
    changed: Vec<(MemoryId, Prepared, MadeBy)>,
}

/// The threads that decrypt, for all loads together.
#[derive(Clone)]
pub(crate) struct Hands(Arc<Semaphore>);

/// The stretches under way, in their order.
pub(crate) type Stretches = mpsc::Receiver<JoinHandle<Result<Ready, CryptoError>>>;

impl Reader {
    /// Reads the changes after `from` until there are no more, and hands them on to be
    /// decrypted. Ends early when nobody takes them any more.
    ///
    /// It is not enough to come as far as a question must see: what was stored before,
    /// but moved on while all was read, stands behind that.
    pub(crate) async fn read(
        self: Arc<Self>,
        db: &Db,
        hands: Hands,
        from: Position,
        ready: mpsc::Sender<JoinHandle<Result<Ready, CryptoError>>>,
    ) -> Result<(), Error> {
        let (mut from, mut pace) = (from, Pace::default());
        loop {
            let changes = changes::since(db, self.user, from, pace.rows()).await?;
            let changes = changes.ok_or(Error::NotFound("user"))?;
            pace.note(&changes.changed);
            from = changes.reached;
            let was_last = from.revision >= changes.version;
            let hand = hands.0.clone().acquire_owned().await;
            let hand = hand.map_err(Error::internal)?;
            let reader = self.clone();
            let stretch = spawn_blocking(move || {
                let _hand = hand;
                reader.prepare(changes)
            });
            if ready.send(stretch).await.is_err() || was_last {
                return Ok(());
            }
        }
    }

    fn prepare(&self, changes: Changes) -> Result<Ready, CryptoError> {
        let changed = changes.changed.into_iter();
        Ok(Ready {
            reached: changes.reached,
            anew: changes.anew,
            deleted: changes.deleted,
            changed: changed
                .map(|row| self.open(row))
                .collect::<Result<_, _>>()?,
        })
    }

    fn open(&self, row: Change) -> Result<(MemoryId, Prepared, MadeBy), CryptoError> {
        let made_by = self.made_by(row.model.as_deref());
        let (preparer, dimensions) = match &made_by {
            MadeBy::Earlier(kind) => (&kind.preparer, kind.dimensions),
            MadeBy::Present => (&self.preparer, self.dimensions),
            // Theirs compare with nothing.
            MadeBy::Unknown => (&self.preparer, 0),
        };
        let opened = match row.sealed {
            Some(sealed) => Some(self.key.open(&bound_to(self.user, row.id), &sealed)?),
            None => None,
        };
        let stored = opened.as_ref().map(|bytes| Stored::read(bytes, dimensions));
        let entry = StoredEntry {
            stored: stored.unwrap_or_default(),
            permission: row.permission,
            expires: row.expiration_date,
            created_at: row.created_at,
        };
        let text = || self.key.fernet_decrypt(&row.ciphertext);
        let prepared = preparer.prepare_stored(entry, text)?;
        Ok((row.id, prepared, made_by))
    }

    fn made_by(&self, model: Option<&str>) -> MadeBy {
        let model = match model {
            None | Some(NO_MODEL) => return MadeBy::Present,
            Some(model) if model == self.model => return MadeBy::Present,
            Some(model) => model,
        };
        // Without a present model everything goes by words.
        if self.model.is_empty() {
            return MadeBy::Unknown;
        }
        let is_it = |kind: &&Kind| kind.model == model;
        if let Some(kind) = self.earlier.get().filter(is_it) {
            return MadeBy::Earlier(kind.clone());
        }
        let Some(embedding) = self.previous.load(model) else {
            return MadeBy::Unknown;
        };
        let kind = self.earlier.get_or_init(|| Kind::of(&embedding));
        match Some(kind).filter(is_it) {
            Some(kind) => MadeBy::Earlier(kind.clone()),
            None => MadeBy::Unknown,
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self(AT_ONCE)
    }
}

impl Pace {
    pub(crate) fn rows(&self) -> usize {
        self.0
    }

    /// Looks at the rows of a stretch.
    pub(crate) fn note(&mut self, rows: &[Change]) {
        let bytes = |row: &Change| row.ciphertext.len() + row.sealed.as_ref().map_or(0, Vec::len);
        self.take(rows.len(), rows.iter().map(bytes).sum());
    }

    fn take(&mut self, rows: usize, bytes: usize) {
        let fitting = BYTES_AT_ONCE * rows / bytes.max(1);
        self.0 = fitting.clamp(1, (2 * self.0).min(AT_ONCE));
    }
}

impl Kind {
    fn of(embedding: &Embedding) -> Self {
        Self {
            model: embedding.model().to_owned(),
            dimensions: embedding.dimensions(),
            preparer: embedding.preparer(),
        }
    }
}

impl Ready {
    /// Puts the changes into their places.
    pub(crate) fn apply(self, loaded: &mut Loaded) {
        if self.anew {
            *loaded = Loaded::new(loaded.partition.preparer().clone());
        }
        for memory in self.deleted {
            loaded.remove(memory);
        }
        for (memory, prepared, made_by) in self.changed {
            loaded.put(memory, prepared, made_by);
        }
        loaded.reached = self.reached;
    }
}

impl Hands {
    /// One for each core.
    pub(crate) fn of_this_machine() -> Self {
        Self(Arc::new(Semaphore::new(cores())))
    }

    /// Returns the two ends of what stretches pass through: as many wait in it as
    /// there are cores, so that none of these has to.
    pub(crate) fn stretches() -> (
        mpsc::Sender<JoinHandle<Result<Ready, CryptoError>>>,
        Stretches,
    ) {
        mpsc::channel(cores())
    }
}

/// What is found of a memory is bound to its owner and to itself.
pub(crate) fn bound_to(user: UserId, memory: MemoryId) -> [u8; 32] {
    let mut bound = [0; 32];
    bound[..16].copy_from_slice(user.uuid().as_bytes());
    bound[16..].copy_from_slice(memory.uuid().as_bytes());
    bound
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests;
