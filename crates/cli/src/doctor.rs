//! `picard doctor`: the effective settings, and whether each of them works; with
//! `--connect`, whether a running server can be reached by assistants.

use std::{io::Write as _, net::SocketAddr, process::ExitCode};

use clap::Args;
use picard_app::App;
use picard_server::connect::{Target, Verdict, check};
use picard_store::outdated::MOST_COUNTED;
use picard_web::Web;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::{
    data_dir::DataDir, database::not_made, hint, logging::Logging, migrate::Service,
    server::ServerSettings, system::system, web::WebSettings,
};

/// `picard doctor`.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Only this service [default: both]
    #[arg(long = "of", value_enum)]
    service: Option<Service>,
    /// Test a running server at its address, or at this one, as an assistant would use it
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "", conflicts_with = "service")]
    connect: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    server: ServerSettings,
    #[command(flatten)]
    web: WebSettings,
    #[command(flatten)]
    logging: Logging,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    value: String,
    problem: Option<String>,
}

impl Finding {
    /// Notes a value, or why there is none.
    fn of(what: &'static str, value: anyhow::Result<String>) -> Self {
        match value {
            Ok(value) => Self {
                what,
                value,
                problem: None,
            },
            Err(error) => Self {
                what,
                value: String::new(),
                problem: Some(hint::in_words(&error)),
            },
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        self.logging.start("error")?;
        if let Some(url) = &self.connect {
            return self.test(url).await;
        }
        let mut findings = vec![Finding::of("data directory", self.data_dir())];
        if self.service != Some(Service::Web) {
            findings.extend([
                Finding::of("server listens on", address(self.server.listen).await),
                Finding::of("server's address", self.server.issuer(self.server.listen)),
                Finding::of("who may call", Ok(self.server.who_may_call())),
                Finding::of("master keys", self.keys()),
            ]);
            let model = self.model().await;
            let present = model.as_ref().ok().map(|(name, _)| name.clone());
            findings.push(Finding::of("model", model.map(|(_, value)| value)));
            match self.server_database(present.as_deref()).await {
                Ok((database, embedded)) => findings.extend([
                    Finding::of("server's database", Ok(database)),
                    Finding::of("embedded memories", Ok(embedded)),
                ]),
                Err(error) => findings.push(Finding::of("server's database", Err(error))),
            }
        }
        if self.service != Some(Service::Server) {
            findings.extend([
                Finding::of("web client listens on", address(self.web.listen).await),
                Finding::of("web client's settings", self.web_settings()),
                Finding::of("web client's database", self.web_database().await),
            ]);
        }
        let sound = findings.iter().all(|finding| finding.problem.is_none());
        self.print(&findings)?;
        Ok(code(sound))
    }

    /// The test of the page `/connect`, from where this command runs.
    async fn test(&self, url: &str) -> anyhow::Result<ExitCode> {
        let public_url = match url {
            "" => self.server.issuer(self.server.listen)?,
            // Somebody may paste what an assistant is given.
            url => url.trim_end_matches("/mcp").to_owned(),
        };
        let target = Target {
            public_url,
            instance: None,
            now: system().0.now(),
        };
        let rows = check(&target).await;
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        } else {
            for row in &rows {
                let verdict = match row.verdict {
                    Verdict::Good => "ok",
                    Verdict::Warning => "note",
                    Verdict::Wrong => "PROBLEM",
                };
                writeln!(out, "{verdict:8} {:24} {}", row.what, row.seen)?;
                if let Some(remedy) = row.remedy {
                    writeln!(out, "{:33} {remedy}", "")?;
                }
            }
        }
        Ok(code(rows.iter().all(|row| row.verdict != Verdict::Wrong)))
    }

    fn data_dir(&self) -> anyhow::Result<String> {
        self.data_dir.service("server")?;
        Ok(self.data_dir.path()?.display().to_string())
    }

    fn keys(&self) -> anyhow::Result<String> {
        let keys = self.server.keys.open(&self.data_dir)?;
        let origin = self.server.keys.origin(&self.data_dir)?;
        if keys.is_new() {
            return Ok(format!("made at the first start, in {origin}"));
        }
        let ids = keys.keyring.key_ids();
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        Ok(format!("{} from {origin}", ids.join(", ")))
    }

    /// The model's name, and what there is to say of it.
    async fn model(&self) -> anyhow::Result<(String, String)> {
        let model = self.server.model.load().await?;
        let name = model.model().to_owned();
        let value = format!("{name}, {} dimensions", model.dimensions());
        tokio::task::spawn_blocking(move || model.embed_query("ready?")).await??;
        Ok((name, value))
    }

    /// A database that is not there yet is no problem. Nothing is written or migrated here.
    /// Also tells how many memories the present model has embedded.
    async fn server_database(&self, present: Option<&str>) -> anyhow::Result<(String, String)> {
        let source = match self.service {
            Some(_) => self.web.database.of_server(&self.data_dir)?,
            None => self.web.database.of_each(Service::Server, &self.data_dir)?,
        };
        let url = &source.address;
        if not_made(&source).is_some() {
            let database = format!("{} (made at the first start)", redacted(url));
            return Ok((database, "none yet".to_owned()));
        }
        let keys = self.server.keys.open(&self.data_dir)?;
        let lacks = picard_app::inspect(&source, &keys.keyring).await?;
        let embedded = if lacks == 0 {
            counted(&App::models_in_use(&source).await?, present)
        } else {
            "counted when the database is up to date".to_owned()
        };
        Ok((described(url, lacks), embedded))
    }

    fn web_settings(&self) -> anyhow::Result<String> {
        let keys = self.web.keys(&self.data_dir)?;
        let (id, _) = self.web.credentials(keys.as_ref())?;
        let server = self.web.internal_url();
        Ok(format!("client {id} at {server}, secrets set"))
    }

    async fn web_database(&self) -> anyhow::Result<String> {
        let (mut config, _) = self.web.config(&self.data_dir, self.web.listen)?;
        if self.service.is_none() {
            config.database = self.web.database.of_each(Service::Web, &self.data_dir)?;
        }
        let url = config.database.address.clone();
        if not_made(&config.database).is_some() {
            return Ok(format!("{} (made at the first start)", redacted(&url)));
        }
        let (clock, entropy) = system();
        let web = Web::open(config, clock, entropy).await?;
        let lacks = web.pending_migrations().await;
        web.close().await;
        Ok(described(&url, lacks?.len()))
    }

    fn print(&self, findings: &[Finding]) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(findings)?)?;
            return Ok(());
        }
        for finding in findings {
            match &finding.problem {
                None => writeln!(out, "ok       {:24} {}", finding.what, finding.value)?,
                Some(problem) => writeln!(out, "PROBLEM  {:24} {problem}", finding.what)?,
            }
        }
        Ok(())
    }
}

fn code(sound: bool) -> ExitCode {
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Tells whether an address is free, or taken (by a running Picard, perhaps).
async fn address(address: SocketAddr) -> anyhow::Result<String> {
    match TcpListener::bind(address).await {
        Ok(_) => Ok(format!("{address} (free)")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(format!("{address} (in use; a running Picard?)"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says how many memories have vectors of which model.
fn counted(models: &[(String, u64)], present: Option<&str>) -> String {
    let is_present = |name: &str| present == Some(name);
    let done = models.iter().filter(|(name, _)| is_present(name));
    let done: u64 = done.map(|(_, count)| count).sum();
    let others = models.iter().filter(|(name, _)| !is_present(name));
    let others: Vec<String> = others
        .map(|(name, count)| match name.as_str() {
            "" => format!("{} by no model yet", number(*count)),
            name => format!("{} by {name}", number(*count)),
        })
        .collect();
    if present.is_none() && !others.is_empty() {
        // Which model is the present one is not known while it cannot be loaded.
        return others.join(", ");
    }
    let left = models.iter().map(|(_, count)| count).sum::<u64>() - done;
    let done = number(done);
    if others.is_empty() {
        format!("{done} by the model, none left")
    } else {
        let (left, others) = (number(left), others.join(", "));
        format!("{done} by the model, {left} left ({others})")
    }
}

/// More than that are not counted.
fn number(count: u64) -> String {
    let more = if count < MOST_COUNTED { "" } else { " or more" };
    format!("{count}{more}")
}

fn described(url: &str, lacks: usize) -> String {
    match lacks {
        0 => format!("{} (up to date)", redacted(url)),
        lacks => format!(
            "{} (lacks {lacks} steps; the next start takes them)",
            redacted(url)
        ),
    }
}

/// The address of a database without its password.
fn redacted(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.scheme() != "sqlite" => {
            // It fails only for addresses that cannot have a password.
            let _ = url.set_password(None);
            // What comes there may hold one as well.
            url.set_query(None);
            url.to_string()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        for address in [
            "postgres://picard:earl-grey@db/picard",
            "postgres://picard@db/picard?password=earl-grey",
        ] {
            assert_eq!(redacted(address), "postgres://picard@db/picard");
        }
    }

    #[test]
    fn memories_are_counted_by_the_model_that_embedded_them() {
        let models = [("", 1), ("e5/1", 20), ("tiny/2", 3)];
        let models = models.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(
            counted(&models, Some("e5/1")),
            "20 by the model, 4 left (1 by no model yet, 3 by tiny/2)"
        );
        assert_eq!(
            counted(&models, None),
            "1 by no model yet, 20 by e5/1, 3 by tiny/2"
        );
        assert_eq!(
            counted(&models[1..2], Some("e5/1")),
            "20 by the model, none left"
        );
        let many = [("e5/1", MOST_COUNTED), ("tiny/2", 3)];
        let many = many.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(
            counted(&many, Some("e5/1")),
            "1000000 or more by the model, 3 left (3 by tiny/2)"
        );
    }

    #[test]
    fn both_services_listen_on_loopback_by_default() {
        for listen in [crate::server::LISTEN, crate::web::LISTEN] {
            let listen: SocketAddr = listen.parse().expect("an address");
            assert!(listen.ip().is_loopback());
        }
    }
}
