//! `picard server`, and how a server's use cases are opened from settings.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, builder::BoolishValueParser};
use picard_app::{App, NewAccount, Renewed, Settings};
use picard_crypto::check_strength;
use picard_server::{AllowedOrigin, CALLS_PER_SECOND, Config, Network, Server, outbound::Fetcher};
use picard_store::Source;
use tokio::{task::JoinHandle, time::MissedTickBehavior};
use url::{Host, Url};

use crate::{
    data_dir::DataDir,
    database::Database,
    first_client::FirstClient,
    hint::OrHint as _,
    keys::Keys,
    logging::Logging,
    metrics::MetricsSettings,
    migrate::Service,
    model::Model,
    moving::before::before_migration,
    secret::Secret,
    serve::{self, Front},
    system::system,
};

/// The address that the server listens on unless said otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:8001";

/// `picard server`.
#[derive(Args)]
pub(crate) struct ServerCommand {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    settings: ServerSettings,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    admin: FirstAdmin,
    #[command(flatten)]
    web_client: FirstClient,
    #[command(flatten)]
    patience: serve::Patience,
    #[command(flatten)]
    metrics: MetricsSettings,
    #[command(flatten)]
    logging: Logging,
}

/// How the server is reached and what it computes with.
#[derive(Args, Clone)]
pub(crate) struct ServerSettings {
    /// Where the server listens
    #[arg(long = "listen", env = "PICARD_SERVER_LISTEN", value_name = "ADDRESS", default_value = LISTEN)]
    pub(crate) listen: SocketAddr,
    /// The address that people and applications use, the OAuth issuer [default: http://localhost:PORT]
    #[arg(long, env = "PICARD_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) model: Model,
    /// The most memory for decrypted partitions, in MiB; the least recently used leave first
    #[arg(
        long,
        env = "PICARD_PARTITION_MIB",
        value_name = "MIB",
        default_value_t = 1024
    )]
    pub(crate) partition_mib: usize,
    #[command(flatten)]
    pub(crate) audit: Audit,
    /// How many calls a second one person's applications may make on average
    #[arg(
        long,
        env = "PICARD_CALLS_PER_SECOND",
        value_name = "N",
        default_value_t = CALLS_PER_SECOND
    )]
    calls_per_second: NonZeroU32,
    /// Origins of pages elsewhere that may call from a browser; the port * stands for every port
    #[arg(
        long = "allowed-origins",
        env = "PICARD_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ','
    )]
    allowed_origins: Vec<AllowedOrigin>,
    /// More names that a proxy in front may write into the Host header
    #[arg(
        long = "allowed-hosts",
        env = "PICARD_ALLOWED_HOSTS",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    allowed_hosts: Vec<String>,
    /// The proxies in front, whose X-Forwarded-For is believed: 10.0.0.0/8,::1
    #[arg(
        long = "trusted-proxies",
        env = "PICARD_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ','
    )]
    pub(crate) trusted_proxies: Vec<Network>,
}

/// How long the audit trail of each person is kept.
#[derive(Args, Clone, Copy)]
pub(crate) struct Audit {
    /// For how many days it is kept what applications did in people's names; 0 keeps nothing
    #[arg(
        long,
        env = "PICARD_AUDIT_DAYS",
        value_name = "DAYS",
        default_value_t = App::AUDIT_DAYS,
        value_parser = clap::value_parser!(u32).range(0..=36_500)
    )]
    pub(crate) audit_days: u32,
}

/// An administrator made at the first start, for deployments without a terminal.
#[derive(Args, Clone)]
struct FirstAdmin {
    /// Development: lets the administrator have a weak password, on this machine alone
    #[arg(long, env = "DEBUG", value_parser = BoolishValueParser::new(), default_value = "false")]
    debug: bool,
    /// Makes this administrator if there is none of that handle
    #[arg(long, env = "ADMIN_USERNAME", value_name = "HANDLE")]
    admin_username: Option<String>,
    /// The administrator's password
    #[arg(
        long,
        env = "ADMIN_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    admin_password: Option<String>,
    /// A file that holds the administrator's password
    #[arg(long, env = "ADMIN_PASSWORD_FILE", value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

impl ServerSettings {
    /// Returns the issuer: as given, checked, or made from where it listens.
    pub(crate) fn issuer(&self, listening: SocketAddr) -> anyhow::Result<String> {
        match &self.public_url {
            None => Ok(local_url(listening)),
            Some(url) => issuer(url),
        }
    }

    /// Says the settings about calls, for the doctor.
    pub(crate) fn who_may_call(&self) -> String {
        let pace = format!("{} calls a second for each person", self.calls_per_second);
        let others = [
            (self.allowed_origins.len(), "other origins"),
            (self.allowed_hosts.len(), "other hosts"),
            (self.trusted_proxies.len(), "trusted proxies"),
        ];
        let others = others.iter().filter(|(count, _)| *count > 0);
        let others = others.map(|(count, what)| format!("{count} {what}"));
        std::iter::once(pace)
            .chain(others)
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Returns how the server presents itself.
    pub(crate) fn config(
        &self,
        public_url: String,
        web_url: Option<String>,
        listening: SocketAddr,
    ) -> Config {
        Config {
            web_url,
            listening,
            allowed_hosts: self.allowed_hosts.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            allowed_origins: self.allowed_origins.clone(),
            calls_per_second: self.calls_per_second,
            ..Config::new(public_url)
        }
    }

    /// Opens the use cases on a database.
    pub(crate) async fn open(
        &self,
        data_dir: &DataDir,
        database: Source,
    ) -> anyhow::Result<Arc<App>> {
        let partition_bytes = self.partition_mib.saturating_mul(1024 * 1024);
        let audit = self.audit;
        open_app(
            &self.keys,
            data_dir,
            database,
            &self.model,
            partition_bytes,
            audit,
        )
        .await
    }
}

/// Whose process embeds in the background.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Embedding {
    /// A server's.
    OfServer,
    /// An assistant's, which leaves it to a server where one runs.
    OfAssistant,
}

/// Embeds what has no vectors of the present model, at the start, when a memory was
/// stored without any, and now and then. To be aborted at the end; the next start
/// goes on. What holds it up, such as a database that is away, is told once.
pub(crate) fn embed_in_background(app: &Arc<App>, whose: Embedding) -> JoinHandle<()> {
    const AGAIN: Duration = Duration::from_secs(10);
    const ELSEWHERE: Duration = Duration::from_secs(30);
    const NOW_AND_THEN: Duration = Duration::from_hours(1);
    let app = app.clone();
    tokio::spawn(async move {
        let mut told = false;
        loop {
            let pause = match embed_once(&app, whose).await {
                Ok(Renewed::Elsewhere) => ELSEWHERE,
                Ok(Renewed::All(renewed)) => {
                    told = false;
                    if renewed > 0 {
                        tracing::info!(renewed, "memories were embedded by the present model");
                    }
                    NOW_AND_THEN
                }
                Err(error) => {
                    if !told {
                        let error = anyhow::Error::from(error);
                        tracing::warn!("embedding again is held up, and goes on later: {error:#}");
                    }
                    told = true;
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            // Over when the time is, and when something is to be done earlier.
            drop(tokio::time::timeout(pause, vectors_owed(&app)).await);
        }
    })
}

async fn embed_once(app: &App, whose: Embedding) -> Result<Renewed, picard_app::Error> {
    match whose {
        Embedding::OfServer => app.renew_vectors().await,
        Embedding::OfAssistant => app.renew_vectors_without_server().await,
    }
}

/// Waits until a memory has yet to be embedded that was stored here, or may have been
/// at a node that cannot.
async fn vectors_owed(app: &App) {
    const ASK: Duration = Duration::from_mins(1);
    let elsewhere = async {
        loop {
            tokio::time::sleep(ASK).await;
            match app.is_help_wanted().await {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "it is not known who wants help"),
            }
        }
    };
    tokio::select! {
        () = elsewhere => {}
        () = app.vectors_owed() => {}
    }
}

/// Says once a minute that a server runs. To be aborted when it stops.
pub(crate) fn announce_in_background(app: &Arc<App>) -> JoinHandle<()> {
    const PAUSE: Duration = Duration::from_mins(1);
    let app = app.clone();
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(PAUSE);
        loop {
            turns.tick().await;
            if let Err(error) = app.announce_server().await {
                tracing::debug!(%error, "it was not said that a server runs");
            }
        }
    })
}

/// Clears what nobody needs any more, at the start and then again and again.
/// To be aborted when the server stops.
pub(crate) fn keep_house_in_background(app: &Arc<App>) -> JoinHandle<()> {
    const PAUSE: Duration = Duration::from_mins(10);
    let app = app.clone();
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(PAUSE);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            match app.keep_house().await {
                Ok(None) => tracing::debug!("another node keeps house"),
                Ok(Some(cleared)) => {
                    for (what, rows) in cleared.0 {
                        tracing::info!(what, rows, "cleared");
                    }
                }
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    tracing::warn!("housekeeping will be tried again: {error:#}");
                }
            }
        }
    })
}

/// Opens the use cases. New keys are written down only after the database was
/// found not to need older ones.
pub(crate) async fn open_app(
    keys: &Keys,
    data_dir: &DataDir,
    database: Source,
    model: &Model,
    partition_bytes: usize,
    audit: Audit,
) -> anyhow::Result<Arc<App>> {
    let embedder = model.load_or_none().await?;
    before_migration(Service::Server, &database.address, data_dir).await?;
    let (clock, entropy) = system();
    let reader = keys.reader(data_dir)?;
    let mut keys = keys.open(data_dir)?;
    let keyring = keys.keyring.clone();
    let settings = Settings {
        database,
        keyring,
        embedder,
        clock,
        entropy,
        partition_bytes,
    };
    let mut app = App::open(settings)
        .await
        .context("the server cannot start")
        .or_hint("`picard doctor` checks each setting")?
        .keeping_audit(audit.audit_days)
        .with_previous_models(model.previous());
    keys.save()?;
    if let Some(reader) = reader {
        app = app.reading_keys_by(reader);
    }
    Ok(Arc::new(app.fetching(Arc::new(Fetcher::system()?))))
}

impl ServerCommand {
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        self.logging.start_service("info")?;
        self.database.for_service();
        let signal = serve::stop_signal()?;
        let stop = self.patience.drain(signal.clone());
        let listener = serve::listen(self.settings.listen, "--listen").await?;
        let listening = listener.local_addr()?;
        let public_url = self.settings.issuer(listening)?;
        let metrics = self.metrics.start(self.patience, stop.clone()).await?;
        let front = Front::start(listener, self.patience, stop.clone());
        let database = self.database.of_server(&self.data_dir)?;
        let opening = self.settings.open(&self.data_dir, database);
        let Some(app) = serve::unless_stopped(&signal, opening).await? else {
            return Ok(());
        };
        self.admin
            .ensure(&app, self.settings.listen, &public_url)
            .await?;
        self.web_client.ensure(&app).await?;
        let renewal = embed_in_background(&app, Embedding::OfServer);
        let announcing = announce_in_background(&app);
        let housekeeping = keep_house_in_background(&app);
        let config = self.settings.config(public_url.clone(), None, listening);
        let server = Server::new(app.clone(), config);
        serve::stopping_on(signal, server.phase());
        serve::end_streams_on(stop, app.clone());
        let watched = app.clone();
        metrics.add(move || watched.observe());
        front.open(picard_server::router(server));
        tracing::info!(%public_url, %listening, "the server is ready");
        front.served().await?;
        renewal.abort();
        announcing.abort();
        housekeeping.abort();
        app.close().await;
        tracing::info!("the server has stopped");
        Ok(())
    }
}

impl FirstAdmin {
    async fn ensure(&self, app: &App, listen: SocketAddr, public_url: &str) -> anyhow::Result<()> {
        let password = Secret {
            name: "ADMIN_PASSWORD",
            value: self.admin_password.as_ref(),
            file: self.admin_password_file.as_ref(),
        };
        let (handle, password) = match (&self.admin_username, password.read()?) {
            (Some(handle), Some(password)) => (handle, password),
            (None, None) => return Ok(()),
            _ => {
                return Err(anyhow::anyhow!(
                    "only one of ADMIN_USERNAME and ADMIN_PASSWORD is set"
                ))
                .or_hint("set both to make an administrator, or neither");
            }
        };
        // A proxy may stand before a server that listens on loopback.
        let is_trial = self.debug && listen.ip().is_loopback() && is_loopback(public_url);
        if let Err(why) = check_strength(&password, handle)
            && (password.is_empty() || !is_trial)
        {
            return Err(anyhow::anyhow!("ADMIN_PASSWORD {why}"))
                .or_hint("choose another one; weak ones are for trying things out on this machine, with DEBUG=true");
        }
        let account = NewAccount {
            handle,
            name: handle,
            password: &password,
        };
        app.ensure_admin(account)
            .await
            .context("the administrator cannot be made")
    }
}

/// Tells whether an address leads to this machine alone.
pub(crate) fn is_loopback(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The address of a local service as a browser on this machine reaches it.
pub(crate) fn local_url(listening: SocketAddr) -> String {
    let ip = listening.ip();
    if ip.is_loopback() || ip.is_unspecified() {
        format!("http://localhost:{}", listening.port())
    } else {
        format!("http://{listening}")
    }
}

/// Checks an issuer: https (or http on a loopback host), no query, no
/// fragment (RFC 8414 section 2); a trailing slash is taken away.
fn issuer(text: &str) -> anyhow::Result<String> {
    let url = Url::parse(text).with_context(|| format!("PICARD_PUBLIC_URL: {text:?} is no URL"))?;
    let host = url.host_str().unwrap_or_default();
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        bail!("PICARD_PUBLIC_URL must be an address without user, query or fragment");
    }
    if !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
        return Err(anyhow::anyhow!(
            "PICARD_PUBLIC_URL must start with https://"
        ))
        .or_hint("http:// is for localhost; put a TLS proxy in front of the server");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_has_no_trailing_slash_and_uses_tls_off_this_machine() {
        assert_eq!(
            issuer("https://memory.example.org/").ok().as_deref(),
            Some("https://memory.example.org")
        );
        assert_eq!(
            issuer("http://localhost:8001").ok().as_deref(),
            Some("http://localhost:8001")
        );
        for bad in [
            "http://memory.example.org",
            "https://a.example/?x=1",
            "memory",
            "ftp://localhost",
        ] {
            assert!(issuer(bad).is_err(), "{bad}");
        }
    }
}
