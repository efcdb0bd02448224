//! Very many people in the memory of one process: what each takes there, whether a
//! question of one minds the others, and whether the budget of memory holds.
//!
//! The rows are made as for [`crate::scale`], on SQLite. A persona without a prompt
//! loads a person's memories and embeds nothing, so all of them are loaded that way.

use anyhow::{Context as _, ensure};
use clap::Args;
use picard_client::Secret;
use serde_json::{Value, json};

use crate::{
    Settings,
    measure::{Run, Work, measure},
    person::{self, Application},
    report::Report,
    scale::Filling,
    server::Server,
};

/// Loads the memories of very many people and asks in the names of some
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  picard-load --reads 2000 loaded --people 10000 --each 50")]
pub(crate) struct Loaded {
    /// How many people there are
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    people: u32,
    /// How many memories each of them has
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    each: u32,
    /// The memory for partitions where there is too little for all, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    partition_mib: u32,
}

/// How many people ask while few are loaded, and again when all are.
const FEW: u32 = 10;

/// How many different questions each of them asks.
const QUESTIONS: u32 = 5;

/// Room for everybody, in MiB.
const ROOM: u32 = 16_384;

/// Where calls go, and in whose names.
struct Target {
    http: reqwest::Client,
    url: String,
    people: &'static [Secret],
}

impl Loaded {
    pub(crate) async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let about = format!(
            "{} people with {} memories each in one process",
            self.people, self.each
        );
        let mut report = Report::about(settings, about);
        let server = Server::start(&settings.binary).await?;
        // The application, and a grant to make the others' after.
        let application = Application::register(&server)?;
        let somebody = application.connect(&server, "somebody").await?;
        let database = server.folder().join("data/server/picard.db");
        let mut filling = Filling::open(&database, &server.keyring()?).await?;
        let mut people = vec![somebody.access];
        people.extend(filling.people(self.people, self.each).await?);
        // For the rest of the program, so that calls can be tasks of their own.
        let people: &'static [Secret] = people.leak();

        let (node, target) = node(&server, ROOM, people).await?;
        let (before, counted) = (node.resident_mib()?, node.partition_bytes().await?);
        let few = measure(one(FEW), |n| target.persona(1 + n)).await?;
        report.run("persona, first of a person, few loaded", few);
        let few = target.warm(settings.reads).await?;
        let others = |n| target.persona(1 + FEW + n);
        report.run(
            "persona, first of a person",
            measure(one(self.people - FEW), others).await?,
        );
        let (after, all_counted) = (node.resident_mib()?, node.partition_bytes().await?);
        let all = target.warm(settings.reads).await?;
        let ratio = |share| all.within_ms(share) / few.within_ms(share);
        report.size("p50, all loaded : few loaded", ratio(0.5), "times");
        report.size("p99, all loaded : few loaded", ratio(0.99), "times");
        report.run(format!("query_memory, repeated, {FEW} loaded"), few);
        report.run("query_memory, repeated, all loaded", all);
        let again = |n| target.persona(1 + n);
        report.run(
            "persona, next of a person",
            measure(one(self.people), again).await?,
        );
        let each = (after - before) * 1_048_576.0 / f64::from(self.people);
        report.size("resident, before", before, "MiB");
        report.size("resident, all loaded", after, "MiB");
        report.size("resident, each person", each, "bytes");
        let counted = (all_counted - counted) / f64::from(self.people);
        report.size("counted, each person", counted, "bytes");
        let memory = each / f64::from(self.each);
        report.size("resident, each memory", memory, "bytes");
        node.stop()?;

        let (node, target) = self::node(&server, self.partition_mib, people).await?;
        let before = node.resident_mib()?;
        for round in ["first", "second"] {
            let all = |n| target.persona(1 + n);
            let run = measure(one(self.people), all).await?;
            report.run(format!("persona, in {} MiB", self.partition_mib), run);
            report.size(
                format!("in {} MiB, {round} round", self.partition_mib),
                node.resident_mib()? - before,
                "MiB more",
            );
        }
        let counted = node.partition_bytes().await? / 1_048_576.0;
        report.size("counted then", counted, "MiB");
        let highest = node.highest_mib()? - before;
        report.size("highest of that", highest, "MiB more");
        node.stop()?;
        server.stop()?;
        report.print();
        Ok(())
    }
}

/// Starts a node and lets it do everything once for somebody without memories.
async fn node(
    server: &Server,
    partition_mib: u32,
    people: &'static [Secret],
) -> anyhow::Result<(Server, &'static Target)> {
    let room = ("PICARD_PARTITION_MIB", partition_mib.to_string());
    let node = server.another_node_with(vec![room]).await?;
    let target: &'static Target = Box::leak(Box::new(Target {
        http: person::http()?,
        url: node.url.clone(),
        people,
    }));
    measure(one(20), |n| target.ask(0, n)).await?;
    measure(one(20), |_| target.persona(0)).await?;
    Ok((node, target))
}

fn one(calls: u32) -> Work {
    Work { calls, at_once: 1 }
}

impl Target {
    /// Asks questions of the first people that were asked before.
    async fn warm(&'static self, reads: u32) -> anyhow::Result<Run> {
        let ask = |n: u32| self.ask(1 + n % FEW, n / FEW % QUESTIONS);
        measure(one(FEW * QUESTIONS), ask).await?;
        measure(one(reads), ask).await
    }

    async fn ask(&self, person: u32, question: u32) -> anyhow::Result<()> {
        let query = format!("What was it that happened on day {question}?");
        let data = json!({"query": query});
        self.call(person, "query_memory", data).await.map(|_| ())
    }

    /// Asks for what tells most of a person.
    async fn persona(&self, person: u32) -> anyhow::Result<()> {
        let handle = match person {
            0 => "somebody".to_owned(),
            person => format!("somebody{}", person - 1),
        };
        let data = json!({"user_id": handle, "limit": 3});
        let answer = self.call(person, "query_user", data).await?;
        let found = answer["memories"].as_array().map(Vec::len);
        ensure!(
            found == Some(3) || person == 0,
            "three memories, not {found:?}"
        );
        Ok(())
    }

    async fn call(&self, person: u32, tool: &str, data: Value) -> anyhow::Result<Value> {
        let answer = self
            .http
            .post(format!("{}/api/tools", self.url))
            .bearer_auth(self.people[person as usize].expose())
            .json(&json!({"tool": tool, "data": data}))
            .send()
            .await?;
        let status = answer.status();
        let answer: Value = answer.json().await.context("an answer is JSON")?;
        ensure!(status.is_success(), "{status}: {answer}");
        Ok(answer)
    }
}
