//! `picard audit`: what was done in one person's name, and by an administrator.

use std::io::{ErrorKind, Write};

use anyhow::Context as _;
use clap::Args;
use picard_app::{ActivityQuery, App, Entry, activity_in_words, way_in_words};
use picard_domain::{ClientId, Handle, Instant};
use serde_json::json;

use crate::{hint::OrHint as _, place::ServerData};

/// Entries read at once.
const AT_ONCE: usize = 200;

/// `picard audit`.
#[derive(Args)]
pub(crate) struct AuditCommand {
    /// Whose trail; that of an administrator holds what they did to others
    #[arg(long, value_name = "HANDLE")]
    user: Handle,
    /// Only what was done through this application, by its id in --json
    #[arg(long, value_name = "ID")]
    client: Option<ClientId>,
    /// Only from this day or instant on, in UTC unless it says otherwise
    #[arg(long, value_name = "DATE", value_parser = since)]
    since: Option<Instant>,
    /// At most so many entries [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print a JSON object on each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: ServerData,
}

impl AuditCommand {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let database = self.data.begin()?;
        let app = self.data.open(database).await?;
        let printed = self.print(&app, &mut std::io::stdout().lock()).await;
        app.close().await;
        printed
    }

    async fn print(&self, app: &App, out: &mut impl Write) -> anyhow::Result<()> {
        let user = app
            .find_user(&self.user)
            .await?
            .with_context(|| format!("there is no account {} here", self.user))
            .or_hint(
                "a trail goes with its account; `--data-dir` or DATABASE_URL say where to look",
            )?;
        let mut left = self.limit.unwrap_or(usize::MAX);
        let mut query = ActivityQuery {
            client: self.client,
            since: self.since,
            before: None,
        };
        while left > 0 {
            let page = app.activity(user, query, AT_ONCE.min(left)).await?;
            left -= page.entries.len();
            for entry in &page.entries {
                let line = if self.json {
                    object(entry)
                } else {
                    line(entry)
                };
                match writeln!(out, "{line}") {
                    // Whoever reads has seen enough.
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                    written => written.context("the trail cannot be written")?,
                }
            }
            query.before = page.next;
            if query.before.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a day as its beginning.
fn since(text: &str) -> Result<Instant, picard_domain::InvalidInstant> {
    if text.len() == "2026-01-01".len() {
        return format!("{text}T00:00:00Z").parse();
    }
    text.parse()
}

fn line(entry: &Entry) -> String {
    let until = if entry.at.minute() == entry.last_at.minute() {
        String::new()
    } else {
        format!(" to {}", entry.last_at.minute())
    };
    let browser = entry.browser.as_ref();
    let browser = browser.map(|name| format!(", {name}")).unwrap_or_default();
    let memory = entry.memory_id.map(|id| format!(" [{id}]"));
    format!(
        "{}{until} UTC  {}{} ({}{browser})",
        entry.at.minute(),
        activity_in_words(entry),
        memory.unwrap_or_default(),
        way_in_words(entry),
    )
}

fn object(entry: &Entry) -> String {
    json!({
        "id": entry.id,
        "act": entry.act.as_str(),
        "surface": entry.surface.as_str(),
        "at": entry.at,
        "last_at": entry.last_at,
        "times": entry.times,
        "client_id": entry.client_id,
        "client_name": entry.client_name,
        "tool": entry.tool,
        "memories": entry.memories,
        "memory_id": entry.memory_id,
        "actor_id": entry.actor_id,
        "actor": entry.actor_name,
        "subject_id": entry.subject_id,
        "subject": entry.subject_name,
        "browser": entry.browser,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight() {
        let day = since("2026-11-20").expect("a day");
        assert_eq!(day, since("2026-11-20T00:00:00Z").expect("an instant"));
        assert!(since("yesterday").is_err());
    }
}
