//! The web client, registered by the server at its start: for deployments where
//! both get the same settings, so that nobody has to run `picard client register`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, builder::BoolishValueParser};
use picard_app::{App, ClientRegistration};
use picard_web::Config;

use crate::{hint::OrHint as _, secret::Secret};

/// An application that the server knows from its start on. The names are those
/// of the web client's settings.
#[derive(Args, Clone)]
pub(crate) struct FirstClient {
    /// Registers the web client at each start, by the four settings below
    #[arg(long, env = "PICARD_REGISTER_WEB_CLIENT", value_parser = BoolishValueParser::new(), default_value = "false")]
    register_web_client: bool,
    /// The web client's id, a UUID
    #[arg(long, env = "OAUTH_CLIENT_ID", value_name = "UUID")]
    oauth_client_id: Option<String>,
    /// The web client's secret, 32 characters at least
    #[arg(
        long,
        env = "OAUTH_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    oauth_client_secret: Option<String>,
    /// A file that holds the web client's secret
    #[arg(long, env = "OAUTH_CLIENT_SECRET_FILE", value_name = "FILE")]
    oauth_client_secret_file: Option<PathBuf>,
    /// Where the web client's people are sent back to
    #[arg(long, env = "OAUTH_REDIRECT_URI", value_name = "URL")]
    oauth_redirect_uri: Option<String>,
    /// What the web client may ask people for
    #[arg(
        long,
        env = "OAUTH_SCOPES",
        value_name = "SCOPES",
        default_value = "memories:read memories:write"
    )]
    oauth_scopes: String,
}

impl FirstClient {
    /// Makes the web client known, or changes what is known of it, when that is wanted.
    pub(crate) async fn ensure(&self, app: &App) -> anyhow::Result<()> {
        if !self.register_web_client {
            return Ok(());
        }
        let registration = self.registration()?;
        app.register_client(registration)
            .await
            .context("the web client cannot be registered")
    }

    fn registration(&self) -> anyhow::Result<ClientRegistration> {
        let secret = Secret {
            name: "OAUTH_CLIENT_SECRET",
            value: self.oauth_client_secret.as_ref(),
            file: self.oauth_client_secret_file.as_ref(),
        };
        let parts = (
            &self.oauth_client_id,
            secret.read()?,
            &self.oauth_redirect_uri,
        );
        let (Some(id), Some(secret), Some(redirect_uri)) = parts else {
            return Err(anyhow::anyhow!(
                "PICARD_REGISTER_WEB_CLIENT is set, and not all of OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET and OAUTH_REDIRECT_URI"
            ))
            .or_hint("give the server the same three as the web client");
        };
        Config::check_client_secret(&picard_client::Secret::new(secret.clone()), redirect_uri)?;
        Ok(ClientRegistration {
            id: id
                .parse()
                .map_err(|error| anyhow::anyhow!("OAUTH_CLIENT_ID {error}: {id:?}"))?,
            secret: Some(secret),
            name: "Picard web client".to_owned(),
            redirect_uris: vec![redirect_uri.clone()],
            scopes: self
                .oauth_scopes
                .parse()
                .map_err(|error| anyhow::anyhow!("OAUTH_SCOPES: {error}"))?,
        })
    }
}
