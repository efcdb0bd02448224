//! Lets one in at a time, and each caller no more often than every few seconds.
//!
//! It guards what costs time and answers to anybody: the test of the connection.
//! Callers are told apart, so that a stranger who comes all the time does not
//! keep the operator out; who finds somebody inside waits a while, in turn.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use picard_domain::{Instant, Span, UserId};
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

/// How long after a caller came they may come again.
pub(crate) const PAUSE: Span = Span::seconds(5);

/// So many are inside or wait; a further one is sent away.
const PLACES: usize = 8;

/// So long one waits for those before.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// Somebody who is logged in, from wherever.
    Person(UserId),
    /// Somebody unknown: their address, of IPv6 the /64, which is commonly one
    /// household's; `None` where there is no address.
    Address(Option<IpAddr>),
}

impl Caller {
    /// Somebody unknown at this address.
    pub(crate) fn at(ip: Option<IpAddr>) -> Self {
        Self::Address(ip.map(|ip| match ip {
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                [a, b, c, d, 0, 0, 0, 0].into()
            }
            v4 @ IpAddr::V4(_) => v4,
        }))
    }
}

/// The door: who is inside or waits, and who came a moment ago.
#[derive(Debug)]
pub(crate) struct Turnstile {
    inside: tokio::sync::Mutex<()>,
    places: Semaphore,
    callers: Mutex<HashMap<Caller, Since>>,
    patience: Duration,
}

/// What is known of a caller.
#[derive(Debug)]
struct Since {
    came: Instant,
    is_here: bool,
}

/// Held while inside. The order of the fields is the order of leaving.
pub(crate) struct Turn<'a> {
    _inside: MutexGuard<'a, ()>,
    _place: Place<'a>,
}

/// Held while waiting and inside, so that a caller who goes away early leaves nothing behind.
struct Place<'a> {
    door: &'a Turnstile,
    caller: Caller,
    _permit: SemaphorePermit<'a>,
}

impl Default for Turnstile {
    fn default() -> Self {
        Self {
            inside: tokio::sync::Mutex::default(),
            places: Semaphore::new(PLACES),
            callers: Mutex::default(),
            patience: PATIENCE,
        }
    }
}

impl Turnstile {
    /// Waits for a turn. There is none for a caller who is here already or came a
    /// moment ago, nor where too many wait or those before take too long.
    pub(crate) async fn enter(&self, caller: Caller, now: Instant) -> Option<Turn<'_>> {
        let place = self.place(caller, now)?;
        let inside = tokio::time::timeout(self.patience, self.inside.lock()).await;
        Some(Turn {
            _inside: inside.ok()?,
            _place: place,
        })
    }

    fn place(&self, caller: Caller, now: Instant) -> Option<Place<'_>> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was put back must lock nobody out.
        callers.retain(|_, since| since.is_here || (since.came <= now && now < since.came + PAUSE));
        if callers.contains_key(&caller) {
            return None;
        }
        let permit = self.places.try_acquire().ok()?;
        let since = Since {
            came: now,
            is_here: true,
        };
        callers.insert(caller, since);
        Some(Place {
            door: self,
            caller,
            _permit: permit,
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let callers = self.door.callers.lock();
        let mut callers = callers.unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = callers.get_mut(&self.caller) {
            since.is_here = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, task::Poll};

    use super::*;

    const START: Instant = Instant::from_micros(1_700_000_000_000_000);

    fn caller(text: &str) -> Caller {
        Caller::at(Some(text.parse().expect("an address")))
    }

    #[tokio::test]
    async fn a_caller_comes_again_after_a_moment() {
        let door = Turnstile::default();
        let one = caller("192.0.2.1");
        let turn = door.enter(one, START).await;
        assert!(turn.is_some());
        let later = START + Span::minutes(1);
        assert!(door.enter(one, later).await.is_none(), "they are inside");
        drop(turn);
        let soon = START + Span::seconds(4);
        assert!(door.enter(one, soon).await.is_none(), "too soon");
        assert!(door.enter(one, START + PAUSE).await.is_some());
        let back = door.enter(one, START).await;
        assert!(back.is_some(), "a clock set back locks nobody out");
    }

    #[tokio::test]
    async fn callers_do_not_lock_each_other_out() {
        let door = Turnstile::default();
        let turn = door.enter(caller("192.0.2.1"), START).await;
        let other = Caller::Person(UserId::from_uuid(uuid::Uuid::from_u128(1)));
        let mut waiting = Box::pin(door.enter(other, START));
        let early = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready()));
        assert!(!early.await, "one at a time");
        drop(turn);
        assert!(waiting.await.is_some());
    }

    #[tokio::test]
    async fn waiting_has_an_end_and_so_has_the_queue() {
        let door = Turnstile {
            patience: Duration::ZERO,
            ..Turnstile::default()
        };
        let _turn = door.enter(caller("192.0.2.1"), START).await;
        let late = door.enter(caller("192.0.2.2"), START).await;
        assert!(late.is_none(), "those before take too long");
        let mut queue: Vec<_> = (1..PLACES)
            .map(|n| door.place(caller(&format!("203.0.113.{n}")), START))
            .collect();
        assert!(queue.iter().all(Option::is_some));
        let next = caller("192.0.2.3");
        assert!(door.place(next, START).is_none(), "too many wait");
        queue.pop();
        assert!(door.place(next, START).is_some(), "one has left");
    }

    #[test]
    fn neighbours_in_a_64_are_one_caller() {
        assert_eq!(caller("2001:db8::1"), caller("2001:db8::2:1"));
        assert_ne!(caller("2001:db8::1"), caller("2001:db8:0:1::1"));
        assert_ne!(caller("192.0.2.1"), caller("192.0.2.2"));
    }
}
