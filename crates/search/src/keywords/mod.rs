//! The words of a partition: an inverted index scored by BM25.
//!
//! Terms are kept as keyed 64-bit hashes, so no text can be read out of the index;
//! two terms of a million share a hash once in 10⁷ partitions. How a text becomes
//! terms is the business of `tokens` (cutting) and `language` (stems and stop
//! words).

mod fold;
mod language;
mod stop_words;
mod tokens;

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    mem::size_of,
};

use crate::{partition::table_bytes, query::Candidates};
use language::{Language, Languages};
use tokens::Tokens;

/// How soon repeating a word stops to count (Robertson and Zaragoza 2009).
const K1: f32 = 1.2;
/// How much long texts are held back.
const B: f32 = 0.75;
/// A query is cut after so many different words, or a long prompt would cost more
/// than it can say.
const MAX_QUERY_WORDS: usize = 256;

/// What a system allocator adds to each block.
const BLOCK: usize = 16;

/// The inverted index of a partition. Memories are slot numbers without gaps.
pub(crate) struct Keywords {
    keyed: RandomState,
    postings: HashMap<u64, Vec<Posting>, BuildHasherDefault<AlreadyHashed>>,
    documents: Vec<Document>,
    /// The bytes that `postings` and `documents` own outside of their tables.
    owned: usize,
}

/// A slot and how often the term occurs in it, up to 255 times, in 4 bytes: the
/// slot is in front, so that postings sort by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting(u32);

/// What the index knows of one memory: enough to take it out again.
struct Document {
    terms: Box<[u64]>,
    length: u32,
    language: Language,
}

/// The outcome of a search by words.
pub(crate) struct Matches<'a> {
    /// By slot; empty when no word of the query is in the index.
    scores: Vec<f32>,
    words: Vec<Word<'a>>,
}

/// One word of a query with the postings of all forms that it may have.
struct Word<'a> {
    forms: Vec<&'a [Posting]>,
    rarity: f32,
}

impl Keywords {
    pub(crate) fn new() -> Self {
        Self {
            keyed: RandomState::new(),
            postings: HashMap::default(),
            documents: Vec::new(),
            owned: 0,
        }
    }

    /// Takes in the text of the next slot.
    pub(crate) fn push(&mut self, text: &str) {
        let slot = self.documents.len() as u32;
        let document = self.index(slot, text);
        self.documents.push(document);
    }

    /// Puts another text in the place of a slot's.
    pub(crate) fn replace(&mut self, slot: u32, text: &str) {
        self.unlist(slot);
        self.documents[slot as usize] = self.index(slot, text);
    }

    /// Takes a slot out; the last slot gets its number.
    pub(crate) fn swap_remove(&mut self, slot: u32) {
        self.unlist(slot);
        let last = self.documents.len() as u32 - 1;
        if slot != last {
            let terms = std::mem::take(&mut self.documents[last as usize].terms);
            for term in &terms {
                let list = self
                    .postings
                    .get_mut(term)
                    .expect("a document's terms are listed");
                let moved = list.pop().expect("the last slot is the last posting");
                let moved = Posting::new(slot, moved.count());
                // It was just removed from the same list: no growth.
                let at = list.binary_search(&moved).unwrap_or_else(|at| at);
                list.insert(at, moved);
            }
            self.documents[last as usize].terms = terms;
        }
        self.documents.swap_remove(slot as usize);
        if self.documents.capacity() > 4 * self.documents.len().max(16) {
            self.documents.shrink_to_fit();
            self.postings.shrink_to_fit();
        }
    }

    /// Scores the candidates. Statistics are taken over them alone: that a word is
    /// frequent in memories which the asker may not see must not show.
    pub(crate) fn search(&self, text: &str, candidates: &Candidates) -> Matches<'_> {
        let words = self.words(text, candidates);
        if words.iter().all(|word| word.forms.is_empty()) {
            return Matches {
                scores: Vec::new(),
                words,
            };
        }
        let lengths = candidates
            .iter()
            .map(|slot| f64::from(self.documents[slot].length));
        let mean = (lengths.sum::<f64>() / candidates.count() as f64).max(1.0) as f32;
        let mut scores = vec![0.0; candidates.slots()];
        for word in &words {
            for posting in word.forms.iter().copied().flatten() {
                if candidates.admits(posting.slot()) {
                    let count = f32::from(posting.count());
                    let length = self.documents[posting.slot() as usize].length as f32;
                    let damped = count + K1 * (1.0 - B + B * length / mean);
                    scores[posting.slot() as usize] += word.rarity * count * (K1 + 1.0) / damped;
                }
            }
        }
        Matches { scores, words }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.owned
            + table_bytes::<(u64, Vec<Posting>)>(self.postings.capacity())
            + self.documents.capacity() * size_of::<Document>()
    }

    /// Lists the terms of a text under a slot.
    fn index(&mut self, slot: u32, text: &str) -> Document {
        let folded = fold::fold(text);
        let tokens = Tokens::of(&folded);
        let language = language::detect(&tokens, Languages::ALL);
        let mut terms: Vec<u64> = tokens
            .iter()
            .filter(|token| !language::is_stop_word(*token, language))
            .map(|token| self.keyed.hash_one(&*language::stem(token, language)))
            .collect();
        terms.sort_unstable();
        let length = terms.len() as u32;
        for same in terms.chunk_by(|a, b| a == b) {
            let posting = Posting::new(slot, u8::try_from(same.len()).unwrap_or(u8::MAX));
            let list = self.postings.entry(same[0]).or_default();
            self.owned -= list_bytes(list);
            let at = list.partition_point(|listed| listed < &posting);
            list.insert(at, posting);
            self.owned += list_bytes(list);
        }
        terms.dedup();
        self.owned += terms.len() * size_of::<u64>() + BLOCK;
        Document {
            terms: terms.into_boxed_slice(),
            length,
            language,
        }
    }

    /// Takes a slot out of the postings of its terms.
    fn unlist(&mut self, slot: u32) {
        let terms = std::mem::take(&mut self.documents[slot as usize].terms);
        self.owned -= terms.len() * size_of::<u64>() + BLOCK;
        for term in terms {
            let list = self
                .postings
                .get_mut(&term)
                .expect("a document's terms are listed");
            self.owned -= list_bytes(list);
            list.remove(find(list, slot).expect("a document's terms list it"));
            if list.is_empty() {
                self.postings.remove(&term);
                continue;
            }
            if list.capacity() > 4 * list.len().max(8) {
                list.shrink_to(2 * list.len());
            }
            self.owned += list_bytes(list);
        }
    }

    /// Cuts a query into words and looks their forms up: a memory was stemmed in its
    /// own language, so a word is looked for as each of the languages would stem it.
    fn words(&self, text: &str, candidates: &Candidates) -> Vec<Word<'_>> {
        let folded = fold::fold(text);
        let tokens = Tokens::of(&folded);
        if tokens.is_empty() {
            return Vec::new();
        }
        let spoken: Languages = candidates
            .iter()
            .map(|slot| self.documents[slot].language)
            .collect();
        let language = language::detect(&tokens, spoken);
        let mut asked: Vec<Vec<u64>> = Vec::new();
        for token in tokens.iter_as_query() {
            if language::is_stop_word(token, language) {
                continue;
            }
            let stem = |language| language::stem(token, language);
            let mut forms: Vec<u64> = Vec::new();
            for form in spoken
                .iter()
                .map(|language| self.keyed.hash_one(&*stem(language)))
            {
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
            if !asked.contains(&forms) {
                asked.push(forms);
            }
            if asked.len() == MAX_QUERY_WORDS {
                break;
            }
        }
        asked
            .into_iter()
            .map(|forms| self.word(&forms, candidates))
            .collect()
    }

    fn word(&self, forms: &[u64], candidates: &Candidates) -> Word<'_> {
        let listed = forms
            .iter()
            .filter_map(|form| self.postings.get(form))
            .map(Vec::as_slice);
        let all = candidates.count() == candidates.slots();
        let admitted = |list: &[Posting]| match list {
            list if all => list.len(),
            list => list
                .iter()
                .filter(|posting| candidates.admits(posting.slot()))
                .count(),
        };
        let forms: Vec<(&[Posting], usize)> = listed
            .map(|list| (list, admitted(list)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let n = candidates.count() as f32;
        // A text holds a word in the one form of its language: the sum is the union,
        // or near it.
        let frequency = (forms.iter().map(|(_, count)| count).sum::<usize>() as f32).min(n);
        let rarity = (1.0 + (n - frequency + 0.5) / (frequency + 0.5)).ln();
        Word {
            forms: forms.into_iter().map(|(list, _)| list).collect(),
            rarity,
        }
    }
}

impl Matches<'_> {
    /// Returns the BM25 score of a slot, 0 for one that is no candidate.
    pub(crate) fn bm25(&self, slot: usize) -> f32 {
        self.scores.get(slot).copied().unwrap_or(0.0)
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

impl Posting {
    fn new(slot: u32, count: u8) -> Self {
        Self(slot << 8 | u32::from(count))
    }

    fn slot(self) -> u32 {
        self.0 >> 8
    }

    fn count(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

fn find(list: &[Posting], slot: u32) -> Option<usize> {
    list.binary_search_by_key(&slot, |posting| posting.slot())
        .ok()
}

fn list_bytes(list: &Vec<Posting>) -> usize {
    if list.capacity() == 0 {
        0
    } else {
        list.capacity() * size_of::<Posting>() + BLOCK
    }
}

/// The keys are hashes already: hashing them again would only cost time.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are u64");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
