//! How long one embedding takes on one core, and how long the model takes to load.
//!
//! `cargo bench -p picard-embed`

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use picard_embed::{E5, Embedder};

/// 12 tokens with the prefix and the marks.
const QUERY: &str = "What does Clara have to avoid?";

/// 60 tokens with the prefix and the marks.
const MEMORY: &str = "My daughter Clara is allergic to peanuts, so we always carry an adrenaline \
    pen. The spare one is in the kitchen, in the drawer under the window, and the school has \
    another. Please remind me in October, because both expire before the winter.";

fn embed(bench: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/multilingual-e5-small");
    let load = || E5::from_dir(&folder).expect("the model is in the repository");
    let model = load().with_threads(NonZeroUsize::MIN);
    let page = MEMORY.repeat(20);
    bench.bench_function("one query of 12 tokens", |bench| {
        bench.iter(|| {
            model
                .embed_query(black_box(QUERY))
                .expect("any text has a vector")
        });
    });
    bench.bench_function("one memory of 60 tokens", |bench| {
        bench.iter(|| {
            model
                .embed_passage(black_box(MEMORY))
                .expect("any text has a vector")
        });
    });
    let mut slow = bench.benchmark_group("slow");
    slow.sample_size(10);
    slow.bench_function("one page of 1,200 tokens", |bench| {
        bench.iter(|| {
            model
                .embed_passage(black_box(&page))
                .expect("any text has a vector")
        });
    });
    slow.bench_function("load from a folder", |bench| bench.iter(load));
}

criterion_group!(benches, embed);
criterion_main!(benches);
