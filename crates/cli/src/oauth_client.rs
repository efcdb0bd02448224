//! `OAUTH_*`: the web client as an application of the server. The web client reads these
//! settings, and a server that registers it at its start reads the same.

use std::path::PathBuf;

use clap::Args;
use picard_domain::{ClientId, Scopes};

use crate::secret::Secret;

/// Under which id and secret the web client is known, and what it asks for.
#[derive(Args, Clone)]
pub(crate) struct OauthClient {
    /// The web client's id at the server, a UUID
    #[arg(long, env = "OAUTH_CLIENT_ID", value_name = "UUID")]
    oauth_client_id: Option<String>,
    /// The web client's secret at the server, 32 characters at least
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
    /// Where the server sends people back to [default: http://localhost:PORT/oauth/callback]
    #[arg(
        id = "oauth_redirect_uri",
        long = "oauth-redirect-uri",
        env = "OAUTH_REDIRECT_URI",
        value_name = "URL"
    )]
    pub(crate) redirect_uri: Option<String>,
    /// What the web client asks people for
    #[arg(
        long,
        env = "OAUTH_SCOPES",
        value_name = "SCOPES",
        default_value = "memories:read memories:write"
    )]
    oauth_scopes: String,
}

impl OauthClient {
    /// The id, if one was given.
    pub(crate) fn id(&self) -> anyhow::Result<Option<ClientId>> {
        let parse = |id: &String| {
            id.parse()
                .map_err(|error| anyhow::anyhow!("OAUTH_CLIENT_ID {error}: {id:?}"))
        };
        self.oauth_client_id.as_ref().map(parse).transpose()
    }

    /// The secret, if one was given.
    pub(crate) fn secret(&self) -> anyhow::Result<Option<String>> {
        let secret = Secret {
            name: "OAUTH_CLIENT_SECRET",
            value: self.oauth_client_secret.as_ref(),
            file: self.oauth_client_secret_file.as_ref(),
        };
        secret.read()
    }

    /// What to ask people for.
    pub(crate) fn scopes(&self) -> anyhow::Result<Scopes> {
        self.oauth_scopes
            .parse()
            .map_err(|error| anyhow::anyhow!("OAUTH_SCOPES: {error}"))
    }
}
