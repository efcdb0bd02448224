//! `picard export`: one person's memories as JSON Lines, page by page.
//!
//! It may run beside a server. Memories that are stored meanwhile are not in
//! it, and none that stays is missed.

use std::{
    fs,
    io::{IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use picard_app::{App, ListMemories, Read, write_line};
use picard_domain::{Expired, Handle, MemoryFilter, PageSize};

use crate::{
    hint::OrHint as _,
    owner::{Progress, owner},
    place::ServerData,
    serve,
};

/// Memories read at once.
const AT_ONCE: PageSize<200> = PageSize::new(100).expect("it is in range");

/// `picard export`.
#[derive(Args)]
pub(crate) struct Export {
    /// Whose memories
    #[arg(long, value_name = "HANDLE")]
    user: Handle,
    /// Where to write them, readable by you alone; never over another file [default: standard output]
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "-",
        hide_default_value = true
    )]
    output: PathBuf,
    #[command(flatten)]
    data: ServerData,
}

impl Export {
    #[expect(clippy::print_stderr, reason = "standard output may be the memories")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let database = self.data.begin()?;
        let mut stopped = serve::stop_signal()?;
        let mut output = Output::open(&self.output)?;
        let app = self.data.open(database).await?;
        let written = tokio::select! {
            written = self.write(&app, &mut output) => written,
            _ = stopped.changed() => Err(anyhow::anyhow!("stopped before the end")),
        };
        app.close().await;
        let written = written?;
        let to = output.keep()?;
        eprintln!(
            "Wrote {written} of {} to {to}. They are plain text there, not encrypted: whoever reads it knows them.",
            self.user
        );
        Ok(())
    }

    async fn write(&self, app: &App, output: &mut Output) -> anyhow::Result<String> {
        let caller = owner(app, &self.user)
            .await?
            .called("export")
            .authorize::<Read>()?;
        let mut progress = Progress::new("memories written");
        let mut cursor = None;
        loop {
            let list = ListMemories {
                of: None,
                filter: MemoryFilter {
                    expired: Expired::Include,
                    ..MemoryFilter::default()
                },
                limit: AT_ONCE,
                cursor,
            };
            let page = app.memories(&caller, list).await?;
            for memory in &page.memories {
                output.write(&write_line(memory)?)?;
            }
            progress.advance(page.memories.len());
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(match progress.end() {
            1 => "1 memory".to_owned(),
            many => format!("{many} memories"),
        })
    }
}

/// Where the lines go. A file has another name until it is complete, so that
/// half an export is never taken for a whole one.
enum Output {
    Standard(std::io::BufWriter<std::io::Stdout>),
    File {
        writer: std::io::BufWriter<fs::File>,
        partial: Partial,
        file: PathBuf,
    },
}

/// A file that is removed unless it was given its name.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // It is gone when it has its name.
        let _ = fs::remove_file(&self.0);
    }
}

impl Output {
    fn open(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::Standard(std::io::BufWriter::new(std::io::stdout())));
        }
        free(path)?;
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let opened = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .with_context(|| format!("{} cannot be made", partial.display()))
            .or_hint(
                "choose a folder that you may write to; remove what an export that was killed left",
            );
        Ok(Self::File {
            writer: std::io::BufWriter::new(opened?),
            partial: Partial(partial),
            file: path.to_owned(),
        })
    }

    fn write(&mut self, line: &[u8]) -> anyhow::Result<()> {
        let writer: &mut dyn Write = match self {
            Self::Standard(writer) => writer,
            Self::File { writer, .. } => writer,
        };
        writer
            .write_all(line)
            .context("the memories cannot be written")
    }

    /// Ends the writing; returns where the lines are now.
    fn keep(self) -> anyhow::Result<String> {
        match self {
            Self::Standard(mut writer) => {
                writer.flush().context("the memories cannot be written")?;
                Ok(if std::io::stdout().is_terminal() {
                    "the terminal".to_owned()
                } else {
                    "standard output".to_owned()
                })
            }
            Self::File {
                mut writer,
                partial,
                file,
            } => {
                let shown = file.display().to_string();
                let mut end = || -> std::io::Result<()> {
                    writer.flush()?;
                    writer.get_ref().sync_all()
                };
                end().with_context(|| format!("{shown} cannot be written"))?;
                free(&file)?;
                fs::rename(&partial.0, &file)
                    .with_context(|| format!("{shown} cannot be written"))?;
                Ok(shown)
            }
        }
    }
}

/// Refuses a name that is taken.
fn free(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Err(anyhow::anyhow!("{} is there already", path.display()))
            .or_hint("choose another name; an export writes over nothing");
    }
    Ok(())
}
