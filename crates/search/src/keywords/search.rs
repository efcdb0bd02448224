//! Asking the inverted index: BM25 over the candidates.
//!
//! All statistics are taken over the candidates alone: that a word is frequent in
//! memories which the asker may not see must not show in a score.

use smallvec::SmallVec;

use super::{
    Keywords, fold,
    language::{self, Languages},
    posting::{Posting, find},
    tokens::{Token, Tokens},
};
use crate::{Ranking, candidates::Candidates, cues::Opening, rank::Stretch};

/// A query is cut after so many different words, or a long prompt would cost more
/// than it can say.
pub(super) const MAX_QUERY_WORDS: usize = 256;

/// The outcome of a search by words.
pub(crate) struct Matches<'a> {
    /// By slot; empty when no word of the query is in the index.
    pub(super) scores: Vec<f32>,
    /// By slot: the share of the query's identifiers; empty when it has none.
    identifiers: Vec<f32>,
    pub(super) words: Vec<Word<'a>>,
    /// Of the query's words, sorted.
    openings: Vec<Opening>,
    /// Of each of these one bit.
    first_bits: u64,
    k1: f32,
}

/// One word of a query with the postings of all forms that it may have.
pub(super) struct Word<'a> {
    forms: Vec<&'a [Posting]>,
    rarity: f32,
    is_identifier: bool,
}

impl Keywords {
    /// Scores the candidates.
    pub(crate) fn search(
        &self,
        text: &str,
        candidates: &Candidates,
        ranking: &Ranking,
    ) -> Matches<'_> {
        let (words, openings) = self.words(text, candidates);
        let first_bits = openings
            .iter()
            .fold(0, |bits, opening| bits | opening.bit());
        let Ranking {
            bm25_k1: k1,
            bm25_b: b,
            ..
        } = *ranking;
        if words.iter().all(|word| word.forms.is_empty()) {
            return Matches {
                scores: Vec::new(),
                identifiers: Vec::new(),
                words,
                openings,
                first_bits,
                k1,
            };
        }
        let lengths = candidates.iter().map(|slot| f64::from(self.lengths[slot]));
        let mean = (lengths.sum::<f64>() / candidates.count() as f64).max(1.0) as f32;
        let mut scores = vec![0.0; candidates.slots()];
        for word in &words {
            for posting in word.postings(candidates) {
                let count = f32::from(posting.count());
                let length = self.lengths[posting.slot() as usize] as f32;
                let damped = count + k1 * (1.0 - b + b * length / mean);
                scores[posting.slot() as usize] += word.rarity * count * (k1 + 1.0) / damped;
            }
        }
        Matches {
            scores,
            identifiers: identifiers(&words, candidates),
            words,
            openings,
            first_bits,
            k1,
        }
    }

    /// Cuts a query into words and looks their forms up: a memory was stemmed in its
    /// own language, so a word is looked for as each of the languages would stem it.
    fn words(&self, text: &str, candidates: &Candidates) -> (Vec<Word<'_>>, Vec<Opening>) {
        let folded = fold::fold(text);
        let tokens = Tokens::of(&folded);
        if tokens.is_empty() {
            return Default::default();
        }
        let spoken: Languages = candidates.iter().map(|slot| self.languages[slot]).collect();
        let language = language::detect(&tokens, spoken);
        let mut asked: Vec<(Token<'_>, Vec<u64>)> = Vec::new();
        for token in tokens.iter_as_query() {
            if language::is_stop_word(token, language) {
                continue;
            }
            let mut forms = Vec::new();
            for language in spoken.iter() {
                let form = self.words.hash(language::stem(token, language).as_bytes());
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
            if !asked.iter().any(|(_, others)| *others == forms) {
                asked.push((token, forms));
            }
            if asked.len() == MAX_QUERY_WORDS {
                break;
            }
        }
        let mut openings: Vec<Opening> = asked
            .iter()
            .filter(|(token, _)| matches!(token, Token::Word(_)))
            .flat_map(|(_, forms)| forms.iter().copied().map(Opening::of))
            .collect();
        openings.sort_unstable();
        let word = |(token, forms): (Token<'_>, Vec<u64>)| self.word(token, &forms, candidates);
        (asked.into_iter().map(word).collect(), openings)
    }

    fn word(&self, token: Token<'_>, forms: &[u64], candidates: &Candidates) -> Word<'_> {
        let all = candidates.count() == candidates.slots();
        let admitted = |list: &[Posting]| {
            if all {
                return list.len();
            }
            list.iter()
                .filter(|posting| candidates.admits(posting.slot()))
                .count()
        };
        let listed = forms
            .iter()
            .filter_map(|form| self.postings.get(form))
            .map(SmallVec::as_slice);
        let forms: Vec<&[Posting]> = listed.filter(|list| admitted(list) > 0).collect();
        // A text holds a word in the one form of its language: the sum is the union,
        // or near it.
        let n = candidates.count();
        let frequency = forms
            .iter()
            .map(|list| admitted(list))
            .sum::<usize>()
            .min(n) as f32;
        let rarity = (1.0 + (n as f32 - frequency + 0.5) / (frequency + 0.5)).ln();
        Word {
            forms,
            rarity,
            is_identifier: matches!(token, Token::Identifier(_)),
        }
    }
}

impl Word<'_> {
    fn postings(&self, candidates: &Candidates) -> impl Iterator<Item = Posting> {
        let all = self.forms.iter().copied().flatten().copied();
        all.filter(|posting| candidates.admits(posting.slot()))
    }
}

impl Matches<'_> {
    /// Adds to the values of the candidates, by slot, what the words count.
    pub(crate) fn add(&self, values: &mut [f32], candidates: &Candidates, ranking: &Ranking) {
        let weight = 1.0 - ranking.dense_weight;
        let least_high = ranking.fair_match * self.highest_possible();
        if self.scores.is_empty() {
            let all = weight * Stretch::over(&[0.0]).up_to(least_high).place()(0.0);
            for value in values {
                *value += all;
            }
            return;
        } else if candidates.count() == candidates.slots() {
            let place = Stretch::over(&self.scores).up_to(least_high).place();
            let pairs = values.iter_mut().zip(&self.scores);
            pairs.for_each(|(value, score)| *value += weight * place(*score));
        } else {
            let of_candidates = candidates.iter().map(|slot| self.scores[slot]);
            let of_candidates: Vec<f32> = of_candidates.collect();
            let place = Stretch::over(&of_candidates).up_to(least_high).place();
            let pairs = candidates.iter().zip(of_candidates);
            pairs.for_each(|(slot, score)| values[slot] += weight * place(score));
        }
        let pairs = values.iter_mut().zip(&self.identifiers);
        pairs.for_each(|(value, share)| *value += ranking.identifier_bonus * share);
    }

    /// Tells whether any candidate holds a word of the query.
    pub(crate) fn any(&self) -> bool {
        !self.scores.is_empty()
    }

    /// Returns of each word of the query which candidates hold it, and how often.
    pub(crate) fn each_word(
        &self,
        candidates: &Candidates,
    ) -> impl Iterator<Item = impl Iterator<Item = (u32, u8)>> {
        let held = |posting: Posting| (posting.slot(), posting.count());
        self.words
            .iter()
            .map(move |word| word.postings(candidates).map(held))
    }

    /// Tells whether a text begins with a word of the query.
    pub(crate) fn names(&self, opening: Option<Opening>) -> bool {
        // Most texts begin with none of them: one bit of each says so at once.
        let is_one = |opening: Opening| {
            self.first_bits & opening.bit() != 0 && self.openings.binary_search(&opening).is_ok()
        };
        opening.is_some_and(is_one)
    }

    /// Returns the score that no text can exceed.
    pub(crate) fn highest_possible(&self) -> f32 {
        let highest = |word: &Word<'_>| word.rarity * (self.k1 + 1.0);
        self.words.iter().map(highest).sum()
    }

    /// Returns which share of the query's words a candidate holds, rare ones
    /// weighing more.
    pub(crate) fn share(&self, slot: u32) -> f32 {
        let holds = |word: &&Word<'_>| word.forms.iter().any(|list| find(list, slot).is_some());
        let held: f32 = self
            .words
            .iter()
            .filter(holds)
            .map(|word| word.rarity)
            .sum();
        let asked: f32 = self.words.iter().map(|word| word.rarity).sum();
        if held > 0.0 {
            (held / asked).min(1.0)
        } else {
            0.0
        }
    }
}

/// Returns by slot which share of the identifiers among the words it holds.
fn identifiers(words: &[Word<'_>], candidates: &Candidates) -> Vec<f32> {
    let identifiers: Vec<_> = words.iter().filter(|word| word.is_identifier).collect();
    if identifiers.is_empty() {
        return Vec::new();
    }
    let mut shares = vec![0.0; candidates.slots()];
    for posting in identifiers
        .iter()
        .flat_map(|word| word.postings(candidates))
    {
        shares[posting.slot() as usize] += 1.0 / identifiers.len() as f32;
    }
    shares
}
