//! `picard user add` and `picard user password`: accounts of either service.

use std::io::{IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use clap::Args;
use picard_app::NewAccount;
use zeroize::Zeroizing;

use crate::{
    hint::OrHint as _,
    migrate::Service,
    model::Model,
    place::{Place, ServerData},
    server::Audit,
    web::{WebSettings, open_web},
};

/// `picard user password`.
#[derive(Args)]
pub(crate) struct Password {
    /// The account's unique name
    name: String,
    /// Read the password from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    data: ServerData,
}

/// `picard user add`.
#[derive(Args)]
pub(crate) struct Add {
    /// The account's unique name
    name: String,
    /// In which service
    #[arg(long = "of", value_enum, default_value = "server")]
    service: Service,
    /// Make it an administrator (in the web client: a superuser)
    #[arg(long)]
    admin: bool,
    /// Read the password from standard input instead of asking
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    audit: Audit,
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    web: WebSettings,
}

impl Password {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let database = self.data.begin()?;
        let password = password(self.password_stdin)?;
        let app = self.data.open(database).await?;
        let set = app.set_password(&self.name, &password).await;
        app.close().await;
        set.with_context(|| format!("the password of {} cannot be changed", self.name))?;
        println!("Changed the password of {}.", self.name);
        Ok(())
    }
}

impl Add {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.place.logging.start("warn")?;
        let password = password(self.password_stdin)?;
        match self.service {
            Service::Server => self.add_to_server(&password).await?,
            Service::Web => self.add_to_web(&password).await?,
        }
        println!("Made the account {}.", self.name);
        Ok(())
    }

    async fn add_to_server(&self, password: &str) -> anyhow::Result<()> {
        let database = self.web.database.of_server(&self.place.data_dir)?;
        // Making an account embeds nothing; loading the model costs half a second at most.
        let app = self
            .place
            .open(database, &self.model, 0, self.audit)
            .await?;
        let account = NewAccount {
            handle: &self.name,
            name: &self.name,
            password,
        };
        let made = app.add_user(account, self.admin).await;
        app.close().await;
        made.map(drop)
            .with_context(|| format!("{} cannot be made", self.name))
    }

    async fn add_to_web(&self, password: &str) -> anyhow::Result<()> {
        let (config, keys) = self.web.config(&self.place.data_dir, self.web.listen)?;
        let web = open_web(config, keys, &self.place.data_dir).await?;
        let made = web.add_user(&self.name, password, self.admin).await;
        web.close().await;
        made.with_context(|| format!("{} cannot be made", self.name))
    }
}

/// Reads a password from standard input, or asks for it twice.
fn password(from_stdin: bool) -> anyhow::Result<Zeroizing<String>> {
    if from_stdin {
        let mut password = Zeroizing::new(String::new());
        std::io::stdin()
            .read_to_string(&mut password)
            .context("no password came")?;
        let end = password.trim_end_matches(['\r', '\n']).len();
        password.truncate(end);
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(anyhow::anyhow!(
            "there is no terminal to ask for the password"
        ))
        .or_hint("send it to standard input with --password-stdin");
    }
    let password = Zeroizing::new(rpassword::prompt_password("Password: ")?);
    if *password != rpassword::prompt_password("Again: ")? {
        bail!("the two passwords differ");
    }
    Ok(password)
}
