//! Assertions by which clients proved who they are (RFC 7523), each good once.

use picard_domain::Instant;
use picard_sql::sql;

use crate::{Db, Digest, Error};

/// Uses an assertion up, by a digest of its client and its `jti`; `false` when
/// it was used before, on whatever node. It is remembered until it expires.
pub async fn use_up(db: &Db, assertion: Digest, expires_at: Instant) -> Result<bool, Error> {
    let insert = sql!(
        "INSERT INTO client_assertions (digest, expires_at) VALUES ($1, $2)
         ON CONFLICT (digest) DO NOTHING",
        assertion,
        expires_at,
    );
    Ok(db.execute(insert).await? == 1)
}

/// Deletes up to `limit` assertions that expired at or before `before`, and
/// returns how many.
pub async fn delete_expired(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM client_assertions WHERE digest IN
         (SELECT digest FROM client_assertions WHERE expires_at <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}
