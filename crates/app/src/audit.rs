//! The audit trail as it is written.
//!
//! What changes something is noted in the transaction of the change; [`App::note`]
//! makes such a note. What only reads must not wait for a write, and must not fail
//! because of one: [`Trail::read`] counts it in memory, by person, application and
//! tool, and within half a second a task writes what was counted. So are wrong
//! passwords, which must cost as much as an unknown handle. A process that is killed
//! loses what it counted in its last half second, and nothing else. Rows are named
//! after the time that they count, so that all nodes count into one.

use std::{
    collections::{BTreeMap, btree_map::Entry as Place},
    ops::{Bound, RangeBounds},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picard_crypto::sha256;
use picard_domain::{ClientId, EventId, Instant, MemoryId, Span, UserId};
use picard_store::{
    Db,
    audit::{self, Act, By, Note, Surface},
};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{Access, App, Error};

/// How long reads are gathered before they are written.
const PAUSE: Duration = Duration::from_millis(500);

/// How long is waited before what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Rows written in one transaction: few, so that no writer waits long.
const BATCH: usize = 200;

/// Rows that wait to be written at most. They are more only when the database
/// cannot be written to.
const WAITING: usize = 20_000;

/// What one row of reads counts.
const WINDOW: Span = Span::minutes(10);

/// What one row of failed log-ins counts.
const FAILURES: Span = Span::hours(1);

/// The way a call came and the name of what was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Via {
    pub(crate) surface: Surface,
    pub(crate) tool: &'static str,
}

/// What a call read.
pub(crate) struct Reading {
    /// Whose memories.
    pub(crate) of: UserId,
    /// How many.
    pub(crate) memories: usize,
    /// Which, when it was asked for by its id.
    pub(crate) memory: Option<MemoryId>,
}

type Key = (UserId, EventId);

/// Where what was counted waits to be written.
pub(crate) struct Trail {
    db: Db,
    kept: Option<Span>,
    waiting: Mutex<Waiting>,
    /// Held while one batch is written.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    /// By their person and name: all nodes lock rows in this order.
    notes: BTreeMap<Key, Note>,
    /// Whether a task is on its way to write them.
    expected: bool,
    lost: u64,
}

impl Trail {
    /// Keeps entries for so many days; with none, notes nothing.
    pub(crate) fn new(db: Db, days: u32) -> Self {
        Self {
            db,
            kept: (days > 0).then(|| Span::days(i64::from(days))),
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// How long entries are kept; `None` when nothing is.
    pub(crate) fn kept(&self) -> Option<Span> {
        self.kept
    }

    /// Counts a read. It neither waits nor fails.
    pub(crate) fn read(self: &Arc<Self>, caller: &Access, reading: &Reading, now: Instant) {
        if self.kept.is_none() {
            return;
        }
        let mut note = self.called(caller, now);
        note.memories = i64::try_from(reading.memories).ok();
        note.memory_id = reading.memory;
        let mut notes = Vec::with_capacity(2);
        if reading.of != caller.user_id {
            note.subject = Some(reading.of);
            // Who asked is told, and not through what.
            let mut asked = self.plain(Act::PersonaAsked, caller.via.surface, now);
            asked.by = Some(By::Somebody(caller.user_id));
            asked.memories = note.memories;
            notes.push((reading.of, asked));
        }
        notes.push((caller.user_id, note));
        for (_, note) in &mut notes {
            note.id = counted(note, WINDOW);
        }
        self.wait(notes);
    }

    /// Counts a wrong password, by the hour. It neither waits nor fails.
    fn failed(self: &Arc<Self>, user: UserId, browser: String, now: Instant) {
        let mut note = self.plain(Act::LogInFailed, Surface::Page, now);
        note.id = counted(&note, FAILURES);
        if note.kept {
            self.wait([(user, note.in_browser(browser))]);
        }
    }

    /// A note of a call, without a name yet.
    fn called(&self, caller: &Access, now: Instant) -> Note {
        let mut note = self.plain(Act::Called, caller.via.surface, now);
        note.tool = Some(caller.via.tool);
        let through = caller.client_id;
        note.client_id = (through != ClientId::from_uuid(Uuid::nil())).then_some(through);
        note
    }

    fn plain(&self, act: Act, surface: Surface, now: Instant) -> Note {
        Note {
            kept: self.kept.is_some(),
            ..Note::new(EventId::from_uuid(Uuid::nil()), act, surface, now)
        }
    }

    fn wait(self: &Arc<Self>, notes: impl IntoIterator<Item = (UserId, Note)>) {
        let mut waiting = self.waiting();
        for (user, note) in notes {
            waiting.add(user, note);
        }
        if !waiting.expected {
            waiting.expected = true;
            tokio::spawn(self.clone().write_later());
        }
    }

    /// Writes what waits, until nothing does.
    async fn write_later(self: Arc<Self>) {
        let mut pause = PAUSE;
        let mut fails = false;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.write().await {
                Ok(()) => {
                    fails = false;
                    PAUSE
                }
                Err(error) => {
                    if !std::mem::replace(&mut fails, true) {
                        tracing::warn!(%error, "the audit trail cannot be written; it is tried again");
                    }
                    AGAIN
                }
            };
            let mut waiting = self.waiting();
            if waiting.notes.is_empty() {
                waiting.expected = false;
                return;
            }
        }
    }

    /// Writes what waits now. What cannot be written waits on.
    ///
    /// Not for the task of a request: when that is dropped, so is the batch under way.
    pub(crate) async fn write(self: &Arc<Self>) -> Result<(), picard_store::Error> {
        let lost = std::mem::take(&mut self.waiting().lost);
        if lost > 0 {
            tracing::error!(lost, "reads are missing in the audit trail");
        }
        self.write_between(Bound::Unbounded, Bound::Unbounded).await
    }

    /// Writes what waits of one person, in a task of its own: whoever asks for it may
    /// hang up. It is behind the one batch that is under way, and no more.
    pub(crate) async fn write_of(self: &Arc<Self>, user: UserId) {
        let trail = self.clone();
        let writing = async move {
            let of = |id| Bound::Included((user, EventId::from_uuid(id)));
            let written = trail.write_between(of(Uuid::nil()), of(Uuid::max())).await;
            if let Err(error) = written {
                tracing::warn!(%error, "the audit trail is shown without the latest reads");
            }
        };
        if let Err(error) = tokio::spawn(writing.in_current_span()).await {
            tracing::error!(%error, "the audit trail is shown without the latest reads");
        }
    }

    /// Writes what waits in an order of keys, so that it comes to an end while more is
    /// counted: batch by batch, each of them gone from what waits for no longer than
    /// it takes to write it.
    async fn write_between(
        self: &Arc<Self>,
        mut from: Bound<Key>,
        to: Bound<Key>,
    ) -> Result<(), picard_store::Error> {
        loop {
            let _alone = self.writing.lock().await;
            let batch = self.waiting().take((from, to));
            let Some((user, note)) = batch.last() else {
                return Ok(());
            };
            from = Bound::Excluded((*user, note.id));
            if let Err(error) = audit::record(&self.db, &batch).await {
                self.wait(batch);
                return Err(error);
            }
        }
    }

    /// Forgets what waits of a person who is gone.
    pub(crate) fn forget(&self, user: UserId) {
        self.waiting().notes.retain(|(whose, _), _| *whose != user);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes the first batch out of these.
    fn take(&mut self, keys: impl RangeBounds<Key>) -> Vec<(UserId, Note)> {
        let first = self.notes.range(keys).take(BATCH);
        let first: Vec<_> = first.map(|(key, _)| *key).collect();
        let taken = first.into_iter();
        let taken = taken.filter_map(|key| Some((key.0, self.notes.remove(&key)?)));
        taken.collect()
    }

    fn add(&mut self, user: UserId, note: Note) {
        let is_full = self.notes.len() >= WAITING;
        match self.notes.entry((user, note.id)) {
            Place::Occupied(mut known) => {
                let known = known.get_mut();
                known.at = known.at.min(note.at);
                known.last_at = known.last_at.max(note.last_at);
                known.times += note.times;
                known.memories = known.memories.zip(note.memories).map(|(a, b)| a + b);
                if known.memory_id != note.memory_id {
                    known.memory_id = None;
                }
            }
            Place::Vacant(_) if is_full => self.lost += 1,
            Place::Vacant(place) => {
                place.insert(note);
            }
        }
    }
}

/// The name of the row that counts such notes within one window: the same on
/// every node, and in the order of time among the others.
fn counted(note: &Note, window: Span) -> EventId {
    let seconds = window.as_seconds();
    let number = note.at.micros().div_euclid(seconds * 1_000_000);
    let by = match &note.by {
        Some(By::Administrator(id, _) | By::Somebody(id)) => Some(*id),
        None => None,
    };
    let what = format!(
        "{:?} {:?} {:?} {:?} {:?} {by:?} {number}",
        note.act, note.surface, note.client_id, note.tool, note.subject
    );
    let digest = sha256(what.as_bytes());
    let bytes: [u8; 10] = std::array::from_fn(|at| digest[at]);
    let millis = u64::try_from(number * seconds * 1000).unwrap_or(0);
    EventId::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
}

impl App {
    /// Keeps the audit trail for so many days instead of 180; with none, nothing
    /// is noted, and what there is is cleared.
    #[must_use]
    pub fn keeping_audit(self, days: u32) -> Self {
        Self {
            trail: Arc::new(Trail::new(self.db.clone(), days)),
            ..self
        }
    }

    /// Makes a note of something that is done now.
    pub fn note(&self, act: Act, surface: Surface) -> Note {
        let now = self.now();
        Note {
            id: EventId::ordered(now, self.entropy()),
            ..self.trail.plain(act, surface, now)
        }
    }

    /// Writes a note into a person's trail on its own: for what is not one
    /// transaction of the store. What an administrator did is noted in both trails.
    pub async fn record(&self, user: UserId, note: Note) -> Result<(), Error> {
        if note.kept {
            audit::record(&self.db, &[(user, note)]).await?;
        }
        Ok(())
    }

    /// Ends the trail of a person whose account was just deleted.
    pub(crate) async fn end_trail(&self, user: UserId) {
        self.trail.forget(user);
        // A node that was just writing what this person's applications read may have
        // seen the account still, and come after its deletion.
        if let Err(error) = audit::delete_all(&self.db, user).await {
            tracing::warn!(%error, "what came late into an audit trail ends with its time");
        }
    }

    /// Makes a note of a call that changes one memory.
    pub(crate) fn note_change(&self, caller: &Access, memory: MemoryId) -> Note {
        let note = self.trail.called(caller, self.now());
        Note {
            id: EventId::ordered(note.at, self.entropy()),
            memory_id: Some(memory),
            ..note
        }
    }

    /// Makes a note of memories that were brought in, counted with those of the
    /// same ten minutes.
    pub(crate) fn note_import(&self, caller: &Access) -> Note {
        let note = self.trail.called(caller, self.now());
        let id = counted(&note, WINDOW);
        Note { id, ..note }
    }

    /// Notes a wrong password at an account that exists, counted by the hour:
    /// guessing does not fill the trail. Nobody waits for it, so that the answer
    /// does not tell whether there is such an account.
    pub(crate) fn note_failure(&self, user: UserId, browser: String) {
        self.trail.failed(user, browser, self.now());
    }

    /// Notes what a call read.
    pub(crate) fn noted_read(&self, caller: &Access, reading: &Reading) {
        self.trail.read(caller, reading, self.now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picard_sql::sql;
    use picard_store::users::{self, NewUser};
    use picard_testkit::{TestDatabase, databases};

    const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

    async fn trail(database: &TestDatabase, days: u32) -> (Arc<Trail>, UserId) {
        let db = database.open().await;
        picard_store::migrate(&db).await.expect("migrated");
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let trail = Arc::new(Trail::new(db, days));
        let new = NewUser {
            id: user,
            handle: &"ana".parse().expect("a handle"),
            name: &"Ana".parse().expect("a name"),
            password_hash: "phc",
            key_id: "key",
            wrapped_key: b"wrapped",
            is_admin: false,
            now: NOW,
        };
        let note = Note {
            kept: false,
            ..trail.plain(Act::SignedUp, Surface::Page, NOW)
        };
        let _ = users::create(&trail.db, &new, &note).await.expect("made");
        (trail, user)
    }

    fn read(trail: &Trail, tool: &'static str, now: Instant) -> Note {
        let mut note = trail.plain(Act::Called, Surface::Mcp, now);
        (note.tool, note.memories) = (Some(tool), Some(2));
        note.id = counted(&note, WINDOW);
        note
    }

    async fn written(trail: &Trail, user: UserId) -> Vec<audit::Entry> {
        let all = audit::Wanted::default();
        audit::list(&trail.db, user, all, 10).await.expect("read")
    }

    #[tokio::test]
    async fn reads_go_on_while_nothing_can_be_written_and_are_written_afterwards() {
        databases(async |database| {
            let (trail, user) = trail(database, 180).await;
            trail
                .db
                .execute(sql!("ALTER TABLE audit RENAME TO elsewhere"))
                .await
                .expect("renamed");
            for _ in 0..3 {
                trail.wait([(user, read(&trail, "query_memory", NOW))]);
            }
            assert!(trail.write().await.is_err());
            let later = NOW + Span::seconds(1);
            trail.wait([(user, read(&trail, "query_memory", later))]);
            assert!(trail.write().await.is_err());
            trail
                .db
                .execute(sql!("ALTER TABLE elsewhere RENAME TO audit"))
                .await
                .expect("renamed");
            trail.write().await.expect("written");
            trail.write().await.expect("nothing is left to write");
            let entries = written(&trail, user).await;
            assert_eq!(entries.len(), 1);
            assert_eq!((entries[0].times, entries[0].memories), (4, Some(8)));
            assert_eq!(entries[0].last_at, NOW + Span::seconds(1));
            trail.db.close().await;
        })
        .await;
    }

    #[tokio::test]
    async fn whoever_hangs_up_while_the_trail_is_written_takes_nothing_along() {
        databases(async |database| {
            let (trail, user) = trail(database, 180).await;
            let other = UserId::from_uuid(Uuid::from_u128(2));
            // Nobody else writes here, however long it takes.
            trail.waiting().expected = true;
            let waits = |whose| trail.waiting().notes.keys().any(|key| key.0 == whose);
            trail.wait([user, other].map(|whose| (whose, read(&trail, "get_memories", NOW))));
            trail.failed(user, "a browser".to_owned(), NOW);

            let under_way = trail.writing.lock().await;
            let mut asking = Box::pin(trail.write_of(user));
            assert!(
                polled_once(&mut asking).is_none(),
                "behind the batch under way"
            );
            drop(asking);
            drop(under_way);
            while waits(user) {
                tokio::task::yield_now().await;
            }
            drop(trail.writing.lock().await);
            let acts: Vec<_> = written(&trail, user).await.iter().map(|e| e.act).collect();
            assert_eq!(acts.len(), 2, "{acts:?}");
            assert!(acts.contains(&Act::LogInFailed), "{acts:?}");
            assert!(waits(other), "others' notes are not waited for");
            trail.db.close().await;
        })
        .await;
    }

    /// Polls once.
    fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(future).poll(&mut context) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn without_days_nothing_waits_and_nothing_is_written() {
        databases(async |database| {
            let (trail, user) = trail(database, 0).await;
            let note = read(&trail, "query_memory", NOW);
            assert!(!note.kept);
            audit::record(&trail.db, &[(user, note)]).await.expect("ok");
            assert!(written(&trail, user).await.is_empty());
            trail.db.close().await;
        })
        .await;
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_too_much_is_counted() {
        let mut waiting = Waiting::default();
        let note = |n: usize| {
            let id = EventId::from_uuid(Uuid::from_u128(n as u128));
            Note::new(id, Act::Called, Surface::Mcp, NOW)
        };
        let user = UserId::from_uuid(Uuid::nil());
        for n in 0..WAITING + 5 {
            waiting.add(user, note(n));
        }
        waiting.add(user, note(0));
        assert_eq!((waiting.notes.len(), waiting.lost), (WAITING, 5));
        assert_eq!(waiting.notes[&(user, note(0).id)].times, 2);
    }

    #[test]
    fn every_node_gives_the_same_name_to_the_same_window_and_no_other() {
        let note = |tool, now| {
            let mut note = Note::new(
                EventId::from_uuid(Uuid::nil()),
                Act::Called,
                Surface::Mcp,
                now,
            );
            note.tool = Some(tool);
            counted(&note, WINDOW)
        };
        let first = note("query_memory", NOW);
        assert_eq!(note("query_memory", NOW + Span::seconds(599)), first);
        assert_ne!(note("query_memory", NOW + Span::seconds(600)), first);
        assert!(
            note("query_memory", NOW + Span::seconds(600)) > first,
            "in the order of time"
        );
        assert_ne!(note("get_memories", NOW), first);
    }
}
