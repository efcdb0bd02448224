//! `picard web`, with the reference's variables.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, builder::BoolishValueParser};
use picard_domain::{ClientId, Scopes};
use picard_web::{Config, Network, Web};
use url::Url;

use crate::{
    data_dir::{DataDir, KeyFile},
    database::Database,
    hint::OrHint as _,
    logging::Logging,
    metrics::MetricsSettings,
    migrate::Service,
    moving::before::before_migration,
    oauth_client::OauthClient,
    secret::Secret,
    secret_command::SecretCommand,
    serve::{self, Front},
    server::local_url,
    system::system,
    web_secrets::WebSecrets,
};

/// The address that the web client listens on unless said otherwise.
pub(crate) const LISTEN: &str = "127.0.0.1:8000";

/// `picard web`.
#[derive(Args)]
pub(crate) struct WebCommand {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    pub(crate) settings: WebSettings,
    #[command(flatten)]
    patience: serve::Patience,
    /// The proxies in front, whose X-Forwarded-For is believed: 10.0.0.0/8,::1
    #[arg(
        long = "trusted-proxies",
        env = "PICARD_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<Network>,
    #[command(flatten)]
    metrics: MetricsSettings,
    #[command(flatten)]
    logging: Logging,
}

/// The web client's settings: the reference's variables, unchanged.
#[derive(Args, Clone)]
pub(crate) struct WebSettings {
    /// Where the web client listens
    #[arg(id = "web_listen", long = "web-listen", env = "PICARD_WEB_LISTEN", value_name = "ADDRESS", default_value = LISTEN)]
    pub(crate) listen: SocketAddr,
    /// Development: shows more of what goes wrong
    #[arg(long, env = "DEBUG", value_parser = BoolishValueParser::new(), default_value = "false")]
    pub(crate) debug: bool,
    /// What tokens are sealed with [default: the keyring in the data directory]
    #[arg(
        long,
        env = "SECRET_KEY",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    secret_key: Option<String>,
    /// A file that holds the secret key
    #[arg(long, env = "SECRET_KEY_FILE", value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
    /// A command that prints the secret key; it is run without a shell
    #[arg(
        long,
        env = "SECRET_KEY_COMMAND",
        hide_env_values = true,
        value_name = "COMMAND"
    )]
    secret_key_command: Option<String>,
    /// The reference's name for SECRET_KEY
    #[arg(long, env = "DJANGO_SECRET_KEY", hide_env_values = true, hide = true)]
    django_secret_key: Option<String>,
    #[command(flatten)]
    pub(crate) database: Database,
    /// The server as browsers see it
    #[arg(
        long,
        env = "MCP_SERVER_URL",
        value_name = "URL",
        default_value = "http://localhost:8001"
    )]
    pub(crate) mcp_server_url: String,
    /// The server as this service calls it [default: MCP_SERVER_URL]
    #[arg(long, env = "MCP_SERVER_INTERNAL_URL", value_name = "URL")]
    mcp_server_internal_url: Option<String>,
    #[command(flatten)]
    client: OauthClient,
}

impl WebCommand {
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        self.logging.start_service("info")?;
        self.settings.database.for_service();
        let signal = serve::stop_signal()?;
        let stop = self.patience.drain(signal.clone());
        let listener = serve::listen(self.settings.listen, "--web-listen").await?;
        let (mut config, keys) = self
            .settings
            .config(&self.data_dir, listener.local_addr()?)?;
        config.trusted_proxies = self.trusted_proxies;
        let metrics = self.metrics.start(self.patience, stop.clone()).await?;
        let front = Front::start(listener, self.patience, stop);
        let (public_url, server) = (config.public_url.clone(), config.mcp_server_url.clone());
        let opening = open_web(config, keys, &self.data_dir);
        let Some(web) = serve::unless_stopped(&signal, opening).await? else {
            return Ok(());
        };
        serve::stopping_on(signal, web.phase());
        let watched = web.clone();
        metrics.add(move || watched.observe());
        front.open(web.router());
        tracing::info!(%public_url, %server, "the web client is ready");
        front.served().await?;
        web.close().await;
        tracing::info!("the web client has stopped");
        Ok(())
    }
}

impl WebSettings {
    /// Turns the settings into what the web client takes, checking each.
    pub(crate) fn config(
        &self,
        data_dir: &DataDir,
        listening: SocketAddr,
    ) -> anyhow::Result<(Config, Option<KeyFile>)> {
        let keys = self.keys(data_dir)?;
        let redirect_uri = self.redirect_uri(listening);
        let (client_id, client_secret) = self.credentials(keys.as_ref())?;
        let secret_key = self
            .secret_key()?
            .or_else(|| derived(keys.as_ref(), |s| s.secret_key));
        let secret_key = secret_key.context("SECRET_KEY is not set")?;
        let config = Config {
            public_url: origin(&redirect_uri)?,
            mcp_server_url: base(&self.mcp_server_url),
            mcp_server_internal_url: Some(self.internal_url()),
            oauth_client_id: client_id,
            oauth_client_secret: picard_client::Secret::new(client_secret),
            oauth_redirect_uri: redirect_uri,
            oauth_scopes: self.scopes()?,
            secret_key: picard_client::Secret::new(secret_key),
            database: self.database.of_web(data_dir)?,
            trusted_proxies: Vec::new(),
            debug: self.debug,
        };
        Ok((config, keys))
    }

    /// The keyring in the data directory, when a secret has to come of it.
    pub(crate) fn keys(&self, data_dir: &DataDir) -> anyhow::Result<Option<KeyFile>> {
        if self.needs_keyring()? {
            data_dir.web_keys().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Tells whether some secret follows from the keyring, since it was not given.
    pub(crate) fn needs_keyring(&self) -> anyhow::Result<bool> {
        Ok(self.client.id()?.is_none() || !self.has_secret_key()?)
    }

    /// The OAuth client's id and secret: as given, or those that `picard up`
    /// derives from the keyring in the data directory.
    pub(crate) fn credentials(&self, keys: Option<&KeyFile>) -> anyhow::Result<(ClientId, String)> {
        match (self.client.id()?, self.client_secret()?) {
            (Some(id), Some(secret)) => Ok((id, secret)),
            (None, None) => derived(keys, |secrets| (secrets.client_id, secrets.client_secret))
                .context("OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET are not set"),
            (Some(_), None) => Err(anyhow::anyhow!("OAUTH_CLIENT_SECRET is not set"))
                .or_hint("set both OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET, or neither"),
            (None, Some(_)) => Err(anyhow::anyhow!("OAUTH_CLIENT_ID is not set"))
                .or_hint("any UUID will do; set it beside OAUTH_CLIENT_SECRET"),
        }
    }

    /// The server as this service reaches it.
    pub(crate) fn internal_url(&self) -> String {
        base(
            self.mcp_server_internal_url
                .as_ref()
                .unwrap_or(&self.mcp_server_url),
        )
    }

    fn client_secret(&self) -> anyhow::Result<Option<String>> {
        let secret = self.client.secret()?;
        if secret.as_ref().is_some_and(|secret| secret.len() < 32) {
            anyhow::bail!("OAUTH_CLIENT_SECRET must have 32 characters at least");
        }
        Ok(secret)
    }

    /// Where the server sends people back to.
    pub(crate) fn redirect_uri(&self, listening: SocketAddr) -> String {
        let local = || format!("{}/oauth/callback", local_url(listening));
        self.client.redirect_uri.clone().unwrap_or_else(local)
    }

    /// What to ask people for.
    pub(crate) fn scopes(&self) -> anyhow::Result<Scopes> {
        self.client.scopes()
    }

    /// Tells whether the secret key was given, and does not follow from the keyring.
    pub(crate) fn has_secret_key(&self) -> anyhow::Result<bool> {
        Ok(self.secret_key_command.is_some() || self.secret_key()?.is_some())
    }

    fn secret_key(&self) -> anyhow::Result<Option<String>> {
        if let Some(command) = &self.secret_key_command {
            if self.secret_key.is_some() || self.secret_key_file.is_some() {
                anyhow::bail!("SECRET_KEY_COMMAND is not the only one set; set one of the three");
            }
            let command = SecretCommand::parse("SECRET_KEY_COMMAND", command)?;
            return Ok(Some((*command.run()?).clone()));
        }
        let secret = Secret {
            name: "SECRET_KEY",
            value: self.secret_key.as_ref().or(self.django_secret_key.as_ref()),
            file: self.secret_key_file.as_ref(),
        };
        secret.read()
    }
}

/// Opens the web client and brings its database to the newest version; new
/// keys are written down when that went well.
pub(crate) async fn open_web(
    config: Config,
    keys: Option<KeyFile>,
    data_dir: &DataDir,
) -> anyhow::Result<Web> {
    before_migration(Service::Web, &config.database.address, data_dir).await?;
    let (clock, entropy) = system();
    let open = async {
        let web = Web::open(config, clock, entropy).await?;
        web.migrate().await?;
        Ok::<_, picard_web::Error>(web)
    };
    let web = open
        .await
        .context("the web client cannot start")
        .or_hint("`picard doctor` checks each setting")?;
    if let Some(mut keys) = keys {
        keys.save()?;
    }
    Ok(web)
}

/// A secret that follows from the keyring.
fn derived<T>(keys: Option<&KeyFile>, choose: impl FnOnce(WebSecrets) -> T) -> Option<T> {
    keys.map(|keys| choose(WebSecrets::derive(&keys.keyring)))
}

fn base(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

fn origin(redirect_uri: &str) -> anyhow::Result<String> {
    let url = Url::parse(redirect_uri)
        .with_context(|| format!("OAUTH_REDIRECT_URI: {redirect_uri:?} is no URL"))?;
    Ok(url.origin().ascii_serialization())
}
