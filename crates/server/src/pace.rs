//! How fast one person's applications may call: a token bucket for each
//! person, kept in this node only.
//!
//! It is there so that a runaway assistant cannot take the whole node, not to
//! meter anybody; so it need not be exact across nodes or restarts. The bucket
//! is one instant (the generic cell rate algorithm): when it would be full again.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use picard_domain::{Instant, Span, UserId};

/// With more people than this, those whose bucket is full are forgotten, but not
/// more often than once a second: looking for them takes a walk over all.
const KEPT: usize = 10_000;

/// A second, in the clock's unit.
const SECOND: i64 = 1_000_000;

/// The buckets of all people.
pub(crate) struct Pace {
    /// What one call takes.
    each: Span,
    /// What a full bucket holds.
    full: Span,
    people: Mutex<People>,
}

/// Who called lately.
#[derive(Default)]
struct People {
    full_again: HashMap<UserId, Instant>,
    /// When those whose bucket is full were last forgotten.
    swept: Option<Instant>,
}

impl People {
    fn sweep(&mut self, now: Instant) {
        // A clock that was put back must not put the next time off.
        let early = self
            .swept
            .is_some_and(|swept| swept <= now && now - swept < Span::micros(SECOND));
        if self.full_again.len() > KEPT && !early {
            self.full_again.retain(|_, full_again| *full_again > now);
            self.swept = Some(now);
        }
    }
}

impl Pace {
    /// Lets each person call so many times a second, and as often as that is
    /// in `burst` seconds at once.
    pub(crate) fn new(per_second: NonZeroU32, burst: u32) -> Self {
        let each = Span::micros((SECOND / i64::from(per_second.get())).max(1));
        Self {
            each,
            full: Span::seconds(i64::from(burst)),
            people: Mutex::default(),
        }
    }

    /// Takes one call out of a person's bucket; when it is empty, tells in how
    /// many seconds there will be one.
    pub(crate) fn take(&self, user: UserId, now: Instant) -> Result<(), u64> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.sweep(now);
        let full_again = people.full_again.entry(user).or_insert(now);
        // A clock that was put back must not lock anybody out for longer than
        // an empty bucket does.
        *full_again = (*full_again).clamp(now, now + self.full);
        let after = *full_again + self.each;
        let missing = after - (now + self.full);
        if missing > Span::micros(0) {
            return Err((missing.as_micros() as u64).div_ceil(SECOND as u64).max(1));
        }
        *full_again = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_micros(1_700_000_000_000_000);

    fn pace() -> Pace {
        Pace::new(NonZeroU32::new(10).expect("not zero"), 2)
    }

    fn burst(pace: &Pace, user: UserId, now: Instant) -> usize {
        (0..1000)
            .take_while(|_| pace.take(user, now).is_ok())
            .count()
    }

    fn person(n: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn kept(pace: &Pace) -> usize {
        pace.people
            .lock()
            .expect("no test panicked")
            .full_again
            .len()
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate_holds() {
        let pace = pace();
        assert_eq!(burst(&pace, person(1), START), 20);
        assert_eq!(pace.take(person(1), START), Err(1));
        assert_eq!(burst(&pace, person(1), START + Span::seconds(1)), 10);
        assert_eq!(burst(&pace, person(1), START + Span::hours(1)), 20);
    }

    #[test]
    fn people_do_not_take_from_each_other() {
        let pace = pace();
        assert_eq!(burst(&pace, person(1), START), 20);
        assert_eq!(burst(&pace, person(2), START), 20);
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nobody_out() {
        let pace = pace();
        assert_eq!(burst(&pace, person(1), START + Span::hours(1)), 20);
        assert_eq!(pace.take(person(1), START), Err(1));
        assert_eq!(burst(&pace, person(1), START + Span::seconds(2)), 20);
    }

    #[test]
    fn those_whose_bucket_is_full_are_forgotten() {
        let pace = pace();
        for n in 0..=KEPT as u128 {
            assert!(pace.take(person(n), START).is_ok());
        }
        assert!(pace.take(person(0), START + Span::hours(1)).is_ok());
        assert_eq!(kept(&pace), 1);
    }

    #[test]
    fn the_forgetting_walks_over_all_once_a_second_at_most() {
        let pace = pace();
        for n in 0..=KEPT as u128 {
            assert!(pace.take(person(n), START).is_ok());
        }
        // All of them are full by now, and forgotten; as many come anew.
        let later = START + Span::hours(1);
        for n in 0..=KEPT as u128 {
            assert!(pace.take(person(2 * KEPT as u128 + n), later).is_ok());
        }
        assert_eq!(kept(&pace), KEPT + 1);
        // Their buckets are full again, but the second is not over.
        let soon = later + Span::micros(SECOND - 1);
        assert!(pace.take(person(0), soon).is_ok());
        assert_eq!(kept(&pace), KEPT + 2);
        assert!(pace.take(person(0), later + Span::seconds(1)).is_ok());
        assert_eq!(kept(&pace), 1);
    }
}
