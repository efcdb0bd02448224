//! Whether a difference is more than chance: the paired bootstrap over questions.
//!
//! Both configurations answered the same questions, so the difference of each question is
//! drawn with replacement, as often as there are questions, thousands of times (Efron and
//! Tibshirani 1993; for retrieval Sakai 2006). Where the middle 95 % of the means lie is the
//! interval; how often the mean changes its sign, twice, is p.

use serde::Serialize;

use crate::metrics::round;

/// How often the questions are drawn.
pub const RESAMPLES: usize = 10_000;

/// How much better one configuration is than the other on average, in points of percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// The mean over the questions.
    pub mean: f64,
    /// From where 95 % of the resampled means lie.
    pub low: f64,
    /// To where they lie.
    pub high: f64,
    /// How likely a difference of this size is by chance, two-sided; 1 for no difference.
    pub p: f64,
}

/// Compares figure by figure. A row holds the differences of one question, from -1 to 1. The
/// same seed gives the same result.
pub fn compare<const N: usize>(rows: &[[f64; N]], seed: u64) -> [Difference; N] {
    if rows.is_empty() {
        let none = Difference {
            mean: 0.0,
            low: 0.0,
            high: 0.0,
            p: 1.0,
        };
        return [none; N];
    }
    let mut draws = Draws(seed);
    let mut means = vec![[0.0; N]; RESAMPLES];
    for mean in &mut means {
        for _ in 0..rows.len() {
            let row = &rows[draws.below(rows.len())];
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += value;
            }
        }
        for sum in mean {
            *sum /= rows.len() as f64;
        }
    }
    std::array::from_fn(|at| {
        let mean = rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64;
        let mut of_each: Vec<f64> = means.iter().map(|means| means[at]).collect();
        of_each.sort_by(f64::total_cmp);
        difference(mean, &of_each)
    })
}

/// A mean that is nought but for how sums are rounded.
const NOTHING: f64 = 1e-12;

fn difference(mean: f64, sorted: &[f64]) -> Difference {
    let share = |count: usize| (count + 1) as f64 / (sorted.len() + 1) as f64;
    let not_above = sorted.iter().filter(|mean| **mean <= NOTHING).count();
    let not_below = sorted.iter().filter(|mean| **mean >= -NOTHING).count();
    let cut = sorted.len() / 40;
    let points = |value: f64| round(100.0 * value);
    Difference {
        mean: points(mean),
        low: points(sorted[cut]),
        high: points(sorted[sorted.len() - 1 - cut]),
        p: (2.0 * share(not_above).min(share(not_below))).min(1.0),
    }
}

/// Random numbers that follow from a seed: `SplitMix64` (Steele, Lea and Flood 2014).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_configurations_differ_by_nothing_and_p_is_one() {
        let [same] = compare(&[[0.0]; 50], 1);
        assert_eq!((same.mean, same.low, same.high), (0.0, 0.0, 0.0));
        assert!((same.p - 1.0).abs() < 1e-9, "{same:?}");
    }

    #[test]
    fn what_is_better_everywhere_is_no_chance_and_what_goes_either_way_is() {
        let [better, either] = compare(&[[0.25, 0.5], [0.25, -0.5]].repeat(30), 1);
        assert!(better.p < 0.001 && better.low > 0.0, "{better:?}");
        assert!((better.mean - 25.0).abs() < 1e-9, "{better:?}");
        assert!(
            either.p > 0.5 && either.low < 0.0 && either.high > 0.0,
            "{either:?}"
        );
    }

    #[test]
    fn the_interval_is_the_one_of_the_normal_law_for_many_questions() {
        // A coin of 400 tosses: the mean 0.5, its standard error 0.025.
        let rows: Vec<[f64; 1]> = (0..400).map(|n| [f64::from(n % 2)]).collect();
        let [coin] = compare(&rows, 7);
        assert!((coin.low - (50.0 - 4.9)).abs() < 0.5, "{coin:?}");
        assert!((coin.high - (50.0 + 4.9)).abs() < 0.5, "{coin:?}");
    }

    #[test]
    fn a_seed_repeats_and_another_one_differs() {
        let rows: Vec<[f64; 1]> = (0..40).map(|n| [f64::from(n % 7) / 7.0 - 0.3]).collect();
        assert_eq!(compare(&rows, 3), compare(&rows, 3));
        assert_ne!(compare(&rows, 3), compare(&rows, 4));
    }
}
