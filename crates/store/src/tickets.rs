//! Consent tickets: one for each consent page shown, answered once.

use picard_domain::{Instant, UserId};
use picard_sql::sql;

use crate::{Db, Digest, Error, users};

/// A ticket to store.
pub struct NewTicket<'a> {
    /// The digest of what the form carries.
    pub digest: Digest,
    /// Who was asked.
    pub user_id: UserId,
    /// What they were asked, in the caller's own form.
    pub request: &'a str,
    /// The instant they were asked.
    pub now: Instant,
    /// Until when they can answer.
    pub expires_at: Instant,
}

/// Stores a ticket; `false` when the person is gone or locked out.
pub async fn open(db: &Db, new: &NewTicket<'_>) -> Result<bool, Error> {
    let insert = sql!(
        "INSERT INTO consent_tickets (digest, user_id, request, created_at, expires_at, used_at)
         VALUES ($1, $2, $3, $4, $5, NULL)",
        new.digest,
        new.user_id,
        new.request,
        new.now,
        new.expires_at,
    );
    users::insert_held(db, new.user_id, insert).await
}

/// Takes the answer to a ticket: returns what was asked, once. `None` when the
/// ticket is another person's, was answered, has ended, or never was.
pub async fn answer(
    db: &Db,
    user: UserId,
    ticket: Digest,
    now: Instant,
) -> Result<Option<String>, Error> {
    let answer = sql!(
        "UPDATE consent_tickets SET used_at = $3
         WHERE digest = $1 AND user_id = $2 AND used_at IS NULL AND expires_at > $3
         RETURNING request",
        ticket,
        user,
        now,
    );
    let row = db.optional::<(String,)>(answer).await?;
    Ok(row.map(|(request,)| request))
}

/// Deletes up to `limit` tickets that ended at or before `before`, and returns how many.
pub async fn delete_expired(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM consent_tickets WHERE digest IN
         (SELECT digest FROM consent_tickets WHERE expires_at <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}
