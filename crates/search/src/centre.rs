//! The mean of vectors, to the last bit the same whatever their order.
//!
//! All vectors of a model lie in one narrow cone, and those of one person's
//! memories in a narrower one: most of every cosine is what all have in common. What
//! they have in common is their mean, so a share of it is taken off the query. The
//! cosines to that query tell the memories apart better (`docs/retrieval.md`).

use std::mem::size_of;

/// One unit of a sum: vectors of length 1 are added in steps of 2⁻²⁴.
const UNIT: f32 = 16_777_216.0;

/// The sum over some memories of the mean of each one's rows: a long text with sixty
/// rows says no more of what all have in common than a short one. Whole numbers:
/// memories can be taken out again, and nothing of them remains.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sum {
    /// By dimension; empty as long as there was no row.
    sums: Vec<i64>,
    memories: u32,
}

impl Sum {
    /// Adds the rows of a memory.
    pub(crate) fn add<'a>(&mut self, rows: impl Iterator<Item = (&'a [i8], f32)> + Clone) {
        self.memories += u32::from(self.change(rows, 1));
    }

    /// Takes the rows of a memory out.
    pub(crate) fn subtract<'a>(&mut self, rows: impl Iterator<Item = (&'a [i8], f32)> + Clone) {
        self.memories -= u32::from(self.change(rows, -1));
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.sums.resize(self.sums.len().max(other.sums.len()), 0);
        let pairs = self.sums.iter_mut().zip(&other.sums);
        pairs.for_each(|(sum, other)| *sum += other);
        self.memories += other.memories;
    }

    /// Returns the query without so much of the mean, at its full length of 1.
    ///
    /// `share` is what is taken off when there are many memories. The mean of a
    /// few says more about them than about what all texts have in common: the share is
    /// halved when there are `prior` of them. `besides` is taken off as it is.
    pub(crate) fn taken_off(
        &self,
        query: &[f32],
        share: f32,
        prior: f32,
        besides: &[f32],
    ) -> Towards {
        let length = query.iter().map(|x| x * x).sum::<f32>().sqrt();
        let memories = self.memories as f32;
        let comparable = self.memories > 0 && self.sums.len() == query.len();
        if !comparable || length == 0.0 || !length.is_finite() {
            return Towards {
                query: query.to_vec(),
                length,
                common: 0.0,
            };
        }
        let share = share * memories / (memories + prior);
        let mean: Vec<f32> = self.mean().collect();
        let mut off: Vec<f32> = mean.iter().map(|m| share * m).collect();
        off.iter_mut()
            .zip(besides)
            .for_each(|(off, more)| *off += more);
        let centred = query.iter().zip(&off);
        let centred: Vec<f32> = centred.map(|(q, off)| q / length - off).collect();
        Towards {
            length: centred.iter().map(|x| x * x).sum::<f32>().sqrt(),
            query: centred,
            common: off.iter().zip(&mean).map(|(off, m)| off * m).sum(),
        }
    }

    /// Returns the square of the mean's length: the mean cosine of all pairs,
    /// each memory with itself among them, when each has one row.
    pub(crate) fn mean_squared(&self) -> f32 {
        self.mean().map(|x| x * x).sum()
    }

    /// Returns the mean product of all memories with a vector, when there are some and
    /// they are as long.
    pub(crate) fn mean_product(&self, vector: &[f32]) -> Option<f32> {
        let comparable = self.memories > 0 && self.sums.len() == vector.len();
        comparable.then(|| self.mean().zip(vector).map(|(mean, x)| mean * x).sum())
    }

    fn mean(&self) -> impl Iterator<Item = f32> {
        let memories = self.memories.max(1) as f32;
        self.sums
            .iter()
            .map(move |sum| *sum as f32 / (UNIT * memories))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<i64>()
    }

    /// Tells whether any of the rows has a direction.
    fn change<'a>(
        &mut self,
        rows: impl Iterator<Item = (&'a [i8], f32)> + Clone,
        sign: i64,
    ) -> bool {
        let rows = rows.filter(|(_, scale)| *scale > 0.0);
        let count = rows.clone().count();
        for (codes, scale) in rows {
            self.sums.resize(self.sums.len().max(codes.len()), 0);
            let unit = sign * (scale * UNIT / count as f32).round() as i64;
            let pairs = self.sums.iter_mut().zip(codes);
            pairs.for_each(|(sum, code)| *sum += i64::from(*code) * unit);
        }
        count > 0
    }
}

/// A query without what all rows have in common.
pub(crate) struct Towards {
    /// What to compare rows with.
    pub(crate) query: Vec<f32>,
    length: f32,
    common: f32,
}

impl Towards {
    /// Makes of a row's cosine to [`Self::query`] what stands for its cosine to the
    /// query as it was asked: the mean of these over all rows is the mean of those.
    #[inline]
    pub(crate) fn cosine(&self, centred: f32) -> f32 {
        centred * self.length + self.common
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [([i8; 2], f32); 3] = [([3, 4], 0.2), ([127, 0], 1.0 / 127.0), ([0, 0], 0.0)];

    fn sum(rows: &[([i8; 2], f32)]) -> Sum {
        let mut sum = Sum::default();
        for (codes, scale) in rows {
            sum.add([(&codes[..], *scale)].into_iter());
        }
        sum
    }

    #[test]
    fn the_mean_over_all_memories_stays_the_mean() {
        let towards = sum(&ROWS).taken_off(&[0.0, 2.0], 0.6, 0.0, &[0.2, 0.1]);
        let dot = |codes: [i8; 2], scale: f32| {
            let row = codes.map(|code| f32::from(code) * scale);
            let centred = row[0] * towards.query[0] + row[1] * towards.query[1];
            towards.cosine(centred / towards.length)
        };
        let mean = f32::midpoint(dot(ROWS[0].0, ROWS[0].1), dot(ROWS[1].0, ROWS[1].1));
        assert!((mean - 0.4).abs() < 1e-4, "{mean}");
    }

    #[test]
    fn what_is_taken_off_besides_does_not_depend_on_how_many_memories_there_are() {
        let off = |sum: &Sum| sum.taken_off(&[0.0, 2.0], 0.0, 9.0, &[0.25, 0.5]).query;
        assert_eq!(off(&sum(&ROWS[..1])), [-0.25, 0.5]);
        assert_eq!(off(&sum(&ROWS)), [-0.25, 0.5]);
    }

    #[test]
    fn a_memory_that_is_taken_out_leaves_nothing() {
        let mut all = sum(&ROWS);
        all.subtract([(&ROWS[1].0[..], ROWS[1].1)].into_iter());
        let mut other = sum(&ROWS[..1]);
        assert_eq!((&all.sums, all.memories), (&other.sums, other.memories));
        other.join(&sum(&ROWS[1..]));
        assert_eq!(other.sums, sum(&ROWS).sums);
    }

    #[test]
    fn a_long_text_counts_as_much_as_a_short_one() {
        let short = [(&[0_i8, 127][..], 1.0 / 127.0)];
        let long = [(&[127_i8, 0][..], 1.0 / 127.0); 60];
        let mut sum = Sum::default();
        sum.add(short.into_iter());
        sum.add(long.into_iter());
        let query = sum.taken_off(&[0.6, 0.8], 1.0, 0.0, &[]).query;
        assert!(
            (query[0] - 0.1).abs() < 1e-4 && (query[1] - 0.3).abs() < 1e-4,
            "{query:?}"
        );
        sum.subtract(long.into_iter());
        let query = sum.taken_off(&[0.6, 0.8], 1.0, 0.0, &[]).query;
        assert!((query[0] - 0.6).abs() < 1e-4, "{query:?}");
    }

    #[test]
    fn few_memories_take_little_off() {
        let (few, many) = (sum(&ROWS[..1]), sum(&[ROWS[0]; 99]));
        let off = |sum: &Sum| 1.0 - sum.taken_off(&[0.6, 0.8], 0.5, 9.0, &[]).length;
        assert!((off(&few) - 0.05).abs() < 1e-3, "{}", off(&few));
        assert!((off(&many) - 0.4583).abs() < 1e-3, "{}", off(&many));
    }

    #[test]
    fn a_query_that_cannot_be_compared_stays_as_it_is() {
        for query in [vec![], vec![1.0; 3], vec![0.0; 2], vec![f32::INFINITY; 2]] {
            assert_eq!(sum(&ROWS).taken_off(&query, 0.8, 0.0, &[0.1]).query, query);
        }
    }
}
