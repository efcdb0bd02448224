//! Authorization codes: each is good for one exchange, within a minute.

use picard_domain::{ClientId, GrantId, Instant, Scopes, UserId};
use picard_sql::{record, sql, transaction};

use crate::{
    Db, Digest, Error,
    audit::{self, Note},
    outcome::{Stop, settle},
    users,
};

/// What a person just allowed, and the code that stands for it.
pub struct Consent<'a> {
    /// Who allowed it.
    pub user_id: UserId,
    /// A fresh id for the grant.
    pub grant_id: GrantId,
    /// To whom.
    pub client_id: ClientId,
    /// What.
    pub scopes: Scopes,
    /// The resource that tokens will be for (RFC 8707).
    pub resource: &'a str,
    /// The digest of the code.
    pub code: Digest,
    /// Where the code is sent: the exchange must name the same address.
    pub redirect_uri: &'a str,
    /// The S256 challenge (RFC 7636) that the exchange must answer.
    pub code_challenge: &'a str,
    /// The instant of consent.
    pub now: Instant,
    /// When the code ends.
    pub code_expires_at: Instant,
}

record! {
    /// A code as it was issued.
    #[derive(Clone)]
    pub struct Code {
        /// Who allowed it.
        pub user_id: UserId,
        /// The grant it stands for.
        pub grant_id: GrantId,
        /// For whom.
        pub client_id: ClientId,
        /// Where it was sent.
        pub redirect_uri: String,
        /// The S256 challenge (RFC 7636).
        pub code_challenge: String,
        /// What was allowed.
        pub scopes: Scopes,
        /// The resource that tokens will be for.
        pub resource: String,
        /// When it was issued.
        pub created_at: Instant,
        /// When it ends.
        pub expires_at: Instant,
    }
}

/// What a code turned out to be when it was presented.
pub enum Consumption {
    /// It was live, and is used now. Whatever else fails about the exchange, it
    /// is burnt.
    Live(Code),
    /// It was used before: its family of tokens must be revoked (RFC 6749 section 4.1.2).
    Replayed {
        /// Whose grant.
        user_id: UserId,
        /// Which.
        grant_id: GrantId,
    },
    /// No such code, or it has ended.
    Unknown,
}

/// Stores a grant and its code; `false` when the person is gone or locked out,
/// or the client is gone. The client counts as used from here on, so that it
/// is not taken for one that nobody wants.
pub async fn issue(db: &Db, new: &Consent<'_>, note: &Note) -> Result<bool, Error> {
    settle(transaction!(db, |tx| {
        users::hold(tx, new.user_id, false).await?;
        let client = sql!(
            "UPDATE clients SET last_used_at = $2 WHERE id = $1",
            new.client_id,
            new.now,
        );
        if tx.execute(client).await? == 0 {
            return Err(Stop::Answer(false));
        }
        let grant = sql!(
            "INSERT INTO grants (user_id, id, client_id, scopes, resource, created_at,
                                 last_used_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, NULL, NULL)",
            new.user_id,
            new.grant_id,
            new.client_id,
            new.scopes,
            new.resource,
            new.now,
        );
        tx.execute(grant).await?;
        let code = sql!(
            "INSERT INTO codes (digest, user_id, grant_id, client_id, redirect_uri, code_challenge,
                                scopes, resource, created_at, expires_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL)",
            new.code,
            new.user_id,
            new.grant_id,
            new.client_id,
            new.redirect_uri,
            new.code_challenge,
            new.scopes,
            new.resource,
            new.now,
            new.code_expires_at,
        );
        tx.execute(code).await?;
        audit::write(tx, new.user_id, note).await?;
        true
    }))
}

/// Uses a code up. Of any number of callers at once, one gets
/// [`Consumption::Live`].
pub async fn consume(db: &Db, code: Digest, now: Instant) -> Result<Consumption, Error> {
    let consume = sql!(
        "UPDATE codes SET used_at = $2
         WHERE digest = $1 AND used_at IS NULL AND expires_at > $2
         RETURNING user_id, grant_id, client_id, redirect_uri, code_challenge, scopes, resource,
                   created_at, expires_at",
        code,
        now,
    );
    if let Some(code) = db.optional(consume).await? {
        return Ok(Consumption::Live(code));
    }
    let used = sql!(
        "SELECT user_id, grant_id FROM codes WHERE digest = $1 AND used_at IS NOT NULL",
        code,
    );
    Ok(match db.optional(used).await? {
        Some((user_id, grant_id)) => Consumption::Replayed { user_id, grant_id },
        None => Consumption::Unknown,
    })
}

/// Deletes up to `limit` codes that ended at or before `before`, and returns how
/// many. A replay is recognised only while its code is kept.
pub async fn delete_expired(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM codes WHERE digest IN
         (SELECT digest FROM codes WHERE expires_at <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}
