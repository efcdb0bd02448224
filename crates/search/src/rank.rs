//! From two scores per candidate to the best few.
//!
//! Dense and keyword scores live on different scales, so each is stretched to
//! 0..=1 over all candidates before they are mixed. Fusing ranks instead
//! (reciprocal rank fusion) was measured to be worse: it throws away how much
//! better the best one is.
//!
//! One thing is added to that: when even the best match by words is a poor one,
//! words do not get their full say (see [`crate::Ranking::fair_match`]).

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use picard_domain::{Instant, MemoryId};

use crate::{
    candidates::Candidates,
    wide::{LANES, wide},
};

/// Of so many values together it is asked whether any is among the best so far.
const AT_ONCE: usize = 4 * LANES;

/// Stretches scores to 0..=1 over the range in which they lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    low: f32,
    high: f32,
}

impl Stretch {
    /// Measures the range of the finite scores.
    pub(crate) fn over(scores: &[f32]) -> Self {
        // Several ranges side by side: what processors do for many numbers at once.
        let (mut lows, mut highs) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
        wide(
            #[inline(always)]
            || {
                for scores in scores.chunks(LANES) {
                    let ranges = lows.iter_mut().zip(&mut highs);
                    for ((low, high), score) in ranges.zip(scores) {
                        let finite = score.is_finite();
                        *low = if finite && score < low { *score } else { *low };
                        *high = if finite && score > high {
                            *score
                        } else {
                            *high
                        };
                    }
                }
            },
        );
        Self {
            low: lows.into_iter().fold(f32::INFINITY, f32::min),
            high: highs.into_iter().fold(f32::NEG_INFINITY, f32::max),
        }
    }

    /// Widens the range to reach up to `least_high`.
    pub(crate) fn up_to(self, least_high: f32) -> Self {
        Self {
            high: self.high.max(least_high),
            ..self
        }
    }

    /// Returns what tells where a score lies in the range: 0 for one that is not finite,
    /// 1 when there is but one.
    pub(crate) fn place(self) -> impl Fn(f32) -> f32 + Copy {
        let Self { low, high } = self;
        let (start, step) = if low < high {
            (0.0, (high - low).recip())
        } else {
            (1.0, 0.0)
        };
        move |score: f32| {
            if score.is_finite() {
                start + (score - low) * step
            } else {
                0.0
            }
        }
    }
}

/// A candidate with its place in the order: by value, then newer first, then by
/// id (which for equal instants is the later one first, as in lists).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked {
    pub(crate) value: f32,
    pub(crate) created_at: Instant,
    pub(crate) id: MemoryId,
    pub(crate) slot: u32,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_value = self.value.total_cmp(&other.value);
        by_value.then_with(|| (self.created_at, self.id).cmp(&(other.created_at, other.id)))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Returns the `limit` best of the candidates by their values, best first, without sorting
/// the others; of one that is worth less than all kept ones nothing else is looked at.
pub(crate) fn best(
    values: &[f32],
    candidates: &Candidates,
    ranked: impl Fn(u32, f32) -> Ranked,
    limit: usize,
) -> Vec<Ranked> {
    if limit == 0 {
        return Vec::new();
    }
    let mut kept: BinaryHeap<Reverse<Ranked>> = BinaryHeap::new();
    let mut least = f32::NEG_INFINITY;
    for (part, values) in values.chunks(AT_ONCE).enumerate() {
        if !reach(values, least) {
            continue;
        }
        for (slot, value) in (part * AT_ONCE..).zip(values) {
            let slot = slot as u32;
            if *value < least || !candidates.admits(slot) {
                continue;
            }
            let candidate = ranked(slot, *value);
            if kept.len() < limit {
                kept.push(Reverse(candidate));
            } else if let Some(mut worst) = kept.peek_mut()
                && worst.0 < candidate
            {
                *worst = Reverse(candidate);
            }
            if kept.len() == limit
                && let Some(worst) = kept.peek()
            {
                least = worst.0.value;
            }
        }
    }
    kept.into_sorted_vec()
        .into_iter()
        .map(|Reverse(ranked)| ranked)
        .collect()
}

/// Tells whether any of some values is at least so high.
fn reach(values: &[f32], least: f32) -> bool {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut any = [false; LANES];
    for chunk in chunks {
        for (any, value) in any.iter_mut().zip(chunk) {
            *any |= *value >= least;
        }
    }
    any.contains(&true) || rest.iter().any(|value| *value >= least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_stretched_and_what_is_outside_counts_nothing() {
        let place = Stretch::over(&[0.7, f32::NEG_INFINITY, 0.9]).place();
        let close = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(close(place(0.7), 0.0) && close(place(0.8), 0.5));
        assert!(close(place(0.9), 1.0) && close(place(f32::NEG_INFINITY), 0.0));
    }

    #[test]
    fn a_single_score_is_more_than_none() {
        let place = Stretch::over(&[0.8, f32::NEG_INFINITY, 0.8]).place();
        assert!(place(0.8) > place(f32::NEG_INFINITY));
    }

    #[test]
    fn the_range_is_that_of_all_scores_however_many() {
        for n in 1..40_i16 {
            let scores: Vec<f32> = (0..n).map(|at| f32::from(at * 7 % n)).collect();
            let place = Stretch::over(&scores).up_to(f32::from(n - 1)).place();
            let expected = |score: &f32| score / f32::from(n - 1).max(1.0);
            let close = |score: &f32| n == 1 || (place(*score) - expected(score)).abs() < 1e-6;
            assert!(scores.iter().all(close), "{n}");
        }
    }
}
