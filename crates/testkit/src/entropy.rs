//! Randomness that is the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use picard_domain::Entropy;
use sha2::{Digest, Sha256};

/// Bytes that look random and follow from a seed: SHA-256 of the seed and a counter.
///
/// Never the same bytes twice, so ids and tokens are as distinct as real ones. From
/// several threads the order of calls decides who gets which.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    calls: AtomicU64,
}

impl SeededEntropy {
    /// Makes the source of this seed.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            calls: AtomicU64::new(0),
        }
    }
}

impl Default for SeededEntropy {
    fn default() -> Self {
        Self::new(1701)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        for (block, part) in (0_u64..).zip(bytes.chunks_mut(32)) {
            let mut hash = Sha256::new();
            for number in [self.seed, call, block] {
                hash.update(number.to_le_bytes());
            }
            part.copy_from_slice(&hash.finalize()[..part.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(entropy: &SeededEntropy) -> [u8; 40] {
        (entropy as &dyn Entropy).bytes()
    }

    #[test]
    fn a_seed_gives_the_same_bytes_in_every_run_and_no_bytes_twice() {
        let (one, other) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let first = bytes(&one);
        assert_eq!(first, bytes(&other));
        assert_ne!(first, bytes(&one));
        assert_ne!(first, bytes(&SeededEntropy::new(8)));
    }
}
