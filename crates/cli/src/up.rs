//! `picard up`: both services in one process, on embedded databases.

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Args;
use picard_app::{App, ClientRegistration};
use picard_client::Secret;
use picard_domain::Scopes;
use picard_server::Server;
use picard_web::Web;
use serde_json::json;

use crate::{
    data_dir::DataDir,
    database,
    logging::Logging,
    metrics::MetricsSettings,
    serve::{self, Front},
    server::{self, ServerSettings},
    web::{self, open_web},
    web_secrets::WebSecrets,
};

/// `picard up`.
#[derive(Args)]
pub(crate) struct Up {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    server: ServerSettings,
    /// Where the web client listens
    #[arg(long = "web-listen", env = "PICARD_WEB_LISTEN", value_name = "ADDRESS", default_value = web::LISTEN)]
    web_listen: SocketAddr,
    /// Print the addresses as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    patience: serve::Patience,
    #[command(flatten)]
    metrics: MetricsSettings,
    #[command(flatten)]
    logging: Logging,
}

impl Up {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.logging.start_service("warn")?;
        let signal = serve::stop_signal()?;
        let stop = self.patience.drain(signal.clone());
        let server_listener = serve::listen(self.server.listen, "--listen").await?;
        let web_listener = serve::listen(self.web_listen, "--web-listen").await?;
        let listening = server_listener.local_addr()?;
        let issuer = self.server.issuer(listening)?;
        let web_url = server::local_url(web_listener.local_addr()?);
        let metrics = self.metrics.start(self.patience, stop.clone()).await?;
        let server_front = Front::start(server_listener, self.patience, stop.clone());
        let web_front = Front::start(web_listener, self.patience, stop.clone());

        let app = self
            .server
            .open(
                &self.data_dir,
                database::embedded_server(&self.data_dir)?.into(),
            )
            .await?;
        let web = self.open_web(&app, &issuer, &web_url, listening).await?;
        let config = self
            .server
            .config(issuer.clone(), Some(web_url.clone()), listening);
        let server = Server::new(app.clone(), config);
        serve::stopping_on(signal.clone(), server.phase());
        serve::stopping_on(signal, web.phase());
        serve::end_streams_on(stop, app.clone());
        let (watched, watched_too) = (app.clone(), web.clone());
        metrics.add(move || watched.observe());
        metrics.add(move || watched_too.observe());
        server_front.open(picard_server::router(server));
        web_front.open(web.router());

        let renewal = server::embed_in_background(&app, server::Embedding::OfServer);
        let announcing = server::announce_in_background(&app);
        let housekeeping = server::keep_house_in_background(&app);
        self.announce(&issuer, &web_url)?;
        let served = tokio::try_join!(server_front.served(), web_front.served());
        renewal.abort();
        announcing.abort();
        housekeeping.abort();
        web.close().await;
        app.close().await;
        served.map(|_| ())
    }

    /// Opens the web client and registers it at the server, as an operator
    /// would do by hand for two separate services.
    async fn open_web(
        &self,
        app: &App,
        issuer: &str,
        web_url: &str,
        server_listening: SocketAddr,
    ) -> anyhow::Result<Web> {
        let keys = self.data_dir.web_keys()?;
        let secrets = WebSecrets::derive(&keys.keyring);
        let redirect_uri = format!("{web_url}/oauth/callback");
        let config = picard_web::Config {
            public_url: web_url.to_owned(),
            mcp_server_url: issuer.to_owned(),
            mcp_server_internal_url: Some(internal_url(server_listening)),
            oauth_client_id: secrets.client_id,
            oauth_client_secret: Secret::new(secrets.client_secret.clone()),
            oauth_redirect_uri: redirect_uri.clone(),
            oauth_scopes: Scopes::read_write(),
            secret_key: Secret::new(secrets.secret_key),
            database: database::embedded_web(&self.data_dir)?.into(),
            trusted_proxies: self.server.trusted_proxies.clone(),
            debug: false,
        };
        let web = open_web(config, Some(keys), &self.data_dir).await?;
        let registration = ClientRegistration {
            id: secrets.client_id,
            secret: Some(secrets.client_secret),
            name: "Picard web client".to_owned(),
            redirect_uris: vec![redirect_uri],
            scopes: Scopes::read_write(),
        };
        app.register_client(registration)
            .await
            .context("the web client cannot be registered")?;
        Ok(web)
    }

    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    fn announce(&self, issuer: &str, web_url: &str) -> anyhow::Result<()> {
        let mcp = format!("{issuer}/mcp");
        if self.json {
            println!("{}", json!({"web": web_url, "server": issuer, "mcp": mcp}));
            return Ok(());
        }
        let data = self.data_dir.path()?;
        println!("Picard is ready.\n");
        println!("  Web client   {web_url}    write and find memories here");
        println!("  MCP          {mcp}    give this to an assistant; {issuer}/connect says how");
        println!("  Server       {issuer}    your account, connected applications, API");
        println!(
            "  Data         {}    encrypted; back up the keyrings in it\n",
            data.display()
        );
        println!("Ctrl-C stops it.");
        Ok(())
    }
}

/// The server as the web client calls it: by address, without a name look-up.
fn internal_url(listening: SocketAddr) -> String {
    let port = listening.port();
    if listening.ip().is_unspecified() {
        format!("http://127.0.0.1:{port}")
    } else {
        format!("http://{listening}")
    }
}
