//! A database of its own on a PostgreSQL server that somebody names.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use url::Url;

/// A database that was made for one measurement.
pub(crate) struct Database {
    admin: Url,
    name: String,
    /// Where it is.
    pub(crate) url: String,
}

impl Database {
    /// Makes an empty database on the server that `admin` names.
    pub(crate) async fn create(admin: &Url, purpose: &str) -> anyhow::Result<Self> {
        let name = format!("picard_load_{}_{purpose}", std::process::id());
        let mut url = admin.clone();
        url.set_path(&name);
        let database = Self {
            admin: admin.clone(),
            name,
            url: url.into(),
        };
        database.order("CREATE DATABASE").await?;
        Ok(database)
    }

    /// Connects to it.
    pub(crate) async fn connect(&self) -> anyhow::Result<PgConnection> {
        PgConnection::connect(&self.url)
            .await
            .context("the database cannot be reached")
    }

    /// Returns what it takes on the disk, in MiB.
    pub(crate) async fn mib(&self) -> anyhow::Result<f64> {
        let size = sqlx::query_scalar::<_, i64>("SELECT pg_database_size(current_database())");
        Ok(size.fetch_one(&mut self.connect().await?).await? as f64 / 1_048_576.0)
    }

    /// Deletes it. Nobody may be connected any more.
    pub(crate) async fn delete(self) -> anyhow::Result<()> {
        self.order("DROP DATABASE").await
    }

    async fn order(&self, order: &str) -> anyhow::Result<()> {
        let options = sqlx::postgres::PgConnectOptions::from_url(&self.admin)?;
        let mut admin = options
            .connect()
            .await
            .context("the PostgreSQL server cannot be reached")?;
        let statement = AssertSqlSafe(format!("{order} {}", self.name));
        sqlx::raw_sql(statement).execute(&mut admin).await?;
        admin.close().await?;
        Ok(())
    }
}
