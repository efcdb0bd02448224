//! One entry of the inverted index.

use smallvec::SmallVec;

/// The postings of a term, by slot. Most terms occur a few times: as many postings as
/// the bookkeeping of a longer list takes have their place in the table.
pub(super) type List = SmallVec<[Posting; 4]>;

/// A slot and how often the term occurs in it, up to 255 times, in 4 bytes: the
/// slot is in front, so that postings sort by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting(u32);

impl Posting {
    pub(super) fn new(slot: u32, count: u8) -> Self {
        Self(slot << 8 | u32::from(count))
    }

    pub(super) fn slot(self) -> u32 {
        self.0 >> 8
    }

    pub(super) fn count(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

/// Returns where a slot is in a list.
pub(super) fn find(list: &[Posting], slot: u32) -> Option<usize> {
    list.binary_search_by_key(&slot, |posting| posting.slot())
        .ok()
}
