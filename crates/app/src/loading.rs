//! The way of a person's rows into their partition: read from the database, opened, put
//! into place. The text is not decrypted: what is found by its words was sealed with its
//! vectors when it was stored.
//!
//! Of a long way the three overlap: one stretch of rows is read while the one before
//! it is opened, and one before that put into place. So few are under way at once, and a
//! million memories need no more room on the way than some thousand do; and the threads
//! that open are shared out among all who load, so that a long load does not keep the
//! cores from everybody else.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Arc, OnceLock},
    thread::available_parallelism,
};

use futures::{
    future::{OptionFuture, maybe_done},
    poll,
};
use picard_crypto::DataKey;
use picard_domain::{MemoryId, UserId};
use picard_search::{Prepared, Preparer, Stored, StoredEntry};
use picard_store::{
    Db, Record,
    changes::{Change, Changes, Position, Snapshot},
    memories::{self, NO_MODEL},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::spawn_blocking,
};

use crate::{
    Error,
    embedding::Embedding,
    loaded::{Kind, Loaded, MadeBy},
    previous::Previous,
};

/// Rows read and opened at once.
const AT_ONCE: usize = 2048;

/// Rows of the first stretch: after that it is read while others are opened.
const AT_FIRST: usize = 256;

/// Bytes of rows that are to be read and opened at once, at most.
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
#[derive(Default)]
pub(crate) struct Ready {
    /// Whether nothing comes after it.
    pub(crate) is_last: bool,
    pub(crate) reached: Position,
    pub(crate) anew: bool,
    pub(crate) deleted: Vec<MemoryId>,
    pub(crate) changed: Vec<(MemoryId, Prepared, MadeBy)>,
}

/// The threads that open rows, for all loads together.
#[derive(Clone)]
pub(crate) struct Hands(Arc<Semaphore>);

/// One of them.
struct Hand(OwnedSemaphorePermit);

/// The stretches that wait for their place, in their order.
pub(crate) type Stretches = mpsc::Receiver<Ready>;

impl Reader {
    /// Reads the changes after `from` until there are no more, and hands them on. Ends
    /// early when nobody takes them any more.
    ///
    /// It is not enough to come as far as a question must see: what was stored before,
    /// but moved on while all was read, stands behind that.
    pub(crate) async fn read(
        self: Arc<Self>,
        db: &Db,
        hands: Hands,
        from: Position,
        ready: mpsc::Sender<Ready>,
    ) -> Result<(), Error> {
        let mut pace = Pace::default();
        let mut changes = self.changes(db, from, pace.rows()).await?.await?;
        loop {
            pace.note(&changes);
            let from = changes.reached;
            let is_last = from.revision >= changes.version;
            let hand = hands.take().await?;
            let next = if is_last {
                None
            } else {
                Some(self.changes(db, from, pace.rows()).await?)
            };
            // The database is at the next rows while these are opened. Nobody takes them
            // meanwhile: to be woken for each would cost as much as all the rest.
            let mut next = Box::pin(maybe_done(OptionFuture::from(next)));
            let _ = poll!(&mut next);
            let (reader, runtime) = (self.clone(), Handle::current());
            let opened = hand.work(move || {
                let opened = reader.open_all(changes)?;
                runtime.block_on(&mut next);
                Ok((opened, next.as_mut().take_output().flatten()))
            });
            let (opened, next) = opened.await?;
            let opened = self.with_texts(db, &hands, opened).await?;
            if ready.send(opened).await.is_err() {
                return Ok(());
            }
            match next {
                Some(next) => changes = next?,
                None => return Ok(()),
            }
        }
    }

    /// Begins to read a stretch.
    async fn changes(
        self: &Arc<Self>,
        db: &Db,
        from: Position,
        rows: usize,
    ) -> Result<
        impl Future<Output = Result<Changes<Change>, picard_store::Error>> + Send + use<>,
        Error,
    > {
        let snapshot = Snapshot::of(db, self.user).await?;
        let snapshot = snapshot.ok_or(Error::NotFound("user"))?;
        let reader = self.clone();
        Ok(async move { snapshot.changes(from, rows, &reader.model).await })
    }

    /// Opens a stretch, as far as no texts are needed; returns the rows whose texts are.
    fn open_all(&self, changes: Changes<Change>) -> Result<(Ready, Vec<Change>), Error> {
        let rows = changes.changed.read()?;
        let mut ready = Ready {
            is_last: changes.reached.revision >= changes.version,
            reached: changes.reached,
            anew: changes.anew,
            deleted: changes.deleted,
            changed: Vec::with_capacity(rows.len()),
        };
        let mut without = Vec::new();
        for row in rows {
            match self.open(&row, None)? {
                Some(opened) => ready.changed.push(opened),
                None => without.push(row),
            }
        }
        Ok((ready, without))
    }

    /// Opens the rest, which another version stored, by their texts. What is gone by now
    /// is told by what comes later.
    async fn with_texts(
        self: &Arc<Self>,
        db: &Db,
        hands: &Hands,
        (mut ready, rows): (Ready, Vec<Change>),
    ) -> Result<Ready, Error> {
        if rows.is_empty() {
            return Ok(ready);
        }
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let texts = memories::get_many(db, self.user, &ids).await?.into_iter();
        let texts: HashMap<_, _> = texts.map(|text| (text.id, text.ciphertext)).collect();
        let reader = self.clone();
        let work = move || {
            for row in rows {
                if let Some(ciphertext) = texts.get(&row.id) {
                    let text = reader.key.fernet_decrypt(ciphertext)?;
                    ready
                        .changed
                        .extend(reader.open(&row, Some(text.expose()))?);
                }
            }
            Ok(ready)
        };
        hands.take().await?.work(work).await
    }

    /// Opens what a memory is found by; nothing when that takes its text.
    fn open(
        &self,
        row: &Change,
        text: Option<&str>,
    ) -> Result<Option<(MemoryId, Prepared, MadeBy)>, Error> {
        let made_by = self.made_by(row.model.as_deref());
        let (preparer, dimensions) = match &made_by {
            MadeBy::Earlier(kind) => (&kind.preparer, kind.dimensions),
            MadeBy::Present => (&self.preparer, self.dimensions),
            // Theirs compare with nothing.
            MadeBy::Unknown => (&self.preparer, 0),
        };
        let opened = match &row.sealed {
            Some(sealed) => Some(self.key.open(&bound_to(self.user, row.id), sealed)?),
            None => None,
        };
        let stored = opened.as_ref();
        let stored = stored.map(|bytes| Stored::read(bytes, dimensions));
        let entry = StoredEntry {
            stored: stored.unwrap_or_default(),
            permission: row.permission,
            expires: row.expiration_date,
            created_at: row.created_at,
        };
        let prepared = preparer.prepare_stored(entry, text);
        Ok(prepared.map(|prepared| (row.id, prepared, made_by)))
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
        Self(AT_FIRST)
    }
}

impl Pace {
    pub(crate) fn rows(&self) -> usize {
        self.0
    }

    /// Looks at the rows of a stretch.
    pub(crate) fn note<R: Record>(&mut self, stretch: &Changes<R>) {
        self.take(stretch.changed.rows().len(), stretch.bytes);
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

    async fn take(&self) -> Result<Hand, Error> {
        let permit = self.0.clone().acquire_owned().await;
        permit.map(Hand).map_err(Error::internal)
    }

    /// Returns the two ends of what stretches pass through: one may wait in it.
    pub(crate) fn stretches() -> (mpsc::Sender<Ready>, Stretches) {
        mpsc::channel(1)
    }
}

impl Hand {
    /// Works on a thread of its own.
    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        spawn_blocking(move || {
            let _hand = self.0;
            work()
        })
        .await?
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
