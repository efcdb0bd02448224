//! `picard client register`: makes the web client known to a running server
//! (the reference's `register_oauth_client.py`).

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use picard_client::{
    Server,
    admin::{Administrator, Registration},
};

use crate::{
    data_dir::DataDir, hint::OrHint as _, logging::Logging, secret::Secret, server::is_loopback,
    web::WebSettings,
};

/// What the reference's script falls back to.
const DEFAULT_PASSWORD: &str = "adminpassword";

/// `picard client register`.
#[derive(Args)]
pub(crate) struct Register {
    /// What people see when they are asked for consent
    #[arg(long, default_value = "Picard web client")]
    name: String,
    /// An administrator of the server
    #[arg(
        long,
        env = "ADMIN_USERNAME",
        value_name = "HANDLE",
        default_value = "admin"
    )]
    admin_username: String,
    /// The administrator's password [default: adminpassword, for a server on this machine with DEBUG]
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
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    web: WebSettings,
    #[command(flatten)]
    logging: Logging,
}

impl Register {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.logging.start("warn")?;
        let mut keys = self.web.keys(&self.data_dir)?;
        let (client_id, client_secret) = self.web.credentials(keys.as_ref())?;
        let registration = Registration {
            client_id,
            client_secret,
            client_name: self.name.clone(),
            redirect_uris: vec![self.web.redirect_uri(self.web.listen)],
            scope: self.web.scopes()?,
        };
        let address = self.web.internal_url();
        let server = Server::new(&address)?;
        let administrator = Administrator {
            username: &self.admin_username,
            password: &self.password(&address)?,
        };
        picard_client::admin::register(&server, administrator, &registration)
            .await
            .with_context(|| format!("the server at {address} did not register the client"))
            .or_hint("ADMIN_USERNAME and ADMIN_PASSWORD name an administrator of the server; `picard user add NAME --admin` makes one")?;
        if let Some(keys) = &mut keys {
            keys.save()?;
        }
        println!("Registered {client_id} as {}.", self.name);
        Ok(())
    }

    /// The password as given. The reference's default one is for trying things
    /// out: nobody's server elsewhere must have it.
    fn password(&self, server: &str) -> anyhow::Result<String> {
        let given = Secret {
            name: "ADMIN_PASSWORD",
            value: self.admin_password.as_ref(),
            file: self.admin_password_file.as_ref(),
        };
        let given = given.read()?;
        let is_trial = self.web.debug && is_loopback(server);
        match given {
            Some(password) if password != DEFAULT_PASSWORD || is_trial => Ok(password),
            None if is_trial => Ok(DEFAULT_PASSWORD.to_owned()),
            Some(_) => Err(anyhow::anyhow!(
                "ADMIN_PASSWORD is the one that everybody knows"
            ))
            .or_hint("give the administrator another one: `picard user password HANDLE`; adminpassword is for a server on this machine, with DEBUG=true"),
            None => Err(anyhow::anyhow!("ADMIN_PASSWORD is not set"))
                .or_hint("set it to the password of the administrator ADMIN_USERNAME; only for a server on this machine, with DEBUG=true, it is adminpassword by itself"),
        }
    }
}
