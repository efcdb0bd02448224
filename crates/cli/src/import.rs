//! `picard import`: memories of one person from JSON Lines.
//!
//! It may run beside a server, can be stopped at any moment and repeated: what
//! is here already is found to be here. Lines that are no memories are told and
//! left out; the others are stored.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use picard_app::{App, Fate, ImportMode, Importer, Incoming, InvalidLine, Write};
use picard_domain::Handle;
use serde::Serialize;

use crate::{
    hint::OrHint as _,
    owner::{Progress, owner},
    place::ServerData,
};

/// Lines stored in one transaction.
const AT_ONCE: usize = 32;

/// The longest line, in bytes. A text of 64 KiB is less, however it is escaped.
const LONGEST: u64 = 1024 * 1024;

/// Lines that a report in JSON names of each kind; it counts all.
const NAMED: usize = 1_000;

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
    imported: usize,
    duplicates: Lines,
    differing: Lines,
    refused: usize,
    errors: Vec<LineError>,
}

/// Some lines: all counted, the first ones named.
#[derive(Serialize, Default)]
struct Lines {
    count: usize,
    lines: Vec<usize>,
}

#[derive(Serialize)]
struct LineError {
    line: usize,
    field: Option<&'static str>,
    reason: String,
}

impl Lines {
    fn add(&mut self, line: usize) {
        self.count += 1;
        if self.lines.len() < NAMED {
            self.lines.push(line);
        }
    }
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
        Ok(if report.refused == 0 {
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
        let mut batch = Batch {
            importer: app.importer(&caller, mode).await?,
            progress: Progress::new("lines read"),
            lines: Vec::new(),
            memories: Vec::new(),
            report: Report {
                user: self.user.clone(),
                dry_run: self.dry_run,
                imported: 0,
                duplicates: Lines::default(),
                differing: Lines::default(),
                refused: 0,
                errors: Vec::new(),
            },
        };
        for number in 1.. {
            let Some(line) = next_line(&mut *source).context("the input cannot be read")? else {
                break;
            };
            let parsed = line.and_then(|line| Incoming::parse(&line, app.now()));
            batch.add(number, parsed).await?;
        }
        batch.store().await?;
        batch.progress.end();
        Ok(batch.report)
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn print(&self, report: &Report) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(report)?);
            return Ok(());
        }
        let verb = if self.dry_run {
            "Would import"
        } else {
            "Imported"
        };
        println!(
            "{verb} {} for {}.",
            counted(report.imported, "memory", "memories"),
            self.user
        );
        if report.duplicates.count > 0 {
            println!("{} here already.", are(report.duplicates.count));
        }
        if report.differing.count > 0 {
            println!(
                "{} here with other content, which stays as it is.",
                are(report.differing.count)
            );
        }
        if report.refused > 0 {
            println!("{} refused.", are(report.refused));
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

/// Lines that wait for being stored together.
struct Batch<'a> {
    importer: Importer<'a>,
    progress: Progress,
    lines: Vec<usize>,
    memories: Vec<Incoming>,
    report: Report,
}

impl Batch<'_> {
    async fn add(
        &mut self,
        line: usize,
        parsed: Result<Option<Incoming>, InvalidLine>,
    ) -> anyhow::Result<()> {
        match parsed {
            Ok(None) => {}
            Ok(Some(memory)) => {
                self.lines.push(line);
                self.memories.push(memory);
            }
            Err(why) => self.refuse(line, why),
        }
        if self.memories.len() == AT_ONCE {
            self.store().await?;
        }
        self.progress.advance(1);
        Ok(())
    }

    async fn store(&mut self) -> anyhow::Result<()> {
        let fates = self.importer.take(&self.memories).await?;
        for (&line, fate) in self.lines.iter().zip(fates) {
            match fate {
                Fate::Stored => self.report.imported += 1,
                Fate::Known => self.report.duplicates.add(line),
                Fate::Differs => {
                    self.report.differing.add(line);
                    self.say(&format!(
                        "line {line}: is here with other content, which stays"
                    ));
                }
            }
        }
        self.lines.clear();
        self.memories.clear();
        Ok(())
    }

    fn refuse(&mut self, line: usize, why: InvalidLine) {
        self.say(&format!("line {line}: {why}"));
        self.report.refused += 1;
        if self.report.errors.len() < NAMED {
            self.report.errors.push(LineError {
                line,
                field: why.field,
                reason: why.reason,
            });
        }
    }

    #[expect(clippy::print_stderr, reason = "notes on the way to the report")]
    fn say(&self, note: &str) {
        self.progress.clear();
        eprintln!("{note}");
    }
}

/// Reads a line of any length and keeps at most [`LONGEST`] bytes of it; `None` at the end.
fn next_line(source: &mut dyn BufRead) -> std::io::Result<Option<Result<Vec<u8>, InvalidLine>>> {
    let mut line = Vec::new();
    source.take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') {
        let mut rest = Vec::new();
        while source.take(LONGEST).read_until(b'\n', &mut rest)? > 0 {
            if rest.last() == Some(&b'\n') {
                break;
            }
            rest.clear();
        }
        return Ok(Some(Err(InvalidLine::whole("is longer than 1 MiB"))));
    }
    Ok(Some(Ok(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        let long = "x".repeat(3 * LONGEST as usize + 7);
        let text = format!("one\n{long}\nthree");
        let mut source = text.as_bytes();
        let mut read = || next_line(&mut source).expect("memory can be read");
        assert_eq!(read(), Some(Ok(b"one\n".to_vec())));
        assert_eq!(
            read(),
            Some(Err(InvalidLine::whole("is longer than 1 MiB")))
        );
        assert_eq!(read(), Some(Ok(b"three".to_vec())));
        assert_eq!(read(), None);
    }
}
