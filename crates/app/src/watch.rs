//! Being told when one's memories change, whoever changed them.
//!
//! What is true is the person's version in the database: any node, and any
//! other process on the same files, raises it. For each person who watches here,
//! however many their watches are, one task looks it up once a second, and at
//! once when this process wrote. Each watch authenticates its own token anew
//! before it tells of a change, and every few seconds in between: a stream lives
//! hardly longer than the access that opened it (RFC 9700 section 4.10).

use std::{
    collections::{HashMap, hash_map::Entry},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picard_domain::{MemoryId, UserId};
use picard_store::{Db, changes, users};
use tokio::{
    sync::{Notify, watch},
    time::{Sleep, sleep},
};

use crate::{Access, App, Authorized, Error, Read};

/// How often the database is asked for a person's version while nothing happens here.
const POLL: Duration = Duration::from_secs(1);

/// How often each watch asks whether its token still holds.
const RECHECK: Duration = Duration::from_secs(15);

/// Changes that are told one by one; more are told as "many".
const NAMED: usize = 1_000;

/// How many watches one person may hold at once, over all applications.
const MOST: usize = 16;

/// How many watches all people together may hold at once in this process.
const MOST_HERE: usize = 10_000;

/// Who watches in this process.
pub(crate) struct Watches {
    bells: Mutex<Bells>,
    closed: watch::Sender<bool>,
}

/// A bell for each person who is watched. One that nobody hears is taken down
/// under the same lock, so each that hangs has a task that rings it.
#[derive(Default)]
struct Bells {
    of: HashMap<UserId, Bell>,
    /// How many watches there are.
    open: usize,
}

/// What the watches of one person share.
#[derive(Clone)]
struct Bell {
    /// The person's version, as far as it is known here; `None` when there is
    /// no such person any more.
    version: watch::Sender<Option<i64>>,
    /// Has the version looked up at once.
    wrote: Arc<Notify>,
}

/// What happened to a person's memories since the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// These were stored, changed or deleted.
    These(Vec<MemoryId>),
    /// More than can be named; any of them.
    Many,
}

/// A person's watch over their own memories.
pub struct Watch {
    app: Arc<App>,
    access: Access,
    seen: i64,
    bell: Option<watch::Receiver<Option<i64>>>,
    /// Until when the token need not be looked at; `None` when it must be.
    checked: Option<Pin<Box<Sleep>>>,
    closed: watch::Receiver<bool>,
}

impl Bells {
    fn has_room(&self, user: UserId) -> bool {
        let own = self.of.get(&user);
        let own = own.map_or(0, |bell| bell.version.receiver_count());
        own < MOST && self.open < MOST_HERE
    }
}

impl Watches {
    pub(crate) fn new() -> Self {
        Self {
            bells: Mutex::default(),
            closed: watch::Sender::new(false),
        }
    }

    /// Tells those who watch this person that there is something to see.
    pub(crate) fn ring(&self, user: UserId) {
        if let Some(bell) = self.lock().of.get(&user) {
            bell.wrote.notify_one();
        }
    }

    /// Lets one more in. The second is the bell when it is new, and needs
    /// somebody who rings it.
    fn join(
        &self,
        user: UserId,
        version: i64,
    ) -> Option<(watch::Receiver<Option<i64>>, Option<Bell>)> {
        let mut bells = self.lock();
        if !bells.has_room(user) {
            return None;
        }
        bells.open += 1;
        Some(match bells.of.entry(user) {
            Entry::Occupied(bell) => (bell.get().version.subscribe(), None),
            Entry::Vacant(place) => {
                let bell = place.insert(Bell {
                    version: watch::Sender::new(Some(version)),
                    wrote: Arc::default(),
                });
                (bell.version.subscribe(), Some(bell.clone()))
            }
        })
    }

    /// Takes a bell down when nobody hears it any more.
    fn leave(&self, user: UserId, bell: watch::Receiver<Option<i64>>) {
        let mut bells = self.lock();
        drop(bell);
        bells.open -= 1;
        let unheard = |bell: &Bell| bell.version.receiver_count() == 0;
        if bells.of.get(&user).is_some_and(unheard) {
            bells.of.remove(&user);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bells> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    /// Looks the version up, and rings when it is another, until nobody hears it.
    async fn ring(self, db: Db, user: UserId) {
        let mut fails = false;
        loop {
            tokio::select! {
                () = self.version.closed() => return,
                () = self.wrote.notified() => {}
                () = sleep(POLL) => {}
            }
            match users::version(&db, user).await {
                Ok(now) => {
                    fails = false;
                    self.version.send_if_modified(|known| {
                        let another = *known != now;
                        *known = now;
                        another
                    });
                }
                // The watches come upon it themselves when it lasts.
                Err(error) => {
                    if !std::mem::replace(&mut fails, true) {
                        tracing::warn!(%error, "a version cannot be looked up");
                    }
                }
            }
        }
    }
}

impl App {
    /// Tells whether one more watch of the caller's would be let in.
    pub fn may_watch(&self, caller: &Access) -> bool {
        self.watches.lock().has_room(caller.user_id)
    }

    /// Begins to watch the caller's memories: what happened after the caller was
    /// authenticated will be told. An error when too many watches are open, of
    /// this person or in all. It must be called within a tokio runtime.
    pub fn watch(self: &Arc<Self>, caller: &Authorized<Read>) -> Result<Watch, Error> {
        let (user, version) = (caller.user_id, caller.version);
        let (bell, new) = self.watches.join(user, version).ok_or_else(|| {
            let reason = format!("are listened to by {MOST} streams of this person; close one");
            Error::out_of_range("notifications", reason)
        })?;
        if let Some(new) = new {
            tokio::spawn(new.ring(self.db.clone(), user));
        }
        Ok(Watch {
            app: self.clone(),
            access: Access::clone(caller),
            seen: version,
            bell: Some(bell),
            checked: None,
            closed: self.watches.closed.subscribe(),
        })
    }

    /// Ends every watch, now and from now on: the server is about to stop.
    pub fn end_watches(&self) {
        self.watches.closed.send_replace(true);
    }
}

impl Watch {
    /// Waits for the next change; `None` when the watch is over: the access
    /// ended or was revoked, the account is gone, or the server stops.
    pub async fn next(&mut self) -> Result<Option<Changed>, Error> {
        loop {
            if *self.closed.borrow() {
                return Ok(None);
            }
            if self.rung() || self.checked.is_none() {
                let Some(now) = self.app.recheck(&self.access).await? else {
                    return Ok(None);
                };
                self.checked = Some(Box::pin(sleep(RECHECK)));
                self.access = now;
                if self.access.version > self.seen {
                    return self.look().await;
                }
            }
            self.pause().await;
        }
    }

    /// Tells whether another version is known than was seen, or none any more.
    fn rung(&mut self) -> bool {
        let known = self.bell.as_mut().map(|bell| *bell.borrow_and_update());
        known.flatten().is_none_or(|known| known > self.seen)
    }

    /// Reads what happened since the version that was seen.
    async fn look(&mut self) -> Result<Option<Changed>, Error> {
        let (user, seen) = (self.access.user_id, self.seen);
        let Some(touched) = changes::touched(&self.app.db, user, seen, NAMED).await? else {
            return Ok(None);
        };
        self.seen = touched.version;
        Ok(Some(touched.memories.map_or(Changed::Many, Changed::These)))
    }

    /// Waits for the bell, the time to look at the token, or the end.
    async fn pause(&mut self) {
        let (Some(bell), Some(checked)) = (&mut self.bell, &mut self.checked) else {
            return;
        };
        tokio::select! {
            // An error means that the bell is gone, which a watch that holds it prevents.
            _ = bell.changed() => {}
            _ = self.closed.wait_for(|closed| *closed) => {}
            () = checked => self.checked = None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bell) = self.bell.take() {
            self.app.watches.leave(self.access.user_id, bell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: usize) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n as u128))
    }

    #[test]
    fn the_watches_of_one_person_share_a_bell_until_the_last_has_left() {
        let watches = Watches::new();
        let (first, new) = watches.join(person(1), 7).expect("there is room");
        let bell = new.expect("the first bell is new");
        let (second, new) = watches.join(person(1), 8).expect("there is room");
        assert!(new.is_none());
        bell.version.send_replace(Some(9));
        assert_eq!((*first.borrow(), *second.borrow()), (Some(9), Some(9)));
        watches.leave(person(1), first);
        assert!(watches.lock().of.contains_key(&person(1)));
        watches.leave(person(1), second);
        assert!(watches.lock().of.is_empty());
        let (_third, new) = watches.join(person(1), 9).expect("there is room");
        assert!(new.is_some());
    }

    #[test]
    fn one_person_and_all_together_hold_so_many_watches_and_no_more() {
        let watches = Watches::new();
        let mut held: Vec<_> = (0..MOST_HERE)
            .map(|n| watches.join(person(n / MOST), 1).expect("there is room").0)
            .collect();
        assert!(watches.join(person(0), 1).is_none(), "of one person");
        assert!(watches.join(person(MOST_HERE), 1).is_none(), "in all");
        watches.leave(person((MOST_HERE - 1) / MOST), held.pop().expect("one"));
        assert!(watches.join(person(0), 1).is_none(), "of one person");
        assert!(watches.join(person(MOST_HERE), 1).is_some());
    }
}
