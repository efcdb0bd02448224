//! Prints what the model costs: time to load, resident memory, throughput of several threads.
//!
//! `cargo run --release -p picard-embed --example measure -- models/multilingual-e5-small`

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::time::Instant;

use picard_embed::load_dir;

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .filter(|line| line.starts_with("VmRSS"))
        .collect()
}

fn main() {
    let folder = std::env::args().nth(1).expect("usage: measure FOLDER");
    println!("before     {}", resident());
    let start = Instant::now();
    let model = load_dir(Path::new(&folder)).unwrap();
    println!("loaded     {} in {:?}", resident(), start.elapsed());
    let start = Instant::now();
    model.embed_query("What does Clara have to avoid?").unwrap();
    println!("one query  {} in {:?}", resident(), start.elapsed());
    let prose = "The minutes of the housing association note the weather. ";
    for text in [
        prose,
        "0123456789",
        "a",
        "\u{6f22}",
        "\u{1f980}",
        "\0",
        " \n",
        "\u{301}",
    ] {
        let page = text.repeat(65_536 / text.len());
        let start = Instant::now();
        let windows = model.embed_passage(&page).unwrap().len();
        let (rss, time) = (resident(), start.elapsed());
        println!("64 KiB     {rss} in {time:?}, {windows} windows of {text:?}");
    }
    for threads in [1, 2, 4] {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..100 {
                        model.embed_query("What does Clara have to avoid?").unwrap();
                    }
                });
            }
        });
        let rate = f64::from(threads) * 100.0 / start.elapsed().as_secs_f64();
        println!("{threads} threads  {} {rate:.0} queries/s", resident());
    }
}
