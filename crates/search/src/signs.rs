//! A first look at very many rows: one bit for each dimension instead of a byte.
//!
//! A bit says on which side of what all texts have in common a row lies. The rows
//! whose bits differ least from the query's are nearly always those with the highest
//! cosines, and an eighth of the bytes is read to find them. What they have in common
//! is fixed for the model: so the bits of a memory depend on it alone, and what a
//! filter does not admit, or what is no longer there, leaves no trace in them.
//!
//! The nearest rows by their bits get their cosine, and some of the furthest. The
//! others get the cosine that rows of their distance are expected to have, by the
//! line that fits those that got theirs: so the range of the cosines, their mean and
//! what neighbours lend each other stay what they are, nearly, and only the order of
//! the far ones among themselves is a guess. All sums are of whole numbers.

use std::{mem::size_of, sync::Arc};

use crate::{
    vectors::{AT_ONCE, NO_VECTOR},
    wide::wide,
};

/// One unit of a cosine in a sum.
const UNIT: f32 = 1_048_576.0;

/// From how many rows on bits come first, and how many rows are compared in full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// So many rows are compared in full without bits.
    pub(crate) from: usize,
    /// At least so many of the nearest get their cosine.
    pub(crate) nearest: usize,
    /// And at least this part of all rows.
    pub(crate) part: usize,
    /// At least so many of the furthest get theirs.
    pub(crate) furthest: usize,
}

impl Bounds {
    /// Measured: below, reading the rows costs no more than looking twice; and of the
    /// ten highest cosines of a query 99.5 in 100 are among the nearest 2,048 of 70,000
    /// rows (`docs/retrieval.md`).
    pub(crate) const MEASURED: Self = Self {
        from: 65_536,
        nearest: 2_048,
        part: 64,
        furthest: 256,
    };
}

/// So many dimensions are one word.
const WORD: usize = u64::BITS as usize;

/// The words of a row of the model that comes with Picard. Of a length that is known
/// beforehand, rows are compared without a loop over their words.
const WORDS_OF_E5: usize = 384 / WORD;

/// The bits of all rows of a partition.
pub(crate) struct Signs {
    pub(crate) bounds: Bounds,
    /// What all texts of the model have in common; shared by all partitions.
    common: Arc<[f32]>,
    bits: Vec<u64>,
}

impl Signs {
    pub(crate) fn new(common: Arc<[f32]>, bounds: Bounds) -> Self {
        Self {
            bounds,
            common,
            bits: Vec::new(),
        }
    }

    /// Appends the bits of a row.
    pub(crate) fn push(&mut self, codes: &[i8], scale: f32) {
        let more = self.row();
        if self.bits.capacity() - self.bits.len() < more {
            self.bits.reserve_exact(more.max(self.bits.len() / 4));
        }
        let pairs = codes.chunks(WORD).zip(self.common.chunks(WORD));
        self.bits.extend(pairs.map(|(codes, common)| {
            let above = codes.iter().zip(common);
            word(above.map(|(code, common)| f32::from(*code) * scale > *common))
        }));
    }

    /// Moves rows to the front, over what is there.
    pub(crate) fn copy_within(&mut self, rows: std::ops::Range<usize>, to: usize) {
        let row = self.row();
        let words = rows.start * row..rows.end * row;
        self.bits.copy_within(words, to * row);
    }

    /// Overwrites rows.
    pub(crate) fn clear(&mut self, rows: std::ops::Range<usize>) {
        let row = self.row();
        self.bits[rows.start * row..rows.end * row].fill(0);
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.bits.truncate(rows * self.row());
    }

    pub(crate) fn shrink(&mut self) {
        self.bits.shrink_to_fit();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bits.capacity() * size_of::<u64>()
    }

    /// Returns by row in how many bits it differs from a query that what is in common
    /// was taken off; `None` for rows that take no part.
    pub(crate) fn distances(&self, query: &[f32], takes_part: impl Fn(usize) -> bool) -> Distances {
        let query: Vec<u64> = query
            .chunks(WORD)
            .map(|part| word(part.iter().map(|x| *x > 0.0)))
            .collect();
        let mut of = vec![0; self.bits.len() / self.row()];
        wide(
            #[inline(always)]
            || match <&[u64; WORDS_OF_E5]>::try_from(&query[..]) {
                Ok(query) => apart(&mut of, self.bits.as_chunks().0.iter(), query),
                Err(_) => apart(&mut of, self.bits.chunks_exact(self.row()), &query[..]),
            },
        );
        // Counted in two halves: many rows are as far as the one before them, and who adds
        // to the same number waits for the addition before.
        let places = self.common.len() + 1;
        let mut counts = vec![0_u32; 2 * places];
        for (row, apart) in of.iter_mut().enumerate() {
            if takes_part(row) {
                counts[row % 2 * places + usize::from(*apart)] += 1;
            } else {
                *apart = NONE;
            }
        }
        let second = counts.split_off(places);
        for (count, more) in counts.iter_mut().zip(second) {
            *count += more;
        }
        Distances { of, counts }
    }

    fn row(&self) -> usize {
        self.common.len().div_ceil(WORD)
    }
}

/// Counts by row in how many bits it differs from a query of the same length.
#[inline]
fn apart<'a, R>(of: &mut [u16], rows: impl Iterator<Item = &'a R>, query: &R)
where
    R: AsRef<[u64]> + ?Sized + 'a,
{
    for (apart, row) in of.iter_mut().zip(rows) {
        let mut sum = 0;
        for (own, asked) in row.as_ref().iter().zip(query.as_ref()) {
            sum += (own ^ asked).count_ones();
        }
        *apart = sum as u16;
    }
}

/// Up to 64 bits as one word.
fn word(bits: impl Iterator<Item = bool>) -> u64 {
    bits.enumerate()
        .fold(0, |word, (at, bit)| word | u64::from(bit) << at)
}

/// The distance of a row that takes no part.
const NONE: u16 = u16::MAX;

/// How far rows are from a query, in bits.
pub(crate) struct Distances {
    of: Vec<u16>,
    /// How many rows there are of each distance.
    counts: Vec<u32>,
}

/// Which rows are compared in full.
#[derive(Debug, Clone, Copy)]
struct Full {
    nearest: u16,
    furthest: u16,
}

impl Distances {
    /// How many rows take part.
    pub(crate) fn count(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }

    /// Tells the cosine of each row that takes part: `exact` for those that are worth
    /// it, else what is to be expected of its distance. Equal distances are treated
    /// alike, so the order of the rows changes nothing.
    ///
    /// `fetch` hears of rows some time before they are compared. What is told is told of
    /// the owners of the rows. [`NO_VECTOR`] is told in between and means nothing, so the
    /// highest that is told of an owner counts.
    pub(crate) fn cosines(
        &self,
        bounds: Bounds,
        owners: &[u32],
        fetch: impl Fn(usize),
        exact: impl Fn(usize) -> f32,
        mut tell: impl FnMut(u32, f32),
    ) {
        let full = self.full(bounds);
        let rows = self.of.iter().copied().enumerate();
        let near: Vec<(usize, u16)> = rows
            .filter(|(_, apart)| *apart != NONE && full.holds(*apart))
            .collect();
        let mut line = Line::default();
        for rows in near.chunks(AT_ONCE) {
            for (row, _) in rows {
                fetch(*row);
            }
            for (row, apart) in rows {
                let cosine = exact(*row);
                line.add(*apart, cosine);
                tell(owners[*row], cosine);
            }
        }
        // Of rows that have their cosine, or take no part, nothing is expected: the last
        // place is theirs who are at no distance.
        let mut expected = line.table(self.counts.len());
        for (apart, cosine) in expected.iter_mut().enumerate() {
            if full.holds(apart as u16) {
                *cosine = NO_VECTOR;
            }
        }
        expected.push(NO_VECTOR);
        let last = expected.len() - 1;
        for (owner, apart) in owners.iter().zip(&self.of) {
            tell(*owner, expected[usize::from(*apart).min(last)]);
        }
    }

    fn full(&self, bounds: Bounds) -> Full {
        let wanted = bounds.nearest.max(self.count() / bounds.part.max(1));
        let counts = self.counts.iter().enumerate();
        let furthest = reached(counts.clone().rev(), bounds.furthest.max(1));
        Full {
            nearest: reached(counts, wanted).unwrap_or(NONE),
            furthest: furthest.unwrap_or(0),
        }
    }
}

/// Returns the distance at which so many rows are counted.
fn reached<'a>(mut counts: impl Iterator<Item = (usize, &'a u32)>, wanted: usize) -> Option<u16> {
    let mut sum = 0;
    let found = counts.find(|(_, count)| {
        sum += **count as usize;
        sum >= wanted
    });
    found.map(|(apart, _)| apart as u16)
}

impl Full {
    fn holds(self, apart: u16) -> bool {
        apart <= self.nearest || apart >= self.furthest
    }
}

/// The line through points of a distance and a cosine, by least squares.
#[derive(Default)]
struct Line {
    points: i64,
    x: i64,
    xx: i64,
    y: i64,
    xy: i64,
}

impl Line {
    fn add(&mut self, apart: u16, cosine: f32) {
        let (x, y) = (i64::from(apart), i64::from((cosine * UNIT) as i32));
        self.points += 1;
        self.x += x;
        self.xx += x * x;
        self.y += y;
        self.xy += x * y;
    }

    /// The cosine that each distance stands for.
    fn table(&self, distances: usize) -> Vec<f32> {
        let of = |a: i64, b: i64| a as f64 * b as f64;
        let points = self.points.max(1);
        let spread = of(points, self.xx) - of(self.x, self.x);
        let slope = if spread > 0.0 {
            (of(points, self.xy) - of(self.x, self.y)) / spread
        } else {
            0.0
        };
        let start = (self.y as f64 - slope * self.x as f64) / points as f64;
        let cosine = |apart: usize| (start + slope * apart as f64) / f64::from(UNIT);
        (0..distances)
            .map(|apart| (cosine(apart) as f32).clamp(-1.0, 1.0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};

    use super::*;
    use crate::{Entry, Partition, Preparer, Query, Ranking};

    fn distances(of: &[u16]) -> Distances {
        let mut counts = vec![0; 9];
        for apart in of.iter().filter(|apart| **apart != NONE) {
            counts[usize::from(*apart)] += 1;
        }
        Distances {
            of: of.to_vec(),
            counts,
        }
    }

    const BOUNDS: Bounds = Bounds {
        from: 1,
        nearest: 2,
        part: 100,
        furthest: 1,
    };

    #[test]
    fn a_bit_tells_on_which_side_of_what_is_common_a_row_lies() {
        let mut signs = Signs::new(Arc::new([0.5, 0.5, -0.5]), BOUNDS);
        signs.push(&[127, 0, 0], 1.0 / 127.0);
        signs.push(&[0, 127, -127], 1.0 / 180.0);
        let found = signs.distances(&[1.0, -1.0, 1.0], |_| true);
        assert_eq!((found.of, found.counts), (vec![0, 3], vec![1, 0, 0, 1]));
        assert_eq!(signs.distances(&[1.0; 3], |row| row == 1).of, [NONE, 2]);
    }

    #[test]
    fn the_nearest_and_the_furthest_get_their_cosine_and_the_others_that_of_the_line() {
        let found = distances(&[1, 8, 5, NONE, 2, 2, 4]);
        let line = |apart: u16| 0.9 - 0.1 * f32::from(apart);
        let exact = |row: usize| {
            assert!([0, 1, 4, 5].contains(&row), "{row} is in the middle");
            line(found.of[row])
        };
        let mut told = [NO_VECTOR; 7];
        let tell = |row: u32, cosine: f32| {
            let told = &mut told[row as usize];
            *told = cosine.max(*told);
        };
        found.cosines(BOUNDS, &[0, 1, 2, 3, 4, 5, 6], |_| {}, exact, tell);
        for (row, apart) in found.of.iter().enumerate() {
            let close = (told[row] - line(*apart)).abs() < 1e-5;
            assert!(close || *apart == NONE, "{row}: {}", told[row]);
        }
        assert!(told[3].is_infinite());
    }

    /// Vectors as those of e5: in one cone, in clusters within it.
    #[test]
    fn nearly_all_that_an_exact_scan_puts_first_is_put_first() {
        const DIMENSIONS: usize = 384;
        let mut seed = 7_u64;
        let mut direction = || {
            let mut unit = || {
                seed ^= seed >> 12;
                seed ^= seed << 25;
                seed ^= seed >> 27;
                (seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / 8_388_608.0 - 1.0
            };
            let raw: Vec<f32> = (0..DIMENSIONS).map(|_| unit() + unit()).collect();
            let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
            raw.into_iter().map(|x| x / length).collect::<Vec<f32>>()
        };
        let common = direction();
        let topics: Vec<Vec<f32>> = (0..64).map(|_| direction()).collect();
        let mut vector = |topic: usize| -> Vec<f32> {
            let parts = common.iter().zip(&topics[topic % 64]).zip(direction());
            parts
                .map(|((c, t), own)| 0.87 * c + 0.33 * t + 0.37 * own)
                .collect()
        };
        // What is known of the model is near the mean, and not it.
        let off = vector(3);
        let known: Vec<f32> = common
            .iter()
            .zip(off)
            .map(|(c, o)| 0.78 * c + 0.1 * o)
            .collect();
        let bounds = Bounds {
            from: 1_000,
            nearest: 400,
            part: 64,
            furthest: 64,
        };
        let preparer = Preparer::new(DIMENSIONS);
        let signs = preparer.clone().with_common(known).with_bounds(bounds);
        let (mut exact, mut quick) = (Partition::of(preparer), Partition::of(signs));
        let now = Instant::from_micros(0);
        for n in 0..10_000_usize {
            let entry = Entry {
                text: "",
                vectors: &[vector(n)],
                permission: Permission::Private,
                expires: None,
                created_at: Instant::from_micros(n as i64 * 86_400_000_000),
            };
            let id = MemoryId::from_uuid(uuid::Uuid::from_u128(n as u128));
            exact.upsert(id, entry);
            quick.upsert(id, entry);
        }
        let (mut found, mut off) = (0, 0.0_f32);
        for n in 0..20 {
            let query = Query {
                text: "",
                vector: &vector(n),
                filter: MemoryFilter::default(),
                conditions: crate::Conditions::none(),
                now,
                limit: 10,
                ranking: &Ranking::PRODUCT,
            };
            let (exact, quick) = (exact.query(&query), quick.query(&query));
            let among = |id| quick.iter().any(|hit| hit.id == id);
            found += exact.iter().filter(|hit| among(hit.id)).count();
            off = off.max((exact[0].score - quick[0].score).abs());
        }
        assert!(found >= 195, "{found} of 200");
        assert!(off < 0.02, "a score that is {off} off");
    }

    #[test]
    fn rows_of_one_distance_are_treated_alike() {
        let full = distances(&[3, 3, 3, 3, 8]).full(BOUNDS);
        assert_eq!((full.nearest, full.furthest), (3, 8));
        let few = distances(&[3]).full(BOUNDS);
        assert!(few.holds(3));
    }
}
