//! Which occasions speak of what is asked.
//!
//! A question's words are seldom all in one memory, but those of one occasion together
//! hold most of them. So what was written on an occasion is scored as one text, by BM25
//! with how many occasions a word is on as its rarity and without regard to length.

use crate::{Ranking, candidates::Candidates, keywords::Matches, rank::Stretch};

/// A run of candidates without a long pause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    /// Where in the order of time it begins.
    pub(crate) from: usize,
    /// When, in microseconds.
    pub(crate) at: i64,
}

/// Returns for each of all occasions, in their order, how well its words fit the
/// query's, from 0 to 1.
pub(crate) fn by_words(
    occasions: &[Occasion],
    matches: &Matches<'_>,
    candidates: &Candidates,
    written: impl Fn(u32) -> i64,
    ranking: &Ranking,
) -> Vec<f32> {
    let k1 = ranking.bm25_k1;
    let mut scores = vec![0.0; occasions.len()];
    let mut counts = vec![0_u32; occasions.len()];
    let mut holding = Vec::new();
    let mut highest = 0.0;
    for word in matches.each_word(candidates) {
        for (slot, count) in word {
            let behind = occasions.partition_point(|occasion| occasion.at <= written(slot));
            let at = behind.saturating_sub(1);
            if counts[at] == 0 {
                holding.push(at);
            }
            counts[at] += u32::from(count);
        }
        let (all, with) = (occasions.len() as f32, holding.len() as f32);
        let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        highest += rarity * (k1 + 1.0);
        for at in holding.drain(..) {
            let count = std::mem::take(&mut counts[at]) as f32;
            scores[at] += rarity * count * (k1 + 1.0) / (count + k1);
        }
    }
    let range = Stretch::over(&scores).up_to(ranking.fair_match * highest);
    scores.into_iter().map(range.place()).collect()
}
