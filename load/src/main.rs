//! Puts a load on a real server and reports figures.
//!
//! One command starts a release binary on a fresh folder and a free port, lets
//! people sign up, connects an application to each of them through the pages that a
//! person would use, and measures the tools through HTTP with the tokens that come
//! out of it. Nothing leaves this machine; only the process that was started is
//! ended.
//!
//! ```text
//! cargo build --release -p picard -p picard-load && target/release/picard-load
//! ```
//!
//! The story is in `run`; `server` is the process, `person` the browser, `texts`
//! what people remember and ask, `measure` the clock;
//! `surfaces` compares `/mcp` with `/api/tools`, `topologies` SQLite with one and two
//! nodes over PostgreSQL, `crowd` asks where very many people are, `loaded` where they
//! are in memory, and `scale` where one person has very many memories.

mod crowd;
mod dice;
mod loaded;
mod measure;
mod person;
mod postgres;
mod report;
mod scale;
mod server;
mod sharing;
mod surfaces;
mod system;
mod texts;
mod topologies;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use picard_client::{ListMemories, NewMemory, Query};
use picard_domain::Permission;

use crowd::Crowd;
use loaded::Loaded;
use measure::{Work, measure};
use person::{Application, Person};
use report::Report;
use scale::Scale;
use server::Server;
use sharing::Sharing;
use surfaces::{Questions, Surfaces};
use texts::Texts;
use topologies::Topologies;

/// Measures a server under the load of many people, through its public API
#[derive(Debug, Clone, Parser)]
#[command(after_help = "Example:\n  picard-load --users 5 --memories 200")]
struct Settings {
    /// The binary to measure, a release build
    #[arg(long, value_name = "FILE", default_value = "target/release/picard")]
    binary: PathBuf,
    /// How many people there are, 1 to 50
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=50))]
    users: u32,
    /// How many memories each of them has, 1 to 100,000
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    memories: u32,
    /// How many calls each kind of reading gets, 1 to 100,000
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    reads: u32,
    /// How many calls are under way at once in the parallel runs, 1 to 256
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    parallel: u32,
    /// What the texts and questions are made from; the same seed gives the same ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Measure nothing but the same question through /mcp and /api/tools
    #[arg(long)]
    surfaces: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    other: Option<Other>,
}

/// What is measured instead of one server on SQLite.
#[derive(Debug, Clone, Subcommand)]
enum Other {
    /// The same mix of calls on SQLite, on one node over PostgreSQL, and on two
    Topologies(Topologies),
    /// A database with very many people in it
    Crowd(Crowd),
    /// One person with very many memories
    Scale(Scale),
    /// One person's questions while another imports
    Sharing(Sharing),
    /// The memories of very many people in one process
    Loaded(Loaded),
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "an error is for the person who waits")]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    let done = match &settings.other {
        None => run(&settings).await,
        Some(Other::Topologies(topologies)) => topologies.run(&settings).await,
        Some(Other::Crowd(crowd)) => crowd.run(&settings).await,
        Some(Other::Scale(scale)) => scale.run(&settings).await,
        Some(Other::Sharing(sharing)) => sharing.run(&settings).await,
        Some(Other::Loaded(loaded)) => loaded.run(&settings).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How many different questions the runs of repeated queries go round.
const REPEATED: u32 = 10;

/// How far the ranges of the runs of fresh queries are apart.
const FRESH: u32 = 1_000_000;

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let texts = Texts::new(settings.seed);
    let mut report = Report::new(settings);

    let mut server = Server::start(&settings.binary).await?;
    report.size(
        "start to ready",
        server.ready_after.as_secs_f64() * 1000.0,
        "ms",
    );
    report.size("resident, idle", server.resident_mib()?, "MiB");

    let application = Application::register(&server)?;
    let mut people = Vec::new();
    for n in 0..settings.users {
        let connected = application.connect(&server, &format!("person{n}")).await;
        people.push(connected.with_context(|| format!("person {n} could not connect"))?);
    }
    // For the rest of the program, so that calls can be tasks of their own.
    let people: &'static [Person] = people.leak();
    let of = move |n: u32| &people[n as usize % people.len()].tools;

    let submit = move |n: u32| async move {
        let text = texts.memory(n);
        let permission = if n.is_multiple_of(5) {
            Permission::Public
        } else {
            Permission::Private
        };
        let memory = NewMemory {
            permission,
            ..NewMemory::new(&text)
        };
        of(n).submit_memory(&memory).await.map(|_| ())
    };
    let list = move |n: u32| async move {
        let list = ListMemories {
            limit: Some(50),
            ..ListMemories::default()
        };
        let page = of(n).get_memories(&list).await?;
        assert!(!page.memories.is_empty(), "everybody has memories");
        anyhow::Ok(())
    };
    let ask = move |n: u32, question: String| async move {
        let hits = of(n).query_memory(&Query::new(&question)).await?;
        assert!(!hits.memories.is_empty(), "a query finds something");
        anyhow::Ok(())
    };
    let repeated = move |n: u32| ask(n, texts.question(n % REPEATED));
    // Fresh for the server, too: each run has a range of questions of its own.
    let fresh = |range: u32| move |n: u32| ask(n, texts.question(n + range * FRESH));

    let (one, many) = (1, settings.parallel);
    let all = Work {
        calls: settings.users * settings.memories,
        at_once: many,
    };
    report.run("submit_memory", measure(all, submit).await?);
    report.size(
        "resident, all memories stored",
        server.resident_mib()?,
        "MiB",
    );
    if !settings.surfaces {
        let once_each = Work {
            calls: settings.users,
            at_once: one,
        };
        report.run(
            "query_memory, first of a person",
            measure(once_each, fresh(1)).await?,
        );
        for (range, at_once) in [(2, one), (3, many)] {
            let work = Work {
                calls: settings.reads,
                at_once,
            };
            report.run("get_memories, 50", measure(work, list).await?);
            report.run("query_memory, repeated", measure(work, repeated).await?);
            report.run("query_memory, fresh", measure(work, fresh(range)).await?);
        }
    }
    let surfaces: &'static Surfaces = Box::leak(Box::new(Surfaces::new(&server.url, people)?));
    for (range, at_once) in [(10, one), (20, many)] {
        let work = Work {
            calls: settings.reads,
            at_once,
        };
        let fresh = Questions::Fresh(range * FRESH);
        for (kind, questions) in [
            ("repeated", Questions::Repeated(REPEATED)),
            ("fresh", fresh),
        ] {
            report.compare(kind, surfaces.compare(texts, questions, work).await?);
        }
    }
    report.size("resident, after the load", server.resident_mib()?, "MiB");
    report.size("resident, highest", server.highest_mib()?, "MiB");
    report.size("on disk", server.on_disk_mib()?, "MiB");
    if !server.is_running()? {
        bail!("the server ended under the load");
    }
    server.stop()?;
    report.print();
    Ok(())
}
