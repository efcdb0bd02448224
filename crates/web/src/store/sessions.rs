//! Which browsers are logged in. A session is found by the SHA-256 of its cookie.

use picard_crypto::Digest;
use picard_domain::{Handle, Instant, Scopes, UserId};
use picard_sql::{Db, Error, record, sql};

use super::{AccountId, ConnectionId, SessionId};

record! {
    /// Who is behind a session, with what they are connected to: all that a
    /// page needs to know, in one query.
    pub(crate) struct Found {
        pub(crate) session_id: SessionId,
        pub(crate) last_seen_at: Instant,
        pub(crate) account_id: AccountId,
        pub(crate) username: String,
        pub(crate) name: String,
        pub(crate) is_superuser: bool,
        pub(crate) connection_id: Option<ConnectionId>,
        pub(crate) remote_id: Option<UserId>,
        pub(crate) remote_handle: Option<String>,
        pub(crate) remote_name: Option<String>,
        pub(crate) scopes: Option<Scopes>,
        pub(crate) access_expires_at: Option<Instant>,
        pub(crate) connected_at: Option<Instant>,
        pub(crate) lost_at: Option<Instant>,
    }
}

record! {
    /// A session as its owner sees it.
    pub(crate) struct Listed {
        pub(crate) id: SessionId,
        pub(crate) user_agent: String,
        pub(crate) created_at: Instant,
        pub(crate) last_seen_at: Instant,
    }
}

/// A session to add.
pub(crate) struct New<'a> {
    pub(crate) digest: Digest,
    pub(crate) id: SessionId,
    pub(crate) account_id: AccountId,
    /// The hash that the password was checked against.
    pub(crate) password_hash: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) expires_at: Instant,
}

/// Opens a session, and sweeps out those that have ended; `false` when the
/// account has another password by now: a log-in under way must not outlive
/// its change.
pub(crate) async fn insert(db: &Db, new: New<'_>, now: Instant) -> Result<bool, Error> {
    db.execute(sql!("DELETE FROM sessions WHERE expires_at <= $1", now))
        .await?;
    let insert = sql!(
        "INSERT INTO sessions
             (digest, account_id, id, user_agent, created_at, last_seen_at, expires_at)
         SELECT $1, $2, $3, $4, $5, $5, $6 FROM accounts
         WHERE id = $2 AND password_hash = $7",
        *new.digest.as_bytes(),
        new.account_id,
        new.id,
        new.user_agent,
        now,
        new.expires_at,
        new.password_hash,
    );
    Ok(db.execute(insert).await? == 1)
}

/// Finds who a session cookie belongs to.
pub(crate) async fn find(db: &Db, digest: Digest, now: Instant) -> Result<Option<Found>, Error> {
    let select = sql!(
        "SELECT s.id AS session_id, s.last_seen_at, a.id AS account_id, a.username, a.name,
                a.is_superuser, c.id AS connection_id, c.remote_id, c.remote_handle,
                c.remote_name, c.scopes, c.access_expires_at, c.connected_at, c.lost_at
         FROM sessions s
         JOIN accounts a ON a.id = s.account_id
         LEFT JOIN connections c ON c.account_id = a.id
         WHERE s.digest = $1 AND s.expires_at > $2",
        *digest.as_bytes(),
        now,
    );
    db.optional(select).await
}

/// Notes that a session is in use.
pub(crate) async fn touch(db: &Db, digest: Digest, now: Instant) -> Result<(), Error> {
    let digest = *digest.as_bytes();
    let update = sql!(
        "UPDATE sessions SET last_seen_at = $2 WHERE digest = $1",
        digest,
        now
    );
    db.execute(update).await.map(drop)
}

/// Lists the live sessions of an account, the last used first.
pub(crate) async fn list(db: &Db, account: AccountId, now: Instant) -> Result<Vec<Listed>, Error> {
    let select = sql!(
        "SELECT id, user_agent, created_at, last_seen_at FROM sessions
         WHERE account_id = $1 AND expires_at > $2 ORDER BY last_seen_at DESC LIMIT 100",
        account,
        now,
    );
    db.all(select).await
}

/// Ends one session of an account.
pub(crate) async fn delete(db: &Db, account: AccountId, id: SessionId) -> Result<(), Error> {
    let delete = sql!(
        "DELETE FROM sessions WHERE account_id = $1 AND id = $2",
        account,
        id
    );
    db.execute(delete).await.map(drop)
}

/// Ends the session of a cookie.
pub(crate) async fn delete_by_digest(db: &Db, digest: Digest) -> Result<(), Error> {
    db.execute(sql!(
        "DELETE FROM sessions WHERE digest = $1",
        *digest.as_bytes()
    ))
    .await
    .map(drop)
}

/// The username as a handle; it was one when it was stored.
impl Found {
    pub(crate) fn remote_handle(&self) -> Option<Handle> {
        self.remote_handle
            .as_deref()
            .and_then(|handle| handle.parse().ok())
    }
}
