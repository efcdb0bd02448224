//! The words of a partition: an inverted index scored by BM25.
//!
//! Terms are kept as keyed 64-bit hashes, so no text can be read out of the index;
//! two terms of a million share a hash once in 10⁷ partitions. How a text becomes
//! terms is the business of `analysis`, with `tokens` (cutting) and `language` (stems
//! and stop words); `search` asks.

mod fold;
mod irregular;
pub(crate) mod language;
mod phrase;
mod posting;
mod search;
mod stop_words;
mod tokens;

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    mem::size_of,
};

use crate::{
    analysis::Analysed,
    cues::{Cues, Opening},
    partition::table_bytes,
};
pub(crate) use fold::{fold, is_invisible, unadorned};
pub(crate) use language::{Language, is_frequent};
pub use phrase::Phrase;
pub(crate) use phrase::{Needs, Search, Units};
use posting::{List, Posting, find};
pub(crate) use search::Matches;
pub(crate) use tokens::{Token, Tokens, is_unspaced};

/// What a system allocator adds to each block.
const BLOCK: usize = 16;

/// Hashes terms, under one key.
#[derive(Clone)]
pub(crate) struct Words {
    keyed: RandomState,
}

/// The terms of a text, not listed yet.
pub(crate) struct Listing {
    /// Each once, sorted.
    terms: Box<[u64]>,
    /// How often each of them occurs, up to 255 times.
    counts: Vec<u8>,
    length: u32,
    language: Language,
    pub(crate) cues: Cues,
    /// The hash of the whole text without what hardly anybody would notice: two
    /// memories of the same one say the same.
    pub(crate) text: u64,
}

/// The inverted index of a partition. Memories are slot numbers without gaps.
pub(crate) struct Keywords {
    words: Words,
    postings: HashMap<u64, List, Keyed>,
    /// By slot: the terms under which it is listed, to take it out again.
    terms: Vec<Box<[u64]>>,
    /// By slot: how many terms its text has, repeated ones too.
    lengths: Vec<u32>,
    languages: Vec<Language>,
    /// The bytes that `postings` and `terms` own outside of their tables.
    owned: usize,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self {
            keyed: RandomState::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(&self, text: &str) -> Listing {
        let analysis = crate::Analysis::of(text, picard_domain::Instant::from_micros(0));
        let read = Analysed::read(analysis.as_bytes()).expect("it was written");
        self.listing(read).expect("it was written")
    }

    /// Makes the listing of a text; `None` when its analysis cannot be read.
    pub(crate) fn listing(&self, mut text: Analysed<'_>) -> Option<Listing> {
        let mut terms = Vec::new();
        while !text.is_at_end() {
            let (term, count) = text.next()?;
            terms.push((self.hash(term), count));
        }
        let first = terms.first().filter(|_| text.opens);
        let cues = Cues {
            is_question: text.asks,
            opening: first.map(|(term, _)| Opening::of(*term)),
        };
        terms.sort_unstable();
        terms.dedup_by(|(term, count), (kept, sum)| {
            let is_same = term == kept;
            if is_same {
                *sum = sum.saturating_add(*count);
            }
            is_same
        });
        Some(Listing {
            counts: terms.iter().map(|(_, count)| *count).collect(),
            terms: terms.into_iter().map(|(term, _)| term).collect(),
            length: text.length,
            language: text.language,
            cues,
            text: self.keyed.hash_one(text.digest),
        })
    }

    fn hash(&self, term: &[u8]) -> u64 {
        self.keyed.hash_one(term)
    }
}

impl Keywords {
    pub(crate) fn new(words: Words) -> Self {
        Self {
            words,
            postings: HashMap::default(),
            terms: Vec::new(),
            lengths: Vec::new(),
            languages: Vec::new(),
            owned: 0,
        }
    }

    /// Takes in the text of the next slot.
    pub(crate) fn push(&mut self, listing: Listing) {
        let slot = self.terms.len() as u32;
        self.lengths.push(listing.length);
        self.languages.push(listing.language);
        let terms = self.list(slot, listing);
        self.terms.push(terms);
    }

    /// Puts another text in the place of a slot's.
    pub(crate) fn replace(&mut self, slot: u32, listing: Listing) {
        self.unlist(slot);
        self.lengths[slot as usize] = listing.length;
        self.languages[slot as usize] = listing.language;
        self.terms[slot as usize] = self.list(slot, listing);
    }

    /// Takes a slot out; the last slot gets its number.
    pub(crate) fn swap_remove(&mut self, slot: u32) {
        self.unlist(slot);
        let last = self.terms.len() as u32 - 1;
        if slot != last {
            let terms = std::mem::take(&mut self.terms[last as usize]);
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
            self.terms[last as usize] = terms;
        }
        self.terms.swap_remove(slot as usize);
        self.lengths.swap_remove(slot as usize);
        self.languages.swap_remove(slot as usize);
        if self.terms.capacity() > 4 * self.terms.len().max(16) {
            self.shrink_tables();
        }
    }

    /// Gives back what was reserved for memories to come.
    pub(crate) fn shrink(&mut self) {
        for list in self.postings.values_mut() {
            if list.spilled() && list.capacity() > list.len() {
                self.owned -= list_bytes(list);
                list.shrink_to_fit();
                self.owned += list_bytes(list);
            }
        }
        self.shrink_tables();
    }

    /// Returns the different words of a slot, sorted.
    pub(crate) fn terms(&self, slot: usize) -> &[u64] {
        &self.terms[slot]
    }

    pub(crate) fn bytes(&self) -> usize {
        self.owned
            + table_bytes::<(u64, List)>(self.postings.capacity())
            + self.terms.capacity() * size_of::<Box<[u64]>>()
            + self.lengths.capacity() * size_of::<u32>()
            + self.languages.capacity() * size_of::<Language>()
    }

    fn shrink_tables(&mut self) {
        self.terms.shrink_to_fit();
        self.lengths.shrink_to_fit();
        self.languages.shrink_to_fit();
        self.postings.shrink_to_fit();
    }

    /// Lists the terms of a text under a slot.
    fn list(&mut self, slot: u32, listing: Listing) -> Box<[u64]> {
        let Listing { terms, counts, .. } = listing;
        self.owned += terms.len() * size_of::<u64>() + BLOCK;
        for (term, count) in terms.iter().zip(counts) {
            let posting = Posting::new(slot, count);
            let list = self.postings.entry(*term).or_default();
            self.owned -= list_bytes(list);
            // Nearly always the last: a new memory has the highest slot.
            let at = match list.last() {
                Some(last) if *last > posting => list.partition_point(|listed| *listed < posting),
                _ => list.len(),
            };
            list.insert(at, posting);
            self.owned += list_bytes(list);
        }
        terms
    }

    /// Takes a slot out of the postings of its terms.
    fn unlist(&mut self, slot: u32) {
        let terms = std::mem::take(&mut self.terms[slot as usize]);
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
                list.shrink_to_fit();
            }
            self.owned += list_bytes(list);
        }
    }
}

/// The bytes that a list owns outside of itself.
fn list_bytes(list: &List) -> usize {
    if list.spilled() {
        list.capacity() * size_of::<Posting>() + BLOCK
    } else {
        0
    }
}

/// Builds tables whose keys are hashes under a key.
pub(crate) type Keyed = BuildHasherDefault<AlreadyHashed>;

/// The keys are hashes already: hashing them again would only cost time.
#[derive(Default)]
pub(crate) struct AlreadyHashed(u64);

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
