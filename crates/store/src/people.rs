//! People as the administration of a server sees them: who they are and whether
//! they come, never what they keep.

use picard_domain::{DisplayName, Handle, Instant, UserId};
use picard_sql::{record, sql};

use crate::{Db, Error, users::after_all};

record! {
    /// A person in a list.
    #[derive(Debug, Clone)]
    pub struct Listed {
        /// Names the person for good.
        pub id: UserId,
        /// Their unique name.
        pub handle: Handle,
        /// Their name as shown.
        pub name: DisplayName,
        /// Whether they administer the server.
        pub is_admin: bool,
        /// Since when they are locked out.
        pub disabled_at: Option<Instant>,
        /// When the account was made.
        pub created_at: Instant,
        /// When a browser of theirs was last here; `None` when none is logged in.
        pub last_seen_at: Option<Instant>,
        /// When an application last used what they granted it.
        pub last_used_at: Option<Instant>,
        /// How many applications have access.
        pub grants: i64,
    }
}

record! {
    /// How many people there are.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Tally {
        /// All of them.
        pub people: i64,
        /// Those who are locked out.
        pub disabled: i64,
        /// Those who administer the server and are not locked out.
        pub admins: i64,
    }
}

/// Lists people by handle: up to `limit` of them whose handle begins with
/// `prefix` and comes after `after`.
pub async fn list(
    db: &Db,
    prefix: &str,
    after: Option<&Handle>,
    limit: usize,
    now: Instant,
) -> Result<Vec<Listed>, Error> {
    // What counts as a grant is what the person is shown: see `grants::list`.
    db.all(sql!(
        "SELECT u.id, u.handle, u.name, u.is_admin, u.disabled_at, u.created_at,
                (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id)
                    AS last_seen_at,
                (SELECT max(g.last_used_at) FROM grants g WHERE g.user_id = u.id)
                    AS last_used_at,
                (SELECT count(*) FROM grants g
                 WHERE g.user_id = u.id AND g.revoked_at IS NULL AND (
                    EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.user_id = g.user_id
                            AND r.grant_id = g.id AND r.used_at IS NULL AND r.expires_at > $5)
                    OR EXISTS (SELECT 1 FROM access_tokens a WHERE a.user_id = g.user_id
                            AND a.grant_id = g.id AND a.expires_at > $5)))
                    AS grants
         FROM users u
         WHERE u.handle >= $1 AND u.handle < $2 AND u.handle > $3
         ORDER BY u.handle LIMIT $4",
        prefix,
        after_all(prefix),
        after.map_or("", Handle::as_str),
        limit as i64,
        now,
    ))
    .await
}

/// Returns the first hundred administrators by handle, the locked ones among them.
pub async fn administrators(db: &Db) -> Result<Vec<(UserId, Handle)>, Error> {
    db.all(sql!(
        "SELECT id, handle FROM users WHERE is_admin = $1 ORDER BY handle LIMIT 100",
        true
    ))
    .await
}

/// Counts people.
pub async fn tally(db: &Db) -> Result<Tally, Error> {
    db.one(sql!(
        "SELECT (SELECT count(*) FROM users) AS people,
                (SELECT count(*) FROM users WHERE disabled_at IS NOT NULL) AS disabled,
                (SELECT count(*) FROM users WHERE is_admin = $1 AND disabled_at IS NULL) AS admins",
        true
    ))
    .await
}
