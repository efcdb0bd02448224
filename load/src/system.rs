//! The real clock and the real randomness, as the client wants them.

use std::time::{SystemTime, UNIX_EPOCH};

use picard_domain::{Clock, Entropy, Instant};

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a program of its own reads its own clock"
    )]
    fn now(&self) -> Instant {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Instant::from_micros(since.map_or(0, |since| since.as_micros() as i64))
    }
}

pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has random bytes");
    }
}
