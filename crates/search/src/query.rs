//! A question to a partition, and what comes back.

use std::{cmp::Reverse, collections::HashSet};

use picard_domain::{Instant, MemoryFilter, MemoryId};

use crate::{
    Conditions, Partition, Ranking,
    candidates::Candidates,
    centre::{Sum, Towards},
    dates,
    keywords::{Keyed, Matches},
    rank::{self, Ranked, Stretch},
    wide::{LANES, wide},
};

/// What to look for, and among which memories.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The words; empty to go by the vector alone.
    pub text: &'a str,
    /// The meaning, as the model sees it; empty (or of another model's length) to
    /// go by the words alone.
    pub vector: &'a [f32],
    /// Which memories may be found. Expired ones never are, whatever it says.
    pub filter: MemoryFilter,
    /// What else must hold of them: [`Conditions::none`] when nothing must.
    pub conditions: &'a Conditions,
    /// The instant that decides what is expired.
    pub now: Instant,
    /// The most hits to return. The limit is filled whenever enough memories pass
    /// the filter: how close they are is for the reader of [`Hit::score`] to judge.
    pub limit: usize,
    /// What counts how much.
    pub ranking: &'a Ranking,
}

/// A memory that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Which one.
    pub id: MemoryId,
    /// How close it is to the question, from 0 to 1, never rising down a list of hits.
    ///
    /// From 0.75 on it is a very good match, from 0.5 on a good one, below 0.25 a weak
    /// one, whatever else was found; whether it answers the question it does not say.
    /// Meaning and words each suffice: it is `1 - (1 - c)(1 - 0.8 k)`, where `c` is
    /// the cosine between that of unrelated texts and that of answers, and `k` is
    /// [`Self::keywords`].
    pub score: f32,
    /// The cosine of the closest chunk, if both sides have a vector.
    pub cosine: Option<f32>,
    /// The share of the query's words that occur in the memory, from 0 to 1; rare
    /// words count for more.
    pub keywords: f32,
}

/// What a cosine of the model in use means.
///
/// Every model has its own range: the cosines of e5 all lie high, those of
/// unrelated texts around 0.75.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Closeness {
    /// The cosine of texts that have nothing to do with each other, as far as the
    /// partition does not tell better: see [`Self::E5`].
    pub(crate) unrelated: f32,
    /// The cosine from which on a text answers the question fully.
    full: f32,
}

impl Closeness {
    /// The range of multilingual-e5-small between a query and a passage.
    ///
    /// Where unrelated texts lie differs by language (English 0.74, Chinese 0.82, a
    /// Chinese question and an English text 0.72). It is what the questions of a
    /// language have in common with the candidates, where that is known: within 0.005
    /// in each of nine pairs of languages. That counts where it is lower: of a few
    /// memories it says too little to call one that answers unrelated. Besides, most
    /// memories have nothing to do with a query, so their mean counts, the more of them
    /// there are.
    const E5: Self = Self {
        unrelated: 0.75,
        full: 0.9,
    };

    /// So many candidates tell as much as the model's own figure.
    const PRIOR: f64 = 20.0;

    /// So much above the mean of unrelated texts [`Self::E5`] lies in English: below it
    /// nearly half of them would be told as a little close.
    const ABOVE: f32 = 0.0075;

    /// Adjusts what is unrelated to what questions like this one have in common with the
    /// candidates, and to the cosines of these, of which those that are not finite are none.
    fn among(self, alike: Option<f32>, cosines: &[f32], towards: &Towards) -> Self {
        // Whole numbers, so that the order of the slots cannot change the sum: it is below
        // 2⁵³, up to which floats hold each of them.
        const UNIT: f32 = 1_048_576.0;
        let (mut sums, mut counts) = ([0.0_f64; LANES], [0_u32; LANES]);
        wide(
            #[inline(always)]
            || {
                for cosines in cosines.chunks(LANES) {
                    let lanes = sums.iter_mut().zip(&mut counts);
                    for ((sum, count), cosine) in lanes.zip(cosines) {
                        let finite = cosine.is_finite();
                        let units = (towards.cosine(*cosine) * UNIT).trunc();
                        *sum += f64::from(if finite { units } else { 0.0 });
                        *count += u32::from(finite);
                    }
                }
            },
        );
        let sum = sums.iter().sum::<f64>() / f64::from(UNIT);
        let count = counts.iter().sum::<u32>();
        let alike = alike.map_or(self.unrelated, |alike| alike + Self::ABOVE);
        let prior = f64::from(alike.min(self.unrelated)) * Self::PRIOR;
        let mean = (prior + sum) / (Self::PRIOR + f64::from(count));
        let highest = self.unrelated + 0.7 * (self.full - self.unrelated);
        Self {
            unrelated: (mean as f32).min(highest),
            ..self
        }
    }

    fn of(self, cosine: f32) -> f32 {
        ((cosine - self.unrelated) / (self.full - self.unrelated)).clamp(0.0, 1.0)
    }
}

impl Default for Closeness {
    fn default() -> Self {
        Self::E5
    }
}

/// Returns so many of the best candidates, best first.
type Best<'a> = &'a dyn Fn(usize) -> Vec<Ranked>;

impl Query<'_> {
    /// Tells whether there is nothing to look for: then the newest are meant, and a
    /// score says nothing.
    pub fn asks_nothing(&self) -> bool {
        self.text.is_empty() && self.vector.is_empty()
    }
}

impl Partition {
    /// Returns the memories that answer the query best, best first; the newest first
    /// when it has neither words nor a vector.
    ///
    /// The order is a function of the memories and the query alone: equal ones are
    /// ordered newest first, then by id.
    pub fn query(&self, query: &Query<'_>) -> Vec<Hit> {
        self.hits(query, |best| best(query.limit))
    }

    /// Does what [`Self::query`] does with memories of different texts; behind all of
    /// them come those whose text was there already.
    pub fn different(&self, query: &Query<'_>) -> Vec<Hit> {
        let mut texts = HashSet::<u64, Keyed>::default();
        let text = |hit: &Hit| self.slots[self.by_id[&hit.id] as usize].text;
        let hits = self.of_different_texts(query, query.limit).into_iter();
        let (mut different, repeated): (Vec<_>, Vec<_>) =
            hits.partition(|hit| texts.insert(text(hit)));
        different.extend(repeated);
        different
    }

    /// Returns up to `most` memories of different texts, best first; among them others
    /// when there are fewer than the query's limit.
    pub(crate) fn of_different_texts(&self, query: &Query<'_>, most: usize) -> Vec<Hit> {
        self.hits(query, |best| {
            let (mut found, repeated) = self.apart(most, best);
            let missing = query.limit.saturating_sub(found.len());
            found.extend(repeated.into_iter().take(missing));
            found.sort_unstable_by_key(|ranked| Reverse(*ranked));
            found
        })
    }

    /// Returns up to `limit` of the best of different texts, and, when there are no
    /// more of them, all whose text one of these has.
    fn apart(&self, limit: usize, best: Best<'_>) -> (Vec<Ranked>, Vec<Ranked>) {
        let mut wanted = limit;
        loop {
            let found = best(wanted);
            let were_all = found.len() < wanted;
            let mut texts = HashSet::<u64, Keyed>::default();
            let is_new = |found: &Ranked| texts.insert(self.slots[found.slot as usize].text);
            let (mut different, repeated): (Vec<_>, Vec<_>) = found.into_iter().partition(is_new);
            if were_all || different.len() >= limit {
                different.truncate(limit);
                return (different, repeated);
            }
            wanted = wanted.saturating_mul(4);
        }
    }

    /// Makes hits of what is chosen among the best, of which so many can be asked for
    /// as are needed.
    fn hits(&self, query: &Query<'_>, choose: impl FnOnce(Best<'_>) -> Vec<Ranked>) -> Vec<Hit> {
        let candidates = self.candidates(query);
        let sum = self.sum(&candidates, query.filter.permission);
        let known = self.preparer.asking.as_ref();
        let alike = known.and_then(|known| known.alike(query.vector));
        let (towards, apart) = towards(query, &sum, alike);
        let centred = self.vectors.scan(&towards.query, &apart.query, &candidates);
        let matches = self.keywords.search(query.text, &candidates, query.ranking);
        let values = if query.asks_nothing() {
            vec![0.0; candidates.slots()]
        } else {
            self.values(query, &candidates, centred.as_deref(), &matches)
        };
        let ranked = choose(&|limit| self.best(&values, &candidates, limit));

        let cosines = centred.as_deref().unwrap_or_default();
        let alike = alike.and_then(|alike| sum.mean_product(alike));
        let closeness = self.closeness.among(alike, cosines, &towards);
        let mut least = 1.0_f32;
        let hit = |found: Ranked| {
            let rows = self.slots[found.slot as usize].rows;
            let cosine = self.vectors.closest(rows, query.vector);
            let keywords = matches.share(found.slot);
            least = least.min(score(closeness, cosine, keywords));
            Hit {
                id: found.id,
                score: least,
                cosine,
                keywords,
            }
        };
        ranked.into_iter().map(hit).collect()
    }

    /// What each candidate counts.
    fn values(
        &self,
        query: &Query<'_>,
        candidates: &Candidates,
        centred: Option<&[f32]>,
        matches: &Matches<'_>,
    ) -> Vec<f32> {
        let weights = query.ranking;
        let mut values = vec![0.0; candidates.slots()];
        if let Some(cosines) = centred {
            let place = Stretch::over(cosines).place();
            let (weight, values) = (weights.dense_weight, &mut values);
            wide(
                #[inline(always)]
                move || {
                    for (value, cosine) in values.iter_mut().zip(cosines) {
                        *value = weight * place(*cosine);
                    }
                },
            );
        }
        matches.add(&mut values, candidates, weights);
        let asked = dates::asked(query.text, query.now);
        if !asked.is_empty() {
            for slot in candidates.iter() {
                let when = &self.slots[slot].when;
                values[slot] +=
                    weights.date_bonus * when.closeness(&asked, query.now, weights.date_fading);
            }
        }
        let outlines = values.iter_mut().zip(self.slots.outlines());
        for (value, outline) in outlines {
            if outline.is_question {
                *value -= weights.question_penalty;
            }
            if matches.names(outline.opening) {
                *value += weights.opening_bonus;
            }
        }
        self.timeline
            .lend(&mut values, &self.slots, candidates, matches, weights);
        values
    }

    fn best(&self, values: &[f32], candidates: &Candidates, limit: usize) -> Vec<Ranked> {
        let ranked = |slot: u32, value| Ranked {
            value,
            created_at: self.slots.outline(slot as usize).created_at,
            id: self.slots[slot as usize].id,
            slot,
        };
        rank::best(values, candidates, ranked, limit)
    }
}

/// Takes off a query what it has in common with other questions and with all candidates:
/// a share of it, and as much as there is.
fn towards(query: &Query<'_>, sum: &Sum, alike: Option<&[f32]>) -> (Towards, Towards) {
    let Ranking {
        centring,
        centring_prior,
        asking,
        ..
    } = *query.ranking;
    let Some(alike) = alike else {
        let towards = sum.taken_off(query.vector, centring + asking, centring_prior, &[]);
        return (towards, sum.taken_off(query.vector, 1.0, 0.0, &[]));
    };
    let alike: Vec<f32> = alike.iter().map(|x| asking * x).collect();
    let rest = (1.0 - asking).max(0.0);
    (
        sum.taken_off(query.vector, centring, centring_prior, &alike),
        sum.taken_off(query.vector, rest, 0.0, &alike),
    )
}

fn score(closeness: Closeness, cosine: Option<f32>, keywords: f32) -> f32 {
    let closeness = cosine.map_or(0.0, |cosine| closeness.of(cosine));
    1.0 - (1.0 - closeness) * (1.0 - 0.8 * keywords)
}

#[cfg(test)]
mod tests;
