//! Access tokens and refresh tokens.
//!
//! A refresh token is used once. What it was exchanged for is kept beside it,
//! sealed, so that a client whose answer got lost can have the same answer
//! again for a short while; when the successor is used, the sealed pair is
//! wiped.

use picard_domain::{ClientId, DisplayName, GrantId, Handle, Instant, Scopes, UserId};
use picard_sql::{Tx, record, sql, transaction};

use crate::{
    Db, Digest, Error,
    audit::{self, Note},
    outcome::{Stop, settle},
    users,
};

/// An access token and a refresh token to store.
#[derive(Clone)]
pub struct Pair {
    /// In whose name.
    pub user_id: UserId,
    /// The family.
    pub grant_id: GrantId,
    /// For whom.
    pub client_id: ClientId,
    /// The digest of the access token.
    pub access: Digest,
    /// What the access token allows.
    pub access_scopes: Scopes,
    /// When the access token ends.
    pub access_expires_at: Instant,
    /// The digest of the refresh token.
    pub refresh: Digest,
    /// What the refresh token can be exchanged for at most.
    pub refresh_scopes: Scopes,
    /// When the refresh token ends.
    pub refresh_expires_at: Instant,
    /// The instant they are issued.
    pub now: Instant,
}

/// What became of tokens to be issued for a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Issue {
    /// They are good.
    Issued,
    /// The grant was revoked, or never was, or the person is locked out. Nothing
    /// was written.
    GrantGone,
}

/// The exchange of a refresh token for its successors.
pub struct Rotation<'a> {
    /// The digest of the refresh token presented.
    pub presented: Digest,
    /// Its successors, of the same family.
    pub successors: Pair,
    /// The successors themselves, sealed by the caller.
    pub successor_sealed: &'a [u8],
}

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Rotated {
    /// The successors are good.
    Issued,
    /// Somebody else was first: [`find_refresh`] tells what they got. Nothing was written.
    AlreadyUsed,
    /// The grant was revoked. Nothing was written.
    GrantGone,
}

record! {
    /// What a live access token stands for.
    #[derive(Clone)]
    pub struct Access {
        /// In whose name.
        pub user_id: UserId,
        /// That person's unique name.
        pub handle: Handle,
        /// That person's name as shown.
        pub name: DisplayName,
        /// Through which application.
        pub client_id: ClientId,
        /// That application's name.
        pub client_name: String,
        /// The family of the token.
        pub grant_id: GrantId,
        /// The resource that the token is for.
        pub resource: String,
        /// What it allows.
        pub scopes: Scopes,
        /// When it was issued.
        pub created_at: Instant,
        /// When it ends.
        pub expires_at: Instant,
        /// When the grant was last used, to the minute: see [`grants::touch`](crate::grants::touch).
        pub grant_last_used_at: Option<Instant>,
        /// The version of the person's memories.
        pub version: i64,
        /// Which master key wraps the person's data key.
        pub key_id: String,
        /// The person's data key, wrapped.
        pub wrapped_key: Vec<u8>,
    }
}

record! {
    /// A refresh token, live or used, of a live grant.
    #[derive(Clone)]
    pub struct Refresh {
        /// In whose name.
        pub user_id: UserId,
        /// That person's unique name.
        pub handle: Handle,
        /// That person's name as shown.
        pub name: DisplayName,
        /// The family.
        pub grant_id: GrantId,
        /// For whom.
        pub client_id: ClientId,
        /// What it can be exchanged for at most.
        pub scopes: Scopes,
        /// The resource that tokens are for.
        pub resource: String,
        /// When the person allowed it: for a limit on the age of the family.
        pub granted_at: Instant,
        /// When it was issued.
        pub created_at: Instant,
        /// When it ends.
        pub expires_at: Instant,
        /// Since when its person is locked out.
        pub disabled_at: Option<Instant>,
        /// When it was exchanged.
        pub used_at: Option<Instant>,
        /// What it was exchanged for, sealed; gone once that was used.
        pub successor_sealed: Option<Vec<u8>>,
    }
}

/// Stores the first tokens of a grant.
pub async fn issue(db: &Db, pair: &Pair, note: &Note) -> Result<Issue, Error> {
    settle(transaction!(db, |tx| {
        users::hold(tx, pair.user_id, Issue::GrantGone).await?;
        use_grant(tx, pair, Issue::GrantGone).await?;
        insert(tx, pair).await?;
        audit::write(tx, pair.user_id, note).await?;
        Issue::Issued
    }))
}

/// Finds what a live access token stands for, in one query: the token has not
/// ended, its grant is not revoked, its client exists, its person is not
/// locked out.
pub async fn authenticate(db: &Db, token: Digest, now: Instant) -> Result<Option<Access>, Error> {
    db.optional(sql!(
        "SELECT t.user_id, u.handle, u.name, t.client_id, c.name AS client_name, t.grant_id,
                g.resource, t.scopes, t.created_at, t.expires_at,
                g.last_used_at AS grant_last_used_at, u.version, u.key_id, u.wrapped_key
         FROM access_tokens t
         JOIN grants g ON g.user_id = t.user_id AND g.id = t.grant_id
         JOIN users u ON u.id = t.user_id
         JOIN clients c ON c.id = t.client_id
         WHERE t.digest = $1 AND t.expires_at > $2
           AND g.revoked_at IS NULL AND u.disabled_at IS NULL",
        token,
        now,
    ))
    .await
}

/// Finds a refresh token, used or not, ended or not, whose grant is not
/// revoked. While its person is locked out, it is there and gives nothing.
pub async fn find_refresh(db: &Db, token: Digest) -> Result<Option<Refresh>, Error> {
    db.optional(sql!(
        "SELECT t.user_id, u.handle, u.name, t.grant_id, t.client_id, t.scopes, g.resource,
                g.created_at AS granted_at, t.created_at, t.expires_at,
                u.disabled_at, t.used_at, t.successor_sealed
         FROM refresh_tokens t
         JOIN grants g ON g.user_id = t.user_id AND g.id = t.grant_id
         JOIN users u ON u.id = t.user_id
         WHERE t.digest = $1 AND g.revoked_at IS NULL",
        token,
    ))
    .await
}

/// Exchanges a refresh token for its successors. Of any number of callers at
/// once, one gets [`Rotated::Issued`]. The access token issued before stays
/// good until it ends.
pub async fn rotate(db: &Db, rotation: &Rotation<'_>) -> Result<Rotated, Error> {
    let pair = &rotation.successors;
    settle(transaction!(db, |tx| {
        // The grant's row first: it makes rotations of one family queue, and a revocation
        // starts there too.
        use_grant(tx, pair, Rotated::GrantGone).await?;
        let mark = sql!(
            "UPDATE refresh_tokens
             SET used_at = $4, successor_sealed = $5, successor_digest = $6
             WHERE digest = $1 AND user_id = $2 AND grant_id = $3
               AND used_at IS NULL AND expires_at > $4",
            rotation.presented,
            pair.user_id,
            pair.grant_id,
            pair.now,
            rotation.successor_sealed,
            pair.refresh,
        );
        if tx.execute(mark).await? != 1 {
            return Err(Stop::Answer(Rotated::AlreadyUsed));
        }
        // The presented token has arrived, so nobody may ask for it again.
        let wipe = sql!(
            "UPDATE refresh_tokens SET successor_sealed = NULL
             WHERE user_id = $1 AND grant_id = $2 AND successor_digest = $3",
            pair.user_id,
            pair.grant_id,
            rotation.presented,
        );
        tx.execute(wipe).await?;
        insert(tx, pair).await?;
        Rotated::Issued
    }))
}

/// Revokes one access token; tells whether there was one.
pub async fn revoke_access(db: &Db, token: Digest) -> Result<bool, Error> {
    Ok(db
        .execute(sql!("DELETE FROM access_tokens WHERE digest = $1", token))
        .await?
        == 1)
}

/// Deletes up to `limit` access tokens that ended at or before `before`, and returns how many.
pub async fn delete_expired_access(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM access_tokens WHERE digest IN
         (SELECT digest FROM access_tokens WHERE expires_at <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}

/// Deletes up to `limit` refresh tokens that ended at or before `before`, and
/// returns how many. A reuse is recognised only while the used token is kept.
pub async fn delete_expired_refresh(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM refresh_tokens WHERE digest IN
         (SELECT digest FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}

/// Marks the grant as used and holds its row; stops with `gone` when it is revoked.
async fn use_grant<T>(tx: &mut Tx, pair: &Pair, gone: T) -> Result<(), Stop<T>> {
    let update = sql!(
        "UPDATE grants SET last_used_at = $3
         WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL",
        pair.user_id,
        pair.grant_id,
        pair.now,
    );
    if tx.execute(update).await? == 1 {
        Ok(())
    } else {
        Err(Stop::Answer(gone))
    }
}

async fn insert(tx: &mut Tx, pair: &Pair) -> Result<(), Error> {
    let access = sql!(
        "INSERT INTO access_tokens (digest, user_id, grant_id, client_id, scopes, created_at,
                                    expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        pair.access,
        pair.user_id,
        pair.grant_id,
        pair.client_id,
        pair.access_scopes,
        pair.now,
        pair.access_expires_at,
    );
    tx.execute(access).await?;
    let refresh = sql!(
        "INSERT INTO refresh_tokens (digest, user_id, grant_id, client_id, scopes, created_at,
                                     expires_at, used_at, successor_sealed, successor_digest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL, NULL)",
        pair.refresh,
        pair.user_id,
        pair.grant_id,
        pair.client_id,
        pair.refresh_scopes,
        pair.now,
        pair.refresh_expires_at,
    );
    tx.execute(refresh).await.map(drop)
}
