//! The same answers, computed the plain way: properties compare the two.

use std::collections::BTreeMap;

use picard_domain::{Expired, Instant, MemoryFilter, MemoryId, Permission};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    Conditions, Entry, Hit, Partition, Preparer, Query, Ranking, fixtures::part, signs::Bounds,
};

mod conditions;

const DIMENSIONS: usize = 8;

/// What the questions of two languages have in common.
const ASKING: [[f32; DIMENSIONS]; 2] = [
    [0.4, 0.3, -0.2, 0.3, 0.1, 0.5, -0.1, 0.2],
    [-0.3, 0.2, 0.5, 0.1, -0.4, 0.2, 0.3, -0.2],
];

#[derive(Debug, Clone)]
struct Given {
    text: String,
    vectors: Vec<Vec<f32>>,
    permission: Permission,
    expires: Option<Instant>,
    created_at: Instant,
}

#[derive(Debug, Clone)]
enum Change {
    Upsert(u8, Given),
    Remove(u8),
}

#[derive(Debug, Clone)]
struct Asked {
    text: String,
    vector: Vec<f32>,
    filter: MemoryFilter,
    now: Instant,
    limit: usize,
    ranking: Ranking,
}

impl Asked {
    fn query(&self) -> Query<'_> {
        let Self {
            text,
            vector,
            filter,
            now,
            limit,
            ..
        } = self;
        Query {
            text,
            vector,
            filter: *filter,
            conditions: Conditions::none(),
            now: *now,
            limit: *limit,
            ranking: &self.ranking,
        }
    }
}

fn id(n: u8) -> MemoryId {
    MemoryId::from_uuid(Uuid::from_u128(u128::from(n)))
}

fn upsert(partition: &mut Partition, n: u8, given: &Given) {
    let Given {
        text,
        vectors,
        permission,
        expires,
        created_at,
    } = given;
    partition.upsert(
        id(n),
        Entry {
            text,
            vectors,
            permission: *permission,
            expires: *expires,
            created_at: *created_at,
        },
    );
}

fn partition_of<'a>(memories: impl IntoIterator<Item = (&'a u8, &'a Given)>) -> Partition {
    filled(empty(), memories)
}

fn filled<'a>(
    mut partition: Partition,
    memories: impl IntoIterator<Item = (&'a u8, &'a Given)>,
) -> Partition {
    memories
        .into_iter()
        .for_each(|(n, given)| upsert(&mut partition, *n, given));
    partition
}

/// A partition of a model of which it is known how questions resemble each other.
fn empty() -> Partition {
    let means = ASKING.map(|mean| mean.to_vec());
    Partition::of(Preparer::new(DIMENSIONS).with_asking(&means))
}

/// A partition that takes few rows for very many.
fn with_signs() -> Partition {
    let bounds = Bounds {
        from: 6,
        nearest: 4,
        part: 8,
        furthest: 2,
    };
    let preparer = Preparer::new(DIMENSIONS);
    Partition::of(preparer.with_common([0.1; DIMENSIONS]).with_bounds(bounds))
}

/// Applies changes to a partition, which is asked in between, and to a plain map.
fn applied(changes: &[Change]) -> (Partition, BTreeMap<u8, Given>) {
    applied_to(empty(), changes)
}

fn applied_to(mut partition: Partition, changes: &[Change]) -> (Partition, BTreeMap<u8, Given>) {
    let mut map = BTreeMap::new();
    for change in changes {
        match change {
            Change::Upsert(n, given) => {
                upsert(&mut partition, *n, given);
                map.insert(*n, given.clone());
            }
            Change::Remove(n) => {
                assert_eq!(partition.remove(id(*n)), map.remove(n).is_some());
            }
        }
        partition.query(&Query {
            text: "",
            vector: &[],
            filter: MemoryFilter::default(),
            conditions: Conditions::none(),
            now: Instant::from_micros(0),
            limit: 1,
            ranking: &Ranking::PRODUCT,
        });
    }
    (partition, map)
}

fn admitted<'a>(
    map: &'a BTreeMap<u8, Given>,
    asked: &Asked,
) -> impl Iterator<Item = (&'a u8, &'a Given)> {
    let filter = MemoryFilter {
        expired: Expired::Exclude,
        ..asked.filter
    };
    let now = asked.now;
    map.iter()
        .filter(move |(_, given)| filter.admits(given.permission, given.expires, now))
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

fn closest(given: &Given, vector: &[f32]) -> Option<f32> {
    given
        .vectors
        .iter()
        .map(|own| cosine(own, vector))
        .max_by(f32::total_cmp)
}

/// What the vectors are compared with: the query without a share of their mean.
fn centred(candidates: &[(&u8, &Given)], asked: &Asked) -> Vec<f32> {
    let unit = |vector: &[f32]| -> Vec<f32> {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / length).collect()
    };
    // Each memory counts once, however many rows it has.
    let means: Vec<Vec<f32>> = candidates
        .iter()
        .filter(|(_, given)| !given.vectors.is_empty())
        .map(|(_, given)| {
            let rows: Vec<Vec<f32>> = given.vectors.iter().map(|row| unit(row)).collect();
            let mean = |at: usize| rows.iter().map(|row| row[at]).sum::<f32>() / rows.len() as f32;
            (0..DIMENSIONS).map(mean).collect()
        })
        .collect();
    let n = means.len() as f32;
    let share = asked.ranking.centring * n / (n + asked.ranking.centring_prior);
    let mean = |at: usize| means.iter().map(|own| own[at]).sum::<f32>() / n.max(1.0);
    let mut languages = ASKING.to_vec();
    let closeness = |mean: &[f32; DIMENSIONS]| cosine(mean, &asked.vector);
    languages.sort_by(|a, b| closeness(b).total_cmp(&closeness(a)));
    let query = unit(&asked.vector).into_iter().enumerate();
    let off = |at: usize| share * mean(at) + asked.ranking.asking * languages[0][at];
    query.map(|(at, x)| x - off(at)).collect()
}

/// BM25 over words of plain lower-case English without stop words and inflection,
/// so that cutting and stemming need no second implementation.
///
/// The second result is the score that no text can exceed.
fn bm25(map: &[(&u8, &Given)], asked: &str) -> (Vec<f32>, f32) {
    let texts: Vec<String> = map.iter().map(|(_, given)| given.text.clone()).collect();
    bm25_of(&texts, asked, 0.4)
}

fn bm25_of(texts: &[String], asked: &str, b: f32) -> (Vec<f32>, f32) {
    let words = |text: &str| {
        text.trim_end_matches('?')
            .split(' ')
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let texts: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    let n = texts.len() as f32;
    let mean = (texts.iter().map(Vec::len).sum::<usize>() as f32 / n).max(1.0);
    // In their order, as the index has them: sums are rounded in the same way.
    let asked: Vec<String> = words(asked);
    let firsts = (0..asked.len()).filter(|at| !asked[..*at].contains(&asked[*at]));
    let query: Vec<String> = firsts.map(|at| asked[at].clone()).collect();
    let idf = |word: &String| {
        let df = texts.iter().filter(|text| text.contains(word)).count() as f32;
        (1.0 + (n - df + 0.5) / (df + 0.5)).ln()
    };
    let score = |text: &Vec<String>| -> f32 {
        let parts = query.iter().map(|word| {
            let count = text.iter().filter(|own| *own == word).count() as f32;
            idf(word) * count * 1.9 / (count + 0.9 * (1.0 - b + b * text.len() as f32 / mean))
        });
        parts.sum()
    };
    (
        texts.iter().map(score).collect(),
        query.iter().map(|word| 1.9 * idf(word)).sum(),
    )
}

fn stretched(scores: &[f32], least_high: f32) -> Vec<f32> {
    let finite = || scores.iter().copied().filter(|score| score.is_finite());
    let low = finite().fold(f32::MAX, f32::min);
    let high = finite().fold(least_high, f32::max);
    let stretch = |score: &f32| {
        if !score.is_finite() {
            0.0
        } else if high > low {
            (score - low) / (high - low)
        } else {
            1.0
        }
    };
    scores.iter().map(stretch).collect()
}

/// What a memory counts by itself.
fn value(given: &Given, dense: f32, words: f32, asked: &Asked) -> f32 {
    let ranking = &asked.ranking;
    let mut value = ranking.dense_weight * dense + (1.0 - ranking.dense_weight) * words;
    if given.text.ends_with('?') {
        value -= ranking.question_penalty;
    }
    let first = |text: &str| text.split(' ').next().map(str::to_owned);
    let first = first(given.text.trim_end_matches('?')).filter(|first| !first.is_empty());
    if first.is_some_and(|first| asked.text.split(' ').any(|word| word == first)) {
        value += ranking.opening_bonus;
    }
    value
}

/// What each memory counts with what the others lend it.
fn lent(candidates: &[(&u8, &Given)], own: &[f32], asked: &Asked) -> Vec<f32> {
    let ranking = &asked.ranking;
    let at = |i: usize| candidates[i].1.created_at;
    let mut order: Vec<usize> = (0..own.len()).collect();
    order.sort_by_key(|i| (at(*i), candidates[*i].0));
    let minutes = |a: usize, b: usize| (at(b).micros() - at(a).micros()) as f32 / 60e6;
    let near = |a: usize, b: usize| {
        let pause = minutes(a, b);
        pause > 0.0 && pause <= ranking.neighbour_minutes
    };
    let mut values = own.to_vec();
    for (place, i) in order.iter().enumerate() {
        let before = place
            .checked_sub(1)
            .map(|place| order[place])
            .filter(|b| near(*b, *i));
        let after = order.get(place + 1).copied().filter(|a| near(*i, *a));
        let answers = before.is_some_and(|before| candidates[before].1.text.ends_with('?'));
        let share = if answers {
            ranking.lent_by_question
        } else {
            ranking.lent_by_previous
        };
        values[*i] += share * own[before.unwrap_or(*i)];
        values[*i] += ranking.lent_by_next * own[after.unwrap_or(*i)];
    }
    let with_neighbours = values.clone();
    let occasions = order.chunk_by(|a, b| minutes(*a, *b) <= ranking.occasion_minutes);
    let occasions: Vec<&[usize]> = occasions.collect();
    let texts: Vec<String> = occasions
        .iter()
        .map(|occasion| {
            let texts = occasion
                .iter()
                .map(|i| candidates[*i].1.text.trim_end_matches('?'));
            texts.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let of_occasions = bm25_of(&texts, &asked.text, 0.0);
    let words = stretched(&of_occasions.0, ranking.fair_match * of_occasions.1);
    for (occasion, words) in occasions.into_iter().zip(words) {
        let best = occasion
            .iter()
            .map(|i| with_neighbours[*i])
            .fold(f32::MIN, f32::max);
        for i in occasion {
            values[*i] += ranking.lent_by_occasion * best + ranking.words_of_occasion * words;
        }
    }
    values
}

const WORDS: [&str; 8] = [
    "apple", "zebra", "tempo", "kiwi", "lava", "robot", "disco", "ninja",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..8).prop_map(|words| words.join(" "))
}

/// Texts in several languages and scripts, with dates, codes, and more characters than
/// a short one has.
fn spoken() -> impl Strategy<Value = String> {
    let written = [
        "der Tee und die Milch",
        "die Tees der Apfel",
        "la casa de mi abuela",
        "las casas de apple",
        "the houses of the robot",
        "ab-12",
        "kiwi 7 May 2023",
        "yesterday",
        "昨日の茶",
        "茶を飲む",
        "робот пьёт чай и молоко",
    ];
    let piece = prop_oneof![
        4 => text(),
        6 => prop::sample::select(written.to_vec()).prop_map(str::to_owned),
        1 => Just("kiwi und tempo ".repeat(27)),
    ];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.join(" "))
}

fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(part(), DIMENSIONS)
}

fn instant() -> impl Strategy<Value = Instant> {
    (0_i64..8).prop_map(Instant::from_micros)
}

/// Minutes, some of them close together.
fn written() -> impl Strategy<Value = Instant> {
    let minutes = prop::sample::select(&[0_i64, 1, 2, 5, 20, 26, 31, 57, 100, 103, 140][..]);
    minutes.prop_map(|minute| Instant::from_micros(minute * 60_000_000))
}

fn permission() -> impl Strategy<Value = Permission> {
    prop_oneof![Just(Permission::Private), Just(Permission::Public)]
}

fn given(text: impl Strategy<Value = String>) -> impl Strategy<Value = Given> {
    let vectors = prop::collection::vec(vector(), 0..4);
    let texts = (text, any::<bool>()).prop_map(|(text, asks)| text + if asks { "?" } else { "" });
    let parts = (
        texts,
        vectors,
        permission(),
        prop::option::of(instant()),
        written(),
    );
    parts.prop_map(|(text, vectors, permission, expires, created_at)| Given {
        text,
        vectors,
        permission,
        expires,
        created_at,
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    changes_of(text())
}

fn changes_of(text: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => (any::<u8>(), given(text)).prop_map(|(n, given)| Change::Upsert(n % 48, given)),
        1 => any::<u8>().prop_map(|n| Change::Remove(n % 48)),
    ];
    prop::collection::vec(change, 0..160)
}

fn asked() -> impl Strategy<Value = Asked> {
    asked_of(text())
}

fn asked_of(text: impl Strategy<Value = String>) -> impl Strategy<Value = Asked> {
    let filter = (
        prop::option::of(permission()),
        prop::sample::select(&[Expired::Exclude, Expired::Include, Expired::Only][..]),
        prop::option::of(instant()),
        prop::option::of(instant()),
    );
    let filter =
        filter.prop_map(
            |(permission, expired, expires_before, expires_after)| MemoryFilter {
                permission,
                expired,
                expires_before,
                expires_after,
            },
        );
    let vector = prop_oneof![4 => vector(), 1 => Just(Vec::new())];
    (text, vector, filter, instant(), 0_usize..60).prop_map(|(text, vector, filter, now, limit)| {
        Asked {
            text,
            vector,
            filter,
            now,
            limit,
            ranking: Ranking::PRODUCT,
        }
    })
}

/// Hits without what differs by rounding when terms are summed in another order.
fn ids(hits: &[Hit]) -> Vec<MemoryId> {
    hits.iter().map(|hit| hit.id).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_found_is_what_a_plain_search_finds(changes in changes(), asked in asked()) {
        let (partition, map) = applied(&changes);
        let hits = partition.query(&asked.query());
        let candidates: Vec<_> = admitted(&map, &asked).collect();
        prop_assert_eq!(hits.len(), asked.limit.min(candidates.len()));

        let no_vector = asked.vector.is_empty();
        let cosines_to = |vector: &[f32]| -> Vec<f32> {
            let cosine = |given| closest(given, vector).filter(|_| !no_vector);
            let cosines = candidates.iter().map(|(_, given)| cosine(given));
            cosines.map(|cosine| cosine.unwrap_or(f32::NEG_INFINITY)).collect()
        };
        let cosines = cosines_to(&asked.vector);
        let centred = cosines_to(&centred(&candidates, &asked));
        let dense = stretched(&centred, f32::MIN);
        let (bm25, possible) = bm25(&candidates, &asked.text);
        let words = stretched(&bm25, asked.ranking.fair_match * possible);
        let values: Vec<f32> = candidates.iter().zip(dense.iter().zip(&words))
            .map(|((_, given), (dense, words))| value(given, *dense, *words, &asked)).collect();
        let values = if asked.text.is_empty() && no_vector {
            vec![0.0; values.len()]
        } else {
            lent(&candidates, &values, &asked)
        };
        let value = |hit: &Hit| {
            let at = candidates.iter().position(|(n, _)| id(**n) == hit.id);
            at.map(|at| values[at])
        };
        let found: Option<Vec<f32>> = hits.iter().map(value).collect();
        let found = found.expect("a hit is a candidate");

        // int8 codes are off by half a step in 127, and a range of cosines may be
        // narrow: the stretched values are as exact as the range is wide.
        let finite = || centred.iter().copied().filter(|cosine| cosine.is_finite());
        let range = finite().fold(f32::MIN, f32::max) - finite().fold(f32::MAX, f32::min);
        let tolerance = if range > 0.0 { 0.04 / range + 1e-3 } else { 1.4 };
        for pair in found.windows(2) {
            prop_assert!(pair[0] >= pair[1] - tolerance, "{} before {}", pair[0], pair[1]);
        }
        let mut all = values.clone();
        all.sort_by(|a, b| b.total_cmp(a));
        for (found, best) in found.iter().zip(&all) {
            prop_assert!((found - best).abs() <= tolerance, "{found} instead of {best}");
        }
        for hit in &hits {
            let at = candidates.iter().position(|(n, _)| id(**n) == hit.id).expect("a candidate");
            prop_assert_eq!(hit.cosine.is_some(), cosines[at].is_finite());
            prop_assert!(hit.cosine.is_none_or(|cosine| (cosine - cosines[at]).abs() < 0.02));
            prop_assert_eq!(hit.keywords > 0.0, bm25[at] > 0.0);
        }
    }

    #[test]
    fn a_filtered_search_is_a_search_in_a_partition_of_what_passes(
        changes in changes_of(spoken()), asked in asked_of(spoken())
    ) {
        let (partition, map) = applied(&changes);
        let alone = partition_of(admitted(&map, &asked));
        prop_assert_eq!(partition.query(&asked.query()), alone.query(&asked.query()));
    }

    #[test]
    fn where_texts_are_to_differ_each_comes_once_before_any_comes_twice(
        changes in changes(), asked in asked()
    ) {
        let (partition, map) = applied(&changes);
        let all = partition.query(&Query { limit: usize::MAX, ..asked.query() });
        let text = |hit: &Hit| {
            let given = map.iter().find(|(n, _)| id(**n) == hit.id).map(|(_, given)| given);
            given.expect("a hit is a memory").text.clone()
        };
        let mut texts = std::collections::BTreeSet::new();
        let (first, again): (Vec<Hit>, Vec<Hit>) = all.into_iter().partition(|hit| texts.insert(text(hit)));
        let expected = [ids(&first), ids(&again)].concat();
        let shown = asked.limit.min(expected.len());
        prop_assert_eq!(ids(&partition.different(&asked.query())), &expected[..shown]);

        let once = |ids: &[MemoryId]| {
            let texts: std::collections::BTreeSet<&str> =
                map.iter().filter(|(n, _)| ids.contains(&id(**n))).map(|(_, given)| &*given.text).collect();
            texts.len() == ids.len().min(first.len())
        };
        let covering = ids(&partition.cover(&asked.query()));
        let telling = partition.telling(&asked.query());
        prop_assert!(covering.len() == shown && once(&covering));
        prop_assert!(telling.len() == shown && once(&telling));
    }

    #[test]
    fn the_order_of_changes_leaves_no_trace(
        changes in changes_of(spoken()), asked in asked_of(spoken())
    ) {
        let (partition, map) = applied(&changes);
        prop_assert_eq!(partition.len(), map.len());
        let (forward, backward) = (partition_of(&map), partition_of(map.iter().rev()));
        let hits = partition.query(&asked.query());
        prop_assert_eq!(&hits, &forward.query(&asked.query()));
        prop_assert_eq!(&hits, &backward.query(&asked.query()));
    }

    #[test]
    fn a_first_look_by_signs_leaves_no_trace_either(
        changes in changes_of(spoken()), asked in asked_of(spoken())
    ) {
        let (partition, map) = applied_to(with_signs(), &changes);
        let hits = partition.query(&asked.query());
        let backward = filled(with_signs(), map.iter().rev());
        prop_assert_eq!(&hits, &backward.query(&asked.query()));
        let alone = filled(with_signs(), admitted(&map, &asked));
        prop_assert_eq!(&hits, &alone.query(&asked.query()));
        let all = partition.query(&Query { limit: usize::MAX, ..asked.query() });
        prop_assert_eq!(&hits[..], &all[..asked.limit.min(all.len())]);
    }

    #[test]
    fn a_score_is_from_0_to_1_and_never_rises(changes in changes(), asked in asked()) {
        let (partition, _) = applied(&changes);
        let hits = partition.query(&asked.query());
        prop_assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.score)));
        prop_assert!(hits.iter().all(|hit| (0.0..=1.0).contains(&hit.keywords)));
        prop_assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }

    #[test]
    fn a_shorter_list_is_the_head_of_a_longer_one(changes in changes(), asked in asked()) {
        let (partition, _) = applied(&changes);
        let all = partition.query(&Query { limit: usize::MAX, ..asked.query() });
        let head = &all[..asked.limit.min(all.len())];
        prop_assert_eq!(partition.query(&asked.query()), head);
    }

    #[test]
    fn removing_everything_leaves_nothing(changes in changes(), asked in asked()) {
        let (mut partition, map) = applied(&changes);
        for n in map.keys() {
            prop_assert!(partition.remove(id(*n)));
        }
        prop_assert!(partition.is_empty());
        prop_assert_eq!(partition.query(&asked.query()), vec![]);
        prop_assert!(partition.bytes() < 64 * 1024, "{partition:?}");
    }

    #[test]
    fn any_text_can_be_stored_and_asked(text: String, question: String) {
        let mut partition = empty();
        let filter = MemoryFilter::default();
        let now = Instant::from_micros(0);
        let (permission, expires, created_at) = (Permission::Private, None, now);
        partition.upsert(id(1), Entry { text: &text, vectors: &[], permission, expires, created_at });
        for text in [&text, &question] {
            let hits = partition.query(&Query { text, vector: &[], filter, conditions: Conditions::none(), now, limit: 3, ranking: &Ranking::PRODUCT });
            prop_assert_eq!(hits.len(), 1);
        }
        prop_assert!(partition.remove(id(1)));
    }
}
