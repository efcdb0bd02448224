//! What a person finds.

use picard_domain::{Expired, Permission};

use super::*;
use crate::{
    Entry,
    fixtures::{entry, id, numbers, partition, query},
};

/// A vector of this cosine to `[1.0, 0.0]`.
fn at(cosine: f32) -> Vec<f32> {
    vec![cosine, (1.0 - cosine * cosine).sqrt()]
}

fn found(partition: &Partition, text: &str, vector: &[f32]) -> Vec<usize> {
    let hits = partition.query(&query(text, vector));
    numbers(hits.iter().map(|hit| hit.id))
}

#[test]
fn meaning_and_words_count_together() {
    let partition = partition(&[
        ("something else entirely", at(0.75)),
        ("tea in the morning", at(0.88)),
        ("the order ABC-1234 was paid", at(0.80)),
    ]);
    assert_eq!(found(&partition, "", &at(1.0)), [1, 2, 0]);
    assert_eq!(found(&partition, "abc-1234", &[]), [2, 1, 0]);
    assert_eq!(found(&partition, "ABC-1234", &at(1.0))[0], 2);
}

#[test]
fn a_query_without_words_and_vector_lists_the_newest_first() {
    let partition = partition(&[("one", at(0.1)), ("two", at(0.2)), ("three", at(0.3))]);
    assert_eq!(found(&partition, " ... ", &[]), [2, 1, 0]);
    assert!(
        partition
            .query(&query("", &[]))
            .iter()
            .all(|hit| hit.score.abs() < f32::EPSILON)
    );
}

#[test]
fn a_query_for_nothing_lists_the_newest_first_whatever_they_are() {
    // Questions count less otherwise, and lend to what follows.
    let partition = written(&[("one", 0), ("two?", 20), ("three", 40), ("four?", 60)]);
    assert_eq!(found(&partition, "", &[]), [3, 2, 1, 0]);
    let hits = partition.cover(&Query {
        limit: 3,
        ..query("", &[])
    });
    let found: Vec<_> = hits.iter().map(|hit| hit.id).collect();
    assert_eq!(found, [id(3), id(2), id(1)]);
}

#[test]
fn a_memory_that_there_is_no_room_for_is_left_out() {
    let mut partition = Partition::new(2);
    partition.most = 2;
    for (n, text) in ["tea", "milk", "tea and more"].into_iter().enumerate() {
        partition.upsert(id(n), entry(n, text, &[at(0.8)]));
    }
    assert_eq!(found(&partition, "tea", &at(0.9)), [0, 1]);
    // Those that are there can still be changed, and make room.
    partition.upsert(id(1), entry(1, "milk and tea", &[at(0.8)]));
    assert!(partition.remove(id(0)));
    partition.upsert(id(2), entry(2, "tea and more", &[at(0.8)]));
    assert_eq!(partition.len(), 2);
}

#[test]
fn equals_are_ordered_newest_first() {
    let partition = partition(&[("tea", at(0.8)), ("tea", at(0.8)), ("tea", at(0.8))]);
    assert_eq!(found(&partition, "tea", &at(1.0)), [2, 1, 0]);
}

#[test]
fn a_vector_of_another_model_counts_as_none() {
    let mut partition = partition(&[("tea", at(0.8))]);
    partition.upsert(id(1), entry(1, "coffee", &[vec![1.0, 0.0, 0.0]]));
    let hits = partition.query(&query("", &at(1.0)));
    assert_eq!(
        hits.iter()
            .map(|hit| hit.cosine.is_some())
            .collect::<Vec<_>>(),
        [true, false]
    );
    assert!(
        partition
            .query(&query("", &[1.0]))
            .iter()
            .all(|hit| hit.cosine.is_none())
    );
    assert_eq!(found(&partition, "coffee", &[]), [1, 0]);
}

#[test]
fn a_memory_is_as_close_as_its_closest_chunk() {
    let mut partition = partition(&[("one", at(0.85))]);
    partition.upsert(id(1), entry(1, "two", &[at(0.1), at(0.95), at(0.2)]));
    assert_eq!(found(&partition, "", &at(1.0)), [1, 0]);
}

#[test]
fn a_search_never_returns_what_has_expired_even_when_asked() {
    let mut partition = partition(&[("tea", at(0.8))]);
    let end = Instant::from_micros(5);
    partition.upsert(
        id(1),
        Entry {
            expires: Some(end),
            ..entry(1, "tea", &[at(0.9)])
        },
    );
    let filter = MemoryFilter {
        expired: Expired::Include,
        ..MemoryFilter::default()
    };
    let count = |now| {
        partition
            .query(&Query {
                filter,
                now,
                ..query("tea", &at(1.0))
            })
            .len()
    };
    assert_eq!((count(Instant::from_micros(4)), count(end)), (2, 1));
}

#[test]
fn a_score_tells_the_same_beside_other_hits() {
    let score = |others: &[(&str, Vec<f32>)]| {
        let mut all = vec![("tea", at(0.86))];
        all.extend_from_slice(others);
        let hits = partition(&all).query(&query("", &at(1.0)));
        hits.iter()
            .find(|hit| hit.id == id(0))
            .map(|hit| hit.score)
            .expect("it was found")
    };
    let (alone, in_company) = (score(&[]), score(&[("a", at(0.89)), ("b", at(0.75))]));
    assert!((alone - in_company).abs() < 0.1, "{alone} and {in_company}");
    assert!((0.4..0.8).contains(&alone), "{alone}");
}

#[test]
fn a_memory_in_another_language_than_the_question_may_be_further_away() {
    // What other questions of its language have in common with a memory whose cosine to
    // the question is 0.77.
    let score = |in_common: f32| {
        let means = [vec![in_common, 0.4]];
        let mut partition = Partition::of(crate::Preparer::new(2).with_asking(&means));
        let memory = [vec![1.0, 0.0]];
        partition.upsert(id(0), entry(0, "tea", &memory));
        partition.query(&query("", &at(0.77)))[0].score
    };
    let (in_its_language, in_another) = (score(0.76), score(0.70));
    assert!((0.1..0.2).contains(&in_its_language), "{in_its_language}");
    assert!((0.3..0.4).contains(&in_another), "{in_another}");
}

#[test]
fn all_words_of_a_query_make_a_memory_very_close() {
    let hits = partition(&[("Earl Grey, hot", at(0.7))]).query(&query("earl grey", &at(1.0)));
    assert!(hits[0].score >= 0.7, "{}", hits[0].score);
}

#[test]
fn what_all_memories_have_in_common_says_nothing() {
    // The first is closest to the query, but only by what it shares with all others.
    let mut memories = vec![("common", vec![1.0, 0.0]), ("apt", vec![0.93, 0.36])];
    memories.extend(vec![("other", vec![0.999, -0.03]); 400]);
    let partition = partition(&memories);
    let asked = vec![0.985, 0.17];
    let best = |ranking: &Ranking| {
        let hits = partition.query(&Query {
            ranking,
            limit: 1,
            ..query("", &asked)
        });
        (hits[0].id, hits[0].cosine.expect("it has a vector"))
    };
    let (plain, centred) = (
        Ranking {
            centring: 0.0,
            asking: 0.0,
            ..Ranking::PRODUCT
        },
        Ranking::PRODUCT,
    );
    assert_eq!(best(&plain).0, id(0));
    assert_eq!(best(&centred).0, id(1));
    // What people are shown is the cosine itself.
    assert!(
        (best(&centred).1 - 0.98).abs() < 0.01,
        "{}",
        best(&centred).1
    );
}

#[test]
fn what_answers_comes_before_what_asks_the_same() {
    let partition = partition(&[
        ("Ben: where do you spend your holidays?", at(0.86)),
        ("by the sea, as ever", at(0.85)),
        ("far away", at(0.70)),
    ]);
    assert_eq!(found(&partition, "", &at(1.0)), [1, 0, 2]);
}

#[test]
fn a_memory_that_begins_with_whom_the_query_names_comes_first() {
    let partition = partition(&[
        ("Anna: we paddled to Ben's island", at(0.85)),
        ("Ben: we paddled to Anna's island", at(0.85)),
        ("ben's boat leaks", at(0.70)),
    ]);
    assert_eq!(found(&partition, "who paddled, Anna?", &at(1.0))[0], 0);
    assert_eq!(found(&partition, "did Ben paddle?", &at(1.0))[0], 1);
}

/// A partition of memories that were written at these seconds, without vectors.
fn written(memories: &[(&str, i64)]) -> Partition {
    let mut partition = Partition::new(2);
    for (n, (text, second)) in memories.iter().enumerate() {
        let created_at = Instant::from_micros(second * 1_000_000);
        partition.upsert(
            id(n),
            Entry {
                created_at,
                ..entry(n, text, &[])
            },
        );
    }
    partition
}

#[test]
fn what_follows_a_question_is_its_answer() {
    let said = [
        ("Where do you keep the spare key?", 0),
        ("Under the third pot.", 20),
        ("Nice weather.", 40),
    ];
    assert_eq!(found(&written(&said), "spare key", &[]), [0, 1, 2]);
    // An import says nothing of what followed what: then the newest is first.
    let at_once = said.map(|(text, _)| (text, 0));
    assert_eq!(found(&written(&at_once), "spare key", &[]), [0, 2, 1]);
}

#[test]
fn what_was_written_on_the_occasion_that_fits_comes_before_what_was_not() {
    let partition = written(&[
        ("Trip to the fjord.", 0),
        ("Rain all day, and cold.", 1_000),
        ("A cold day, all in all.", 100_000),
    ]);
    assert_eq!(found(&partition, "cold", &[]), [2, 1, 0]);
    assert_eq!(found(&partition, "fjord cold", &[]), [0, 1, 2]);
}

#[test]
fn only_what_may_be_found_lends() {
    let mut partition = written(&[("Is the vault open?", 0), ("Yes.", 20), ("Maybe.", 99_999)]);
    let all = found(&partition, "vault", &[]);
    assert_eq!(all, [0, 1, 2]);
    let hidden = Entry {
        permission: Permission::Public,
        ..entry(0, "Is the vault open?", &[])
    };
    partition.upsert(id(0), hidden);
    let filter = MemoryFilter {
        permission: Some(Permission::Private),
        ..MemoryFilter::default()
    };
    let hits = partition.query(&Query {
        filter,
        ..query("vault", &[])
    });
    assert_eq!(
        hits.iter().map(|hit| hit.id).collect::<Vec<_>>(),
        [id(2), id(1)]
    );
}

#[test]
fn a_partition_prints_no_text() {
    let partition = partition(&[("tea", at(0.8))]);
    assert!(!format!("{partition:?}").contains("tea"));
}

#[test]
fn a_question_that_names_a_time_finds_what_was_written_then_or_is_about_it() {
    const DAY: i64 = 86_400_000_000;
    let mut partition = Partition::new(2);
    let memories = [
        ("Went climbing.", 30),
        ("Went climbing.", 130),
        ("Went climbing.", 230),
        ("Course in climbing on 11 May 1970.", 5),
    ];
    for (n, (text, day)) in memories.into_iter().enumerate() {
        let entry = Entry {
            created_at: Instant::from_micros(day * DAY),
            ..entry(n, text, &[])
        };
        partition.upsert(id(n), entry);
    }
    let first = |partition: &Partition, text: &str, day: i64| {
        let now = Instant::from_micros(day * DAY);
        let query = Query {
            now,
            ..query(text, &[])
        };
        partition.query(&query)[0].id
    };
    assert_eq!(
        first(&partition, "climbing", 300),
        id(2),
        "newest of equals"
    );
    assert_eq!(first(&partition, "climbing on 31 January 1970", 300), id(0));
    assert_eq!(first(&partition, "climbing last week", 137), id(1));
    let tomorrow = "any climbing course tomorrow?";
    assert_eq!(first(&partition, tomorrow, 129), id(3));
    partition.upsert(id(3), entry(3, "Climbing.", &[]));
    partition.remove(id(1));
    assert_ne!(first(&partition, "11 May 1970", 300), id(3));
}

#[test]
fn the_language_of_a_question_does_not_decide_what_answers_it() {
    // The first axis is what all have in common, the second the language of the
    // question, the third what it is about, the fourth something else.
    let unit = |vector: [f32; 4]| {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.map(|x| x / length).to_vec()
    };
    let same_language = unit([1.0, 0.65, 0.0, 0.3]);
    let same_subject = unit([1.0, 0.0, 0.5, 0.0]);
    let question = unit([1.0, 0.65, 0.5, 0.0]);
    let first = |means: &[Vec<f32>]| {
        let mut partition = Partition::of(crate::Preparer::new(4).with_asking(means));
        for (n, vector) in [&same_language, &same_subject].into_iter().enumerate() {
            partition.upsert(id(n), entry(n, "", std::slice::from_ref(vector)));
        }
        found(&partition, "", &question)[0]
    };
    let own = unit([1.0, 0.65, 0.0, 0.0]);
    let other = unit([1.0, -0.65, 0.0, 0.0]);
    assert_eq!((first(&[]), first(&[other, own])), (0, 1));
}

#[test]
fn an_occasion_that_holds_all_words_goes_before_one_that_holds_some() {
    const DAY: i64 = 86_400_000_000;
    let mut partition = Partition::new(2);
    let memories = [
        (0, "the harbour was grey"),
        (0, "then a violin, and lobster"),
        // Of equals the newest comes first.
        (1, "the harbour was full"),
        (1, "lunch, or tea"),
        (2, "nothing"),
    ];
    for (n, (day, text)) in memories.iter().enumerate() {
        let created_at = Instant::from_micros(day * DAY);
        let entry = entry(n, text, &[]);
        partition.upsert(
            id(n),
            Entry {
                created_at,
                ..entry
            },
        );
    }
    let harbours = |words_of_occasion: f32| {
        let ranking = Ranking {
            words_of_occasion,
            lent_by_occasion: 0.0,
            ..Ranking::PRODUCT
        };
        let hits = partition.query(&Query {
            ranking: &ranking,
            ..query("harbour violin lobster", &[])
        });
        let ids = hits.iter().map(|hit| hit.id);
        ids.filter(|hit| [id(0), id(2)].contains(hit))
            .collect::<Vec<_>>()
    };
    assert_eq!(harbours(0.0), [id(2), id(0)]);
    assert_eq!(harbours(Ranking::PRODUCT.words_of_occasion), [id(0), id(2)]);
}
