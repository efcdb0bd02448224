//! Who may log in to the web client.

use picard_domain::{DisplayName, Handle, Instant};
use picard_sql::{Db, Error, record, sql, transaction};

use super::{AccountId, ConnectionId, SessionId};

record! {
    /// An account with its password hash, for checking a log-in.
    pub(crate) struct Credentials {
        pub(crate) id: AccountId,
        pub(crate) password_hash: String,
    }
}

record! {
    /// An account as the admin area shows it: never a token, never a text.
    pub(crate) struct Listed {
        pub(crate) id: AccountId,
        pub(crate) username: String,
        pub(crate) name: String,
        pub(crate) is_superuser: bool,
        pub(crate) created_at: Instant,
        pub(crate) last_seen_at: Option<Instant>,
        pub(crate) remote_handle: Option<String>,
        pub(crate) scopes: Option<String>,
        pub(crate) access_expires_at: Option<Instant>,
        pub(crate) lost_at: Option<Instant>,
    }
}

/// An account to add.
pub(crate) struct New<'a> {
    pub(crate) id: AccountId,
    pub(crate) username: &'a Handle,
    pub(crate) name: &'a DisplayName,
    pub(crate) password_hash: &'a str,
    pub(crate) is_superuser: bool,
}

/// Adds an account; [`Error::Conflict`] when the username is taken.
pub(crate) async fn insert(db: &Db, new: New<'_>, now: Instant) -> Result<(), Error> {
    let insert = sql!(
        "INSERT INTO accounts (id, username, name, password_hash, is_superuser, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        new.id,
        new.username,
        new.name,
        new.password_hash,
        new.is_superuser,
        now,
    );
    db.execute(insert).await.map(drop)
}

/// Finds what a log-in is checked against.
pub(crate) async fn credentials(db: &Db, username: &Handle) -> Result<Option<Credentials>, Error> {
    db.optional(sql!(
        "SELECT id, password_hash FROM accounts WHERE username = $1",
        username
    ))
    .await
}

/// Reads the password hash of an account.
pub(crate) async fn password_hash(db: &Db, id: AccountId) -> Result<Option<String>, Error> {
    let row = db
        .optional::<(String,)>(sql!("SELECT password_hash FROM accounts WHERE id = $1", id))
        .await?;
    Ok(row.map(|(hash,)| hash))
}

/// Sets the password hash of an account, and logs all its other browsers out.
pub(crate) async fn set_password(
    db: &Db,
    id: AccountId,
    hash: &str,
    keep: Option<SessionId>,
) -> Result<(), Error> {
    transaction!(db, |tx| {
        let update = sql!(
            "UPDATE accounts SET password_hash = $2 WHERE id = $1",
            id,
            hash
        );
        tx.execute(update).await?;
        let others = sql!(
            "DELETE FROM sessions WHERE account_id = $1 AND ($2 IS NULL OR id <> $2)",
            id,
            keep
        );
        tx.execute(others).await?;
    })
}

/// Sets the name to show.
pub(crate) async fn rename(db: &Db, id: AccountId, name: &DisplayName) -> Result<(), Error> {
    let update = sql!("UPDATE accounts SET name = $2 WHERE id = $1", id, name);
    db.execute(update).await.map(drop)
}

/// Deletes an account with its sessions and its connection.
pub(crate) async fn delete(db: &Db, id: AccountId) -> Result<(), Error> {
    db.execute(sql!("DELETE FROM accounts WHERE id = $1", id))
        .await
        .map(drop)
}

/// Gives or takes the right to see the admin page.
pub(crate) async fn set_superuser(db: &Db, id: AccountId, is_superuser: bool) -> Result<(), Error> {
    let update = sql!(
        "UPDATE accounts SET is_superuser = $2 WHERE id = $1",
        id,
        is_superuser
    );
    db.execute(update).await.map(drop)
}

/// Finds the connection of an account, live or lost.
pub(crate) async fn connection(db: &Db, id: AccountId) -> Result<Option<ConnectionId>, Error> {
    let row = db
        .optional::<(ConnectionId,)>(sql!("SELECT id FROM connections WHERE account_id = $1", id))
        .await?;
    Ok(row.map(|(id,)| id))
}

/// Finds an account by its username, as the admin area shows it.
pub(crate) async fn find(db: &Db, username: &Handle) -> Result<Option<Listed>, Error> {
    let select = sql!(
        "SELECT a.id, a.username, a.name, a.is_superuser, a.created_at,
                (SELECT MAX(s.last_seen_at) FROM sessions s WHERE s.account_id = a.id)
                    AS last_seen_at,
                c.remote_handle, c.scopes, c.access_expires_at, c.lost_at
         FROM accounts a LEFT JOIN connections c ON c.account_id = a.id
         WHERE a.username = $1",
        username,
    );
    db.optional(select).await
}

/// Newer than any account: where a list begins.
pub(crate) fn newest() -> (Instant, AccountId) {
    let last = "ffffffff-ffff-ffff-ffff-ffffffffffff"
        .parse()
        .expect("a UUID");
    (Instant::from_micros(i64::MAX), last)
}

/// Lists accounts, newest first, from the one after `(created_at, id)` on.
pub(crate) async fn list(
    db: &Db,
    after: (Instant, AccountId),
    limit: i64,
) -> Result<Vec<Listed>, Error> {
    let select = sql!(
        "SELECT a.id, a.username, a.name, a.is_superuser, a.created_at,
                (SELECT MAX(s.last_seen_at) FROM sessions s WHERE s.account_id = a.id)
                    AS last_seen_at,
                c.remote_handle, c.scopes, c.access_expires_at, c.lost_at
         FROM accounts a LEFT JOIN connections c ON c.account_id = a.id
         WHERE (a.created_at, a.id) < ($1, $2)
         ORDER BY a.created_at DESC, a.id DESC LIMIT $3",
        after.0,
        after.1,
        limit,
    );
    db.all(select).await
}

/// Counts accounts, and those of them that are connected.
pub(crate) async fn count(db: &Db) -> Result<(i64, i64), Error> {
    db.one(sql!(
        "SELECT (SELECT COUNT(*) FROM accounts),
                (SELECT COUNT(*) FROM connections WHERE lost_at IS NULL)"
    ))
    .await
}
