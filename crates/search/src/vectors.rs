//! The vectors of a partition: int8 rows with one scale each, scanned exactly.
//!
//! A memory owns one row per chunk of its text, all next to each other, and is
//! as close to a query as its closest row. Which memory that is, its filter and
//! its rank are decided elsewhere: here it is a slot number.

use std::hint::black_box;

use picard_domain::Permission;
use simsimd::SpatialSimilarity;

use crate::{candidates::Candidates, centre::Sum, signs::Signs};

/// The owner of a row whose memory is gone.
const NOBODY: u32 = u32::MAX;

/// So many rows are fetched together: they fit into the nearest cache.
pub(crate) const AT_ONCE: usize = 32;

/// What comes from main memory in one piece, in bytes.
const CACHE_LINE: usize = 64;

/// The cosine of a memory that has no vector.
pub(crate) const NO_VECTOR: f32 = f32::NEG_INFINITY;

/// Where the rows of one memory are. `first` means nothing when there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    first: u32,
    count: u32,
}

/// The vectors of one memory, rounded to the bytes that a partition keeps.
///
/// Rounding what was rounded before changes nothing, so these bytes may be
/// stored in the place of the vectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    dimensions: usize,
    codes: Vec<i8>,
}

impl Codes {
    /// Rounds vectors. Those that are not of so many dimensions are left out.
    pub fn of(vectors: &[Vec<f32>], dimensions: usize) -> Self {
        let mut codes = Vec::with_capacity(vectors.len() * dimensions);
        for vector in vectors {
            if dimensions > 0 && vector.len() == dimensions {
                quantise(vector, &mut codes);
            }
        }
        Self { dimensions, codes }
    }

    /// Takes vectors that were rounded before, one after the other; what is not a
    /// whole number of them is none.
    pub fn from_rounded(codes: Vec<i8>, dimensions: usize) -> Self {
        if dimensions > 0 && codes.len().is_multiple_of(dimensions) {
            Self { dimensions, codes }
        } else {
            Self::default()
        }
    }

    /// The vectors, one after the other.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[i8]> {
        self.codes.chunks_exact(self.dimensions.max(1))
    }
}

/// All rows of a partition, in one piece of memory.
pub(crate) struct Vectors {
    dimensions: usize,
    codes: Vec<i8>,
    scales: Vec<f32>,
    owners: Vec<u32>,
    freed: usize,
    /// For a first look, where the model is one whose bits tell enough.
    signs: Option<Signs>,
    /// Of the rows of each [`Permission`].
    sums: [Sum; 2],
}

impl Vectors {
    pub(crate) fn new(dimensions: usize, signs: Option<Signs>) -> Self {
        Self {
            dimensions,
            signs,
            codes: Vec::new(),
            scales: Vec::new(),
            owners: Vec::new(),
            freed: 0,
            sums: Default::default(),
        }
    }

    /// Appends the vectors of a memory. Those of other dimensions are of another
    /// model and cannot be compared: they are left out.
    pub(crate) fn push(&mut self, slot: u32, permission: Permission, vectors: &Codes) -> Rows {
        let first = self.owners.len();
        let count = if vectors.dimensions == self.dimensions {
            vectors.rows().len()
        } else {
            0
        };
        if count > 0 {
            // A quarter more instead of twice as much: rows are most of a partition.
            reserve(&mut self.codes, vectors.codes.len());
            reserve(&mut self.scales, count);
            reserve(&mut self.owners, count);
            self.codes.extend_from_slice(&vectors.codes);
            for row in vectors.rows() {
                let scale = scale(row);
                if let Some(signs) = &mut self.signs {
                    signs.push(row, scale);
                }
                self.scales.push(scale);
                self.owners.push(slot);
            }
        }
        let rows = Rows {
            first: first as u32,
            count: count as u32,
        };
        let mut sum = std::mem::take(&mut self.sums[permission as usize]);
        sum.add(self.each(rows));
        self.sums[permission as usize] = sum;
        rows
    }

    /// Gives back what was reserved for rows to come.
    pub(crate) fn shrink(&mut self) {
        self.codes.shrink_to_fit();
        self.scales.shrink_to_fit();
        self.owners.shrink_to_fit();
        if let Some(signs) = &mut self.signs {
            signs.shrink();
        }
    }

    /// Forgets rows: overwritten at once, given back when [`Self::compact`] says so.
    pub(crate) fn free(&mut self, rows: Rows, permission: Permission) {
        let (first, end) = rows.bounds();
        if first == end {
            return;
        }
        let mut sum = std::mem::take(&mut self.sums[permission as usize]);
        sum.subtract(self.each(rows));
        self.sums[permission as usize] = sum;
        if let Some(signs) = &mut self.signs {
            signs.clear(first..end);
        }
        if end == self.owners.len() {
            self.codes[first * self.dimensions..].fill(0);
            self.truncate(first);
        } else {
            self.codes[first * self.dimensions..end * self.dimensions].fill(0);
            self.owners[first..end].fill(NOBODY);
            self.freed += end - first;
        }
    }

    /// Hands rows to another slot.
    pub(crate) fn hand_over(&mut self, rows: Rows, slot: u32) {
        let (first, end) = rows.bounds();
        self.owners
            .iter_mut()
            .take(end)
            .skip(first)
            .for_each(|owner| *owner = slot);
    }

    /// Closes the gaps once they are a quarter of all rows, and tells `moved` where
    /// the rows of each slot are now.
    pub(crate) fn compact(&mut self, mut moved: impl FnMut(u32, Rows)) {
        if self.freed < 16 || self.freed * 4 < self.owners.len() {
            return;
        }
        let d = self.dimensions;
        let mut to = 0;
        let mut from = 0;
        while from < self.owners.len() {
            let owner = self.owners[from];
            let count = self.owners[from..]
                .iter()
                .take_while(|next| **next == owner)
                .count();
            if owner != NOBODY {
                self.codes.copy_within(from * d..(from + count) * d, to * d);
                self.scales.copy_within(from..from + count, to);
                self.owners.copy_within(from..from + count, to);
                if let Some(signs) = &mut self.signs {
                    signs.copy_within(from..from + count, to);
                }
                moved(
                    owner,
                    Rows {
                        first: to as u32,
                        count: count as u32,
                    },
                );
                to += count;
            }
            from += count;
        }
        self.codes[to * d..].fill(0);
        if let Some(signs) = &mut self.signs {
            signs.clear(to..self.owners.len());
        }
        self.truncate(to);
        self.freed = 0;
        self.shrink();
    }

    /// Returns the cosine of each slot's closest row, [`NO_VECTOR`] where there is
    /// none or the slot is no candidate; nothing when `query` is of another length.
    ///
    /// Of very many rows some get a cosine that is only about theirs: see [`Signs`].
    /// `centred` is the query without all that the candidates have in common.
    pub(crate) fn scan(
        &self,
        query: &[f32],
        centred: &[f32],
        candidates: &Candidates,
    ) -> Option<Vec<f32>> {
        if !self.fits(query) {
            return None;
        }
        let mut codes = Vec::with_capacity(self.dimensions);
        quantise(query, &mut codes);
        let scale = scale(&codes);
        let mut cosines = vec![NO_VECTOR; candidates.slots()];
        let mut tell = |owner: u32, cosine: f32| {
            if let Some(best) = cosines.get_mut(owner as usize)
                && cosine > *best
            {
                *best = cosine;
            }
        };
        let everybody = self.freed == 0 && candidates.count() == candidates.slots();
        let takes_part = |row: usize| {
            let owner = self.owners[row];
            everybody || owner != NOBODY && candidates.admits(owner)
        };
        let row_of = |row: usize| &self.codes[row * self.dimensions..(row + 1) * self.dimensions];
        let exact = |row: usize| cosine(row_of(row), self.scales[row], &codes, scale);
        // Rows here and there are waited for one by one. Whoever looks at a byte of each
        // line of the cache first waits for all of them at once.
        let fetch = |row: usize| {
            let lines = row_of(row).iter().step_by(CACHE_LINE);
            black_box(lines.fold(0, |all, code| all ^ code));
        };
        let many = |signs: &&Signs| self.owners.len() >= signs.bounds.from;
        if let Some(signs) = self.signs.as_ref().filter(many) {
            let distances = signs.distances(centred, takes_part);
            if distances.count() >= signs.bounds.from {
                distances.cosines(signs.bounds, &self.owners, fetch, exact, tell);
                return Some(cosines);
            }
        }
        if everybody {
            for (row, owner) in self.owners.iter().enumerate() {
                tell(*owner, exact(row));
            }
        } else {
            let rows: Vec<usize> = (0..self.owners.len())
                .filter(|row| takes_part(*row))
                .collect();
            for rows in rows.chunks(AT_ONCE) {
                rows.iter().copied().for_each(fetch);
                for row in rows {
                    tell(self.owners[*row], exact(*row));
                }
            }
        }
        Some(cosines)
    }

    /// Returns the cosine of the closest of some rows.
    pub(crate) fn closest(&self, rows: Rows, query: &[f32]) -> Option<f32> {
        if !self.fits(query) {
            return None;
        }
        let mut codes = Vec::with_capacity(self.dimensions);
        quantise(query, &mut codes);
        let query_scale = scale(&codes);
        let cosine = |(row, scale)| cosine(row, scale, &codes, query_scale);
        self.each(rows).map(cosine).max_by(f32::total_cmp)
    }

    /// Returns the codes of some rows, each with its scale.
    pub(crate) fn each(&self, rows: Rows) -> impl Iterator<Item = (&[i8], f32)> + Clone {
        let row = |at: usize| &self.codes[at * self.dimensions..(at + 1) * self.dimensions];
        let (first, end) = rows.bounds();
        let end = end.min(self.scales.len());
        (first.min(end)..end).map(move |at| (row(at), self.scales[at]))
    }

    /// Returns the sum of all memories of a permission, or of all.
    pub(crate) fn sum(&self, permission: Option<Permission>) -> Sum {
        let Some(permission) = permission else {
            let mut all = self.sums[0].clone();
            all.join(&self.sums[1]);
            return all;
        };
        self.sums[permission as usize].clone()
    }

    pub(crate) fn bytes(&self) -> usize {
        let sums: usize = self.sums.iter().map(Sum::bytes).sum();
        let signs = self.signs.as_ref().map_or(0, Signs::bytes);
        sums + signs
            + self.codes.capacity()
            + 4 * self.scales.capacity()
            + 4 * self.owners.capacity()
    }

    fn fits(&self, vector: &[f32]) -> bool {
        self.dimensions > 0 && vector.len() == self.dimensions
    }

    fn truncate(&mut self, rows: usize) {
        self.codes.truncate(rows * self.dimensions);
        self.scales.truncate(rows);
        self.owners.truncate(rows);
        if let Some(signs) = &mut self.signs {
            signs.truncate(rows);
        }
    }
}

impl Rows {
    fn bounds(self) -> (usize, usize) {
        (self.first as usize, (self.first + self.count) as usize)
    }
}

/// Appends `vector` as codes from -127 to 127, the largest of which is 127 or -127.
/// One without a direction (all zero, or not finite) becomes zeros.
fn quantise(vector: &[f32], codes: &mut Vec<i8>) {
    let largest = vector.iter().fold(0_f32, |largest, x| largest.max(x.abs()));
    let unit = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    codes.extend(vector.iter().map(|x| (x * unit).round() as i8));
}

/// Returns what makes the length of codes 1, so that the product of two rows and
/// their scales is a cosine; 0 when they have no direction.
fn scale(codes: &[i8]) -> f32 {
    // Of up to 64 Ki dimensions the sum fits.
    let length: u32 = codes
        .iter()
        .map(|code| u32::from(code.unsigned_abs()).pow(2))
        .sum();
    if length > 0 {
        (length as f32).sqrt().recip()
    } else {
        0.0
    }
}

fn cosine(row: &[i8], scale: f32, query: &[i8], query_scale: f32) -> f32 {
    let dot = i8::dot(row, query).expect("both are of `dimensions`") as f32;
    (dot * scale * query_scale).clamp(-1.0, 1.0)
}

fn reserve<T>(vec: &mut Vec<T>, more: usize) {
    if vec.capacity() - vec.len() < more {
        vec.reserve_exact(more.max(vec.len() / 4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosines(vectors: &Vectors, query: &[f32], slots: usize) -> Vec<f32> {
        vectors
            .scan(query, query, &Candidates::all(slots))
            .expect("a query of the same length")
    }

    fn push(vectors: &mut Vectors, slot: u32, vector: Vec<f32>) -> Rows {
        let codes = Codes::of(&[vector], vectors.dimensions);
        vectors.push(slot, Permission::Private, &codes)
    }

    #[test]
    fn rounding_what_was_rounded_changes_nothing() {
        let vectors = vec![vec![0.31, -0.02, 0.7], vec![-0.9, 0.1, 0.0], vec![0.0; 3]];
        let once = Codes::of(&vectors, 3);
        let floats: Vec<Vec<f32>> = once
            .rows()
            .map(|row| row.iter().map(|code| f32::from(*code)).collect())
            .collect();
        assert_eq!(Codes::of(&floats, 3), once);
        let bytes: Vec<i8> = once.rows().flatten().copied().collect();
        assert_eq!(Codes::from_rounded(bytes, 3), once);
        assert_eq!(Codes::from_rounded(vec![1; 4], 3).rows().len(), 0);
    }

    #[test]
    fn a_vector_is_as_close_as_possible_to_itself_whatever_its_length() {
        let mut vectors = Vectors::new(3, None);
        push(&mut vectors, 0, vec![0.1, -7.0, 3.0]);
        let cosine = cosines(&vectors, &[0.01, -0.7, 0.3], 1)[0];
        assert!((cosine - 1.0).abs() < 1e-6, "{cosine}");
    }

    #[test]
    fn a_vector_without_a_direction_is_close_to_nothing() {
        let mut vectors = Vectors::new(2, None);
        push(&mut vectors, 0, vec![0.0, 0.0]);
        push(&mut vectors, 1, vec![f32::NAN, f32::NAN]);
        push(&mut vectors, 2, vec![f32::INFINITY, 1.0]);
        assert_eq!(cosines(&vectors, &[1.0, 0.0], 3), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn rows_keep_their_owner_when_gaps_are_closed() {
        let mut vectors = Vectors::new(2, None);
        let axis = |slot: u32| {
            if slot.is_multiple_of(2) {
                vec![1.0, 0.0]
            } else {
                vec![0.0, 1.0]
            }
        };
        let mut rows: Vec<Rows> = (0..64)
            .map(|slot| push(&mut vectors, slot, axis(slot)))
            .collect();
        for gone in (0..64).step_by(3) {
            vectors.free(rows[gone], Permission::Private);
        }
        vectors.compact(|slot, now| rows[slot as usize] = now);
        let cosines = cosines(&vectors, &[1.0, 0.0], 64);
        for (slot, cosine) in cosines.into_iter().enumerate() {
            let expected = match slot {
                gone if gone % 3 == 0 => NO_VECTOR,
                even if even % 2 == 0 => 1.0,
                _ => 0.0,
            };
            assert!(
                (cosine - expected).abs() < 1e-6 || cosine.total_cmp(&expected).is_eq(),
                "{slot}"
            );
        }
        assert_eq!(vectors.owners.len(), 42);
    }
}
