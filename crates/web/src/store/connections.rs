//! What accounts are connected to: whom on the server, for what, with which
//! tokens (sealed).
//!
//! A row without tokens is a connection that was lost: it stays, so that the
//! dashboard can say so.

use picard_client::Identity;
use picard_domain::{Instant, Scopes};
use picard_sql::{Db, Error, record, sql, transaction};

use super::{AccountId, ConnectionId};

record! {
    /// The tokens of a connection.
    pub(crate) struct Sealed {
        pub(crate) sealed_tokens: Option<Vec<u8>>,
        pub(crate) scopes: Scopes,
        pub(crate) access_expires_at: Instant,
    }
}

/// A connection that was just made.
pub(crate) struct New<'a> {
    pub(crate) id: ConnectionId,
    pub(crate) account_id: AccountId,
    pub(crate) identity: &'a Identity,
    pub(crate) sealed_tokens: &'a [u8],
    pub(crate) scopes: Scopes,
    pub(crate) access_expires_at: Instant,
}

/// Puts a connection in the place of the account's former one.
pub(crate) async fn replace(db: &Db, new: New<'_>, now: Instant) -> Result<(), Error> {
    transaction!(db, |tx| {
        tx.execute(sql!(
            "DELETE FROM connections WHERE account_id = $1",
            new.account_id
        ))
        .await?;
        let insert = sql!(
            "INSERT INTO connections
                 (account_id, id, remote_id, remote_handle, remote_name, scopes, sealed_tokens,
                  access_expires_at, connected_at, lost_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)",
            new.account_id,
            new.id,
            new.identity.user_id,
            &new.identity.handle,
            new.identity.name.as_str(),
            new.scopes.to_string(),
            new.sealed_tokens,
            new.access_expires_at,
            now,
        );
        tx.execute(insert).await?;
    })
}

/// Reads the tokens of a connection.
pub(crate) async fn tokens(db: &Db, id: ConnectionId) -> Result<Option<Sealed>, Error> {
    let select = sql!(
        "SELECT sealed_tokens, scopes, access_expires_at FROM connections WHERE id = $1",
        id
    );
    db.optional(select).await
}

/// Keeps renewed tokens, and tells whether the connection was still there.
pub(crate) async fn renew(
    db: &Db,
    id: ConnectionId,
    sealed: &[u8],
    scopes: Scopes,
    access_expires_at: Instant,
) -> Result<bool, Error> {
    let update = sql!(
        "UPDATE connections SET sealed_tokens = $2, scopes = $3, access_expires_at = $4,
                lost_at = NULL
         WHERE id = $1",
        id,
        sealed,
        scopes.to_string(),
        access_expires_at,
    );
    Ok(db.execute(update).await? == 1)
}

/// Marks a connection as lost and drops its tokens, if they still are these.
pub(crate) async fn lose(
    db: &Db,
    id: ConnectionId,
    sealed: &[u8],
    now: Instant,
) -> Result<(), Error> {
    let update = sql!(
        "UPDATE connections SET sealed_tokens = NULL, lost_at = $3
         WHERE id = $1 AND sealed_tokens = $2",
        id,
        sealed,
        now,
    );
    db.execute(update).await.map(drop)
}

/// Removes a connection.
pub(crate) async fn delete(db: &Db, id: ConnectionId) -> Result<(), Error> {
    db.execute(sql!("DELETE FROM connections WHERE id = $1", id))
        .await
        .map(drop)
}
