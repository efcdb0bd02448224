//! How much goes out: so many fetches at once, so many to one host in a minute,
//! and one for everybody who asks for the same. Each kind of fetch has all of this
//! for itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use picard_app::{FetchError, Fetched, Wanted};
use picard_oauth::outbound::OutboundUrl;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// How many fetches of one kind go on at once.
const AT_ONCE: usize = 16;
/// How long one more waits for its turn.
const TURN: Duration = Duration::from_secs(1);
/// How many unheard-of documents from one host within [`WINDOW`]. Copies are kept
/// for a minute at least, so this is that many different ones.
const PER_HOST: u32 = 20;
/// How many from one host for clients that are known, which not anybody can name.
const PER_HOST_KNOWN: u32 = 100;
const WINDOW: Duration = Duration::from_mins(1);

type Flight = BoxFuture<'static, Result<Fetched, FetchError>>;

#[derive(Default)]
pub(super) struct Limits {
    new_documents: Kind,
    known_documents: Kind,
    keys: Kind,
}

struct Kind {
    slots: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Window>>,
    flights: Mutex<HashMap<(OutboundUrl, usize), WeakShared<Flight>>>,
}

/// What went to one host lately.
struct Window {
    began: Instant,
    fetches: u32,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            hosts: Mutex::default(),
            flights: Mutex::default(),
        }
    }
}

impl Limits {
    fn kind(&self, what: Wanted) -> &Kind {
        match what {
            Wanted::NewDocument => &self.new_documents,
            Wanted::KnownDocument => &self.known_documents,
            Wanted::Keys => &self.keys,
        }
    }

    /// Waits a little for a slot, and counts a fetch from the host.
    pub(super) async fn admit(
        &self,
        host: &str,
        what: Wanted,
    ) -> Result<OwnedSemaphorePermit, FetchError> {
        let most = match what {
            Wanted::NewDocument => PER_HOST,
            Wanted::KnownDocument | Wanted::Keys => PER_HOST_KNOWN,
        };
        self.kind(what).admit(host, most).await
    }

    /// Joins the fetch of the same that is under way, or begins this one.
    pub(super) fn join(
        &self,
        url: &OutboundUrl,
        most: usize,
        what: Wanted,
        fetch: Flight,
    ) -> Shared<Flight> {
        self.kind(what).join(url, most, fetch)
    }
}

impl Kind {
    async fn admit(&self, host: &str, most: u32) -> Result<OwnedSemaphorePermit, FetchError> {
        let slot = timeout(TURN, self.slots.clone().acquire_owned()).await;
        let slot = slot.map_err(|_| FetchError::Busy)?;
        let slot = slot.map_err(|_| FetchError::Busy)?;
        let now = Instant::now();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        // The table holds what a minute's fetches can name, and no more.
        hosts.retain(|_, window| now - window.began < WINDOW);
        let window = hosts.entry(host.to_owned()).or_insert(Window {
            began: now,
            fetches: 0,
        });
        if window.fetches >= most {
            return Err(FetchError::Busy);
        }
        window.fetches += 1;
        Ok(slot)
    }

    fn join(&self, url: &OutboundUrl, most: usize, fetch: Flight) -> Shared<Flight> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (url.clone(), most);
        let under_way = flights.get(&key).and_then(WeakShared::upgrade);
        // One that is done has its answer still while somebody holds it: not for others.
        if let Some(flight) = under_way.filter(|flight| flight.peek().is_none()) {
            return flight;
        }
        flights.retain(|_, flight| flight.upgrade().is_some());
        let flight = fetch.shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }
}
