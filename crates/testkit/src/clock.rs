//! A clock that moves only when a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use picard_domain::{Clock, Instant, Span};

/// A clock turned by hand. It starts on 2026-01-01 at noon UTC unless told otherwise.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// Makes a clock that stands at this instant.
    pub fn at(instant: Instant) -> Self {
        Self(AtomicI64::new(instant.micros()))
    }

    /// Sets the clock to an instant, later or earlier.
    pub fn set(&self, instant: Instant) {
        self.0.store(instant.micros(), Ordering::SeqCst);
    }

    /// Lets time pass at once.
    pub fn advance(&self, span: Span) {
        self.0.fetch_add(span.as_micros(), Ordering::SeqCst);
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::at(Instant::from_micros(1_767_268_800_000_000))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_only_when_it_is_told_to() {
        let clock = FakeClock::default();
        assert_eq!(clock.now().to_string(), "2026-01-01T12:00:00Z");
        clock.advance(Span::minutes(61));
        assert_eq!(clock.now().to_string(), "2026-01-01T13:01:00Z");
        clock.set(Instant::from_micros(0));
        assert_eq!(clock.now(), Instant::from_micros(0));
    }
}
