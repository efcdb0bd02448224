//! `picard doctor`: the effective settings, and whether each of them works.

use std::{net::SocketAddr, process::ExitCode};

use clap::Args;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::{
    data_dir::DataDir,
    logging::Logging,
    server::{ServerSettings, open_app},
    web::{WebSettings, open_web},
};

/// `picard doctor`.
#[derive(Args)]
pub(crate) struct Doctor {
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
                problem: Some(format!("{error:#}")),
            },
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        self.logging.start("error")?;
        let findings = vec![
            Finding::of("data directory", self.data_dir()),
            Finding::of("server listens on", address(self.server.listen).await),
            Finding::of("server's address", self.server.issuer(self.server.listen)),
            Finding::of("master keys", self.keys()),
            Finding::of("model", self.model().await),
            Finding::of("server's database", self.server_database().await),
            Finding::of("web client listens on", address(self.web.listen).await),
            Finding::of("web client's settings", self.web_settings()),
            Finding::of("web client's database", self.web_database().await),
        ];
        let sound = findings.iter().all(|finding| finding.problem.is_none());
        self.print(&findings)?;
        Ok(if sound {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn data_dir(&self) -> anyhow::Result<String> {
        self.data_dir.service("server")?;
        Ok(self.data_dir.path()?.display().to_string())
    }

    fn keys(&self) -> anyhow::Result<String> {
        let keys = self.server.keys.open(&self.data_dir)?;
        let ids: Vec<_> = keys
            .keyring
            .key_ids()
            .iter()
            .map(ToString::to_string)
            .collect();
        let made = if keys.is_new() {
            " (made at the first start)"
        } else {
            ""
        };
        Ok(format!("{}{made}", ids.join(", ")))
    }

    async fn model(&self) -> anyhow::Result<String> {
        let model = self.server.model.load().await?;
        let name = format!("{}, {} dimensions", model.model(), model.dimensions());
        tokio::task::spawn_blocking(move || model.embed_query("ready?")).await??;
        Ok(name)
    }

    /// A database that is not there yet is no problem, and is not made here.
    async fn server_database(&self) -> anyhow::Result<String> {
        let url = self.web.server_database_url(&self.data_dir)?;
        if not_made(&url) {
            return Ok(format!("{} (made at the first start)", redacted(&url)));
        }
        let model = self.server.model.load().await?;
        let app = open_app(&self.server.keys, &self.data_dir, url.clone(), model, 0).await?;
        app.close().await;
        Ok(redacted(&url))
    }

    fn web_settings(&self) -> anyhow::Result<String> {
        let (id, _) = self.web.credentials(&self.data_dir)?;
        let server = self.web.internal_url();
        Ok(format!("client {id} at {server}, secrets set"))
    }

    async fn web_database(&self) -> anyhow::Result<String> {
        let config = self.web.config(&self.data_dir, self.web.listen)?;
        let url = config.database_url.clone();
        if not_made(&url) {
            return Ok(format!("{} (made at the first start)", redacted(&url)));
        }
        open_web(config).await?.close().await;
        Ok(redacted(&url))
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn print(&self, findings: &[Finding]) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(findings)?);
            return Ok(());
        }
        for finding in findings {
            match &finding.problem {
                None => println!("ok       {:24} {}", finding.what, finding.value),
                Some(problem) => println!("PROBLEM  {:24} {problem}", finding.what),
            }
        }
        Ok(())
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

fn not_made(url: &str) -> bool {
    url.strip_prefix("sqlite:")
        .is_some_and(|path| !std::path::Path::new(path).exists())
}

/// The address of a database without its password.
fn redacted(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => {
            // It fails only for addresses that cannot have a password.
            let _ = url.set_password(Some("…"));
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
        let shown = redacted("postgres://picard:earl-grey@db/picard");
        assert!(
            !shown.contains("earl-grey") && shown.contains("picard"),
            "{shown}"
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
