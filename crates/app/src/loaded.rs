//! One person's memories as they are in memory: normally one partition, and while
//! memories still have the vectors of another model that is at hand, a second one
//! for these. Each memory is in one of the two, and a question goes to both, with
//! the vector that each one's model gave it.

use std::collections::HashSet;

use picard_domain::{Instant, MemoryId, Permission};
use picard_search::{Partition, Prepared, Preparer, Ranking};
use picard_store::changes::Position;

use crate::partitions::{Choice, Chosen, Question};

/// What is in memory of one person's memories, and how far it has come.
pub(crate) struct Loaded {
    pub(crate) reached: Position,
    pub(crate) partition: Partition,
    /// Until a load is through: one that was broken off goes on as a load.
    pub(crate) is_loading: bool,
    earlier: Option<Earlier>,
    /// Those whose vectors are of a model that is not at hand, by who may read them.
    by_words: [(Permission, HashSet<MemoryId>); 2],
}

/// The memories that have the vectors of another model.
struct Earlier {
    kind: Kind,
    partition: Partition,
}

/// Another model than the present one, as far as partitions know it.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) model: String,
    pub(crate) dimensions: usize,
    pub(crate) preparer: Preparer,
}

/// Which model made a memory's vectors.
pub(crate) enum MadeBy {
    /// The present one, or none.
    Present,
    /// One that is at hand.
    Earlier(Kind),
    /// One that is not.
    Unknown,
}

/// What a search has to know of a person's memories beforehand.
#[derive(Default)]
pub(crate) struct Mixture {
    /// The other model whose vectors some have, if it is at hand.
    pub(crate) earlier: Option<String>,
    /// Some have vectors that nothing compares with.
    pub(crate) by_words: bool,
}

impl Loaded {
    pub(crate) fn new(preparer: Preparer) -> Self {
        Self {
            reached: Position::default(),
            partition: Partition::of(preparer),
            is_loading: true,
            earlier: None,
            by_words: [Permission::Private, Permission::Public].map(|of| (of, HashSet::new())),
        }
    }

    /// Tells whether it is all that the person had at this version, or later.
    pub(crate) fn is_at(&self, version: i64) -> bool {
        // A part of a load may have passed the version, and is no state of any.
        let is_part = self.is_loading && self.reached.revision > 0;
        self.reached.revision >= version && !is_part
    }

    /// Returns the other model, if memories have its vectors.
    pub(crate) fn kind(&self) -> Option<&Kind> {
        self.earlier.as_ref().map(|earlier| &earlier.kind)
    }

    /// Tells of which models the vectors of the memories are, or of those of one
    /// permission: of the others nobody hears who may not see them.
    pub(crate) fn mixture(&self, permission: Option<Permission>) -> Mixture {
        let mut by_words = self.by_words.iter();
        Mixture {
            earlier: self.kind().map(|kind| kind.model.clone()),
            by_words: by_words.any(|(of, memories)| {
                permission.is_none_or(|permission| permission == *of) && !memories.is_empty()
            }),
        }
    }

    /// Puts a memory into its place, and out of where it was.
    pub(crate) fn put(&mut self, id: MemoryId, memory: Prepared, made_by: MadeBy) {
        self.has_vectors(id);
        let is_unknown = matches!(made_by, MadeBy::Unknown);
        if let MadeBy::Earlier(kind) = made_by {
            self.partition.remove(id);
            let earlier = self.earlier.get_or_insert_with(|| Earlier {
                partition: Partition::of(kind.preparer.clone()),
                kind,
            });
            earlier.partition.put(id, memory);
        } else {
            self.renewed(id);
            self.partition.put(id, memory);
        }
        if is_unknown {
            let permission = self.partition.permission(id);
            for (of, memories) in &mut self.by_words {
                if permission == Some(*of) {
                    memories.insert(id);
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, id: MemoryId) {
        self.has_vectors(id);
        self.renewed(id);
        self.partition.remove(id);
    }

    /// Takes a memory out of those that go by their words, if it is there.
    fn has_vectors(&mut self, id: MemoryId) {
        for (_, memories) in &mut self.by_words {
            memories.remove(&id);
        }
    }

    /// Takes a memory out of those with the vectors of another model, if it is there.
    fn renewed(&mut self, id: MemoryId) {
        if let Some(earlier) = &mut self.earlier {
            earlier.partition.remove(id);
            if earlier.partition.is_empty() {
                self.earlier = None;
            }
        }
    }

    /// Gives back what was reserved while everything was read.
    pub(crate) fn shrink(&mut self) {
        if self.partition.len() == Partition::MAX_LEN {
            tracing::error!("somebody has more memories than are searched: others are not found");
        }
        self.partition.shrink();
        for (_, memories) in &mut self.by_words {
            memories.shrink_to_fit();
        }
        if let Some(earlier) = &mut self.earlier {
            earlier.partition.shrink();
        }
    }

    pub(crate) fn len(&self) -> usize {
        let earlier = self.earlier.as_ref();
        self.partition.len() + earlier.map_or(0, |earlier| earlier.partition.len())
    }

    pub(crate) fn bytes(&self) -> usize {
        let earlier = self.earlier.as_ref();
        let by_words = self.by_words.iter().map(|(_, ids)| ids.capacity());
        self.partition.bytes()
            + earlier.map_or(0, |earlier| earlier.partition.bytes())
            + by_words.sum::<usize>() * (size_of::<MemoryId>() + 1)
    }

    /// Chooses as the question wants.
    pub(crate) fn ask(&self, question: &Question, ranking: &Ranking) -> Vec<Chosen> {
        let present = ask(&self.partition, question, &question.vector, ranking);
        let Some(earlier) = &self.earlier else {
            return present;
        };
        let vector = question.vector_of(&earlier.kind.model);
        let others = ask(&earlier.partition, question, vector, ranking);
        let placed = |partition: &Partition, chosen: Vec<Chosen>| {
            placed(chosen, partition.len(), |id| {
                let is_list = question.choice != Choice::Telling;
                partition.created_at(id).filter(|_| is_list)
            })
        };
        let present = placed(&self.partition, present);
        let mut all = merged(present, placed(&earlier.partition, others));
        all.truncate(question.limit);
        all
    }

    /// Returns the memories of which only the text can tell whether they meet the
    /// question's conditions; nothing when there are more than `most`.
    pub(crate) fn doubtful(
        &self,
        question: &Question,
        ranking: &Ranking,
        most: usize,
    ) -> Option<Vec<MemoryId>> {
        let query = question.query(&question.vector, ranking);
        let mut all = self.partition.doubtful(&query, most)?;
        if let Some(earlier) = &self.earlier {
            all.extend(earlier.partition.doubtful(&query, most - all.len())?);
        }
        Some(all)
    }
}

fn ask(
    partition: &Partition,
    question: &Question,
    vector: &[f32],
    ranking: &Ranking,
) -> Vec<Chosen> {
    let query = question.query(vector, ranking);
    let hits = match question.choice {
        Choice::Best => partition.query(&query),
        Choice::Different => partition.different(&query),
        Choice::Covering => partition.cover(&query),
        Choice::Telling => {
            let ids = partition.telling(&query).into_iter();
            return ids.map(|id| Chosen { id, score: None }).collect();
        }
    };
    let chosen = hits.into_iter().map(|hit| Chosen {
        id: hit.id,
        score: (!query.asks_nothing()).then_some(hit.score),
    });
    chosen.collect()
}

/// Says where what was chosen out of a partition of so many memories belongs in a
/// list with others: by how well it answers, which is told on one scale for all; where
/// nothing was asked, the newest first, or each partition has its share.
fn placed(
    chosen: Vec<Chosen>,
    of: usize,
    created_at: impl Fn(MemoryId) -> Option<Instant>,
) -> Vec<(f64, Chosen)> {
    let mut last = f64::NEG_INFINITY;
    let place = |(at, chosen): (usize, Chosen)| {
        let place = match (chosen.score, created_at(chosen.id)) {
            (Some(score), _) => -f64::from(score),
            (None, Some(time)) => -(time.micros() as f64),
            (None, None) => (at as f64 + 0.5) / of.max(1) as f64,
        };
        // The partition's own order stays.
        last = last.max(place);
        (last, chosen)
    };
    chosen.into_iter().enumerate().map(place).collect()
}

fn merged(present: Vec<(f64, Chosen)>, earlier: Vec<(f64, Chosen)>) -> Vec<Chosen> {
    let mut all = present;
    all.extend(earlier);
    all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    all.into_iter().map(|(_, chosen)| chosen).collect()
}

#[cfg(test)]
mod tests {
    use picard_search::Entry;
    use uuid::Uuid;

    use super::*;

    fn chosen(ids: &[u128], scores: &[f32]) -> Vec<Chosen> {
        let id = |(at, id): (usize, &u128)| Chosen {
            id: MemoryId::from_uuid(Uuid::from_u128(*id)),
            score: scores.get(at).copied(),
        };
        ids.iter().enumerate().map(id).collect()
    }

    fn ids(all: &[Chosen]) -> Vec<u128> {
        all.iter().map(|one| one.id.uuid().as_u128()).collect()
    }

    fn never(_: MemoryId) -> Option<Instant> {
        None
    }

    #[test]
    fn who_may_not_see_a_memory_does_not_hear_that_it_goes_by_its_words() {
        let preparer = Preparer::new(2);
        let mut loaded = Loaded::new(preparer.clone());
        let id = MemoryId::from_uuid(Uuid::from_u128(1));
        let put = |loaded: &mut Loaded, permission, made_by| {
            let entry = Entry {
                text: "tea",
                vectors: &[],
                permission,
                expires: None,
                created_at: Instant::from_micros(0),
            };
            loaded.put(id, preparer.prepare(&entry), made_by);
            let by_words = |of| loaded.mixture(of).by_words;
            (by_words(None), by_words(Some(Permission::Public)))
        };
        let (private, public) = (Permission::Private, Permission::Public);
        assert_eq!(put(&mut loaded, private, MadeBy::Unknown), (true, false));
        assert_eq!(put(&mut loaded, public, MadeBy::Unknown), (true, true));
        assert_eq!(put(&mut loaded, private, MadeBy::Unknown), (true, false));
        assert_eq!(put(&mut loaded, private, MadeBy::Present), (false, false));
    }

    #[test]
    fn answers_of_two_models_are_merged_by_how_well_they_answer() {
        let present = placed(chosen(&[1, 2, 3], &[0.9, 0.2, 0.2]), 3, never);
        let earlier = placed(chosen(&[4, 5], &[0.5, 0.2]), 2, never);
        assert_eq!(ids(&merged(present, earlier)), [1, 4, 2, 3, 5]);
    }

    #[test]
    fn what_a_partition_put_last_stays_behind_its_others() {
        let present = placed(chosen(&[1, 2, 3], &[0.9, 0.3, 0.8]), 3, never);
        let earlier = placed(chosen(&[4], &[0.5]), 1, never);
        assert_eq!(ids(&merged(present, earlier)), [1, 4, 2, 3]);
    }

    #[test]
    fn where_nothing_is_asked_the_newest_come_first_or_each_has_its_share() {
        let (many, few) = (chosen(&[1, 2, 3, 4], &[]), chosen(&[5], &[]));
        let (many, few) = (placed(many, 4, never), placed(few, 1, never));
        assert_eq!(ids(&merged(many, few)), [1, 2, 5, 3, 4]);
        let time = |id: MemoryId| Some(Instant::from_micros(id.uuid().as_u128() as i64));
        let (some, others) = (chosen(&[9, 4], &[]), chosen(&[7, 2], &[]));
        let (some, others) = (placed(some, 2, time), placed(others, 2, time));
        assert_eq!(ids(&merged(some, others)), [9, 7, 4, 2]);
    }
}
