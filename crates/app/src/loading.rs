//! The way of a person's rows into their partition: read from the database,
//! decrypted and cut into words, put into place.
//!
//! Of a long way the three overlap. One stretch of rows is read while those before
//! it are decrypted on as many threads as there are cores, and one thread puts them
//! into place in the order in which they were read. Only a few stretches are under
//! way at once, so a million memories need no more room on the way than some
//! thousand do; and the threads are shared out among all who load, so that a long
//! load does not keep the cores from everybody else.

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use picard_crypto::{CryptoError, DataKey};
use picard_domain::{MemoryId, UserId};
use picard_search::{Entry, Partition, Prepared, Preparer};
use picard_store::{
    Db,
    changes::{self, Change, Changes, Position},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, spawn_blocking},
};

use crate::{Error, vectors};

/// Rows read and decrypted at once.
const AT_ONCE: usize = 256;

/// Whose rows are read, and what for.
pub(crate) struct Reader {
    pub(crate) user: UserId,
    pub(crate) key: Arc<DataKey>,
    /// Vectors of another model do not compare: such a memory is found by its words.
    pub(crate) model: String,
    pub(crate) dimensions: usize,
    pub(crate) preparer: Preparer,
}

/// A stretch of changes that only has to be put into place.
pub(crate) struct Ready {
    reached: Position,
    anew: bool,
    deleted: Vec<MemoryId>,
    changed: Vec<(MemoryId, Prepared)>,
}

/// The threads that decrypt, for all loads together.
#[derive(Clone)]
pub(crate) struct Hands(Arc<Semaphore>);

/// The stretches under way, in their order.
pub(crate) type Stretches = mpsc::Receiver<JoinHandle<Result<Ready, CryptoError>>>;

impl Reader {
    /// Reads the changes after `from` until `version` is reached, and hands them on
    /// to be decrypted. Ends early when nobody takes them any more.
    pub(crate) async fn read(
        self: Arc<Self>,
        db: &Db,
        hands: Hands,
        from: Position,
        version: i64,
        ready: mpsc::Sender<JoinHandle<Result<Ready, CryptoError>>>,
    ) -> Result<(), Error> {
        let mut from = from;
        while from.revision < version {
            let changes = changes::since(db, self.user, from, AT_ONCE).await?;
            let changes = changes.ok_or(Error::NotFound("user"))?;
            from = changes.reached;
            let hand = hands.0.clone().acquire_owned().await;
            let hand = hand.map_err(Error::internal)?;
            let reader = self.clone();
            let stretch = spawn_blocking(move || {
                let _hand = hand;
                reader.prepare(changes)
            });
            if ready.send(stretch).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    fn prepare(&self, changes: Changes) -> Result<Ready, CryptoError> {
        let changed = changes.changed.into_iter();
        Ok(Ready {
            reached: changes.reached,
            anew: changes.anew,
            deleted: changes.deleted,
            changed: changed
                .map(|row| Ok((row.id, self.open(row)?)))
                .collect::<Result<_, CryptoError>>()?,
        })
    }

    fn open(&self, row: Change) -> Result<Prepared, CryptoError> {
        let text = self.key.fernet_decrypt(&row.ciphertext)?;
        let codes = match (row.model, row.sealed) {
            (Some(model), Some(sealed)) if model == self.model => {
                let bound = vectors::bound_to(self.user, row.id);
                vectors::decode(&self.key.open(&bound, &sealed)?, self.dimensions)
            }
            _ => None,
        };
        let entry = Entry {
            text: text.expose(),
            vectors: &[],
            permission: row.permission,
            expires: row.expiration_date,
            created_at: row.created_at,
        };
        Ok(self
            .preparer
            .prepare(&entry)
            .with_codes(codes.unwrap_or_default()))
    }
}

impl Ready {
    /// Puts the changes into the partition; tells how far it has come.
    pub(crate) fn apply(self, partition: &mut Partition) -> Position {
        if self.anew {
            *partition = Partition::of(partition.preparer().clone());
        }
        for memory in self.deleted {
            partition.remove(memory);
        }
        for (memory, prepared) in self.changed {
            partition.put(memory, prepared);
        }
        self.reached
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

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
