//! A few memories that say much: each of them adds something to the others.
//!
//! To a question: maximal marginal relevance (Carbonell and Goldstein 1998). One
//! after the other that memory is taken whose relevance, less its likeness to those
//! taken before, is highest. What is taken is returned in the order of relevance.
//!
//! The same text is taken twice only when there is no other left.
//!
//! Of a person: greedy facility location (Krause and Golovin 2014). One after the
//! other that memory is taken which stands for most of what no other stands for yet:
//! the first for what most memories are about, the next for the next subject. Of many
//! memories a sample decides, so that the work is bounded.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use picard_domain::{Instant, MemoryId};
use simsimd::SpatialSimilarity;

use crate::{Hit, Partition, Query, candidates::Candidates, centre::Sum, keywords::Keyed};

/// What relevance counts against likeness, from 0 to 1.
const RELEVANCE: f32 = 0.6;

/// The most relevant memories, of which the set is made: so many times the limit,
const POOL_FACTOR: usize = 3;
/// but no fewer than these.
const POOL_LEAST: usize = 64;

/// Memories of which those are taken that stand for a person.
const SAMPLE: usize = 2_048;
/// Memories that they are to stand for.
const STOOD_FOR: usize = 512;

/// Texts of more different words are compared by their meaning alone: of long ones all
/// words would be looked at for each pair.
const MOST_WORDS: usize = 128;

/// So many pairs tell as much about how alike unrelated memories are as the model's
/// own figure.
const PRIOR: f32 = 8.0;

impl Partition {
    /// Returns memories that answer the query well and differ from each other, in the
    /// order of [`Self::query`]; just those when no more pass than the limit.
    pub fn cover(&self, query: &Query<'_>) -> Vec<Hit> {
        let most = query.limit.saturating_mul(POOL_FACTOR).max(POOL_LEAST);
        let mut pool = self.of_different_texts(query, most);
        if pool.len() <= query.limit || query.asks_nothing() {
            pool.truncate(query.limit);
            return pool;
        }
        let slots = pool.iter().map(|hit| self.by_id[&hit.id] as usize);
        let points = self.points(slots, query.vector);
        let relevance: Vec<f32> = pool.iter().map(|hit| hit.score).collect();
        let mut taken = marginal(&relevance, query.limit, |a, b| points.likeness(a, b));
        taken.sort_unstable();
        taken.into_iter().map(|at| pool[at]).collect()
    }

    /// Returns memories that together tell most about the person, the most telling
    /// first; the newest when there are no vectors. The query's words do not count.
    pub fn telling(&self, query: &Query<'_>) -> Vec<MemoryId> {
        let candidates = self.candidates(query);
        let newest = |slot: usize| self.age(slot);
        let of_text = self.newest_of_each_text(&candidates);
        let is_newest = |slot: usize| of_text[&self.slots[slot].text] == slot;
        let mut taken = if candidates.count() <= query.limit {
            Vec::new()
        } else {
            let with_vector = candidates
                .iter()
                .filter(|slot| is_newest(*slot))
                .filter(|slot| self.vectors.each(self.slots[*slot].rows).next().is_some());
            let sample = sample(with_vector.map(|slot| (self.slots[slot].id, slot)));
            let points = self.points(sample.iter().copied(), &[]);
            let places = points.all();
            let age: Vec<_> = sample.iter().map(|slot| newest(*slot)).collect();
            let picked = standing_for_most(&places, &age, query.limit);
            picked.into_iter().map(|at| sample[at]).collect()
        };
        if taken.len() < query.limit {
            let known: HashSet<usize> = taken.iter().copied().collect();
            let mut others: Vec<usize> = candidates
                .iter()
                .filter(|slot| !known.contains(slot))
                .collect();
            others.sort_unstable_by_key(|slot| Reverse((is_newest(*slot), newest(*slot))));
            taken.extend(others.into_iter().take(query.limit - taken.len()));
        }
        taken.into_iter().map(|slot| self.slots[slot].id).collect()
    }

    fn newest_of_each_text(&self, candidates: &Candidates) -> HashMap<u64, usize, Keyed> {
        let mut of_text = HashMap::<u64, usize, Keyed>::default();
        for slot in candidates.iter() {
            let newest = of_text.entry(self.slots[slot].text).or_insert(slot);
            if self.age(slot) > self.age(*newest) {
                *newest = slot;
            }
        }
        of_text
    }

    fn age(&self, slot: usize) -> (Instant, MemoryId) {
        self.slots.written(slot)
    }

    /// Takes one vector of each memory, that which is closest to `towards`, and else
    /// that of its beginning.
    fn points(&self, slots: impl Iterator<Item = usize>, towards: &[f32]) -> Points<'_> {
        let dot = |row: &[i8]| -> f32 {
            let pairs = row.iter().zip(towards);
            pairs.map(|(code, x)| f32::from(*code) * x).sum()
        };
        let point = |slot: usize| {
            let rows = self.vectors.each(self.slots[slot].rows);
            let closest = rows.reduce(|best, row| {
                if dot(row.0) * row.1 > dot(best.0) * best.1 {
                    row
                } else {
                    best
                }
            });
            Point {
                row: closest,
                terms: self.keywords.terms(slot),
            }
        };
        Points::new(slots.map(point).collect(), self.closeness.unrelated)
    }
}

/// A memory as it is compared with others.
struct Point<'a> {
    row: Option<(&'a [i8], f32)>,
    terms: &'a [u64],
}

struct Points<'a> {
    points: Vec<Point<'a>>,
    /// The cosine of two of them that have nothing to do with each other.
    unrelated: f32,
}

impl<'a> Points<'a> {
    /// Most pairs have nothing to do with each other, so their mean cosine tells what
    /// that is, the more of them there are.
    fn new(points: Vec<Point<'a>>, unrelated: f32) -> Self {
        let mut sum = Sum::default();
        let rows = points.iter().filter_map(|point| point.row);
        let rows = rows.filter(|(_, scale)| *scale > 0.0);
        let mut n = 0.0_f32;
        for row in rows {
            sum.add(std::iter::once(row));
            n += 1.0;
        }
        let unrelated = if n < 2.0 {
            unrelated
        } else {
            // Of all pairs, each with itself left out.
            let mean = (n * n * sum.mean_squared() - n) / (n * (n - 1.0));
            (PRIOR * unrelated + n * mean) / (PRIOR + n)
        };
        Self { points, unrelated }
    }

    /// How much two memories say the same: 0 when they have nothing to do with each
    /// other, 1 when all their words or their meaning are the same.
    ///
    /// Squared, so that it is to say the same twice that counts, and hardly to be about
    /// the same.
    fn likeness(&self, a: usize, b: usize) -> f32 {
        let (a, b) = (&self.points[a], &self.points[b]);
        let by_meaning = match (a.row, b.row) {
            (Some((a, a_scale)), Some((b, b_scale))) => {
                let dot = i8::dot(a, b).expect("both are of the partition's dimensions");
                let cosine = dot as f32 * a_scale * b_scale;
                ((cosine - self.unrelated) / (1.0 - self.unrelated)).clamp(0.0, 1.0)
            }
            _ => 0.0,
        };
        by_meaning.max(shared(a.terms, b.terms, by_meaning)).powi(2)
    }

    /// The likeness of every point to the first [`STOOD_FOR`], in 255 steps.
    fn all(&self) -> Vec<Vec<u8>> {
        let to = self.points.len().min(STOOD_FOR);
        let likeness = |a: usize| (0..to).map(move |b| self.likeness(a, b));
        let steps = |likeness: f32| (likeness * 255.0).round() as u8;
        let row = |a: usize| likeness(a).map(steps).collect();
        (0..self.points.len()).map(row).collect()
    }
}

/// The share of the words of both that both have (Jaccard), both sorted. Nothing is
/// counted when it cannot be over `least`, or of texts of very many words.
fn shared(a: &[u64], b: &[u64], least: f32) -> f32 {
    let (fewer, more) = (a.len().min(b.len()), a.len().max(b.len()));
    if fewer == 0 || more > MOST_WORDS || fewer as f32 <= least * more as f32 {
        return 0.0;
    }
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        both += usize::from(a[i] == b[j]);
        (i, j) = (i + usize::from(a[i] <= b[j]), j + usize::from(a[i] >= b[j]));
    }
    both as f32 / (a.len() + b.len() - both) as f32
}

/// Takes so many by maximal marginal relevance; equals in the order given.
fn marginal(relevance: &[f32], limit: usize, likeness: impl Fn(usize, usize) -> f32) -> Vec<usize> {
    let mut left: Vec<(usize, f32)> = (0..relevance.len()).map(|at| (at, 0.0)).collect();
    let mut taken = Vec::new();
    while taken.len() < limit {
        let value =
            |(at, alike): &(usize, f32)| RELEVANCE * relevance[*at] - (1.0 - RELEVANCE) * alike;
        let best = (0..left.len()).reduce(|best, next| {
            if value(&left[next]) > value(&left[best]) {
                next
            } else {
                best
            }
        });
        let Some(best) = best else { break };
        // In place: the order decides between equals.
        let (at, _) = left.remove(best);
        for (other, alike) in &mut left {
            *alike = alike.max(likeness(*other, at));
        }
        taken.push(at);
    }
    taken
}

/// Takes those that stand for most, as long as each stands for something that no
/// other does; newer ones first between equals.
///
/// What one adds never grows while others are taken, so only those are counted again
/// that could still be the best (Minoux 1978).
fn standing_for_most(
    likeness: &[Vec<u8>],
    age: &[(Instant, MemoryId)],
    limit: usize,
) -> Vec<usize> {
    let mut stood_for = vec![0_u8; likeness.first().map_or(0, Vec::len)];
    let adds = |at: usize, stood_for: &[u8]| -> u32 {
        let pairs = likeness[at].iter().zip(stood_for);
        pairs
            .map(|(new, old)| u32::from(new.saturating_sub(*old)))
            .sum()
    };
    let all = 0..likeness.len();
    let mut heap: BinaryHeap<_> = all.map(|at| (adds(at, &stood_for), age[at], at)).collect();
    let mut taken = Vec::new();
    while taken.len() < limit {
        let Some((_, when, at)) = heap.pop() else {
            break;
        };
        let now = adds(at, &stood_for);
        if now == 0 {
            continue;
        }
        if heap
            .peek()
            .is_some_and(|next| (next.0, next.1) > (now, when))
        {
            heap.push((now, when, at));
            continue;
        }
        for (old, new) in stood_for.iter_mut().zip(&likeness[at]) {
            *old = (*old).max(*new);
        }
        taken.push(at);
    }
    taken
}

/// Takes [`SAMPLE`] slots by a hash of their ids, in its order: each memory as likely
/// as any other, the same ones whatever the order, and hardly others after a write.
fn sample(memories: impl Iterator<Item = (MemoryId, usize)>) -> Vec<usize> {
    let hashed = memories.map(|(id, slot)| (mixed(id), id, slot));
    let mut all: Vec<(u64, MemoryId, usize)> = hashed.collect();
    if all.len() > SAMPLE {
        all.select_nth_unstable(SAMPLE);
        all.truncate(SAMPLE);
    }
    all.sort_unstable();
    all.into_iter().map(|(.., slot)| slot).collect()
}

/// Spreads ids, which are ordered by time, over all numbers (`SplitMix64`).
fn mixed(id: MemoryId) -> u64 {
    let (high, low) = id.uuid().as_u64_pair();
    let mut x = high ^ low.rotate_left(32);
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests;
