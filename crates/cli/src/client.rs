//! `picard client register`: makes the web client known to a running server
//! (the reference's `register_oauth_client.py`).

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use picard_client::{
    Server,
    admin::{Administrator, Registration},
};

use crate::{
    data_dir::DataDir, hint::OrHint as _, logging::Logging, secret::Secret, web::WebSettings,
};

/// `picard client`.
#[derive(Subcommand)]
pub(crate) enum Client {
    /// Register an OAuth client at a running server, as its administrator
    #[command(
        after_help = "Example:\n  ADMIN_USERNAME=admin ADMIN_PASSWORD=… picard client register\n\nOAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET, OAUTH_REDIRECT_URI and OAUTH_SCOPES say what to register;\nregistering the same client again changes it."
    )]
    Register(Register),
}

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
    /// The administrator's password [default: adminpassword]
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

impl Client {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Register(register) => register.run().await,
        }
    }
}

impl Register {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    async fn run(self) -> anyhow::Result<()> {
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
            password: &self.password()?,
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

    fn password(&self) -> anyhow::Result<String> {
        let given = Secret {
            name: "ADMIN_PASSWORD",
            value: self.admin_password.as_ref(),
            file: self.admin_password_file.as_ref(),
        };
        Ok(given.read()?.unwrap_or_else(|| "adminpassword".to_owned()))
    }
}
