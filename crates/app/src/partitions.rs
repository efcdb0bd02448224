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
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use futures::future::try_join;
use picard_crypto::DataKey;
use picard_domain::{MemoryId, Permission, UserId};
use picard_metrics::{PartitionWork, ServerMetrics};
use picard_search::{Conditions, Preparer, Query, Ranking};
use picard_store::Db;
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock},
    task::spawn_blocking,
};

use crate::{
    Error,
    embedding::Embedding,
    loaded::{Loaded, Mixture},
    loading::{Hands, Reader, Ready, Stretches},
    persona::Owner,
    previous::{LoadModel, Previous},
    seats::Seats,
};

/// Above this many memories a search leaves the async thread; whatever compares
/// memories with each other always does,
const INLINE: usize = 2_000;

/// and so does a question of more bytes than these, which itself takes its time.
const SHORT: usize = 2_048;

/// The part of the budget that is made free when something has to leave.
const ROOM: usize = 20;

/// The loaded partitions of all users, under one byte budget.
pub(crate) struct Partitions {
    kept: Arc<Kept>,
    hands: Hands,
    pub(crate) seats: Seats,
    ranking: Ranking,
    pub(crate) previous: Arc<Previous>,
}

/// What is in memory, and what it may take.
struct Kept {
    slots: Mutex<Slots>,
    budget: usize,
    ticks: AtomicU64,
    metrics: Arc<ServerMetrics>,
}

#[derive(Default)]
struct Slots {
    of: HashMap<UserId, Held>,
    /// Of all of them together.
    bytes: usize,
}

/// A slot, and what it takes.
struct Held {
    slot: Arc<Slot>,
    bytes: usize,
}

/// One user's place in memory.
struct Slot {
    loaded: Arc<RwLock<Loaded>>,
    /// That it was made for.
    model: String,
    used: AtomicU64,
}

/// Whose partition is asked, and how far it must have come.
pub(crate) struct Target<'a> {
    pub(crate) user: UserId,
    pub(crate) version: i64,
    pub(crate) key: &'a Arc<DataKey>,
}

impl<'a> Target<'a> {
    pub(crate) fn of(owner: &'a Owner) -> Self {
        Self {
            user: owner.id,
            version: owner.version,
            key: &owner.key,
        }
    }
}

/// Which of the candidates are wanted, if not all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Those that answer best.
    Best,
    /// Those that answer best; behind all others those whose text was there already.
    Different,
    /// Those that answer well and differ from each other.
    Covering,
    /// Those that tell most about the person; nothing is asked.
    Telling,
}

/// A memory that was chosen, with how well it answers, if anything was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) id: MemoryId,
    pub(crate) score: Option<f32>,
}

/// A query that may move to another thread.
#[derive(Clone)]
pub(crate) struct Question {
    /// Who asks.
    pub(crate) who: UserId,
    pub(crate) text: picard_domain::Plaintext,
    /// As the present model sees it.
    pub(crate) vector: Arc<[f32]>,
    /// As another model sees it whose vectors some memories have, with its name.
    pub(crate) earlier: Option<(String, Arc<[f32]>)>,
    pub(crate) filter: picard_domain::MemoryFilter,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) now: picard_domain::Instant,
    pub(crate) choice: Choice,
    pub(crate) limit: usize,
}

type WriteGuard = OwnedRwLockWriteGuard<Loaded>;

impl Question {
    /// Returns it as another model sees it; empty to go by words alone.
    pub(crate) fn vector_of(&self, model: &str) -> &[f32] {
        let earlier = self.earlier.as_ref();
        let vector = earlier.filter(|(name, _)| name == model);
        vector.map_or(&[], |(_, vector)| vector)
    }

    /// Returns how many memories there may be for it to be answered on an async thread.
    fn inline(&self) -> usize {
        match self.choice {
            Choice::Best if self.text.expose().len() <= SHORT => INLINE,
            Choice::Best | Choice::Different | Choice::Covering | Choice::Telling => 0,
        }
    }

    pub(crate) fn query<'a>(&'a self, vector: &'a [f32], ranking: &'a Ranking) -> Query<'a> {
        Query {
            text: self.text.expose(),
            vector,
            filter: self.filter,
            conditions: &self.conditions,
            now: self.now,
            limit: self.limit,
            ranking,
        }
    }
}

impl Partitions {
    pub(crate) fn new(budget: usize, metrics: Arc<ServerMetrics>) -> Self {
        let previous = Previous::new(Vec::new(), metrics.clone());
        let kept = Kept {
            slots: Mutex::default(),
            budget,
            ticks: AtomicU64::new(0),
            metrics,
        };
        Self {
            kept: Arc::new(kept),
            hands: Hands::of_this_machine(),
            seats: Seats::of_this_machine(),
            ranking: Ranking::PRODUCT,
            previous: Arc::new(previous),
        }
    }

    /// Also searches by the vectors of these models.
    pub(crate) fn with_previous(self, models: Vec<LoadModel>) -> Self {
        let previous = Previous::new(models, self.kept.metrics.clone());
        Self {
            previous: Arc::new(previous),
            ..self
        }
    }

    /// Ranks in another way than the product does.
    pub(crate) fn with_ranking(self, ranking: Ranking) -> Self {
        Self { ranking, ..self }
    }

    /// Chooses among the user's memories as the question wants.
    pub(crate) async fn query(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: Target<'_>,
        question: Question,
    ) -> Result<Vec<Chosen>, Error> {
        self.on(db, embedding, target, question, Loaded::ask).await
    }

    /// Tells whether the user's memories, or those of one permission, have vectors of
    /// other models.
    pub(crate) async fn mixture(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: Target<'_>,
        permission: Option<Permission>,
    ) -> Result<Mixture, Error> {
        let slot = self.slot(target.user, embedding.model(), || embedding.preparer());
        let loaded = self.current(db, embedding, &target, &slot).await?;
        Ok(loaded.mixture(permission))
    }

    /// Returns the memories of which only the text can tell whether they meet the
    /// question's conditions; nothing when there are more than `most`.
    pub(crate) async fn doubtful(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: Target<'_>,
        question: Question,
        most: usize,
    ) -> Result<Option<Vec<MemoryId>>, Error> {
        let ask = move |loaded: &Loaded, question: &Question, ranking: &Ranking| {
            loaded.doubtful(question, ranking, most)
        };
        self.on(db, embedding, target, question, ask).await
    }

    /// Works on a user's partition as it is at the target's version or later; on this
    /// thread when that is done in no time.
    async fn on<T: Send + 'static>(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: Target<'_>,
        question: Question,
        work: impl FnOnce(&Loaded, &Question, &Ranking) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.slot(target.user, embedding.model(), || embedding.preparer());
        let loaded = self.current(db, embedding, &target, &slot).await?;
        let ranking = self.ranking;
        if loaded.len() <= question.inline() {
            return Ok(work(&loaded, &question, &ranking));
        }
        // Whoever waits must not keep the partition from being brought up to date.
        drop(loaded);
        let seat = self.seats.take(question.who).await?;
        let loaded = self.current(db, embedding, &target, &slot).await?;
        let work = move || work(&loaded, &question, &ranking);
        seat.work(work).await
    }

    /// Brings what is loaded to the target's version, if it is not there yet.
    async fn current(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: &Target<'_>,
        slot: &Arc<Slot>,
    ) -> Result<OwnedRwLockReadGuard<Loaded>, Error> {
        loop {
            let loaded = slot.loaded.clone().read_owned().await;
            if loaded.is_at(target.version) {
                return Ok(loaded);
            }
            drop(loaded);
            // On the heap: seldom needed, and else a part of every call that asks. Before
            // it is looked at again, somebody else may have begun anew and hung up.
            let caught_up = Box::pin(self.catch_up(db, embedding, target, slot)).await;
            if matches!(caught_up, Err(Error::NotFound(_))) {
                // The account is gone, which another node cannot tell to this one.
                self.kept.lock().remove_slot(target.user, slot);
            }
            caught_up?;
        }
    }

    /// Forgets a user's partition.
    pub(crate) fn drop_user(&self, user: UserId) {
        self.kept.lock().remove(user);
    }

    /// Takes over into the metrics what is in memory.
    pub(crate) fn tell(&self) {
        let slots = self.kept.lock();
        self.kept
            .metrics
            .partitions(slots.of.len(), slots.bytes, self.kept.budget);
    }

    async fn catch_up(
        &self,
        db: &Db,
        embedding: &Embedding,
        target: &Target<'_>,
        slot: &Arc<Slot>,
    ) -> Result<(), Error> {
        let loaded = slot.loaded.clone().write_owned().await;
        if loaded.is_at(target.version) {
            return Ok(());
        }
        let from = loaded.reached;
        let began = Instant::now();
        let work = if loaded.is_loading {
            PartitionWork::Load
        } else {
            PartitionWork::Refresh
        };
        let reader = Arc::new(Reader {
            user: target.user,
            key: target.key.clone(),
            model: embedding.model().to_owned(),
            dimensions: embedding.dimensions(),
            preparer: loaded.partition.preparer().clone(),
            previous: self.previous.clone(),
            earlier: loaded
                .kind()
                .map_or_else(OnceLock::new, |kind| OnceLock::from(kind.clone())),
        });
        let place = Place {
            kept: self.kept.clone(),
            user: target.user,
            slot: slot.clone(),
        };
        let (ready, stretches) = Hands::stretches();
        let read = reader.read(db, self.hands.clone(), from, ready);
        try_join(read, place.fill(loaded, stretches)).await?;
        self.kept.metrics.partition(work, began.elapsed());
        Ok(())
    }

    /// A partition that was made before the model was there is made anew.
    fn slot(&self, user: UserId, model: &str, preparer: impl FnOnce() -> Preparer) -> Arc<Slot> {
        let mut slots = self.kept.lock();
        if let Some(held) = slots.of.get(&user)
            && held.slot.model == model
        {
            self.kept.touch(&held.slot);
            return held.slot.clone();
        }
        slots.remove(user);
        let loaded = Loaded::new(preparer());
        let bytes = taken(&loaded);
        let slot = Arc::new(Slot {
            loaded: Arc::new(RwLock::new(loaded)),
            model: model.to_owned(),
            used: AtomicU64::new(0),
        });
        self.kept.touch(&slot);
        let held = Held {
            slot: slot.clone(),
            bytes,
        };
        slots.of.insert(user, held);
        slots.bytes += bytes;
        self.kept.make_room(&mut slots, user);
        slot
    }
}

/// The bytes that a user takes, also one without any memory.
fn taken(loaded: &Loaded) -> usize {
    size_of::<Slot>() + size_of::<(UserId, Held)>() + loaded.bytes()
}

/// Where one user's memories are put.
#[derive(Clone)]
struct Place {
    kept: Arc<Kept>,
    user: UserId,
    slot: Arc<Slot>,
}

impl Place {
    /// Puts stretches into the partition in their order. What it takes is noted on
    /// the thread that puts it there: a caller who hangs up leaves what was loaded.
    async fn fill(&self, mut loaded: WriteGuard, mut stretches: Stretches) -> Result<(), Error> {
        let mut is_through = false;
        while let Some(ready) = stretches.recv().await {
            is_through = ready.is_last;
            let place = self.clone();
            loaded = spawn_blocking(move || place.put(loaded, ready)).await?;
        }
        // Else it was broken off, and whoever reads says why.
        if is_through && loaded.is_loading {
            let place = self.clone();
            spawn_blocking(move || {
                loaded.shrink();
                loaded.is_loading = false;
                place.note(&loaded);
            })
            .await?;
        }
        Ok(())
    }

    fn put(&self, mut loaded: WriteGuard, ready: Ready) -> WriteGuard {
        ready.apply(&mut loaded);
        self.note(&loaded);
        loaded
    }

    /// Notes what the partition takes, and makes room for it.
    fn note(&self, loaded: &Loaded) {
        let bytes = taken(loaded);
        let mut slots = self.kept.lock();
        let Slots { of, bytes: all } = &mut *slots;
        // One that had to leave meanwhile counts no longer: it goes with its last user.
        if let Some(held) = of.get_mut(&self.user)
            && Arc::ptr_eq(&held.slot, &self.slot)
        {
            *all = *all - held.bytes + bytes;
            held.bytes = bytes;
            // Whoever waits for a long load asked long ago, and is not to lose it.
            self.kept.touch(&held.slot);
            self.kept.make_room(&mut slots, self.user);
        }
    }
}

impl Kept {
    /// Drops the least recently used partitions, once they do not fit, until some room
    /// is left, so as not to have to for each few memories; the one in use stays,
    /// however large it is.
    fn make_room(&self, slots: &mut Slots, in_use: UserId) {
        if slots.bytes <= self.budget {
            return;
        }
        let enough = self.budget - self.budget / ROOM;
        let others = slots.of.iter().filter(|(user, _)| **user != in_use);
        let mut by_use: Vec<_> = others
            .map(|(user, held)| (held.slot.used.load(Ordering::Relaxed), *user))
            .collect();
        by_use.sort_unstable();
        for (_, user) in by_use {
            if slots.bytes <= enough {
                break;
            }
            slots.remove(user);
            self.metrics.evicted();
        }
    }

    fn touch(&self, slot: &Slot) {
        let tick = self.ticks.fetch_add(1, Ordering::Relaxed);
        slot.used.store(tick, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Removes a user's slot, unless they have another one by now.
    fn remove_slot(&mut self, user: UserId, slot: &Arc<Slot>) {
        let held = self.of.get(&user);
        if held.is_some_and(|held| Arc::ptr_eq(&held.slot, slot)) {
            self.remove(user);
        }
    }

    fn remove(&mut self, user: UserId) {
        if let Some(held) = self.of.remove(&user) {
            self.bytes -= held.bytes;
        }
    }
}

#[cfg(test)]
mod loads;
#[cfg(test)]
mod sharing;

#[cfg(test)]
mod tests {
    use picard_search::Entry;
    use uuid::Uuid;

    use super::*;

    fn user(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    fn place(partitions: &Partitions, n: u128, slot: &Arc<Slot>) -> Place {
        Place {
            kept: partitions.kept.clone(),
            user: user(n),
            slot: slot.clone(),
        }
    }

    /// Notes that a user has so many memories in memory.
    async fn fill(partitions: &Partitions, n: u128, memories: u128) -> Arc<Slot> {
        let slot = partitions.slot(user(n), "", || Preparer::new(2));
        let place = place(partitions, n, &slot);
        let mut loaded = slot.loaded.clone().write_owned().await;
        for memory in 0..memories {
            let entry = Entry {
                text: "tea",
                vectors: &[vec![1.0, 0.0]],
                permission: Permission::Private,
                expires: None,
                created_at: picard_domain::Instant::from_micros(0),
            };
            let id = MemoryId::from_uuid(Uuid::from_u128(memory));
            loaded.partition.upsert(id, entry);
        }
        place.note(&loaded);
        slot
    }

    fn here(partitions: &Partitions) -> Vec<UserId> {
        let slots = partitions.kept.lock();
        let sum: usize = slots.of.values().map(|held| held.bytes).sum();
        assert_eq!(slots.bytes, sum);
        let mut here: Vec<_> = slots.of.keys().copied().collect();
        here.sort_unstable();
        here
    }

    #[tokio::test]
    async fn who_was_asked_longest_ago_leaves_first_and_the_one_in_use_stays() {
        let one = Partitions::new(usize::MAX, Arc::default());
        fill(&one, 1, 200).await;
        let each = one.kept.lock().bytes;
        let partitions = Partitions::new(3 * each + each / 10, Arc::default());
        for n in 1..=3 {
            fill(&partitions, n, 200).await;
        }
        assert_eq!(here(&partitions), [user(1), user(2), user(3)]);
        partitions.slot(user(1), "", || Preparer::new(2));
        fill(&partitions, 4, 200).await;
        // The second of those who leave makes room for what comes next.
        assert_eq!(here(&partitions), [user(1), user(4)]);
        // Larger than everything that may be kept: it is alone, and stays.
        fill(&partitions, 5, 20_000).await;
        assert_eq!(here(&partitions), [user(5)]);
        partitions.drop_user(user(5));
        assert_eq!(
            (here(&partitions).len(), partitions.kept.lock().bytes),
            (0, 0)
        );
    }

    #[tokio::test]
    async fn a_long_load_does_not_leave_for_those_who_were_asked_since_it_began() {
        let partitions = Partitions::new(200_000, Arc::default());
        let long = partitions.slot(user(1), "", || Preparer::new(2));
        for n in 2..=3 {
            fill(&partitions, n, 200).await;
        }
        let place = place(&partitions, 1, &long);
        place.note(&*long.loaded.read().await);
        fill(&partitions, 4, 600).await;
        let here = here(&partitions);
        assert!(here.contains(&user(1)) && !here.contains(&user(2)));
    }

    #[tokio::test]
    async fn people_without_memories_take_of_the_budget_too() {
        let partitions = Partitions::new(100_000, Arc::default());
        for n in 1..=2_000 {
            partitions.slot(user(n), "", || Preparer::new(2));
        }
        let here = here(&partitions);
        assert!(here.len() < 500 && here.contains(&user(2_000)));
        assert!(partitions.kept.lock().bytes <= 100_000);
    }

    #[tokio::test]
    async fn a_load_that_was_broken_off_goes_on_as_one_and_gives_back_what_it_reserved() {
        let partitions = Partitions::new(usize::MAX, Arc::default());
        let slot = fill(&partitions, 1, 300).await;
        let place = place(&partitions, 1, &slot);
        let reserved = partitions.kept.lock().bytes;
        for is_last in [false, true] {
            let (ready, stretches) = Hands::stretches();
            let stretch = Ready {
                is_last,
                ..Ready::default()
            };
            assert!(ready.send(stretch).await.is_ok());
            drop(ready);
            let guard = slot.loaded.clone().write_owned().await;
            place.fill(guard, stretches).await.expect("it is taken");
            assert_eq!(slot.loaded.read().await.is_loading, !is_last);
        }
        assert!(partitions.kept.lock().bytes < reserved);
    }

    #[tokio::test]
    async fn what_is_put_into_a_partition_that_had_to_leave_counts_nowhere() {
        let partitions = Partitions::new(usize::MAX, Arc::default());
        let old = fill(&partitions, 1, 10).await;
        partitions.drop_user(user(1));
        let place = place(&partitions, 1, &old);
        place.note(&*old.loaded.read().await);
        assert_eq!(partitions.kept.lock().bytes, 0);
        fill(&partitions, 1, 10).await;
        let bytes = partitions.kept.lock().bytes;
        place.note(&*old.loaded.read().await);
        assert_eq!(
            (here(&partitions).len(), partitions.kept.lock().bytes),
            (1, bytes)
        );
    }
}
