//! Work that one node at a time does for all: a row says who, and until when.

use picard_domain::Instant;
use picard_sql::sql;
use uuid::Uuid;

use crate::{Db, Error};

/// Takes a lease, or makes one's own longer; tells whether `holder` has it
/// until `until`. Another's can be taken once it has ended: a node that died
/// holds nothing for ever.
pub async fn take(
    db: &Db,
    name: &str,
    holder: Uuid,
    now: Instant,
    until: Instant,
) -> Result<bool, Error> {
    let take = sql!(
        "INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE
         SET holder = excluded.holder, expires_at = excluded.expires_at
         WHERE leases.holder = $2 OR leases.expires_at <= $4",
        name,
        holder,
        until,
        now,
    );
    Ok(db.execute(take).await? == 1)
}

/// Tells whether anybody has a lease.
pub async fn is_held(db: &Db, name: &str, now: Instant) -> Result<bool, Error> {
    let held = sql!(
        "SELECT holder FROM leases WHERE name = $1 AND expires_at > $2",
        name,
        now
    );
    Ok(db.optional::<(Uuid,)>(held).await?.is_some())
}
