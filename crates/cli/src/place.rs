//! What commands have in common that work on a server's data themselves, beside
//! a running service or without one: where it is and what opens it.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use picard_app::{App, MasterKeys};
use picard_store::Source;

use crate::{
    data_dir::DataDir,
    database::Database,
    keys::Keys,
    logging::Logging,
    model::Model,
    server::{Audit, open_app},
};

/// The data directory and the keys, for a command that knows which database it means.
#[derive(Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    #[command(flatten)]
    pub(crate) keys: Keys,
    #[command(flatten)]
    pub(crate) logging: Logging,
}

/// A server's data with the model: all that its use cases need.
#[derive(Args)]
pub(crate) struct ServerData {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    audit: Audit,
}

impl Place {
    /// Opens the use cases. `partition_bytes` is for questions; 0 when none is asked.
    pub(crate) async fn open(
        &self,
        database: Source,
        model: &Model,
        partition_bytes: usize,
        audit: Audit,
    ) -> anyhow::Result<Arc<App>> {
        let (keys, data_dir) = (&self.keys, &self.data_dir);
        open_app(keys, data_dir, database, model, partition_bytes, audit).await
    }

    /// Opens a database for a look at its keys alone.
    pub(crate) async fn master_keys(&self, database: &Database) -> anyhow::Result<MasterKeys> {
        let source = database.existing(&self.data_dir)?;
        MasterKeys::open(&source)
            .await
            .context("the database cannot be opened")
    }
}

impl ServerData {
    /// Begins a command: the log, at `warn` unless the person said otherwise, and
    /// the database's address. An error when there is no database, since the
    /// command works on what is in it.
    pub(crate) fn begin(&self) -> anyhow::Result<Source> {
        self.place.logging.start("warn")?;
        self.database.existing(&self.place.data_dir)
    }

    /// Opens the use cases on the database that [`Self::begin`] found.
    pub(crate) async fn open(&self, database: Source) -> anyhow::Result<Arc<App>> {
        self.place.open(database, &self.model, 0, self.audit).await
    }
}
