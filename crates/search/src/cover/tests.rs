//! What is taken, and that it is what the plain way takes.

use picard_domain::{MemoryFilter, Permission};
use proptest::prelude::*;

use super::*;
use crate::{
    Entry,
    fixtures::{self, entry, id, numbers, part, partition},
};

fn query(vector: &[f32], limit: usize) -> Query<'_> {
    Query {
        limit,
        ..fixtures::query("", vector)
    }
}

#[test]
fn what_says_the_same_makes_way_for_what_says_something_else() {
    // All near the first axis, two of them nearly the same.
    let memories = [
        ("tea in the morning", vec![1.0, 0.30, 0.0]),
        ("tea every morning", vec![1.0, 0.31, 0.0]),
        ("coffee at noon", vec![1.0, -0.1, 0.45]),
        ("water at night", vec![1.0, -0.5, -0.2]),
    ];
    let partition = partition(&memories);
    let hits = partition.cover(&query(&[1.0, 0.0, 0.0], 3));
    let found = numbers(hits.iter().map(|hit| hit.id));
    assert_eq!(found.iter().filter(|n| **n < 2).count(), 1, "{found:?}");
    assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
}

#[test]
fn the_same_words_are_alike_without_any_vector() {
    let memories = [
        "green tea",
        "Green tea!",
        "green tea or coffee",
        "black coffee",
    ]
    .map(|text| (text, Vec::new()));
    let partition = partition(&memories);
    let words = Query {
        text: "green tea",
        ..query(&[], 2)
    };
    let found = numbers(partition.cover(&words).iter().map(|hit| hit.id));
    assert!(matches!(found[..], [0 | 1, 2]), "{found:?}");
}

#[test]
fn the_same_text_comes_twice_only_when_no_other_is_left() {
    // More copies than are compared with each other, all closer than the others.
    let copies = |n: usize| ["I like tea.", "i  like TEA", "I like tea!"][n % 3];
    let mut memories: Vec<_> = (0..300)
        .map(|n| (copies(n), vec![1.0, 0.01 * (n % 9) as f32, 0.0]))
        .collect();
    memories.extend([
        ("I like tea?", vec![0.1, 1.0, 0.0]),
        ("I like coffee.", vec![0.1, 0.0, 1.0]),
    ]);
    let partition = partition(&memories);
    let others = |found: &[usize]| found.iter().filter(|n| **n >= 300).count();
    for limit in [2, 3, 5] {
        let query = Query {
            text: "tea",
            ..query(&[1.0, 0.0, 0.0], limit)
        };
        let covering = numbers(partition.cover(&query).iter().map(|hit| hit.id));
        let telling = numbers(partition.telling(&query));
        for found in [covering, telling] {
            assert_eq!(found.len(), limit, "{found:?}");
            assert!(others(&found) >= limit.min(3) - 1, "{found:?}");
        }
    }
}

#[test]
fn long_texts_are_compared_by_their_meaning_alone() {
    let words = |from: u64, count: u64| -> Vec<u64> { (from..from + count).collect() };
    let most = MOST_WORDS as u64;
    let close = |a: f32, b: f32| (a - b).abs() < 1e-6;
    assert!(close(shared(&words(0, most), &words(0, most), 0.0), 1.0));
    assert!(close(
        shared(&words(0, most), &words(most / 2, most), 0.0),
        1.0 / 3.0
    ));
    assert!(close(
        shared(&words(0, most + 1), &words(0, most + 1), 0.0),
        0.0
    ));
}

#[test]
fn a_person_is_told_by_one_memory_of_each_subject_the_largest_first() {
    let about = |axis: usize, n: usize, text: &'static str| {
        let mut vector = vec![0.05 * n as f32; 3];
        vector[axis] = 1.0;
        (text, vector)
    };
    let memories = [
        about(0, 0, "dog"),
        about(1, 1, "tea"),
        about(1, 2, "milk"),
        about(1, 3, "wine"),
        about(2, 1, "train"),
        about(2, 0, "boat"),
    ];
    let mut partition = partition(&memories);
    partition.closeness.unrelated = 0.0;
    let found = numbers(partition.telling(&query(&[], 3)));
    let subjects: Vec<usize> = found.iter().map(|n| [0, 1, 1, 1, 2, 2][*n]).collect();
    assert_eq!(subjects, [1, 2, 0]);
}

#[test]
fn without_vectors_the_newest_tell_most() {
    let partition = partition(&["a", "b", "c", "d"].map(|text| (text, Vec::new())));
    assert_eq!(numbers(partition.telling(&query(&[], 2))), [3, 2]);
    assert_eq!(numbers(partition.telling(&query(&[], 9))), [3, 2, 1, 0]);
}

#[test]
fn of_many_memories_a_sample_decides_the_same_in_any_order() {
    let memories = |n: usize| {
        let angle = (n % 97) as f32;
        vec![angle.sin(), angle.cos(), (n % 7) as f32 / 7.0]
    };
    let texts: Vec<String> = (0..3 * SAMPLE).map(|n| n.to_string()).collect();
    let all: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| (&text[..], memories(n)))
        .collect();
    let forward = partition(&all);
    let mut backward = Partition::new(3);
    for (n, (text, vector)) in all.iter().enumerate().rev() {
        backward.upsert(id(n), entry(n, text, std::slice::from_ref(vector)));
    }
    let found = forward.telling(&query(&[], 50));
    assert_eq!(found.len(), 50);
    assert_eq!(found, backward.telling(&query(&[], 50)));
}

/// Plain marginal relevance: everything is compared anew each time.
fn plain_marginal(relevance: &[f32], limit: usize, likeness: &[Vec<f32>]) -> Vec<usize> {
    let mut taken: Vec<usize> = Vec::new();
    while taken.len() < limit.min(relevance.len()) {
        let value = |at: usize| {
            let alike = taken.iter().map(|other| likeness[at][*other]);
            RELEVANCE * relevance[at] - (1.0 - RELEVANCE) * alike.fold(0.0, f32::max)
        };
        let left = (0..relevance.len()).filter(|at| !taken.contains(at));
        let best = left.rev().max_by(|a, b| value(*a).total_cmp(&value(*b)));
        taken.extend(best);
    }
    taken
}

/// Plain facility location: everything is counted anew each time.
fn plain_standing(likeness: &[Vec<u8>], age: &[(Instant, MemoryId)], limit: usize) -> Vec<usize> {
    let mut taken: Vec<usize> = Vec::new();
    let stand = |set: &[usize]| -> u32 {
        let clients = 0..likeness.first().map_or(0, Vec::len);
        let best = clients.map(|c| set.iter().map(|at| likeness[*at][c]).max().unwrap_or(0));
        best.map(u32::from).sum()
    };
    while taken.len() < limit {
        let with = |at: usize| stand(&[&taken[..], &[at]].concat());
        let left = (0..likeness.len()).filter(|at| !taken.contains(at));
        let Some(best) = left.max_by_key(|at| (with(*at), age[*at])) else {
            break;
        };
        if with(best) == stand(&taken) {
            break;
        }
        taken.push(best);
    }
    taken
}

fn square(n: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    // Few values, so that there are equals.
    prop::collection::vec(prop::collection::vec(0_u8..6, n), n)
}

fn vectors() -> impl Strategy<Value = Vec<Vec<f32>>> {
    prop::collection::vec(prop::collection::vec(part(), 3), 1..24)
}

proptest! {
    #[test]
    fn marginal_relevance_is_that_of_the_plain_way(
        (alike, relevance, limit) in (1_usize..10).prop_flat_map(|n| {
            (square(n), prop::collection::vec(0_u8..6, n), 0..=n)
        })
    ) {
        let alike: Vec<Vec<f32>> = alike.into_iter()
            .map(|row| row.into_iter().map(|x| f32::from(x) / 5.0).collect()).collect();
        let relevance: Vec<f32> = relevance.into_iter().map(|x| f32::from(x) / 5.0).collect();
        let found = marginal(&relevance, limit, |a, b| alike[a][b]);
        prop_assert_eq!(found, plain_marginal(&relevance, limit, &alike));
    }

    #[test]
    fn what_stands_for_most_is_that_of_the_plain_way(
        (likeness, age, limit) in (1_usize..10).prop_flat_map(|n| {
            (square(n), prop::collection::vec(0_i64..3, n), 0..=n)
        })
    ) {
        let age: Vec<_> = age.into_iter().enumerate()
            .map(|(n, at)| (Instant::from_micros(at), id(n))).collect();
        let found = standing_for_most(&likeness, &age, limit);
        prop_assert_eq!(found, plain_standing(&likeness, &age, limit));
    }

    #[test]
    fn a_set_is_full_in_the_order_of_the_query_and_the_same_in_any_order(
        vectors in vectors(), towards in prop::collection::vec(part().prop_map(f32::abs), 3), limit in 0_usize..30
    ) {
        let texts = ["tea", "green tea", "coffee"];
        let memories: Vec<_> = vectors.iter().enumerate()
            .map(|(n, vector)| (texts[n % 3], vector.clone())).collect();
        let partition = partition(&memories);
        let query = query(&towards, limit);
        let all: Vec<MemoryId> = partition.query(&Query { limit: usize::MAX, ..query })
            .iter().map(|hit| hit.id).collect();
        let found: Vec<MemoryId> = partition.cover(&query).iter().map(|hit| hit.id).collect();
        prop_assert_eq!(found.len(), limit.min(memories.len()));
        let places: Vec<_> = found.iter().map(|id| all.iter().position(|other| other == id)).collect();
        prop_assert!(places.iter().all(Option::is_some) && places.is_sorted());
        let telling = partition.telling(&query);
        prop_assert_eq!(telling.len(), limit.min(memories.len()));
        let different: HashSet<_> = telling.iter().collect();
        prop_assert_eq!(different.len(), telling.len());

        // Others that do not pass leave no trace, and neither does the order of writing.
        let mut other = Partition::new(3);
        for (n, (text, vector)) in memories.iter().enumerate().rev() {
            for (number, permission) in [(n, Permission::Private), (n + 100, Permission::Public)] {
                let entry = entry(n, text, std::slice::from_ref(vector));
                other.upsert(id(number), Entry { permission, ..entry });
            }
        }
        let filter = MemoryFilter { permission: Some(Permission::Private), ..query.filter };
        let query = Query { filter, ..query };
        let again: Vec<MemoryId> = other.cover(&query).iter().map(|hit| hit.id).collect();
        prop_assert_eq!(found, again);
        prop_assert_eq!(telling, other.telling(&query));
    }
}
