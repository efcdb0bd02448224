//! `picard mcp`: MCP over standard input and output, for assistants on this machine.
//!
//! The assistant starts it and speaks with it through two pipes. There is no
//! log-in: whoever can read the data directory owns what is in it (see
//! `local.rs` in the crate `app`). It may run beside `picard up` or `server` on
//! the same data directory, any number of times: each sees at once what the
//! others write, because a question always asks for the version in the database.
//!
//! Standard output belongs to the protocol. Whatever else there is to say goes
//! to standard error. Memories without vectors of the model are embedded here as well,
//! unless a server is at it.

use anyhow::Context as _;
use clap::Args;
use picard_app::{Access, App, LocalError};
use picard_domain::Handle;
use picard_server::mcp::serve_stdio;
use tokio_util::sync::CancellationToken;

use crate::{
    database::embedded_server,
    hint::OrHint as _,
    model::Model,
    place::Place,
    serve,
    server::{self, Audit},
};

/// The handle of the first account where the name at the machine makes none.
const NAMELESS: &str = "me";

/// `picard mcp`.
#[derive(Args)]
pub(crate) struct Mcp {
    /// Whose memories [default: the only account; on an empty database one is made]
    #[arg(long, env = "PICARD_USER", value_name = "HANDLE")]
    user: Option<String>,
    /// The name at the machine, for the first account
    #[arg(long, env = "USER", hide = true)]
    os_user: Option<String>,
    /// The most memory for decrypted partitions, in MiB; the least recently used leave first
    #[arg(
        long,
        env = "PICARD_PARTITION_MIB",
        value_name = "MIB",
        default_value_t = 1024
    )]
    partition_mib: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    audit: Audit,
    #[command(flatten)]
    model: Model,
}

impl Mcp {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.place.logging.start("error")?;
        let stopping = CancellationToken::new();
        serve::cancel_on(serve::stop_signal()?, stopping.clone());
        let database = embedded_server(&self.place.data_dir)?;
        let bytes = self.partition_mib.saturating_mul(1024 * 1024);
        let app = self
            .place
            .open(database.into(), &self.model, bytes, self.audit)
            .await?;
        let renewal = server::embed_in_background(&app, server::Embedding::OfAssistant);
        let spoken = match self.access(&app).await {
            Ok(access) => serve_stdio(app.clone(), access, stopping)
                .await
                .map_err(Into::into),
            Err(error) => Err(error),
        };
        renewal.abort();
        app.close().await;
        spoken
    }

    /// Finds out whose memories these are.
    async fn access(&self, app: &App) -> anyhow::Result<Access> {
        let named: Option<Handle> = match &self.user {
            None => None,
            Some(name) => Some(
                name.parse()
                    .with_context(|| format!("PICARD_USER: {name:?} is no handle"))?,
            ),
        };
        let at_machine = self.os_user.as_deref().unwrap_or_default();
        let first = at_machine.parse().or_else(|_| NAMELESS.parse())?;
        let error = match app.local_access(named.as_ref(), &first).await {
            Ok(access) => return Ok(access),
            Err(error) => error,
        };
        let hint = match &error {
            LocalError::Several(_) => "say whose memories with --user HANDLE".to_owned(),
            LocalError::Unknown(handle) => format!("`picard user add {handle}` makes it"),
            LocalError::Locked(_) | LocalError::Other(_) => return Err(error.into()),
        };
        Err(error).or_hint(hint)
    }
}
