//! The words of a partition: an inverted index scored by BM25.
//!
//! Terms are kept as keyed 64-bit hashes, so no text can be read out of the index;
//! two terms of a million share a hash once in 10⁷ partitions. How a text becomes
//! terms is the business of `tokens` (cutting) and `language` (stems and stop
//! words); `search` asks.

mod fold;
mod language;
mod posting;
mod search;
mod stop_words;
mod tokens;

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    mem::size_of,
};

use crate::{cues::Cues, partition::table_bytes};
use language::{Language, Languages};
use posting::{Posting, find};
pub(crate) use search::Matches;
pub(crate) use tokens::is_unspaced;
use tokens::{Token, Tokens};

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

/// What the index knows of one memory: enough to take it out again.
struct Document {
    terms: Box<[u64]>,
    length: u32,
    language: Language,
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
    pub(crate) fn push(&mut self, text: &str) -> Cues {
        let slot = self.documents.len() as u32;
        let (document, cues) = self.index(slot, text);
        self.documents.push(document);
        cues
    }

    /// Puts another text in the place of a slot's.
    pub(crate) fn replace(&mut self, slot: u32, text: &str) -> Cues {
        self.unlist(slot);
        let (document, cues) = self.index(slot, text);
        self.documents[slot as usize] = document;
        cues
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

    pub(crate) fn bytes(&self) -> usize {
        self.owned
            + table_bytes::<(u64, Vec<Posting>)>(self.postings.capacity())
            + self.documents.capacity() * size_of::<Document>()
    }

    /// Lists the terms of a text under a slot.
    fn index(&mut self, slot: u32, text: &str) -> (Document, Cues) {
        let folded = fold::fold(text);
        let tokens = Tokens::of(&folded);
        let language = language::detect(&tokens, Languages::ALL);
        let first = tokens.iter().next().filter(|first| {
            matches!(first, Token::Word(_)) && !language::is_stop_word(*first, language)
        });
        let first = first.map(|first| self.keyed.hash_one(&*language::stem(first, language)));
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
        let document = Document {
            terms: terms.into_boxed_slice(),
            length,
            language,
        };
        (document, Cues::of(text, first))
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
