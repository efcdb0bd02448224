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
    keywords::Matches,
    occasions::{Occasion, by_words},
    slots::Slots,
};

/// Microseconds.
const MINUTE: f32 = 60_000_000.0;

/// The slots of a partition in the order in which their memories were written.
#[derive(Default)]
pub(crate) struct Timeline {
    /// Made by a query when there is none.
    order: OnceLock<Vec<u32>>,
    /// How many places were moved since to make room and to close gaps.
    moved: usize,
}

impl Timeline {
    /// Moving every place so many times costs about what sorting does.
    const MOVES: usize = 32;

    /// Takes in a slot that is among `slots`.
    pub(crate) fn insert(&mut self, slot: u32, slots: &Slots) {
        if let Some(order) = self.order.get_mut() {
            let at = position(order, slots, slot);
            order.insert(at, slot);
            let behind = order.len() - at - 1;
            self.count(behind);
        }
    }

    /// Takes out a slot that is among `slots` as it was when it came in.
    pub(crate) fn remove(&mut self, slot: u32, slots: &Slots) {
        if let Some(order) = self.order.get_mut() {
            let at = position(order, slots, slot);
            order.remove(at);
            let behind = order.len() - at;
            self.count(behind);
        }
    }

    /// Lets go of the order when very much was put into its middle, as an import of old
    /// memories does: whoever asks next makes it at once.
    fn count(&mut self, moved: usize) {
        self.moved += moved;
        let places = self.order.get().map_or(0, Vec::len);
        if self.moved > Self::MOVES * places.max(1_024) {
            *self = Self::default();
        }
    }

    /// Gives a slot that is among `slots` another number.
    pub(crate) fn renumber(&mut self, from: u32, to: u32, slots: &Slots) {
        if let Some(order) = self.order.get_mut() {
            let at = position(order, slots, from);
            order[at] = to;
        }
    }

    /// Adds to the values of the candidates, by slot, what they lend each other, and what
    /// they gain by holding the words of the query together.
    pub(crate) fn lend(
        &self,
        values: &mut [f32],
        slots: &Slots,
        candidates: &Candidates,
        matches: &Matches<'_>,
        ranking: &Ranking,
    ) {
        let order = self.order.get_or_init(|| {
            let mut order: Vec<u32> = (0..slots.len() as u32).collect();
            order.sort_unstable_by_key(|slot| slots.written(*slot as usize));
            order
        });
        let places = order.iter().copied().enumerate();
        let occasions = if candidates.count() == candidates.slots() {
            lend_to_neighbours(values, places, slots, ranking)
        } else {
            let places = places.filter(|(_, slot)| candidates.admits(*slot));
            lend_to_neighbours(values, places, slots, ranking)
        };
        let end = order.len();
        let ends = occasions.iter().skip(1).map(|next| next.from).chain([end]);
        let places = occasions.iter().zip(ends);
        let places = places.map(|(occasion, end)| &order[occasion.from..end]);
        // On one single occasion all would gain the same.
        if occasions.len() > 1 {
            for slots in places.clone() {
                let best = best_of(values, slots, candidates);
                add(values, slots, candidates, ranking.lent_by_occasion * best);
            }
        }
        if occasions.len() < 2 || !matches.any() || ranking.words_of_occasion == 0.0 {
            return;
        }
        let written = |slot: u32| slots.outline(slot as usize).created_at.micros();
        let fit = by_words(&occasions, matches, candidates, written, ranking);
        for (slots, fit) in places.zip(fit) {
            if fit > 0.0 {
                add(values, slots, candidates, ranking.words_of_occasion * fit);
            }
        }
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

/// Adds to the values of the candidates what the one before and the one after lend, and
/// returns all occasions.
///
/// What came in at the same instant (an import, a batch) was not said one after the
/// other: such memories are no neighbours. One without a neighbour lends to itself, or
/// standing alone would count against it.
fn lend_to_neighbours(
    values: &mut [f32],
    mut places: impl Iterator<Item = (usize, u32)>,
    slots: &Slots,
    ranking: &Ranking,
) -> Vec<Occasion> {
    let Ranking {
        lent_by_previous,
        lent_by_next,
        lent_by_question,
        ..
    } = *ranking;
    let neighbour = (ranking.neighbour_minutes * MINUTE) as i64;
    let pause = (ranking.occasion_minutes * MINUTE) as i64;
    let written = |slot: u32, values: &[f32]| {
        let outline = slots.outline(slot as usize);
        let own = values[slot as usize];
        Written {
            slot,
            at: outline.created_at.micros(),
            own,
            value: own + lent_by_previous * own,
            is_question: outline.is_question,
        }
    };
    let Some((from, slot)) = places.next() else {
        return Vec::new();
    };
    let mut before = written(slot, values);
    let at = before.at;
    let mut occasions = vec![Occasion { from, at }];
    for (from, slot) in places {
        let mut next = written(slot, values);
        let since = next.at.saturating_sub(before.at);
        let mut lends = before.own;
        if since > 0 && since <= neighbour {
            let share = if before.is_question {
                lent_by_question
            } else {
                lent_by_previous
            };
            next.value = next.own + share * before.own;
            lends = next.own;
        }
        values[before.slot as usize] = before.value + lent_by_next * lends;
        if since > pause {
            let at = next.at;
            occasions.push(Occasion { from, at });
        }
        before = next;
    }
    values[before.slot as usize] = before.value + lent_by_next * before.own;
    occasions
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

/// Returns the highest value of some candidates.
fn best_of(values: &[f32], slots: &[u32], candidates: &Candidates) -> f32 {
    let mut best = f32::NEG_INFINITY;
    for slot in slots {
        // Seldom so, and no comparison waits for the one before.
        if values[*slot as usize] > best && candidates.admits(*slot) {
            best = values[*slot as usize];
        }
    }
    best
}

/// Adds to the values of some candidates.
fn add(values: &mut [f32], slots: &[u32], candidates: &Candidates, gain: f32) {
    for slot in slots {
        if candidates.admits(*slot) {
            values[*slot as usize] += gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};
    use uuid::Uuid;

    use super::Timeline;
    use crate::{Conditions, Entry, Partition, Query, Ranking};

    fn put(partition: &mut Partition, n: u128, minute: i64) {
        let entry = Entry {
            text: "tea",
            vectors: &[],
            permission: Permission::Private,
            expires: None,
            created_at: Instant::from_micros(minute * 60_000_000),
        };
        partition.upsert(MemoryId::from_uuid(Uuid::from_u128(n)), entry);
    }

    fn ask(partition: &Partition) {
        partition.query(&Query {
            text: "tea",
            vector: &[],
            filter: MemoryFilter::default(),
            conditions: Conditions::none(),
            now: Instant::from_micros(0),
            limit: 1,
            ranking: &Ranking::PRODUCT,
        });
    }

    #[test]
    fn what_is_written_now_goes_to_the_end_and_very_much_of_the_past_is_sorted_once() {
        let mut partition = Partition::new(2);
        ask(&partition);
        for n in 0..2_000 {
            put(&mut partition, n, n as i64);
        }
        let has_order = |partition: &Partition| partition.timeline.order.get().is_some();
        assert!(has_order(&partition) && partition.timeline.moved == 0);
        for n in 0..2 * Timeline::MOVES as u128 {
            put(&mut partition, 10_000 + n, -(n as i64));
        }
        assert!(!has_order(&partition));
        ask(&partition);
        let order = partition.timeline.order.get().expect("a query made it");
        assert_eq!(order.len(), 2_000 + 2 * Timeline::MOVES);
        assert!(order.is_sorted_by_key(|slot| partition.slots.written(*slot as usize)));
    }
}
