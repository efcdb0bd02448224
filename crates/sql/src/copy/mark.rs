//! The mark of a copy that is not complete: a table in it that names its
//! source. While it is there, [`pending`](crate::pending) refuses the database.

use crate::{Db, Error, Tx, migrate::MARK, sql, tables};

/// Says that the database becomes a copy of `source`.
pub async fn mark(db: &Db, source: &str) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    tx.execute(sql!(
        "CREATE TABLE picard_copy (source TEXT NOT NULL, PRIMARY KEY (source))"
    ))
    .await?;
    tx.execute(sql!("INSERT INTO picard_copy (source) VALUES ($1)", source))
        .await?;
    tx.commit().await
}

/// Returns of what the database is an incomplete copy, if it is one.
pub async fn marked(db: &Db) -> Result<Option<String>, Error> {
    if !tables(db).await?.iter().any(|table| table == MARK) {
        return Ok(None);
    }
    let row: Option<(String,)> = db.optional(sql!("SELECT source FROM picard_copy")).await?;
    Ok(row.map(|(source,)| source))
}

/// Says that the copy is complete, once the transaction is committed.
pub async fn unmark(tx: &mut Tx) -> Result<(), Error> {
    tx.execute(sql!("DROP TABLE picard_copy")).await.map(drop)
}
