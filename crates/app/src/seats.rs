//! How many searches are under way at once, and whose.
//!
//! A search over many memories takes a core for as long as it lasts. So as many run
//! at once as there are cores, and of one person half as many: whoever asks without
//! end waits for themselves, and others for one search of each person who was there
//! before them.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread::available_parallelism,
};

use picard_domain::UserId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::Error;

/// The seats of all who search.
#[derive(Clone)]
pub(crate) struct Seats {
    all: Arc<Semaphore>,
    /// How many of them one person may have, or stand in line for.
    each: usize,
    people: Arc<Mutex<HashMap<UserId, Weak<Semaphore>>>>,
}

/// A seat. It is free again when this is dropped, or the work is done that it is for.
pub(crate) struct Seat {
    _one_of_all: OwnedSemaphorePermit,
    _one_of_theirs: OwnedSemaphorePermit,
}

impl Seats {
    /// One for each core.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(available_parallelism().map_or(1, NonZero::get))
    }

    pub(crate) fn new(count: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(count)),
            each: (count / 2).max(1),
            people: Arc::default(),
        }
    }

    /// Waits for a seat. Whoever hangs up gives up their place in line.
    pub(crate) async fn take(&self, who: UserId) -> Result<Seat, Error> {
        // Only with one's own does one stand in the line of all.
        let own = self.own(who).acquire_owned().await;
        let one = self.all.clone().acquire_owned().await;
        Ok(Seat {
            _one_of_theirs: own.map_err(Error::internal)?,
            _one_of_all: one.map_err(Error::internal)?,
        })
    }

    fn own(&self, who: UserId) -> Arc<Semaphore> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever sits or waits holds on to theirs.
        people.retain(|_, own| own.strong_count() > 0);
        if let Some(own) = people.get(&who).and_then(Weak::upgrade) {
            return own;
        }
        let own = Arc::new(Semaphore::new(self.each));
        people.insert(who, Arc::downgrade(&own));
        own
    }
}

impl Seat {
    /// Does the work on a thread that may be kept.
    pub(crate) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let work = move || {
            // Also when whoever asked is gone: the core is taken until then.
            let _seat = self;
            work()
        };
        Ok(spawn_blocking(work).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use futures::poll;
    use tokio::task::unconstrained;
    use uuid::Uuid;

    use super::*;

    fn person(n: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(n))
    }

    async fn seated(seats: &Seats, who: u128) -> Option<Seat> {
        match poll!(pin!(unconstrained(seats.take(person(who))))) {
            Poll::Ready(seat) => Some(seat.expect("seats are never closed")),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn as_many_sit_as_there_are_seats_and_half_of_them_of_one_person() {
        for (count, each) in [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)] {
            let seats = Seats::new(count);
            let (mut all, mut most) = (Vec::new(), 0);
            for who in 0..10 {
                let mut theirs = 0;
                while let Some(seat) = seated(&seats, who).await {
                    all.push(seat);
                    theirs += 1;
                }
                most = most.max(theirs);
            }
            assert_eq!((all.len(), most), (count, each));
        }
    }

    #[tokio::test]
    async fn who_has_many_waiting_goes_behind_who_came_since() {
        let seats = Seats::new(1);
        let first = seated(&seats, 1).await.expect("it is free");
        let mut second = pin!(seats.take(person(1)));
        let mut third = pin!(seats.take(person(1)));
        let mut another = pin!(seats.take(person(2)));
        assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        assert!(poll!(&mut another).is_pending());
        drop(first);
        assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        let another = another.await.expect("it is their turn");
        assert!(poll!(&mut third).is_pending());
        drop(another);
        drop(second.await.expect("it is their turn"));
        drop(third.await.expect("it is their turn"));
    }

    #[tokio::test]
    async fn who_hangs_up_leaves_nothing_behind() {
        let seats = Seats::new(1);
        let seat = seated(&seats, 1).await.expect("it is free");
        for who in [1, 1, 2, 3] {
            assert!(seated(&seats, who).await.is_none());
        }
        drop(seat);
        drop(seated(&seats, 4).await.expect("nobody is in line"));
        let seat = seated(&seats, 5).await.expect("it is free");
        assert_eq!(seats.people.lock().expect("nobody panicked").len(), 1);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let work = seat.work(move || {
            begun.send(()).expect("it is waited for");
            wait.recv().ok()
        });
        let mut work = Box::pin(work);
        assert!(poll!(&mut work).is_pending());
        has_begun.await.expect("it begins");
        drop(work);
        assert!(seated(&seats, 6).await.is_none(), "the core is still taken");
        go_on.send(()).expect("it is at work");
        drop(seats.take(person(6)).await);
    }
}
