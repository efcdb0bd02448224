//! What encryption costs per memory: `cargo bench -p picard-crypto`.

use std::{hint::black_box, sync::atomic::AtomicU64, sync::atomic::Ordering};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use picard_crypto::{DataKey, Keyring, sha256};
use picard_domain::Entropy;

/// Cheap and different each time: the cost of the operating system's randomness
/// is not the subject.
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes
            .iter_mut()
            .zip(sha256(&n))
            .for_each(|(byte, random)| *byte = random);
    }
}

fn seal(criterion: &mut Criterion) {
    let entropy = Counter(AtomicU64::new(0));
    let key = DataKey::generate(&entropy);

    let mut group = criterion.benchmark_group("fernet");
    for (name, bytes) in [("200 B", 200), ("64 KiB", 65_536)] {
        let text = "x".repeat(bytes);
        let token = key.fernet_encrypt(&text);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("encrypt {name}"), |b| {
            b.iter(|| key.fernet_encrypt(black_box(&text)));
        });
        group.bench_function(format!("decrypt {name}"), |b| {
            b.iter(|| key.fernet_decrypt(black_box(&token)));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("vector of 1536 B");
    let vector = vec![7; 1536];
    let sealed = key.seal(&entropy, b"owner and memory", &vector);
    group.throughput(Throughput::Bytes(1536));
    group.bench_function("seal", |b| {
        b.iter(|| key.seal(&entropy, b"owner and memory", black_box(&vector)));
    });
    group.bench_function("open", |b| {
        b.iter(|| key.open(b"owner and memory", black_box(&sealed)));
    });
    group.finish();

    let ring = Keyring::generate(&entropy);
    let wrapped = ring.wrap(&entropy, &key, b"owner");
    criterion.bench_function("unwrap a data key", |b| {
        b.iter(|| ring.unwrap(black_box(&wrapped), b"owner"));
    });
}

criterion_group!(benches, seal);
criterion_main!(benches);
