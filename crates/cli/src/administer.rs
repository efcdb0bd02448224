//! What `picard user` and `picard client` share: a server's database without
//! keys and model, questions before what cannot be undone, and words.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::Args;
use picard_app::{AdminError, Administration, Error};
use picard_domain::{Handle, Instant};
use picard_store::Source;

use crate::{
    data_dir::DataDir, database::Database, hint::OrHint as _, logging::Logging, migrate::Service,
    moving::before::before_migration, system::system,
};

/// Where a server's database is, for commands that need nothing else.
#[derive(Args)]
pub(crate) struct ServerDatabase {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    logging: Logging,
}

impl ServerDatabase {
    /// Opens the database, beside a running server or without one.
    pub(crate) async fn open(&self) -> anyhow::Result<Administration> {
        self.logging.start("warn")?;
        let source = self.database.existing(&self.data_dir)?;
        open(&self.data_dir, &source).await
    }
}

/// Opens a server's database as its operator.
pub(crate) async fn open(data_dir: &DataDir, source: &Source) -> anyhow::Result<Administration> {
    before_migration(Service::Server, &source.address, data_dir).await?;
    let (clock, entropy) = system();
    Administration::open(source, clock, entropy)
        .await
        .context("the database cannot be opened")
        .or_hint("`picard doctor` checks each setting")
}

/// Asks for a name to be typed before something is deleted; `--yes` answers for it.
pub(crate) fn confirm(yes: bool, what: &str, name: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(anyhow::anyhow!(
            "there is no terminal to ask whether you are sure"
        ))
        .or_hint("add --yes to delete without being asked");
    }
    write!(std::io::stderr(), "{what} Type {name} to confirm: ")?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    if typed.trim() == name {
        return Ok(());
    }
    Err(anyhow::anyhow!(
        "that is not {name}, so nothing was deleted"
    ))
    .or_hint("type it as it is written, or add --yes")
}

/// Says what was not done to a person.
pub(crate) fn told<T>(done: Result<T, AdminError>, handle: &Handle) -> anyhow::Result<T> {
    match done {
        Ok(done) => Ok(done),
        Err(AdminError::Other(error)) => found(Err(error), handle),
        Err(error @ AdminError::LastAdministrator) => Err(error)
            .with_context(|| format!("{handle} stays as it is"))
            .or_hint("make another one first: `picard user admin grant NAME`"),
    }
}

/// Says that there is no such person.
pub(crate) fn found<T>(done: Result<T, Error>, handle: &Handle) -> anyhow::Result<T> {
    match done {
        Err(Error::NotFound(_)) => Err(anyhow::anyhow!("there is no account {handle}")).or_hint(
            "`picard user list` shows all of them; --of web means those of the web client",
        ),
        done => Ok(done?),
    }
}

/// An instant in words, or a dash.
pub(crate) fn at(instant: Option<Instant>) -> String {
    instant.map_or_else(|| "-".to_owned(), Instant::minute)
}

/// `1 grant`, `2 grants`.
pub(crate) fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
