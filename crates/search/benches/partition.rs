//! How long a search takes, and an upsert: `cargo bench -p picard-search`.
//!
//! Memories are synthetic: 384 dimensions at random, 20 words of a vocabulary of
//! 50,000 in which the n-th word is n times rarer than the first (Zipf), as in
//! natural text. `naive` is what one would write first, for comparison in the same
//! run: the vectors as f32, every cosine, then a full sort; no words at all.

use std::{fmt::Write, hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};
use picard_search::{Conditions, Entry, Partition, Preparer, Query, Ranking};
use uuid::Uuid;

const DIMENSIONS: usize = 384;
const VOCABULARY: f64 = 50_000.0;

/// A small generator (xorshift64*): the same memories in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn vector(&mut self) -> Vec<f32> {
        let raw: Vec<f32> = (0..DIMENSIONS)
            .map(|_| (self.unit() - 0.5) as f32)
            .collect();
        let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        raw.into_iter().map(|x| x / length).collect()
    }

    /// Words that no stop list knows, so that the most frequent have long postings.
    fn text(&mut self, words: usize) -> String {
        let mut text = String::new();
        for _ in 0..words {
            let rank = VOCABULARY.powf(self.unit()) as u32;
            write!(text, "wo{rank}rd ").expect("a string takes everything");
        }
        text
    }
}

fn id(n: usize) -> MemoryId {
    MemoryId::from_uuid(Uuid::from_u128(n as u128))
}

fn entry<'a>(n: usize, text: &'a str, vectors: &'a [Vec<f32>]) -> Entry<'a> {
    let permission = if n.is_multiple_of(5) {
        Permission::Public
    } else {
        Permission::Private
    };
    let created_at = Instant::from_micros(n as i64);
    Entry {
        text,
        vectors,
        permission,
        expires: None,
        created_at,
    }
}

fn filled(memories: usize) -> (Partition, Vec<Vec<f32>>) {
    let mut random = Random(7);
    let mut partition = Partition::new(DIMENSIONS);
    let mut plain = Vec::with_capacity(memories);
    for n in 0..memories {
        let vectors = [random.vector()];
        partition.upsert(id(n), entry(n, &random.text(20), &vectors));
        plain.extend(vectors);
    }
    (partition, plain)
}

/// Vectors as those of e5: in one narrow cone, and in clusters within it.
struct Space {
    common: Vec<f32>,
    topics: Vec<Vec<f32>>,
}

impl Space {
    fn new(random: &mut Random) -> Self {
        Self {
            common: random.vector(),
            topics: (0..512).map(|_| random.vector()).collect(),
        }
    }

    fn vector(&self, random: &mut Random) -> Vec<f32> {
        let topic = &self.topics[(random.unit() * 512.0) as usize];
        let parts = self.common.iter().zip(topic).zip(random.vector());
        parts
            .map(|((common, topic), own)| 0.87 * common + 0.33 * topic + 0.37 * own)
            .collect()
    }
}

/// The same bytes, read once.
fn read(bytes: &[u64]) -> u64 {
    bytes.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

/// From a thousand to a million memories of one person: a question by its vector, by
/// words and vector, and beside it a plain sum over the bytes of all rows, of which
/// a first look by signs reads an eighth.
fn sizes(c: &mut Criterion) {
    let mut group = c.benchmark_group("sizes");
    group
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    group.sample_size(20);
    #[expect(
        clippy::disallowed_methods,
        reason = "a bench has no command line of its own"
    )]
    let most = std::env::var("PICARD_BENCH_MOST").ok();
    let most: usize = most.and_then(|most| most.parse().ok()).unwrap_or(100_000);
    for memories in [1_000, 10_000, 100_000, 1_000_000] {
        if memories > most {
            break;
        }
        let mut random = Random(7);
        let space = Space::new(&mut random);
        let preparer = Preparer::new(DIMENSIONS).with_common(&space.common[..]);
        let mut partition = Partition::of(preparer);
        for n in 0..memories {
            let vectors = [space.vector(&mut random)];
            partition.upsert(id(n), entry(n, &random.text(12), &vectors));
        }
        partition.shrink();
        #[allow(clippy::print_stderr, reason = "a figure that criterion cannot take")]
        {
            eprintln!("{partition:?}: {} bytes each", partition.bytes() / memories);
        }
        let asked: Vec<(String, Vec<f32>)> = (0..64)
            .map(|_| (random.text(6), space.vector(&mut random)))
            .collect();
        let mut asked = asked.iter().cycle();
        let mut run = |name: &str, words: bool| {
            group.bench_function(BenchmarkId::new(name, memories), |b| {
                b.iter(|| {
                    let (text, vector) = asked.next().expect("a cycle does not end");
                    black_box(partition.query(&Query {
                        text: if words { text } else { "" },
                        vector,
                        filter: MemoryFilter::default(),
                        conditions: Conditions::none(),
                        now: Instant::from_micros(0),
                        limit: 10,
                        ranking: &Ranking::PRODUCT,
                    }))
                });
            });
        };
        run("question", true);
        run("by_vector", false);
        for (name, bytes) in [
            ("reading_the_rows", memories * DIMENSIONS),
            ("reading_the_signs", memories * DIMENSIONS / 8),
        ] {
            let same = vec![1_u64; bytes / 8];
            group.bench_function(BenchmarkId::new(name, memories), |b| {
                b.iter(|| black_box(read(black_box(&same))));
            });
        }
    }
    group.finish();
}

fn naive(rows: &[Vec<f32>], query: &[f32]) -> Vec<(f32, usize)> {
    let dot = |row: &Vec<f32>| row.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
    let mut all: Vec<(f32, usize)> = rows.iter().map(dot).zip(0..).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.truncate(10);
    all
}

fn searches(c: &mut Criterion) {
    let mut group = c.benchmark_group("partition");
    group
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    group.sample_size(50);
    for memories in [1_000, 10_000, 100_000] {
        let (partition, plain) = filled(memories);
        #[allow(clippy::print_stderr, reason = "a figure that criterion cannot take")]
        {
            eprintln!("{partition:?}: {} bytes each", partition.bytes() / memories);
        }
        let mut random = Random(11);
        let asked: Vec<(String, Vec<f32>)> =
            (0..64).map(|_| (random.text(6), random.vector())).collect();
        let mut asked = asked.iter().cycle();
        let mut run = |name: &str, words: bool, meaning: bool, filter: MemoryFilter| {
            group.bench_function(BenchmarkId::new(name, memories), |b| {
                b.iter(|| {
                    let (text, vector) = asked.next().expect("a cycle does not end");
                    let text = if words { text } else { "" };
                    let vector: &[f32] = if meaning { vector } else { &[] };
                    let now = Instant::from_micros(0);
                    black_box(partition.query(&Query {
                        text,
                        vector,
                        filter,
                        conditions: Conditions::none(),
                        now,
                        limit: 10,
                        ranking: &Ranking::PRODUCT,
                    }))
                });
            });
        };
        let all = MemoryFilter::default();
        run("search", true, true, all);
        run("by_vector", false, true, all);
        run("by_words", true, false, all);
        let public = MemoryFilter {
            permission: Some(Permission::Public),
            ..all
        };
        run("search_public_fifth", true, true, public);
        let (text, vector) = (Random(19).text(6), Random(23).vector());
        let persona = Query {
            text: &text,
            vector: &vector,
            filter: all,
            conditions: Conditions::none(),
            now: Instant::from_micros(0),
            limit: 20,
            ranking: &Ranking::PRODUCT,
        };
        group.bench_function(BenchmarkId::new("cover_20", memories), |b| {
            b.iter(|| black_box(partition.cover(&persona)));
        });
        group.bench_function(BenchmarkId::new("telling_20", memories), |b| {
            b.iter(|| black_box(partition.telling(&persona)));
        });
        let vector = Random(13).vector();
        group.bench_function(BenchmarkId::new("naive_f32_by_vector", memories), |b| {
            b.iter(|| black_box(naive(&plain, &vector)));
        });
    }
    group.finish();
}

fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("change");
    group
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    for memories in [1_000, 100_000] {
        let (mut partition, _) = filled(memories);
        let mut random = Random(17);
        let mut at = 0;
        group.bench_function(BenchmarkId::new("replace", memories), |b| {
            b.iter_batched(
                || {
                    at = (at + 7919) % memories;
                    (at, random.text(20), [random.vector()])
                },
                |(n, text, vectors)| partition.upsert(id(n), entry(n, &text, &vectors)),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(BenchmarkId::new("remove_and_insert", memories), |b| {
            b.iter_batched(
                || {
                    at = (at + 7919) % memories;
                    (at, random.text(20), [random.vector()])
                },
                |(n, text, vectors)| {
                    partition.remove(id(n));
                    partition.upsert(id(n), entry(n, &text, &vectors));
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, searches, sizes, changes);
criterion_main!(benches);
