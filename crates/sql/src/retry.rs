//! How often, and after what pause, something that met another transaction is tried again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// An error that may say: the same again may well succeed.
pub trait Transient {
    /// Tells whether the database rolled everything back and asks to be asked again
    /// (SQLSTATE 40001 and 40P01, `SQLITE_BUSY`).
    fn is_transient(&self) -> bool;
}

/// What was tried again in this process so far.
static RETRIES: AtomicU64 = AtomicU64::new(0);

/// Returns how often something was tried again in this process, for those who watch.
pub fn retries() -> u64 {
    RETRIES.load(Ordering::Relaxed)
}

/// Counts attempts: at most [`Attempts::MOST`], with growing pauses between them.
#[derive(Debug, Default)]
pub struct Attempts {
    made: u32,
}

impl Attempts {
    /// The most times that something is tried.
    pub const MOST: u32 = 10;

    /// Counts from nought.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the pause before the next attempt; `None` when there is to be none.
    pub fn pause(&mut self, error: &impl Transient) -> Option<Duration> {
        self.made += 1;
        if self.made >= Self::MOST || !error.is_transient() {
            return None;
        }
        RETRIES.fetch_add(1, Ordering::Relaxed);
        Some(Duration::from_millis(2 << self.made.min(7)) + stagger())
    }
}

/// Waits for the pause to pass.
pub async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Up to 8 ms that differ from call to call, so that those who met do not meet
/// again. It need not be random, only uneven.
fn stagger() -> Duration {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    Duration::from_micros(call.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Met(bool);

    impl Transient for Met {
        fn is_transient(&self) -> bool {
            self.0
        }
    }

    #[test]
    fn what_met_another_is_tried_a_bounded_number_of_times() {
        let mut attempts = Attempts::new();
        let pauses = std::iter::from_fn(|| attempts.pause(&Met(true))).count();
        assert_eq!(pauses as u32 + 1, Attempts::MOST);
    }

    #[test]
    fn what_failed_for_good_is_not_tried_again() {
        assert_eq!(Attempts::new().pause(&Met(false)), None);
    }
}
