//! One person with very many memories: the first question, the next ones, a question
//! after a write, and what all that takes of memory.
//!
//! The rows are made here ([`fill`]), sealed as the server would seal them, and put into
//! the database of a real server. Every size has a person and a process of its own, so
//! each first question finds nothing of theirs in memory. The process has answered
//! somebody else before, so that what is bounded for all together (pages of the database,
//! what its threads keep at hand) is there already. What the machine does at the time is
//! measured beside it: the database reads the same rows once, and the model embeds the
//! same questions in this process.

mod fill;

use std::{path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use picard_client::Secret;
use picard_embed::{E5, Embedder as _};
use serde_json::{Value, json};

use crate::{
    Settings,
    person::{self, Application},
    report::Report,
    server::Server,
    texts::Texts,
};
pub(crate) use fill::Filling;

/// Fills one person after another with memories and asks in their names
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  picard-load scale --sizes 1000,10000,100000")]
pub(crate) struct Scale {
    /// How many memories they have, one after the other
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    sizes: Vec<u32>,
    /// How many questions each of them is asked of each kind
    #[arg(long, value_name = "N", default_value_t = 100)]
    questions: u32,
    /// The model that the server has, for the questions that are embedded here
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "models/multilingual-e5-small"
    )]
    model: std::path::PathBuf,
}

/// Questions that the figures are not of, so that each process has done everything once.
const WARMING: u32 = 20;

/// Memories of somebody else whom the process has answered before.
const OTHERS: u32 = 20_000;

/// Where questions go, and in whose name.
struct Target {
    http: reqwest::Client,
    url: String,
    access: Secret,
}

impl Scale {
    pub(crate) async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let texts = Texts::new(settings.seed);
        let about = "One person with so many memories; vectors made up".to_owned();
        let mut report = Report::about(settings, about);
        let place = vec![("PICARD_PARTITION_MIB", "16384".to_owned())];
        let server = Server::start_with(&settings.binary, place).await?;
        let application = Application::register(&server)?;
        let database = server.folder().join("data/server/picard.db");
        let mut filling = Filling::open(&database, &server.keyring()?).await?;
        let other = application.connect(&server, "somebody").await?;
        filling.fill("somebody", OTHERS).await?;
        for size in &self.sizes {
            let handle = format!("scale{size}");
            let person = application.connect(&server, &handle).await?;
            filling.fill(&handle, *size).await?;
            let began = Instant::now();
            let bytes = filling.read(&handle).await?;
            let read = millis(began);
            ensure!(bytes > 0, "there are rows to read");

            let node = server.another_node().await?;
            let target = Target {
                http: person::http()?,
                url: node.url.clone(),
                access: person.access,
            };
            let other = Target {
                http: target.http.clone(),
                url: target.url.clone(),
                access: other.access.clone(),
            };
            for n in 0..WARMING {
                other.ask(&texts.question(n + 90_000_000)).await?;
            }
            let (before, counted) = (node.resident_mib()?, node.partition_bytes().await?);
            let began = Instant::now();
            target.ask(&texts.question(80_000_000)).await?;
            let first = millis(began);
            let (after, highest) = (node.resident_mib()?, node.highest_mib()?);
            let counted = node.partition_bytes().await? - counted;
            let measured = self.questions(&target, texts, &self.model).await?;
            report.size(format!("{size}: first question"), first, "ms");
            report.size(format!("{size}: reading the same rows"), read, "ms");
            report.size(
                format!("{size}: loaded, each"),
                (first - measured.fresh) * 1000.0 / f64::from(*size),
                "µs",
            );
            report.size(
                format!("{size}: resident, each"),
                (after - before) * 1_048_576.0 / f64::from(*size),
                "bytes",
            );
            report.size(
                format!("{size}: counted, each"),
                counted / f64::from(*size),
                "bytes",
            );
            report.size(format!("{size}: resident, before"), before, "MiB");
            report.size(format!("{size}: resident, highest"), highest, "MiB");
            report.size(
                format!("{size}: question, asked before"),
                measured.repeated,
                "ms",
            );
            report.size(format!("{size}: question, fresh"), measured.fresh, "ms");
            report.size(
                format!("{size}: embedding it, here"),
                measured.embedding,
                "ms",
            );
            report.size(
                format!("{size}: fresh : embedding"),
                measured.fresh / measured.embedding,
                "times",
            );
            report.size(
                format!("{size}: question after a write"),
                measured.written,
                "ms",
            );
            node.stop()?;
        }
        report.size("on disk", server.on_disk_mib()?, "MiB");
        server.stop()?;
        report.print();
        Ok(())
    }

    /// Asks in turns what is fresh, what was asked, and right after a write; medians.
    async fn questions(
        &self,
        target: &Target,
        texts: Texts,
        model: &Path,
    ) -> anyhow::Result<Measured> {
        let embedder = E5::from_dir(model).context("the model cannot be loaded")?;
        let mut times: [Vec<f64>; 4] = Default::default();
        for n in 0..self.questions + WARMING {
            let question = texts.question(n);
            let began = Instant::now();
            target.ask(&question).await?;
            let fresh = millis(began);
            let began = Instant::now();
            target.ask(&question).await?;
            let repeated = millis(began);
            let began = Instant::now();
            std::hint::black_box(embedder.embed_query(&question)?);
            let embedding = millis(began);
            target
                .call("submit_memory", json!({"text": texts.memory(n)}))
                .await?;
            let began = Instant::now();
            target.ask(&question).await?;
            let written = millis(began);
            if n >= WARMING {
                let row = [fresh, repeated, embedding, written];
                for (times, time) in times.iter_mut().zip(row) {
                    times.push(time);
                }
            }
        }
        let [fresh, repeated, embedding, written] = times.map(median);
        Ok(Measured {
            fresh,
            repeated,
            embedding,
            written,
        })
    }
}

/// Medians in milliseconds.
struct Measured {
    fresh: f64,
    repeated: f64,
    embedding: f64,
    written: f64,
}

impl Target {
    async fn ask(&self, question: &str) -> anyhow::Result<()> {
        self.call("query_memory", json!({"query": question}))
            .await?;
        Ok(())
    }

    async fn call(&self, tool: &str, data: Value) -> anyhow::Result<Value> {
        let answer = self
            .http
            .post(format!("{}/api/tools", self.url))
            .bearer_auth(self.access.expose())
            .json(&json!({"tool": tool, "data": data}))
            .send()
            .await?;
        let status = answer.status();
        let answer: Value = answer.json().await.context("an answer is JSON")?;
        ensure!(status.is_success(), "{status}: {answer}");
        Ok(answer)
    }
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
