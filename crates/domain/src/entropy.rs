//! Randomness as a parameter.

/// Fills buffers with random bytes fit for keys and tokens.
///
/// The real source (the operating system's) lives in the binary, a seeded one
/// in `testkit`.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Entropy {
    /// Returns `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
