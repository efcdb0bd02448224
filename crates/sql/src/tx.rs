//! A transaction: all of it, or nothing.

use crate::{Error, Query, Record, Row, Unread, db::at_most_one, postgres, row::read_all, sqlite};

/// Runs a body in a transaction, commits it, and gives back its value.
///
/// The body uses `?` freely: an error rolls everything back. When the error is
/// [`Transient`](crate::Transient), pauses and runs the body again, a bounded
/// number of times; so the body must have no effect outside the transaction.
#[macro_export]
macro_rules! transaction {
    ($db:expr, |$tx:ident| $body:expr) => {{
        let mut attempts = $crate::Attempts::new();
        loop {
            let outcome = async {
                let mut begun = $crate::Db::begin($db).await?;
                let value = {
                    let $tx = &mut begun;
                    $body
                };
                begun.commit().await?;
                ::std::result::Result::Ok(value)
            }
            .await;
            match outcome {
                ::std::result::Result::Ok(value) => break ::std::result::Result::Ok(value),
                ::std::result::Result::Err(error) => match attempts.pause(&error) {
                    ::std::option::Option::Some(pause) => $crate::wait(pause).await,
                    ::std::option::Option::None => break ::std::result::Result::Err(error),
                },
            }
        }
    }};
}

/// A transaction that was begun. Dropped without [`Tx::commit`], it is rolled back.
pub enum Tx {
    /// On SQLite.
    Sqlite(sqlite::Begun),
    /// On PostgreSQL.
    Postgres(postgres::Begun),
}

impl Tx {
    /// Returns all rows of a statement.
    pub async fn all<R: Record>(&mut self, query: Query) -> Result<Vec<R>, Error> {
        read_all(&self.rows(&query).await?)
    }

    /// Returns all rows of a statement without reading them.
    pub async fn unread<R: Record>(&mut self, query: Query) -> Result<Unread<R>, Error> {
        self.rows(&query).await.map(Unread::new)
    }

    /// Returns the row of a statement that has at most one.
    pub async fn optional<R: Record>(&mut self, query: Query) -> Result<Option<R>, Error> {
        at_most_one(&self.rows(&query).await?)
    }

    /// Returns the row of a statement that always has one.
    pub async fn one<R: Record>(&mut self, query: Query) -> Result<R, Error> {
        self.optional(query).await?.ok_or(Error::RowCount(0))
    }

    /// Runs a statement and returns how many rows it changed.
    pub async fn execute(&mut self, query: Query) -> Result<u64, Error> {
        Ok(match self {
            Self::Sqlite(tx) => query.sqlite().execute(tx.live()?).await?.rows_affected(),
            Self::Postgres(tx) => tx.execute(&query).await?.rows_affected(),
        })
    }

    /// Makes everything done in the transaction last.
    pub async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Lifts the limit that statements have, until the end of the transaction.
    pub(crate) async fn take_your_time(&mut self) -> Result<(), Error> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => tx.take_your_time().await,
        }
    }

    /// Gives up after a moment what others have locked, until the end of the transaction.
    pub(crate) async fn let_others_pass(&mut self) -> Result<(), Error> {
        match self {
            // Its readers wait for nobody.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(tx) => tx.let_others_pass().await,
        }
    }

    /// Runs several statements without values: a migration.
    pub(crate) async fn script(
        &mut self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => sqlx::raw_sql(sqlite).execute(tx.live()?).await.map(drop)?,
            Self::Postgres(tx) => tx.script(postgres).await?,
        }
        Ok(())
    }

    pub(crate) async fn rows(&mut self, query: &Query) -> Result<Vec<Row>, Error> {
        Ok(match self {
            Self::Sqlite(tx) => {
                let rows = query.sqlite().fetch_all(tx.live()?).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = tx.rows(query).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}
