//! A seeded source of randomness, so that every run is the same.

use std::sync::atomic::{AtomicU64, Ordering};

use picard_crypto::sha256;
use picard_domain::Entropy;

/// The SHA-256 of a seed and a counter, block after block.
pub(crate) struct Seeded {
    seed: u64,
    blocks: AtomicU64,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            blocks: AtomicU64::new(0),
        }
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let n = self.blocks.fetch_add(1, Ordering::Relaxed);
            let block = sha256(&[self.seed.to_be_bytes(), n.to_be_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
