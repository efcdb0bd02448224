//! Lets one in at a time, and no more often than every few seconds.
//!
//! It guards what costs time and answers to anybody: the test of the connection.

use std::sync::{Mutex, PoisonError};

use picard_domain::{Instant, Span};

/// How long after one began the next may begin.
pub(crate) const PAUSE: Span = Span::seconds(5);

/// The door: who is inside, and when they came.
#[derive(Debug, Default)]
pub(crate) struct Turnstile {
    inside: tokio::sync::Mutex<()>,
    last: Mutex<Option<Instant>>,
}

/// Held while inside.
pub(crate) type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

impl Turnstile {
    /// Returns a turn, unless somebody is inside or came a moment ago.
    pub(crate) fn enter(&self, now: Instant) -> Option<Turn<'_>> {
        let turn = self.inside.try_lock().ok()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| now < last + PAUSE && last <= now) {
            return None;
        }
        *last = Some(now);
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_inside_at_a_time_and_the_next_waits_a_moment() {
        let door = Turnstile::default();
        let start = Instant::from_micros(0);
        let turn = door.enter(start);
        assert!(turn.is_some());
        assert!(door.enter(start + PAUSE).is_none(), "somebody is inside");
        drop(turn);
        assert!(door.enter(start + Span::seconds(4)).is_none(), "too soon");
        assert!(door.enter(start + PAUSE).is_some());
        assert!(
            door.enter(start).is_some(),
            "a clock set back locks nobody out"
        );
    }
}
