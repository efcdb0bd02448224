//! Whether somebody who asks notices that somebody else brings in very many
//! memories: the same person's fresh questions, first alone and then amid the
//! other's import, in the same run.

use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use picard_client::Query;
use serde_json::json;

use crate::{
    Settings,
    measure::{Work, measure},
    person::{Application, Person, http},
    report::Report,
    server::Server,
    texts::Texts,
};

/// Questions of one person, alone and while another imports
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  picard-load --memories 1000 --reads 500 sharing")]
pub(crate) struct Sharing {
    /// How many memories the other brings in; enough to last as long as the questions
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    lines: u32,
}

/// How far the questions of the two runs are apart.
const APART: u32 = 1_000_000;

impl Sharing {
    pub(crate) async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let texts = Texts::new(settings.seed);
        let about = format!(
            "One person with {} memories asks, another imports {}",
            settings.memories, self.lines
        );
        let mut report = Report::about(settings, about);
        let mut server = Server::start(&settings.binary).await?;
        let application = Application::register(&server)?;
        // For the rest of the program, so that calls can be tasks of their own.
        let asks: &'static Person =
            Box::leak(Box::new(application.connect(&server, "asks").await?));
        let other = application.connect(&server, "imports").await?;

        import(&server, asks, lines(texts, 0..settings.memories)).await?;
        let ask = |range: u32| {
            move |n: u32| async move {
                let question = texts.question(n + range * APART);
                let found = asks.tools.query_memory(&Query::new(&question)).await?;
                ensure!(!found.memories.is_empty(), "a query finds something");
                anyhow::Ok(())
            }
        };
        let one = |calls| Work { calls, at_once: 1 };
        measure(one(20), ask(1)).await.context("to warm up")?;
        let alone = measure(one(settings.reads), ask(2)).await?;
        let begin = settings.memories;
        let body = lines(texts, begin..begin + self.lines);
        let amid = tokio::select! {
            biased;
            amid = measure(one(settings.reads), ask(3)) => amid?,
            imported = import(&server, &other, body) => {
                imported?;
                bail!("the import was over before the questions were; give it more --lines");
            }
        };
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let ratio = amid.within_ms(share) / alone.within_ms(share);
            report.size(format!("{name}, amid the import : alone"), ratio, "times");
        }
        report.run("query_memory, fresh, alone", alone);
        report.run("query_memory, fresh, amid the import", amid);
        ensure!(server.is_running()?, "the server ended under the load");
        server.stop()?;
        report.print();
        Ok(())
    }
}

/// Memories as `POST /api/import` takes them.
fn lines(texts: Texts, numbers: std::ops::Range<u32>) -> String {
    let mut lines = String::new();
    for n in numbers {
        let line = json!({"text": texts.memory(n)});
        writeln!(lines, "{line}").expect("a string takes all");
    }
    lines
}

async fn import(server: &Server, person: &Person, lines: String) -> anyhow::Result<()> {
    let answer = http()?
        .post(format!("{}/api/import", server.url))
        .bearer_auth(person.access.expose())
        .header("Content-Type", "application/x-ndjson")
        .body(lines)
        .send()
        .await?;
    let status = answer.status();
    ensure!(status.is_success(), "the import was answered {status}");
    Ok(())
}
