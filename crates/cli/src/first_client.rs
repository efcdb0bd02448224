//! The web client, registered by the server at its start: for deployments where
//! both get the same settings, so that nobody has to run `picard client register`.

use anyhow::Context as _;
use clap::{Args, builder::BoolishValueParser};
use picard_app::{App, ClientRegistration};
use picard_web::Config;

use crate::{hint::OrHint as _, oauth_client::OauthClient};

/// An application that the server knows from its start on. The settings
/// are the web client's own.
#[derive(Args, Clone)]
pub(crate) struct FirstClient {
    /// Registers the web client at each start, by its settings OAUTH_*
    #[arg(long, env = "PICARD_REGISTER_WEB_CLIENT", value_parser = BoolishValueParser::new(), default_value = "false")]
    register_web_client: bool,
    #[command(flatten)]
    client: OauthClient,
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
        let Self { client, .. } = self;
        let parts = (client.id()?, client.secret()?, &client.redirect_uri);
        let (Some(id), Some(secret), Some(redirect_uri)) = parts else {
            return Err(anyhow::anyhow!(
                "PICARD_REGISTER_WEB_CLIENT is set, and not all of OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET and OAUTH_REDIRECT_URI"
            ))
            .or_hint("give the server the same three as the web client");
        };
        Config::check_client_secret(&picard_client::Secret::new(secret.clone()), redirect_uri)?;
        Ok(ClientRegistration {
            id,
            secret: Some(secret),
            name: "Picard web client".to_owned(),
            redirect_uris: vec![redirect_uri.clone()],
            scopes: client.scopes()?,
        })
    }
}
