//! Being told when one's memories change, whoever changed them.
//!
//! What is true is the person's version in the database: any node, and any
//! other process on the same files, raises it. A watch looks it up once a
//! second, and at once when this process wrote. The look-up is that of
//! authentication, so it also tells when the token behind the watch has ended:
//! a stream lives no longer than the access that opened it (RFC 9700 section 4.10).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use picard_domain::{MemoryId, UserId};
use picard_store::changes;
use tokio::sync::watch;

use crate::{Access, App, Authorized, Error, Read};

/// How often the database is asked while nothing happens here.
const POLL: Duration = Duration::from_secs(1);

/// Changes that are told one by one; more are told as "many".
const NAMED: usize = 1_000;

/// How many watches one person may hold at once, over all applications.
const MOST: usize = 16;

/// Who watches in this process.
pub(crate) struct Watches {
    bells: Mutex<HashMap<UserId, watch::Sender<()>>>,
    closed: watch::Sender<bool>,
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
    bell: Option<watch::Receiver<()>>,
    closed: watch::Receiver<bool>,
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
        if let Some(bell) = self.lock().get(&user) {
            bell.send_replace(());
        }
    }

    fn join(&self, user: UserId) -> Option<watch::Receiver<()>> {
        let mut bells = self.lock();
        let bell = bells.entry(user).or_insert_with(|| watch::Sender::new(()));
        (bell.receiver_count() < MOST).then(|| bell.subscribe())
    }

    /// Takes a bell down when nobody hears it any more.
    fn leave(&self, user: UserId, bell: Option<watch::Receiver<()>>) {
        let mut bells = self.lock();
        drop(bell);
        if bells
            .get(&user)
            .is_some_and(|bell| bell.receiver_count() == 0)
        {
            bells.remove(&user);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, watch::Sender<()>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Tells whether one more watch of the caller's would be let in.
    pub fn may_watch(&self, caller: &Access) -> bool {
        let bells = self.watches.lock();
        bells
            .get(&caller.user_id)
            .is_none_or(|bell| bell.receiver_count() < MOST)
    }

    /// Begins to watch the caller's memories: what happened after the caller was
    /// authenticated will be told. An error when the person has too many watches open.
    pub fn watch(self: &Arc<Self>, caller: &Authorized<Read>) -> Result<Watch, Error> {
        let bell = self.watches.join(caller.user_id).ok_or_else(|| {
            let reason = format!("are listened to by {MOST} streams of this person; close one");
            Error::out_of_range("notifications", reason)
        })?;
        Ok(Watch {
            app: self.clone(),
            access: Access::clone(caller),
            seen: caller.version,
            bell: Some(bell),
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
            let Some(now) = self.app.recheck(&self.access).await? else {
                return Ok(None);
            };
            if now.version > self.seen {
                return self.look().await;
            }
            self.access = now;
            self.pause().await;
        }
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

    /// Waits for the bell, the next look-up, or the end.
    async fn pause(&mut self) {
        let Self { bell, closed, .. } = self;
        let rung = async {
            match bell {
                // An error means that the bell is gone, which a watch that holds it prevents.
                Some(bell) => drop(bell.changed().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = rung => {}
            _ = closed.wait_for(|closed| *closed) => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.app
            .watches
            .leave(self.access.user_id, self.bell.take());
    }
}
