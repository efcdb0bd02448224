//! Times the model as it is told on standard input, for `scripts/embedding/compare.py`.
//!
//! `cargo run --release -p picard-embed --example timed -- models/multilingual-e5-small`
//!
//! A line is `query` or `passage`, how often, and a text, with tabs between them. The answer is a line
//! with the seconds that all of it took on one thread, a tab, and the first vector of the text.

#![allow(clippy::print_stdout)]

use std::io::{Write as _, stdin, stdout};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use picard_embed::{E5, Embedder, Error};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: timed FOLDER")?;
    let model = E5::from_dir(Path::new(&folder))?.with_threads(NonZeroUsize::MIN);
    for line in stdin().lines() {
        let line = line?;
        let [kind, times, text] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            return Err("a line is KIND, TIMES and TEXT, with tabs between them".into());
        };
        let once: &dyn Fn() -> Result<Vec<f32>, Error> = match kind {
            "query" => &|| model.embed_query(text),
            _ => &|| Ok(model.embed_passage(text)?.swap_remove(0)),
        };
        let times: usize = times.parse()?;
        let began = Instant::now();
        let mut vector = Vec::new();
        for _ in 0..times {
            vector = once()?;
        }
        let seconds = began.elapsed().as_secs_f64();
        let vector: Vec<String> = vector.iter().map(f32::to_string).collect();
        println!("{seconds}\t{}", vector.join(" "));
        stdout().flush()?;
    }
    Ok(())
}
