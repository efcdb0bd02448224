//! What tests of partitions share: memories in short, a question in short.

use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{Conditions, Entry, Partition, Query, Ranking};

pub(crate) fn id(n: usize) -> MemoryId {
    MemoryId::from_uuid(Uuid::from_u128(n as u128))
}

/// A part of a vector that is not too close to zero, or a direction is noise.
///
/// Made of whole numbers: proptest 1.12 sometimes stumbles over its own ranges of floats
/// (an assertion of `float_samplers.rs`).
pub(crate) fn part() -> impl Strategy<Value = f32> {
    prop_oneof![-9_999_i16..-1_000, 1_000_i16..9_999].prop_map(|part| f32::from(part) * 1e-4)
}

/// The numbers that ids were made of.
pub(crate) fn numbers(ids: impl IntoIterator<Item = MemoryId>) -> Vec<usize> {
    ids.into_iter()
        .map(|id| id.uuid().as_u128() as usize)
        .collect()
}

/// A private memory that does not expire; a higher number is newer.
pub(crate) fn entry<'a>(n: usize, text: &'a str, vectors: &'a [Vec<f32>]) -> Entry<'a> {
    Entry {
        text,
        vectors,
        permission: Permission::Private,
        expires: None,
        created_at: Instant::from_micros(n as i64),
    }
}

/// Memories that are numbered from nought.
pub(crate) fn partition(memories: &[(&str, Vec<f32>)]) -> Partition {
    let lengths = memories.iter().map(|(_, vector)| vector.len());
    let mut partition = Partition::new(lengths.max().unwrap_or(0).max(2));
    for (n, (text, vector)) in memories.iter().enumerate() {
        partition.upsert(id(n), entry(n, text, std::slice::from_ref(vector)));
    }
    partition
}

/// A question for ten of all memories.
pub(crate) fn query<'a>(text: &'a str, vector: &'a [f32]) -> Query<'a> {
    Query {
        text,
        vector,
        filter: MemoryFilter::default(),
        conditions: Conditions::none(),
        now: Instant::from_micros(0),
        limit: 10,
        ranking: &Ranking::PRODUCT,
    }
}
