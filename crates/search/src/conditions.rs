//! What a memory must be like to be found, apart from who asks.
//!
//! Dates and permissions are decided before anything is scored. So are phrases and
//! excluded words as far as keyed hashes of stems can tell: which memories hold
//! all words of a phrase is known here, in which order only the text can tell. The
//! owner of the texts reads the [`Partition::doubtful`] ones and says with
//! [`Conditions::refuse`] which of them do not hold; [`Conditions::hold_in`] is how
//! to tell.

use std::collections::BTreeSet;

use picard_domain::{Instant, MemoryId, Permission};

use crate::{
    Partition, Query,
    keywords::{Keywords, Needs, Phrase, Search, Units, fold},
};

/// Conditions that all hold of every hit.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    pub(crate) phrases: Vec<Phrase>,
    pub(crate) excluded: Vec<Phrase>,
    created_before: Option<Instant>,
    created_after: Option<Instant>,
    permissions: Vec<Permission>,
    refused: BTreeSet<MemoryId>,
}

impl Conditions {
    /// Conditions that every memory meets.
    pub fn none() -> &'static Self {
        static NONE: Conditions = Conditions {
            phrases: Vec::new(),
            excluded: Vec::new(),
            created_before: None,
            created_after: None,
            permissions: Vec::new(),
            refused: BTreeSet::new(),
        };
        &NONE
    }

    /// Tells whether anything must hold at all.
    pub fn any(&self) -> bool {
        self.need_texts()
            || self.created_before.is_some()
            || self.created_after.is_some()
            || !self.permissions.is_empty()
            || !self.refused.is_empty()
    }

    /// Tells whether only a memory's text can say if it meets them.
    pub fn need_texts(&self) -> bool {
        !self.phrases.is_empty() || !self.excluded.is_empty()
    }

    /// Tells whether a text holds every phrase, and nothing that is excluded.
    ///
    /// Words are compared as whole words without regard to case, width and what
    /// stands between them; other forms of a word are other words. In scripts without
    /// spaces every character counts as a word.
    pub fn hold_in(&self, text: &str) -> bool {
        if !self.need_texts() {
            return true;
        }
        let folded = fold(text);
        let phrases = self.phrases.iter().chain(&self.excluded);
        let found = Search::of(phrases).found_in(&Units::of(&folded));
        let (wanted, excluded) = found.split_at(self.phrases.len());
        wanted.iter().all(|found| *found) && !excluded.contains(&true)
    }

    /// How many phrases and excluded words there are, and how many words in all of them.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let phrases = self.phrases.iter().chain(&self.excluded);
        phrases.fold((0, 0), |(count, words), phrase| {
            (count + 1, words + phrase.words())
        })
    }

    /// Leaves a memory out, whatever else is known of it.
    pub fn refuse(&mut self, memory: MemoryId) {
        self.refused.insert(memory);
    }

    /// Only memories stored before this instant.
    pub(crate) fn before(&mut self, end: Instant) {
        let earlier = self.created_before.is_none_or(|old| end < old);
        self.created_before = if earlier {
            Some(end)
        } else {
            self.created_before
        };
    }

    /// Only memories stored at this instant or later.
    pub(crate) fn after(&mut self, start: Instant) {
        self.created_after = self.created_after.max(Some(start));
    }

    /// Only memories of this permission; of none when there is another already.
    pub(crate) fn permission(&mut self, permission: Permission) {
        if !self.permissions.contains(&permission) {
            self.permissions.push(permission);
        }
    }

    /// Tells whether a memory is a candidate as far as its row can tell.
    pub fn admit(&self, id: MemoryId, permission: Permission, created: Instant) -> bool {
        self.created_before.is_none_or(|end| created < end)
            && self.created_after.is_none_or(|start| created >= start)
            && self.permissions.iter().all(|wanted| *wanted == permission)
            && !self.refused.contains(&id)
    }

    /// The hashes of the words that a slot must have to hold all phrases.
    pub(crate) fn needs(&self, keywords: &Keywords) -> Vec<Needs> {
        let phrases = self.phrases.iter();
        phrases.map(|phrase| keywords.needs(phrase)).collect()
    }
}

impl Partition {
    /// Returns those candidates of a query of which only the text can tell whether
    /// they meet its conditions, in no particular order; nothing when there are more
    /// than `most`.
    pub fn doubtful(&self, query: &Query<'_>, most: usize) -> Option<Vec<MemoryId>> {
        let conditions = query.conditions;
        if !conditions.need_texts() {
            return Some(Vec::new());
        }
        let excluded = conditions.excluded.iter();
        let excluded: Vec<Needs> = excluded.map(|phrase| self.keywords.needs(phrase)).collect();
        let candidates = self.candidates(query);
        let may_hold = |slot: &usize| {
            let holds = |needs: &Needs| self.keywords.may_hold(*slot, needs);
            !conditions.phrases.is_empty() || excluded.iter().any(holds)
        };
        let doubtful = candidates
            .iter()
            .filter(may_hold)
            .take(most.saturating_add(1));
        let ids: Vec<MemoryId> = doubtful.map(|slot| self.slots[slot].id).collect();
        (ids.len() <= most).then_some(ids)
    }
}
