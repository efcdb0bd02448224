//! A database with very many people in it: what the first question of one of them
//! costs, and whether a node's memory keeps its bound while thousands of them ask.
//!
//! The people are synthetic. Their rows are made here, sealed as the server would
//! seal them, and copied into the tables; the vectors are random, since computing
//! ten million would take days. Each memory holds a code of its own, which is asked
//! for: a wrong key, a row out of place or a stranger's memory fails the run.

mod copy;
mod fill;

use anyhow::{Context as _, ensure};
use clap::Args;
use picard_client::Secret;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Settings,
    measure::{Work, measure},
    person::Application,
    postgres::Database,
    report::Report,
    server::Server,
};
use fill::{Filling, code};

/// Fills a database with very many people and asks in their names
#[derive(Debug, Clone, Args)]
pub(crate) struct Crowd {
    /// A PostgreSQL server where databases may be made, as `postgres://USER@HOST/postgres`
    #[arg(long, value_name = "URL")]
    postgres: Url,
    /// How many people
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    people: u32,
    /// How many memories each of them has
    #[arg(long, value_name = "N", default_value_t = 100)]
    each: u32,
    /// How many people with 1,000 memories there are besides
    #[arg(long, value_name = "N", default_value_t = 100)]
    busy: u32,
    /// How many of the people ask, in four rounds
    #[arg(long, value_name = "N", default_value_t = 8000)]
    asking: u32,
    /// The memory for partitions, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    partition_mib: u32,
}

/// How many memories a busy person has.
const BUSY: u32 = 1000;

/// How often it is looked at how much memory the server has.
const ROUNDS: u32 = 4;

/// Somebody who asks.
struct Member {
    number: u32,
    access: Secret,
    memories: u32,
}

/// Where questions go.
struct Target {
    http: reqwest::Client,
    url: String,
    busy: Vec<Member>,
    others: Vec<Member>,
}

impl Crowd {
    pub(crate) async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        ensure!(
            self.asking <= self.people,
            "more people are to ask than there are"
        );
        let people = format!(
            "{} people with {} memories each, {} with {BUSY}; at most {} MiB of partitions",
            self.people, self.each, self.busy, self.partition_mib
        );
        let mut report = Report::about(settings, people);
        let database = Database::create(&self.postgres, "crowd").await?;
        let place = vec![
            ("DATABASE_URL", database.url.clone()),
            ("PICARD_PARTITION_MIB", self.partition_mib.to_string()),
        ];
        let server = Server::start_with(&settings.binary, place).await?;
        // The application, and a grant to make the others' after.
        let application = Application::register(&server)?;
        application.connect(&server, "somebody").await?;

        let filling = Filling::prepare(&database, &server.keyring()?).await?;
        let busy = filling.people(0..self.busy, BUSY, self.busy).await?;
        let range = self.busy..self.busy + self.people;
        let others = filling.people(range, self.each, self.asking).await?;
        filling.settle().await?;
        report.size("database", database.mib().await?, "MiB");
        report.size(
            "resident, before any question",
            server.resident_mib()?,
            "MiB",
        );

        let target: &'static Target = Box::leak(Box::new(Target {
            http: crate::person::http()?,
            url: server.url.clone(),
            busy,
            others,
        }));
        let (one, many) = (1, settings.parallel);
        let all = |calls, at_once| Work { calls, at_once };
        let cold = measure(all(self.busy, one), |n| {
            target.ask(&target.busy[n as usize], n)
        });
        report.run(format!("first question, {BUSY} memories"), cold.await?);
        let warm = measure(all(self.busy, one), |n| {
            target.ask(&target.busy[n as usize], n + 500)
        });
        report.run(format!("next question, {BUSY} memories"), warm.await?);
        for round in 0..ROUNDS {
            let (start, calls) = (round * (self.asking / ROUNDS), self.asking / ROUNDS);
            let asked = measure(all(calls, many), move |n| {
                target.ask(&target.others[(start + n) as usize], n)
            });
            report.run(
                format!("first question, {} memories", self.each),
                asked.await?,
            );
            report.size(
                format!("resident after {} people", self.busy + start + calls),
                server.resident_mib()?,
                "MiB",
            );
        }
        server.stop()?;
        database.delete().await?;
        report.print();
        Ok(())
    }
}

impl Target {
    /// Asks for the code of one of the member's memories: that one comes first, and
    /// all that is found is theirs.
    async fn ask(&self, member: &Member, n: u32) -> anyhow::Result<()> {
        let wanted = code(member.number, n % member.memories);
        let answer = self
            .http
            .post(format!("{}/api/tools", self.url))
            .bearer_auth(member.access.expose())
            // The same words for all, and the code: what is measured is not the embedding of
            // long questions.
            .json(&json!({"tool": "query_memory", "data": {"query": wanted}}))
            .send()
            .await?;
        let status = answer.status();
        let answer: Value = answer.json().await.context("an answer is JSON")?;
        ensure!(status.is_success(), "{status}: {answer}");
        let found = answer["memories"].as_array().context("memories")?;
        let texts: Vec<&str> = found.iter().filter_map(|m| m["text"].as_str()).collect();
        let mine = format!("-{}.", member.number);
        ensure!(
            texts.first().is_some_and(|text| text.contains(&wanted))
                && texts.iter().all(|text| text.ends_with(&mine)),
            "{wanted} was asked for; found: {texts:?}"
        );
        Ok(())
    }
}
