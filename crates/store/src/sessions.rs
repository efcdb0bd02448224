//! Browsers that are logged in.

use picard_domain::{DisplayName, Handle, Instant, SessionId, Span, UserId};
use picard_sql::{record, sql, transaction};

use crate::{
    Db, Digest, Error,
    audit::{self, Note},
    outcome::{Stop, settle},
};

/// A session to open.
pub struct NewSession<'a> {
    /// The digest of the cookie.
    pub digest: Digest,
    /// A fresh id, for the list of sessions.
    pub id: SessionId,
    /// Who logged in.
    pub user_id: UserId,
    /// The hash that their password was checked against.
    pub password_hash: &'a str,
    /// The browser's name for itself.
    pub user_agent: &'a str,
    /// The instant it is opened.
    pub now: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
}

record! {
    /// A live session, with the person whose it is.
    #[derive(Clone)]
    pub struct LiveSession {
        /// Names the session.
        pub id: SessionId,
        /// Whose it is.
        pub user_id: UserId,
        /// That person's unique name.
        pub handle: Handle,
        /// That person's name as shown.
        pub name: DisplayName,
        /// Whether that person administers the server.
        pub is_admin: bool,
        /// When the person logged in.
        pub created_at: Instant,
        /// When it was last used, to the minute.
        pub last_seen_at: Instant,
        /// When it ends.
        pub expires_at: Instant,
    }
}

record! {
    /// A live session as its owner sees it.
    #[derive(Debug, Clone)]
    pub struct SessionEntry {
        /// Names it.
        pub id: SessionId,
        /// The browser's name for itself.
        pub user_agent: String,
        /// When the person logged in.
        pub created_at: Instant,
        /// When it was last used, to the minute.
        pub last_seen_at: Instant,
        /// When it ends.
        pub expires_at: Instant,
    }
}

/// Opens a session; `false` when the person is gone or locked out, or has
/// another password by now: a log-in under way must not outlive its change.
pub async fn open(db: &Db, new: &NewSession<'_>, note: &Note) -> Result<bool, Error> {
    let insert = sql!(
        "INSERT INTO sessions (digest, user_id, id, created_at, last_seen_at, expires_at, user_agent)
         VALUES ($1, $2, $3, $4, $4, $5, $6)",
        new.digest,
        new.user_id,
        new.id,
        new.now,
        new.expires_at,
        new.user_agent,
    );
    settle(transaction!(db, |tx| {
        let unchanged = sql!(
            "UPDATE users SET version = version
             WHERE id = $1 AND disabled_at IS NULL AND password_hash = $2",
            new.user_id,
            new.password_hash,
        );
        if tx.execute(unchanged).await? != 1 {
            return Err(Stop::Answer(false));
        }
        tx.execute(insert.clone()).await?;
        audit::write(tx, new.user_id, note).await?;
        true
    }))
}

/// Finds the live session of a cookie.
pub async fn find(db: &Db, digest: Digest, now: Instant) -> Result<Option<LiveSession>, Error> {
    db.optional(sql!(
        "SELECT s.id, s.user_id, u.handle, u.name, u.is_admin, s.created_at, s.last_seen_at,
                s.expires_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.digest = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL",
        digest,
        now,
    ))
    .await
}

/// Notes that a session was used; writes at most once a minute.
pub async fn touch(db: &Db, session: &LiveSession, now: Instant) -> Result<(), Error> {
    let minute_ago = now - Span::minutes(1);
    if session.last_seen_at > minute_ago {
        return Ok(());
    }
    let update = sql!(
        "UPDATE sessions SET last_seen_at = $3
         WHERE user_id = $1 AND id = $2 AND last_seen_at <= $4",
        session.user_id,
        session.id,
        now,
        minute_ago,
    );
    db.execute(update).await.map(drop)
}

/// Lists a person's live sessions, the last used first.
pub async fn list(db: &Db, user: UserId, now: Instant) -> Result<Vec<SessionEntry>, Error> {
    db.all(sql!(
        "SELECT id, user_agent, created_at, last_seen_at, expires_at FROM sessions
         WHERE user_id = $1 AND expires_at > $2
         ORDER BY last_seen_at DESC, id DESC",
        user,
        now,
    ))
    .await
}

/// Closes a session; tells whether there was one.
pub async fn close(db: &Db, user: UserId, session: SessionId, note: &Note) -> Result<bool, Error> {
    transaction!(db, |tx| {
        let delete = sql!(
            "DELETE FROM sessions WHERE user_id = $1 AND id = $2",
            user,
            session
        );
        let closed = tx.execute(delete).await? == 1;
        if closed {
            audit::write(tx, user, note).await?;
        }
        closed
    })
}

/// Closes all sessions of a person but one, and returns how many.
pub async fn close_others(db: &Db, user: UserId, keep: SessionId) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM sessions WHERE user_id = $1 AND id <> $2",
        user,
        keep
    ))
    .await
}

/// Closes all sessions of a person, and returns how many.
pub async fn close_all(db: &Db, user: UserId, note: &Note) -> Result<u64, Error> {
    transaction!(db, |tx| {
        let delete = sql!("DELETE FROM sessions WHERE user_id = $1", user);
        let closed = tx.execute(delete).await?;
        if closed > 0 {
            audit::write(tx, user, note).await?;
        }
        closed
    })
}

/// Deletes up to `limit` sessions that ended before now, and returns how many.
pub async fn delete_expired(db: &Db, now: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM sessions WHERE digest IN
         (SELECT digest FROM sessions WHERE expires_at <= $1 LIMIT $2)",
        now,
        limit,
    ))
    .await
}
