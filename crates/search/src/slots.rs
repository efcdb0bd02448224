//! What is known of each memory apart from its words and vectors, by slot.
//!
//! Of every memory a question reads the outline, and of a few the rest: so that they
//! are two tables, and the one that is read whole has 16 bytes for each memory.

use std::{
    mem::size_of,
    ops::{Index, IndexMut},
};

use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};

use crate::{
    cues::{Cues, Opening},
    dates::When,
    vectors::Rows,
};

/// What every question reads of a memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline {
    pub(crate) created_at: Instant,
    /// See [`Cues::opening`].
    pub(crate) opening: Option<Opening>,
    /// See [`Cues::is_question`].
    pub(crate) is_question: bool,
    pub(crate) permission: Permission,
    /// Whether it ever expires.
    expires: bool,
}

/// The rest, read of those memories that it matters for.
pub(crate) struct Slot {
    pub(crate) id: MemoryId,
    expires: Option<Instant>,
    pub(crate) when: When,
    pub(crate) rows: Rows,
    /// A keyed hash of the whole text: the same one twice says nothing new.
    pub(crate) text: u64,
}

/// A memory as it is put in its slot.
pub(crate) struct Described {
    pub(crate) id: MemoryId,
    pub(crate) created_at: Instant,
    pub(crate) permission: Permission,
    pub(crate) expires: Option<Instant>,
    pub(crate) cues: Cues,
    pub(crate) when: When,
    pub(crate) rows: Rows,
    pub(crate) text: u64,
}

/// All slots of a partition.
#[derive(Default)]
pub(crate) struct Slots {
    outlines: Vec<Outline>,
    rest: Vec<Slot>,
    /// How many never expire, by [`Permission`].
    lasting: [usize; 2],
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn outline(&self, slot: usize) -> &Outline {
        &self.outlines[slot]
    }

    pub(crate) fn outlines(&self) -> &[Outline] {
        &self.outlines
    }

    /// What the order of memories by time is: when, and of those of one instant by id.
    pub(crate) fn written(&self, slot: usize) -> (Instant, MemoryId) {
        (self.outlines[slot].created_at, self.rest[slot].id)
    }

    /// Tells by slot what a filter admits at an instant.
    pub(crate) fn admitted(&self, filter: MemoryFilter, now: Instant) -> impl Fn(usize) -> bool {
        let forever = [Permission::Private, Permission::Public]
            .map(|permission| filter.admits(permission, None, now));
        move |slot| {
            let outline = &self.outlines[slot];
            if outline.expires {
                filter.admits(outline.permission, self.rest[slot].expires, now)
            } else {
                forever[usize::from(outline.permission == Permission::Public)]
            }
        }
    }

    /// Tells without looking at each whether a filter admits all.
    pub(crate) fn admits_all(&self, filter: MemoryFilter, now: Instant) -> bool {
        let permissions = [Permission::Private, Permission::Public];
        let admitted = permissions.map(|permission| {
            let admits = filter.admits(permission, None, now);
            self.lasting[permission as usize] * usize::from(admits)
        });
        admitted.iter().sum::<usize>() == self.len()
    }

    pub(crate) fn push(&mut self, memory: Described) {
        let (outline, rest) = memory.split();
        self.count(&outline);
        self.outlines.push(outline);
        self.rest.push(rest);
    }

    pub(crate) fn replace(&mut self, slot: usize, memory: Described) {
        let (outline, rest) = memory.split();
        self.uncount(slot);
        self.count(&outline);
        (self.outlines[slot], self.rest[slot]) = (outline, rest);
    }

    /// Takes a memory out; the last one takes its slot.
    pub(crate) fn swap_remove(&mut self, slot: usize) -> (Outline, Slot) {
        self.uncount(slot);
        let gone = (self.outlines.swap_remove(slot), self.rest.swap_remove(slot));
        if self.rest.capacity() > 4 * self.rest.len().max(16) {
            self.shrink();
        }
        gone
    }

    pub(crate) fn shrink(&mut self) {
        self.outlines.shrink_to_fit();
        self.rest.shrink_to_fit();
    }

    fn count(&mut self, new: &Outline) {
        self.lasting[new.permission as usize] += usize::from(!new.expires);
    }

    fn uncount(&mut self, slot: usize) {
        let old = &self.outlines[slot];
        self.lasting[old.permission as usize] -= usize::from(!old.expires);
    }

    pub(crate) fn capacity(&self) -> usize {
        self.rest.capacity()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.outlines.capacity() * size_of::<Outline>() + self.rest.capacity() * size_of::<Slot>()
    }
}

impl Described {
    fn split(self) -> (Outline, Slot) {
        let Self {
            id,
            created_at,
            permission,
            expires,
            cues,
            when,
            rows,
            text,
        } = self;
        let outline = Outline {
            created_at,
            opening: cues.opening,
            is_question: cues.is_question,
            permission,
            expires: expires.is_some(),
        };
        let rest = Slot {
            id,
            expires,
            when,
            rows,
            text,
        };
        (outline, rest)
    }
}

impl Index<usize> for Slots {
    type Output = Slot;

    fn index(&self, slot: usize) -> &Slot {
        &self.rest[slot]
    }
}

impl IndexMut<usize> for Slots {
    fn index_mut(&mut self, slot: usize) -> &mut Slot {
        &mut self.rest[slot]
    }
}
