//! What imports know of what people have: digests, kept for a while after one ends.
//!
//! An import with a token may come in hundreds of parts, each a call of its own. What a
//! part had to read and decrypt, the next one takes over, with the changes since.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use picard_crypto::DataKey;
use picard_domain::{Instant, MemoryId, Permission, Span, UserId};
use picard_store::{
    Db,
    changes::{ChangedText, Position, Snapshot},
};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::{Error, loading::Pace};

/// For how long after an import it is kept what the person has.
const KEPT: Span = Span::minutes(10);

/// Of how many memories it is kept in all; what the last one who imported has is kept
/// however much it is.
const MOST_MEMORIES: usize = 250_000;

/// What digests are made for.
const LABEL: &str = "import digest";

/// A digest under the person's own key.
type Mark = [u8; 16];

/// The digests of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    content: Mark,
    /// Of text and expiration date.
    undated: Mark,
    /// Of text, expiration date and date of creation.
    dated: Mark,
}

/// What tells one memory from another.
pub(crate) struct Content<'a> {
    pub(crate) text: &'a str,
    pub(crate) permission: Permission,
    pub(crate) expires: Option<Instant>,
}

/// What a person has, as digests.
#[derive(Default)]
pub(crate) struct Known {
    reached: Position,
    memories: HashMap<MemoryId, Marks>,
    /// How many memories are of this text and these dates.
    alike: HashMap<Mark, u32>,
}

/// What was known at the end of the last imports, the last one behind.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Vec<(UserId, Instant, Known)>>);

impl Content<'_> {
    /// The text with its dates, in a form that no other text and dates have: of each
    /// date its microseconds, if there is one, then the text. Ids of imported memories
    /// follow from it, so it is the same for ever.
    pub(crate) fn dated(&self, created_at: Option<Instant>) -> Zeroizing<Vec<u8>> {
        const DATE: usize = 1 + size_of::<i64>();
        // With room for one more: a vector that grows leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * DATE + self.text.len() + 1));
        for date in [self.expires, created_at] {
            bytes.push(u8::from(date.is_some()));
            bytes.extend(date.map_or([0; 8], |date| date.micros().to_be_bytes()));
        }
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }

    pub(crate) fn marks(&self, key: &DataKey, created_at: Instant) -> Marks {
        Marks {
            content: self.mark(key),
            undated: mark(key, &self.dated(None)),
            dated: mark(key, &self.dated(Some(created_at))),
        }
    }

    fn mark(&self, key: &DataKey) -> Mark {
        let mut named = self.dated(None);
        named.push(self.permission as u8);
        mark(key, &named)
    }
}

fn mark(key: &DataKey, bytes: &[u8]) -> Mark {
    let digest = key.name(LABEL, bytes);
    std::array::from_fn(|at| digest[at])
}

fn marked(key: &DataKey, row: &ChangedText) -> Result<(MemoryId, Marks), Error> {
    let text = key.fernet_decrypt(&row.ciphertext)?;
    let content = Content {
        text: text.expose(),
        permission: row.permission,
        expires: row.expiration_date,
    };
    Ok((row.id, content.marks(key, row.created_at)))
}

impl Known {
    /// Takes over what changed since. Whoever breaks it off goes on there the next time.
    pub(crate) async fn catch_up(
        &mut self,
        db: &Db,
        user: UserId,
        key: &Arc<DataKey>,
    ) -> Result<(), Error> {
        let mut pace = Pace::default();
        loop {
            let snapshot = Snapshot::of(db, user).await?;
            let snapshot = snapshot.ok_or(Error::NotFound("account"))?;
            let changes = snapshot.texts(self.reached, pace.rows()).await?;
            pace.note(&changes);
            let (rows, key) = (changes.changed, key.clone());
            let read = move || {
                let rows = rows.read()?;
                let marked = rows.iter().map(|row| marked(&key, row));
                marked.collect::<Result<Vec<_>, Error>>()
            };
            let changed = spawn_blocking(read).await?;
            // Nothing is waited for from here on: a stretch is taken over whole or not at all.
            let changed = changed?;
            if changes.anew {
                *self = Self::default();
            }
            changes.deleted.iter().for_each(|id| self.remove(*id));
            for (id, marks) in changed {
                self.put(id, marks);
            }
            self.reached = changes.reached;
            if self.reached.revision >= changes.version {
                return Ok(());
            }
        }
    }

    /// Adds a memory, or says that it is another one now.
    pub(crate) fn put(&mut self, id: MemoryId, marks: Marks) {
        self.remove(id);
        for mark in [marks.undated, marks.dated] {
            *self.alike.entry(mark).or_default() += 1;
        }
        self.memories.insert(id, marks);
    }

    fn remove(&mut self, id: MemoryId) {
        let Some(marks) = self.memories.remove(&id) else {
            return;
        };
        for mark in [marks.undated, marks.dated] {
            if let Some(count) = self.alike.get_mut(&mark) {
                *count -= 1;
                if *count == 0 {
                    self.alike.remove(&mark);
                }
            }
        }
    }

    /// Tells whether the memory of an id has this content; `None` when there is none.
    pub(crate) fn has(&self, id: MemoryId, content: &Content<'_>, key: &DataKey) -> Option<bool> {
        let marks = self.memories.get(&id)?;
        Some(marks.content == content.mark(key))
    }

    /// Tells whether some memory has this text, expiration date and, if one is given,
    /// date of creation.
    pub(crate) fn has_alike(
        &self,
        content: &Content<'_>,
        created_at: Option<Instant>,
        key: &DataKey,
    ) -> bool {
        self.alike
            .contains_key(&mark(key, &content.dated(created_at)))
    }
}

impl Shelf {
    /// Takes what was known of a person last.
    pub(crate) fn take(&self, user: UserId, now: Instant) -> Known {
        let mut kept = self.current(now);
        let at = kept.iter().position(|(each, ..)| *each == user);
        at.map(|at| kept.remove(at).2).unwrap_or_default()
    }

    /// Keeps what is known of a person, and of others what there is room for.
    pub(crate) fn put(&self, user: UserId, now: Instant, known: Known) {
        let mut kept = self.current(now);
        kept.retain(|(each, ..)| *each != user);
        kept.push((user, now, known));
        let mut room = MOST_MEMORIES;
        let fitting = kept.iter().rev().take_while(|(.., known)| {
            let fits = known.memories.len() <= room;
            room = room.saturating_sub(known.memories.len());
            fits
        });
        let fitting = fitting.count().max(1);
        let gone = kept.len() - fitting;
        kept.drain(..gone);
    }

    /// Drops what was known of a person.
    pub(crate) fn forget(&self, user: UserId) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(each, ..)| *each != user);
    }

    /// Drops what was kept long enough.
    pub(crate) fn tidy(&self, now: Instant) {
        drop(self.current(now));
    }

    fn current(&self, now: Instant) -> MutexGuard<'_, Vec<(UserId, Instant, Known)>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, at, _)| now - *at < KEPT);
        kept
    }
}

#[cfg(test)]
mod tests {
    use picard_testkit::TestDatabase;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::scene::{caller, import, open};

    const NOON: Instant = Instant::from_micros(1_700_000_000_000_000);

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    fn marks(n: usize) -> Marks {
        let mark = |kind: u8| {
            let mut mark = [kind; 16];
            mark[..8].copy_from_slice(&n.to_be_bytes());
            mark
        };
        Marks {
            content: mark(0),
            undated: mark(1),
            dated: mark(2),
        }
    }

    fn id(n: usize) -> MemoryId {
        MemoryId::from_uuid(Uuid::from_u128(n as u128))
    }

    fn known(memories: usize) -> Known {
        let mut known = Known::default();
        (0..memories).for_each(|n| known.put(id(n), marks(n)));
        known
    }

    #[test]
    fn a_text_is_there_for_as_long_as_any_memory_has_it() {
        let mut known = known(1);
        known.put(id(7), marks(0));
        known.put(id(7), marks(0));
        known.remove(id(0));
        assert!(known.alike.contains_key(&marks(0).undated));
        known.put(id(7), marks(3));
        assert!(!known.alike.contains_key(&marks(0).dated));
        assert!(known.alike.contains_key(&marks(3).dated));
        known.remove(id(7));
        known.remove(id(7));
        assert!(known.alike.is_empty() && known.memories.is_empty());
    }

    #[tokio::test]
    async fn what_is_known_goes_with_the_person() {
        let database = TestDatabase::sqlite();
        let app = open(&database).await;
        import(&app, [json!({"text": "tea"})].into_iter()).await;
        let user = caller(&app).await.user_id;
        let known = app.shelf.take(user, app.now());
        assert_eq!(known.memories.len(), 1);
        app.shelf.put(user, app.now(), known);
        app.let_go_of(user);
        assert!(app.shelf.take(user, app.now()).memories.is_empty());
    }

    #[test]
    fn what_is_known_is_kept_for_a_while_and_taken_once() {
        let shelf = Shelf::default();
        shelf.put(user(1), NOON, known(3));
        let later = NOON + Span::minutes(9);
        assert_eq!(shelf.take(user(2), later).memories.len(), 0);
        assert_eq!(shelf.take(user(1), later).memories.len(), 3);
        assert_eq!(shelf.take(user(1), later).memories.len(), 0);
        shelf.put(user(1), NOON, known(3));
        shelf.tidy(NOON + KEPT);
        assert_eq!(shelf.take(user(1), NOON).memories.len(), 0);
    }

    #[test]
    fn the_last_ones_are_kept_and_of_the_others_as_many_as_there_is_room_for() {
        let shelf = Shelf::default();
        let sizes = [MOST_MEMORIES / 2, MOST_MEMORIES / 2, 1];
        for (n, size) in (0..).zip(sizes) {
            shelf.put(user(n), NOON, known(size));
        }
        let left = |n| shelf.take(user(n), NOON).memories.len();
        assert_eq!([left(0), left(1), left(2)], [0, MOST_MEMORIES / 2, 1]);
        shelf.put(user(1), NOON, known(1));
        shelf.put(user(2), NOON, known(MOST_MEMORIES + 1));
        assert_eq!([left(1), left(2)], [0, MOST_MEMORIES + 1]);
    }
}
