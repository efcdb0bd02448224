//! The same mix of calls on SQLite, on one node over PostgreSQL, and on two.
//!
//! They take turns, so that whatever else the machine does meets all of them. All
//! nodes and the database share this machine's cores: what this shows is what the
//! database and a second node cost, not what more machines would give.

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Settings,
    measure::{Run, Work, measure},
    person::{Application, Person},
    postgres::Database,
    report::Report,
    server::Server,
    texts::Texts,
};

/// How often the topologies take turns.
const TURNS: u32 = 5;

/// Measures the same mix of calls on SQLite, on one node over PostgreSQL, and on two
#[derive(Debug, Clone, Args)]
pub(crate) struct Topologies {
    /// A PostgreSQL server where databases may be made, as `postgres://USER@HOST/postgres`
    #[arg(long, value_name = "URL")]
    postgres: Url,
}

/// A server under measurement.
struct Topology {
    name: &'static str,
    nodes: Vec<Server>,
    database: Option<Database>,
    /// Lives for the rest of the program, so that calls can be tasks of their own.
    target: &'static Target,
}

/// Where calls go, and in whose name.
struct Target {
    http: reqwest::Client,
    nodes: Vec<String>,
    people: Vec<Person>,
}

/// What a call does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Write,
    List,
    AskAgain,
    AskAnew,
}

/// Of ten calls: a write, three lists, four repeated questions, two new ones.
const MIX: [Deed; 10] = [
    Deed::AskAgain,
    Deed::List,
    Deed::AskAnew,
    Deed::AskAgain,
    Deed::List,
    Deed::AskAgain,
    Deed::Write,
    Deed::AskAnew,
    Deed::List,
    Deed::AskAgain,
];

impl Topologies {
    pub(crate) async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let texts = Texts::new(settings.seed);
        let mut report = Report::new(settings);
        let one = Database::create(&self.postgres, "one").await?;
        let two = Database::create(&self.postgres, "two").await?;
        let all = [
            Topology::start("SQLite, one node", settings, None, 1).await?,
            Topology::start("PostgreSQL, one node", settings, Some(one), 1).await?,
            Topology::start("PostgreSQL, two nodes", settings, Some(two), 2).await?,
        ];
        for topology in &all {
            let store = Work {
                calls: settings.users * settings.memories,
                at_once: settings.parallel,
            };
            let target = topology.target;
            let stored = measure(store, move |n| target.call(Deed::Write, n, texts)).await?;
            report.run(format!("{}: submit_memory", topology.name), stored);
        }
        let turn = Work {
            calls: settings.reads.div_ceil(TURNS),
            at_once: settings.parallel,
        };
        let mix = |target: &'static Target, round: u32| {
            measure(turn, move |n| {
                let number = (round + 1) * 100_000 + n;
                target.call(MIX[n as usize % MIX.len()], number, texts)
            })
        };
        let mut runs: Vec<Option<Run>> = vec![None, None, None];
        for round in 0..=TURNS {
            for (topology, total) in all.iter().zip(&mut runs) {
                let run = mix(topology.target, round).await?;
                match total {
                    // The first round loads the partitions; nobody counts it.
                    _ if round == 0 => {}
                    Some(total) => total.join(run),
                    None => *total = Some(run),
                }
            }
        }
        let runs: Vec<Run> = runs.into_iter().flatten().collect();
        for (topology, run) in all.iter().zip(&runs) {
            let throughput = run.per_second() / runs[0].per_second();
            let p99 = run.within_ms(0.99) / runs[0].within_ms(0.99);
            report.size(
                format!("{}: calls a second", topology.name),
                throughput,
                "of SQLite's",
            );
            report.size(format!("{}: p99", topology.name), p99, "of SQLite's");
        }
        for (topology, run) in all.iter().zip(runs) {
            report.run(format!("{}: mix", topology.name), run);
            for node in &topology.nodes {
                report.size(
                    format!("{}: resident", topology.name),
                    node.resident_mib()?,
                    "MiB",
                );
            }
        }
        for topology in all {
            topology.end().await?;
        }
        report.print();
        Ok(())
    }
}

impl Topology {
    async fn start(
        name: &'static str,
        settings: &Settings,
        database: Option<Database>,
        nodes: usize,
    ) -> anyhow::Result<Self> {
        let place = database
            .iter()
            .map(|database| ("DATABASE_URL", database.url.clone()))
            .collect();
        let first = Server::start_with(&settings.binary, place).await?;
        let application = Application::register(&first)?;
        let mut people = Vec::new();
        for n in 0..settings.users {
            people.push(application.connect(&first, &format!("person{n}")).await?);
        }
        let mut all = vec![first];
        while all.len() < nodes {
            let another = all[0].another_node().await?;
            all.push(another);
        }
        let target = Target {
            http: crate::person::http()?,
            nodes: all.iter().map(|node| node.url.clone()).collect(),
            people,
        };
        Ok(Self {
            name,
            nodes: all,
            database,
            target: Box::leak(Box::new(target)),
        })
    }

    async fn end(self) -> anyhow::Result<()> {
        for node in self.nodes {
            node.stop()?;
        }
        match self.database {
            Some(database) => database.delete().await,
            None => Ok(()),
        }
    }
}

impl Target {
    /// Makes one call of the person and at the node whose turn it is, and checks
    /// that it has an answer.
    async fn call(&self, deed: Deed, n: u32, texts: Texts) -> anyhow::Result<()> {
        let person = &self.people[n as usize % self.people.len()];
        // Not in step with the people, or each would always meet the same node.
        let node = &self.nodes[(n as usize / self.people.len()) % self.nodes.len()];
        let (tool, data, found) = match deed {
            Deed::Write => ("submit_memory", json!({"text": texts.memory(n)}), "/id"),
            Deed::List => ("get_memories", json!({"limit": 50}), "/memories/0"),
            Deed::AskAgain => (
                "query_memory",
                json!({"query": texts.question(n % 10)}),
                "/memories/0",
            ),
            Deed::AskAnew => (
                "query_memory",
                json!({"query": texts.question(n)}),
                "/memories/0",
            ),
        };
        let answer = self
            .http
            .post(format!("{node}/api/tools"))
            .bearer_auth(person.access.expose())
            .json(&json!({"tool": tool, "data": data}))
            .send()
            .await?;
        let status = answer.status();
        let answer: Value = answer.json().await.context("an answer is JSON")?;
        ensure!(
            status.is_success() && answer.pointer(found).is_some(),
            "{tool} was answered with {status}: {answer}"
        );
        Ok(())
    }
}
