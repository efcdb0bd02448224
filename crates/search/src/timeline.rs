//! What the time at which memories were written tells: those of one conversation
//! speak of the same things.
//!
//! Two things are lent. Neighbours, the memory before and the one after, lend a
//! little: a remark is understood by the one before it, and what follows a question
//! is its answer. And all of an occasion (a run of memories without a long pause)
//! profit from the best of them: where one fits, the others are nearer to what is
//! asked than those of another day. Only candidates lend, and only to candidates.

use std::{mem::size_of, sync::OnceLock};

use crate::{
    Ranking,
    candidates::Candidates,
    slots::{Outline, Slots},
};

/// Microseconds.
const MINUTE: f32 = 60_000_000.0;

/// The slots of a partition in the order in which their memories were written.
#[derive(Default)]
pub(crate) struct Timeline {
    /// Made by a query when there is none.
    order: OnceLock<Vec<u32>>,
}

impl Timeline {
    /// Takes in a slot that is among `slots`.
    pub(crate) fn insert(&mut self, slot: u32, slots: &Slots) {
        let Some(order) = self.order.get_mut() else {
            return;
        };
        let at = position(order, slots, slot);
        order.insert(at, slot);
    }

    /// Takes out a slot that is among `slots` as it was when it came in.
    pub(crate) fn remove(&mut self, slot: u32, slots: &Slots) {
        if let Some(order) = self.order.get_mut() {
            order.remove(position(order, slots, slot));
        }
    }

    /// Gives a slot that is among `slots` another number.
    pub(crate) fn renumber(&mut self, from: u32, to: u32, slots: &Slots) {
        if let Some(order) = self.order.get_mut() {
            let at = position(order, slots, from);
            order[at] = to;
        }
    }

    /// Adds to the values of the candidates, by slot, what they lend each other.
    pub(crate) fn lend(
        &self,
        values: &mut [f32],
        slots: &Slots,
        candidates: &Candidates,
        ranking: &Ranking,
    ) {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..slots.len() as u32).collect();
            order.sort_unstable_by_key(|slot| slots.written(*slot as usize));
            order
        });
        let mut lending = Lending::new(values, order, candidates, ranking);
        for (place, slot) in order.iter().enumerate() {
            if candidates.admits(*slot) {
                lending.next(place, *slot, slots.outline(*slot as usize));
            }
        }
        lending.end();
    }

    /// Returns the bytes that the order takes of so many slots.
    pub(crate) fn bytes(slots: usize) -> usize {
        slots * size_of::<u32>()
    }
}

/// Where a slot is, or would be, in the order.
fn position(order: &[u32], slots: &Slots, slot: u32) -> usize {
    let own = slots.written(slot as usize);
    let written = |slot: &u32| slots.written(*slot as usize);
    // Nearly always it is the newest.
    if order.last().is_none_or(|last| written(last) < own) {
        return order.len();
    }
    order.partition_point(|other| written(other) < own)
}

/// Goes once through the candidates in the order of time. The values of an occasion
/// are changed a second time as soon as it ends, when they are still at hand.
///
/// What came in at the same instant (an import, a batch) was not said one after the
/// other: such memories are no neighbours. One without a neighbour lends to itself, or
/// standing alone would count against it.
struct Lending<'a> {
    values: &'a mut [f32],
    order: &'a [u32],
    candidates: &'a Candidates,
    ranking: &'a Ranking,
    /// The longest pauses within which memories are neighbours, and of one occasion, in
    /// microseconds.
    neighbour: i64,
    pause: i64,
    previous: Option<Written>,
    /// Where in the order the present occasion begins.
    began: usize,
    /// The best value on it, but for the previous memory's.
    best: f32,
}

/// A memory that may lend to the next one.
#[derive(Clone, Copy)]
struct Written {
    slot: u32,
    at: i64,
    /// What it is worth by itself, and with what was lent to it so far.
    own: f32,
    value: f32,
    is_question: bool,
}

impl<'a> Lending<'a> {
    fn new(
        values: &'a mut [f32],
        order: &'a [u32],
        candidates: &'a Candidates,
        ranking: &'a Ranking,
    ) -> Self {
        Self {
            values,
            order,
            candidates,
            ranking,
            neighbour: (ranking.neighbour_minutes * MINUTE) as i64,
            pause: (ranking.occasion_minutes * MINUTE) as i64,
            previous: None,
            began: 0,
            best: f32::NEG_INFINITY,
        }
    }

    fn next(&mut self, place: usize, slot: u32, outline: &Outline) {
        let own = self.values[slot as usize];
        let mut next = Written {
            slot,
            at: outline.created_at.micros(),
            own,
            value: own + self.ranking.lent_by_previous * own,
            is_question: outline.is_question,
        };
        if let Some(before) = self.previous {
            let pause = next.at.saturating_sub(before.at);
            let are_neighbours = pause > 0 && pause <= self.neighbour;
            if are_neighbours {
                let share = if before.is_question {
                    self.ranking.lent_by_question
                } else {
                    self.ranking.lent_by_previous
                };
                next.value = own + share * before.own;
            }
            self.settle(before, if are_neighbours { own } else { before.own });
            if pause > self.pause {
                self.end_occasion(place);
            }
        }
        self.previous = Some(next);
    }

    fn end(mut self) {
        if let Some(last) = self.previous {
            self.settle(last, last.own);
        }
        // On one single occasion all would gain the same.
        if self.began > 0 {
            self.end_occasion(self.order.len());
        }
    }

    /// Adds to a memory what the next one lends.
    fn settle(&mut self, memory: Written, next: f32) {
        let value = memory.value + self.ranking.lent_by_next * next;
        self.values[memory.slot as usize] = value;
        self.best = self.best.max(value);
    }

    fn end_occasion(&mut self, end: usize) {
        let gain = self.ranking.lent_by_occasion * self.best;
        for slot in &self.order[self.began..end] {
            if self.candidates.admits(*slot) {
                self.values[*slot as usize] += gain;
            }
        }
        self.began = end;
        self.best = f32::NEG_INFINITY;
    }
}
