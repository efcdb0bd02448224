//! A transaction on a connection to SQLite.
//!
//! Not that of sqlx, which counts how deep it is and trusts its `ROLLBACK`. When a
//! disk is full SQLite rolls back by itself, the `ROLLBACK` fails, and from then on
//! the one connection that writes would refuse to begin.

use sqlx::{Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};

use crate::Error;

/// A transaction that was begun. Dropped without a commit, it is rolled back.
pub struct Begun {
    connection: Option<PoolConnection<Sqlite>>,
}

impl Begun {
    /// Begins by this statement.
    pub(crate) async fn by(statement: &'static str, pool: &SqlitePool) -> Result<Self, Error> {
        let mut begun = Self {
            connection: Some(pool.acquire().await?),
        };
        begun.control(statement).await?;
        Ok(begun)
    }

    /// The connection that it is on.
    pub(crate) fn live(&mut self) -> Result<&mut SqliteConnection, Error> {
        match &mut self.connection {
            Some(connection) => Ok(&mut *connection),
            None => Err(sqlx::Error::WorkerCrashed.into()),
        }
    }

    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.control("COMMIT").await?;
        // It goes back to the pool here, with nothing left to roll back.
        self.connection = None;
        Ok(())
    }

    async fn control(&mut self, statement: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(statement).execute(self.live()?).await?;
        Ok(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        tokio::spawn(async move {
            let undo = sqlx::raw_sql("ROLLBACK").execute(&mut *connection);
            // Rolled back already, most likely; a new connection is sure to be.
            if undo.await.is_err() {
                connection.close_on_drop();
            }
        });
    }
}
