//! What the time at which memories were written tells: those of one conversation
//! speak of the same things.
//!
//! Two things are lent. Neighbours, the memory before and the one after, lend a
//! little: a remark is understood by the one before it, and what follows a question
//! is its answer. And all of an occasion (a run of memories without a long pause)
//! profit from the best of them: where one fits, the others are nearer to what is
//! asked than those of another day. Only candidates lend, and only to candidates.

use std::{mem::size_of, sync::OnceLock};

use picard_domain::{Instant, MemoryId};

use crate::{Ranking, partition::Slot, query::Candidates};

/// Microseconds.
const MINUTE: f32 = 60_000_000.0;

/// The slots of a partition in the order in which their memories were written.
#[derive(Default)]
pub(crate) struct Timeline {
    /// Made at the first query: a partition is loaded in another order.
    order: OnceLock<Vec<u32>>,
}

impl Timeline {
    /// Takes in a slot that is among `slots`.
    pub(crate) fn insert(&mut self, slot: u32, slots: &[Slot]) {
        let Some(order) = self.order.get_mut() else {
            return;
        };
        let at = position(order, slots, slot);
        order.insert(at, slot);
    }

    /// Takes out a slot that is among `slots` as it was when it came in.
    pub(crate) fn remove(&mut self, slot: u32, slots: &[Slot]) {
        if let Some(order) = self.order.get_mut() {
            order.remove(position(order, slots, slot));
        }
    }

    /// Gives a slot that is among `slots` another number.
    pub(crate) fn renumber(&mut self, from: u32, to: u32, slots: &[Slot]) {
        if let Some(order) = self.order.get_mut() {
            let at = position(order, slots, from);
            order[at] = to;
        }
    }

    /// Adds to the values of the candidates, by slot, what they lend each other.
    pub(crate) fn lend(
        &self,
        values: &mut [f32],
        slots: &[Slot],
        candidates: &Candidates,
        ranking: &Ranking,
    ) {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..slots.len() as u32).collect();
            order.sort_unstable_by_key(|slot| written(slots, *slot));
            order
        });
        let order = || {
            let order = order.iter().copied();
            order.filter(|slot| candidates.admits(*slot))
        };
        let pauses = neighbours(order(), values, slots, ranking);
        occasions(order(), values, &pauses, ranking.lent_by_occasion);
    }

    /// Returns the bytes that the order takes of so many slots.
    pub(crate) fn bytes(slots: usize) -> usize {
        slots * size_of::<u32>()
    }
}

fn written(slots: &[Slot], slot: u32) -> (Instant, MemoryId) {
    let memory = &slots[slot as usize];
    (memory.created_at, memory.id)
}

/// Where a slot is, or would be, in the order.
fn position(order: &[u32], slots: &[Slot], slot: u32) -> usize {
    let own = written(slots, slot);
    // Nearly always it is the newest.
    if order.last().is_none_or(|last| written(slots, *last) < own) {
        return order.len();
    }
    order.partition_point(|other| written(slots, *other) < own)
}

/// What came in at the same instant (an import, a batch) was not said one after the
/// other: such memories are no neighbours. One without a neighbour lends to itself, or
/// standing alone would count against it.
///
/// Returns the places in the order at which an occasion ends. (A slot is looked at but
/// once: reading them is what lending costs.)
fn neighbours(
    order: impl Iterator<Item = u32>,
    values: &mut [f32],
    slots: &[Slot],
    ranking: &Ranking,
) -> Vec<usize> {
    let longest = ranking.neighbour_minutes * MINUTE;
    let occasion = ranking.occasion_minutes * MINUTE;
    let mut ends = Vec::new();
    let mut previous: Option<Written> = None;
    for (place, slot) in order.enumerate() {
        let memory = &slots[slot as usize];
        let own = values[slot as usize];
        let mut lent = ranking.lent_by_previous * own;
        if let Some(before) = previous {
            let pause = memory.created_at.micros().saturating_sub(before.at) as f32;
            let mut back = before.value;
            if pause > 0.0 && pause <= longest {
                let share = if before.is_question {
                    ranking.lent_by_question
                } else {
                    ranking.lent_by_previous
                };
                lent = share * before.value;
                back = own;
            }
            values[before.slot as usize] += ranking.lent_by_next * back;
            if pause > occasion {
                ends.push(place);
            }
        }
        values[slot as usize] += lent;
        previous = Some(Written {
            slot,
            at: memory.created_at.micros(),
            value: own,
            is_question: memory.cues.is_question,
        });
    }
    if let Some(last) = previous {
        values[last.slot as usize] += ranking.lent_by_next * last.value;
    }
    ends
}

/// A memory that may lend to the next one.
#[derive(Clone, Copy)]
struct Written {
    slot: u32,
    at: i64,
    value: f32,
    is_question: bool,
}

fn occasions(order: impl Iterator<Item = u32>, values: &mut [f32], ends: &[usize], share: f32) {
    // On one single occasion all would gain the same.
    if ends.is_empty() {
        return;
    }
    let order: Vec<u32> = order.collect();
    let mut start = 0;
    for end in ends.iter().copied().chain([order.len()]) {
        let occasion = &order[start..end];
        let of = |slot: &u32| values[*slot as usize];
        let best = occasion.iter().map(of).fold(f32::NEG_INFINITY, f32::max);
        for slot in occasion {
            values[*slot as usize] += share * best;
        }
        start = end;
    }
}
