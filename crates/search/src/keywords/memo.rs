//! What was found out about words, for when they come again.
//!
//! Half of what people write is a few hundred words, so of a hundred words that a load
//! takes in, most were stemmed a moment ago. A word is known here by its keyed hash
//! alone; no more words are known than fit, and a newer one takes the place of an older.

use super::language::{Language, Languages};

/// Words known at once: as many as most people use.
const MOST: usize = 1 << 15;
const FIRST: usize = 1 << 9;

/// What is known of one word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The keyed hash of the word as it is written.
    pub(super) word: u64,
    /// The hash of its stem, with the language whose stemmer made it.
    pub(super) term: Option<(Language, u64)>,
    /// The languages in which it is too frequent to tell anything.
    pub(super) stops: Languages,
    /// Whether a date may have this word in it.
    pub(super) dates: bool,
}

/// Words with what is known of them. It serves the key under which it was filled.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// By the lowest bits of the hash; empty when nothing is to be remembered.
    places: Vec<Option<Known>>,
    /// Since there were so many places.
    noted: usize,
}

impl Memo {
    /// Remembers words.
    pub(crate) fn new() -> Self {
        Self {
            places: vec![None; FIRST],
            noted: 0,
        }
    }

    /// Remembers nothing.
    pub(crate) fn forgetful() -> Self {
        Self::default()
    }

    pub(super) fn get(&self, word: u64) -> Option<Known> {
        let place = word as usize & self.places.len().wrapping_sub(1);
        let known = self.places.get(place).copied().flatten();
        known.filter(|known| known.word == word)
    }

    pub(super) fn note(&mut self, known: Known) {
        if self.places.is_empty() {
            return;
        }
        if self.noted >= self.places.len() && self.places.len() < MOST {
            let larger = vec![None; 4 * self.places.len()];
            let all = std::mem::replace(&mut self.places, larger);
            all.into_iter().flatten().for_each(|known| self.put(known));
            self.noted = 0;
        }
        self.put(known);
        self.noted += 1;
    }

    fn put(&mut self, known: Known) {
        let place = known.word as usize & (self.places.len() - 1);
        self.places[place] = Some(known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(word: u64) -> Known {
        Known {
            word,
            term: Some((Language::English, word + 1)),
            stops: Languages::ALL,
            dates: true,
        }
    }

    #[test]
    fn a_word_is_known_until_another_takes_its_place() {
        let mut memo = Memo::new();
        assert!(memo.get(7).is_none());
        memo.note(known(7));
        assert_eq!(memo.get(7).and_then(|known| known.term), known(7).term);
        let same_place = 7 + MOST as u64;
        assert!(memo.get(same_place).is_none());
        memo.note(known(same_place));
        assert!(memo.get(7).is_none() && memo.get(same_place).is_some());
    }

    #[test]
    fn it_grows_with_what_there_is_to_know_and_no_further_than_its_bound() {
        let mut memo = Memo::new();
        (0..1000).for_each(|word| memo.note(known(word)));
        assert!((0..1000).all(|word| memo.get(word).is_some()));
        (0..4 * MOST as u64).for_each(|word| memo.note(known(word)));
        assert_eq!(memo.places.len(), MOST);
    }

    #[test]
    fn nothing_is_remembered_where_nothing_is_to_be() {
        let mut memo = Memo::forgetful();
        memo.note(known(7));
        assert!(memo.get(7).is_none());
    }
}
