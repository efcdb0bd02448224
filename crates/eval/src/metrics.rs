//! How good one list of hits is, and many on average: the measures of information retrieval.

use std::collections::BTreeSet;

use serde::Serialize;

/// The depths at which hits are counted.
pub const DEPTHS: [usize; 3] = [1, 5, 10];

/// The names of [`Scores::figures`], in their order.
pub const NAMES: [&str; 5] = ["R@1", "R@5", "R@10", "MRR", "nDCG@10"];

/// The last depth that counts for nDCG.
const GAIN_DEPTH: usize = 10;

/// How good one list of hits is, each figure from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// Which share of the relevant memories is among the first 1, 5 and 10.
    pub recall: [f64; 3],
    /// 1 when any relevant memory is among the first 1, 5 and 10, else 0.
    pub hit: [f64; 3],
    /// 1 divided by the rank of the first relevant memory; 0 when there is none.
    pub reciprocal_rank: f64,
    /// Discounted cumulative gain of the first 10, by that of the best order
    /// (Järvelin and Kekäläinen 2002; a memory is relevant or is not).
    pub ndcg: f64,
}

/// The average over questions, in percent: what is reported.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Recall at 1.
    #[serde(rename = "R@1")]
    pub r1: f64,
    /// Recall at 5.
    #[serde(rename = "R@5")]
    pub r5: f64,
    /// Recall at 10.
    #[serde(rename = "R@10")]
    pub r10: f64,
    /// Mean reciprocal rank.
    #[serde(rename = "MRR")]
    pub mrr: f64,
    /// Normalised discounted cumulative gain of the first 10.
    #[serde(rename = "nDCG@10")]
    pub ndcg: f64,
}

/// In how many questions anything relevant is found, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct HitRate {
    /// At rank 1.
    #[serde(rename = "Hit@1")]
    pub h1: f64,
    /// Within the first 5.
    #[serde(rename = "Hit@5")]
    pub h5: f64,
    /// Within the first 10.
    #[serde(rename = "Hit@10")]
    pub h10: f64,
}

impl Scores {
    /// Scores a list, best first and without repetition, against a set that is not empty.
    pub fn of(ranked: &[usize], relevant: &BTreeSet<usize>) -> Self {
        let found: Vec<usize> = (0..ranked.len())
            .filter(|rank| relevant.contains(&ranked[*rank]))
            .collect();
        let within = |depth: usize| found.iter().filter(|rank| **rank < depth).count();
        let recall = DEPTHS.map(|depth| within(depth) as f64 / relevant.len() as f64);
        let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
        let gained: f64 = found[..within(GAIN_DEPTH)].iter().copied().map(gain).sum();
        let best: f64 = (0..relevant.len().min(GAIN_DEPTH)).map(gain).sum();
        Self {
            recall,
            hit: DEPTHS.map(|depth| if within(depth) > 0 { 1.0 } else { 0.0 }),
            reciprocal_rank: found.first().map_or(0.0, |rank| 1.0 / (rank + 1) as f64),
            ndcg: gained / best,
        }
    }

    /// Returns the figures that are reported and compared, in the order of [`NAMES`].
    pub fn figures(&self) -> [f64; 5] {
        let [r1, r5, r10] = self.recall;
        [r1, r5, r10, self.reciprocal_rank, self.ndcg]
    }
}

impl Figures {
    /// Averages over questions.
    pub fn mean<'a>(scores: impl Iterator<Item = &'a Scores> + Clone) -> Self {
        let [r1, r5, r10, mrr, ndcg] = std::array::from_fn(|at| {
            let of_each = scores.clone().map(|scores| scores.figures()[at]);
            percent(of_each)
        });
        Self {
            r1,
            r5,
            r10,
            mrr,
            ndcg,
        }
    }

    /// Returns them in the order of [`NAMES`].
    pub fn values(&self) -> [f64; 5] {
        [self.r1, self.r5, self.r10, self.mrr, self.ndcg]
    }
}

impl HitRate {
    /// Averages over questions.
    pub fn mean<'a>(scores: impl Iterator<Item = &'a Scores> + Clone) -> Self {
        let [h1, h5, h10] =
            std::array::from_fn(|at| percent(scores.clone().map(|scores| scores.hit[at])));
        Self { h1, h5, h10 }
    }
}

/// The mean in percent, to two digits: more would feign an exactness that is not there.
fn percent(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    round(100.0 * sum / f64::from(count.max(1)))
}

/// Rounds to two digits.
pub(crate) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(ranked: &[usize], relevant: &[usize]) -> Scores {
        Scores::of(ranked, &relevant.iter().copied().collect())
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_list_with_two_of_three_relevant_ones_by_hand() {
        // Ranks 2 and 6 are relevant; a third one is not found.
        let found = scores(&[7, 3, 8, 9, 10, 4], &[3, 4, 5]);
        assert!(close(found.recall[0], 0.0), "{found:?}");
        assert!(close(found.recall[1], 1.0 / 3.0), "{found:?}");
        assert!(close(found.recall[2], 2.0 / 3.0), "{found:?}");
        assert_eq!(found.hit.map(|hit| hit as u32), [0, 1, 1]);
        assert!(close(found.reciprocal_rank, 0.5), "{found:?}");
        // 1/log2(3) + 1/log2(7) = 0.630930 + 0.356207; the best is 1 + 0.630930 + 0.5.
        assert!(
            (found.ndcg - 0.987_137 / 2.130_930).abs() < 1e-6,
            "{found:?}"
        );
    }

    #[test]
    fn the_best_order_is_one_in_everything_and_an_empty_list_nothing() {
        let best = scores(&[1, 2, 9], &[1]);
        assert!(best.figures().iter().all(|figure| close(*figure, 1.0)));
        assert_eq!(scores(&[], &[1]), Scores::default());
    }

    #[test]
    fn twelve_relevant_ones_cannot_all_be_among_ten() {
        let all: Vec<usize> = (0..12).collect();
        let found = scores(&all, &all);
        assert!(close(found.recall[2], 10.0 / 12.0) && close(found.ndcg, 1.0));
    }

    #[test]
    fn what_is_found_after_the_tenth_counts_for_the_reciprocal_rank_alone() {
        let ranked: Vec<usize> = (0..20).collect();
        let found = scores(&ranked, &[10]);
        assert!(close(found.reciprocal_rank, 1.0 / 11.0), "{found:?}");
        assert!(close(found.ndcg + found.recall[2], 0.0), "{found:?}");
    }

    #[test]
    fn figures_are_averages_in_percent() {
        let all = [
            scores(&[1], &[1]),
            scores(&[2, 1], &[1]),
            scores(&[2], &[1]),
        ];
        let mean = Figures::mean(all.iter());
        assert!(close(mean.r1, 33.33) && close(mean.r5, 66.67) && close(mean.mrr, 50.0));
        assert!(close(HitRate::mean(all.iter()).h5, 66.67));
        assert_eq!(Figures::mean([].iter()), Figures::default());
    }
}
