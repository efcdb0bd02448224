//! How long it takes to make memories ready and to put them into a partition:
//! `cargo bench -p picard-search --bench take_in`.
//!
//! Sentences as people note them down, in English and in German, every third with a
//! day; their nouns and names are made of syllables by Zipf's law, as a thousand
//! memories have some thousand different words.

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use picard_domain::{Instant, MemoryId, Permission};
use picard_search::{Analysis, Codes, Entry, Partition, Prepared, Preparer, Stored, StoredEntry};
use uuid::Uuid;

const TEXTS: usize = 1_000;
const DIMENSIONS: usize = 384;
const VOCABULARY: f64 = 20_000.0;

const ENGLISH: [&str; 6] = [
    "Anna told me that the # near the # was closed, so we went to the # instead.",
    "I am allergic to # and I can't eat anything with # in it.",
    "On 7 May 2023 the # broke down; it's the third time since we bought it from #.",
    "My brother works for # as a #, and he doesn't like the way his # talks about it.",
    "We agreed to meet at the # last Friday, but # was late because of the #.",
    "Remember to bring the # when you visit #: they said they would be waiting in March.",
];
const GERMAN: [&str; 6] = [
    "Anna hat mir erzählt, dass das # beim # geschlossen war, also gingen wir ins #.",
    "Ich vertrage keine # und kann nichts essen, in dem # enthalten ist.",
    "Am 7. Mai 2023 ging die # kaputt; das ist das dritte Mal, seit wir sie bei # kauften.",
    "Mein Bruder arbeitet als # für #, und er mag nicht, wie sein # über ihn spricht.",
    "Wir wollten uns beim # treffen, aber # kam zu spät, weil die # gesperrt war.",
    "Denk daran, die # mitzubringen, wenn du # besuchst: sie warten letzte Woche schon größtenteils.",
];
const SYLLABLES: [&str; 20] = [
    "ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "wa",
    "xe", "yi", "zo", "lan",
];

/// A small generator (xorshift64*): the same memories in every run.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    fn noun(&mut self) -> String {
        let mut rank = VOCABULARY.powf(self.unit()) as usize;
        let mut noun = SYLLABLES[rank % 19].to_owned();
        while rank > 0 {
            noun.push_str(SYLLABLES[rank % SYLLABLES.len()]);
            rank /= SYLLABLES.len();
        }
        noun
    }

    fn texts(&mut self, patterns: &[&str], count: usize) -> Vec<String> {
        let text = |_| {
            let mut parts = patterns[self.below(patterns.len())].split('#');
            let mut text = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                text.push_str(&self.noun());
                text.push_str(part);
            }
            text
        };
        (0..count).map(text).collect()
    }

    fn codes(&mut self) -> Codes {
        let code = |_| (self.unit() * 255.0 - 127.0) as i8;
        Codes::from_rounded((0..DIMENSIONS).map(code).collect(), DIMENSIONS)
    }
}

fn entry(text: &str) -> Entry<'_> {
    Entry {
        text,
        vectors: &[],
        permission: Permission::Private,
        expires: None,
        created_at: Instant::from_micros(1_700_000_000_000_000),
    }
}

fn stored(preparer: &Preparer, analysis: &Analysis, codes: Codes) -> Prepared {
    let entry = StoredEntry {
        stored: Stored {
            codes: Some(codes),
            analysis: Some(analysis.as_bytes()),
        },
        permission: Permission::Private,
        expires: None,
        created_at: entry("").created_at,
    };
    let prepared = preparer.prepare_stored(entry, None);
    prepared.expect("it was analysed")
}

fn preparing(c: &mut Criterion) {
    let mut group = c.benchmark_group("prepare");
    group
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(TEXTS as u64));
    for (language, patterns) in [("english", ENGLISH), ("german", GERMAN)] {
        let texts = Random(7).texts(&patterns, TEXTS);
        let preparer = Preparer::new(DIMENSIONS);
        group.bench_function(BenchmarkId::new("text", language), |b| {
            b.iter(|| {
                for text in &texts {
                    black_box(preparer.prepare(&entry(text)));
                }
            });
        });
        // What a load does: the words were found when the text was stored.
        let created_at = entry("").created_at;
        let analysed: Vec<_> = texts
            .iter()
            .map(|text| Analysis::of(text, created_at))
            .collect();
        group.bench_function(BenchmarkId::new("stored", language), |b| {
            b.iter(|| {
                for analysis in &analysed {
                    black_box(stored(&preparer, analysis, Codes::default()));
                }
            });
        });
    }
    group.finish();
}

fn putting(c: &mut Criterion) {
    let mut group = c.benchmark_group("put");
    group
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
        .sample_size(10);
    for memories in [10_000, 100_000] {
        group.throughput(Throughput::Elements(memories as u64));
        let mut random = Random(7);
        let texts = random.texts(&ENGLISH, memories);
        let preparer = Preparer::of_e5();
        let mut ready = || -> Vec<(MemoryId, Prepared)> {
            let one = |(n, text): (usize, &String)| {
                let id = MemoryId::from_uuid(Uuid::from_u128(n as u128));
                let analysis = Analysis::of(text, entry(text).created_at);
                (id, stored(&preparer, &analysis, random.codes()))
            };
            texts.iter().enumerate().map(one).collect()
        };
        group.bench_function(BenchmarkId::from_parameter(memories), |b| {
            b.iter_batched(
                &mut ready,
                |ready| {
                    let mut partition = Partition::of(preparer.clone());
                    for (id, memory) in ready {
                        partition.put(id, memory);
                    }
                    partition.shrink();
                    partition
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, preparing, putting);
criterion_main!(benches);
