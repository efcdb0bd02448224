//! Chance for what is made up by the million: the same for the same seed.

/// The dimensions of the model's vectors.
pub(crate) const DIMENSIONS: usize = 384;

/// `xorshift64*`: fast, and good enough for texts and vectors that mean nothing.
pub(crate) struct Dice(u64);

impl Dice {
    /// Begins with a seed that is not 0.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number less than `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    /// Returns a number from 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a vector of length 1.
    pub(crate) fn direction(&mut self) -> Vec<f32> {
        let raw: Vec<f32> = (0..DIMENSIONS)
            .map(|_| (0..3).map(|_| self.unit() as f32 - 0.5).sum())
            .collect();
        direction(raw)
    }
}

/// Returns a vector with the length 1.
pub(crate) fn direction(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_has_the_length_1_and_the_next_one_is_another() {
        let mut dice = Dice::new(7);
        let (one, other) = (dice.direction(), dice.direction());
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!((dot(&one, &one) - 1.0).abs() < 1e-4 && dot(&one, &other).abs() < 0.5);
        assert_eq!(one, Dice::new(7).direction());
    }
}
