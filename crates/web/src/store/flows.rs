//! Trips to the server's consent page that have not come back yet.

use picard_crypto::Digest;
use picard_domain::Instant;
use picard_sql::{Db, Error, sql};

use super::SessionId;

/// Keeps what a flow has to remember, and sweeps out those that never came back.
pub(crate) async fn insert(
    db: &Db,
    state: Digest,
    session: SessionId,
    sealed: &[u8],
    (now, expires_at): (Instant, Instant),
) -> Result<(), Error> {
    db.execute(sql!("DELETE FROM flows WHERE expires_at <= $1", now))
        .await?;
    let insert = sql!(
        "INSERT INTO flows (state_digest, session_id, sealed, expires_at) VALUES ($1, $2, $3, $4)",
        *state.as_bytes(),
        session,
        sealed,
        expires_at,
    );
    db.execute(insert).await.map(drop)
}

/// Takes the flow that a session began with this state; a second time there is none.
pub(crate) async fn take(
    db: &Db,
    state: Digest,
    session: SessionId,
    now: Instant,
) -> Result<Option<Vec<u8>>, Error> {
    let delete = sql!(
        "DELETE FROM flows WHERE state_digest = $1 AND session_id = $2 AND expires_at > $3
         RETURNING sealed",
        *state.as_bytes(),
        session,
        now,
    );
    Ok(db
        .optional::<(Vec<u8>,)>(delete)
        .await?
        .map(|(sealed,)| sealed))
}
