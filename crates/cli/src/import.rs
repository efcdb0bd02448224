//! `picard import`: memories of one person from JSON Lines.
//!
//! It may run beside a server, can be stopped at any moment and repeated: what
//! is here already is found to be here. Lines that are no memories are told and
//! left out; the others are stored.

use std::{
    cell::RefCell,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use picard_app::{App, ImportMode, ImportReport, Intake, Lines, Write};
use picard_domain::Handle;
use serde::Serialize;

use crate::{
    hint::OrHint as _,
    owner::{Progress, owner},
    place::ServerData,
};

/// `picard import`.
#[derive(Args)]
pub(crate) struct Import {
    /// Whose memories they will be
    #[arg(long, value_name = "HANDLE")]
    user: Handle,
    /// The file with the memories, one JSON object a line; `-` for standard input
    file: PathBuf,
    /// Only tell what would happen
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: ServerData,
}

/// What became of the lines.
#[derive(Serialize)]
struct Report {
    user: Handle,
    dry_run: bool,
    #[serde(flatten)]
    lines: ImportReport,
}

impl Import {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let database = self.data.begin()?;
        let source = self.source()?;
        let app = self.data.open(database).await?;
        let read = self.read(&app, source).await;
        app.close().await;
        let report = read.or_hint(
            "what was stored before this stays; the same import again goes on where it stopped",
        )?;
        self.print(&report)?;
        Ok(if report.lines.refused == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn source(&self) -> anyhow::Result<Box<dyn BufRead>> {
        if self.file.as_os_str() == "-" {
            return Ok(Box::new(BufReader::new(std::io::stdin())));
        }
        let file = fs::File::open(&self.file)
            .with_context(|| format!("{} cannot be read", self.file.display()))?;
        Ok(Box::new(BufReader::new(file)))
    }

    async fn read(&self, app: &App, mut source: Box<dyn BufRead>) -> anyhow::Result<Report> {
        let caller = owner(app, &self.user)
            .await?
            .called("import")
            .authorize::<Write>()?;
        let mode = if self.dry_run {
            ImportMode::DryRun
        } else {
            ImportMode::Store
        };
        let progress = RefCell::new(Progress::new("lines read"));
        let say = |line: usize, what: &str| told(&progress.borrow(), line, what);
        let mut intake = Intake::new(app.importer(&caller, mode).await?, say);
        let mut lines = Lines::default();
        loop {
            let piece = source.fill_buf().context("the input cannot be read")?;
            let (all, mut rest) = (piece.len(), piece);
            if all == 0 {
                break;
            }
            while let Some((line, behind)) = lines.next(rest) {
                intake.line(line).await?;
                progress.borrow_mut().advance(1);
                rest = behind;
            }
            source.consume(all);
        }
        intake.line(lines.last()).await?;
        let lines = intake.end().await?;
        progress.into_inner().end();
        Ok(Report {
            user: self.user.clone(),
            dry_run: self.dry_run,
            lines,
        })
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn print(&self, report: &Report) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(report)?);
            return Ok(());
        }
        let lines = &report.lines;
        let verb = if self.dry_run {
            "Would import"
        } else {
            "Imported"
        };
        println!(
            "{verb} {} for {}.",
            counted(lines.imported, "memory", "memories"),
            self.user
        );
        if lines.duplicates.count > 0 {
            println!("{} here already.", are(lines.duplicates.count));
        }
        if lines.differing.count > 0 {
            println!(
                "{} here with other content, which stays as it is.",
                are(lines.differing.count)
            );
        }
        if lines.refused > 0 {
            println!("{} refused.", are(lines.refused));
        }
        Ok(())
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn are(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, "line", "lines"))
}

#[expect(clippy::print_stderr, reason = "notes on the way to the report")]
fn told(progress: &Progress, line: usize, what: &str) {
    progress.clear();
    eprintln!("line {line}: {what}");
}
