//! What people allowed applications: each grant is the root of one family of tokens.

use picard_domain::{ClientId, GrantId, Instant, Scopes, Span, UserId};
use picard_sql::{Tx, record, sql, transaction};

use crate::{
    Db, Error,
    audit::{self, Note},
    clients::Registered,
};

/// The condition that a grant `g` is access at the instant of the parameter: not
/// revoked, and with a token that has not ended.
macro_rules! has_access {
    ($now:literal) => {
        concat!(
            "g.revoked_at IS NULL AND (
                EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.user_id = g.user_id
                        AND r.grant_id = g.id AND r.used_at IS NULL AND r.expires_at > ",
            $now,
            ")
                OR EXISTS (SELECT 1 FROM access_tokens a WHERE a.user_id = g.user_id
                        AND a.grant_id = g.id AND a.expires_at > ",
            $now,
            "))"
        )
    };
}
pub(crate) use has_access;

record! {
    /// A connected application, as the person sees it.
    #[derive(Debug, Clone)]
    pub struct Connection {
        /// Names the grant.
        pub id: GrantId,
        /// Names the application.
        pub client_id: ClientId,
        /// The application's name.
        pub client_name: String,
        /// How the application became known.
        pub registered: Registered,
        /// The URL of the document that it is known by.
        pub metadata_url: Option<String>,
        /// What it may do.
        pub scopes: Scopes,
        /// When the person allowed it.
        pub created_at: Instant,
        /// When it last used its access, to the minute.
        pub last_used_at: Option<Instant>,
    }
}

/// Lists the applications that have access to a person's memories, the latest
/// first. A grant whose tokens have all ended is no access and is left out.
pub async fn list(db: &Db, user: UserId, now: Instant) -> Result<Vec<Connection>, Error> {
    db.all(sql!(
        concat!(
            "SELECT g.id, g.client_id, c.name AS client_name, c.registered, c.metadata_url,
                    g.scopes, g.created_at, g.last_used_at
             FROM grants g JOIN clients c ON c.id = g.client_id
             WHERE g.user_id = $1 AND ",
            has_access!("$2"),
            " ORDER BY g.created_at DESC, g.id DESC"
        ),
        user,
        now,
    ))
    .await
}

/// Notes that a grant was used; writes at most once a minute.
pub async fn touch(
    db: &Db,
    user: UserId,
    grant: GrantId,
    last_used_at: Option<Instant>,
    now: Instant,
) -> Result<(), Error> {
    let minute_ago = now - Span::minutes(1);
    if last_used_at.is_some_and(|used| used > minute_ago) {
        return Ok(());
    }
    let update = sql!(
        "UPDATE grants SET last_used_at = $3
         WHERE user_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at <= $4)",
        user,
        grant,
        now,
        minute_ago,
    );
    db.execute(update).await.map(drop)
}

/// Revokes a grant with every code and token of it; tells whether it was live.
/// The note is written when it was, and names the application.
pub async fn revoke(
    db: &Db,
    user: UserId,
    grant: GrantId,
    now: Instant,
    note: &Note,
) -> Result<bool, Error> {
    transaction!(db, |tx| {
        // The grant first: whoever issues tokens changes that row first, too.
        let update = sql!(
            "UPDATE grants SET revoked_at = $3
             WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL
             RETURNING client_id",
            user,
            grant,
            now,
        );
        let client = tx.optional::<(ClientId,)>(update).await?;
        for delete in [
            // Used codes stay until they expire, so that a replay is still known as one.
            sql!(
                "DELETE FROM codes WHERE user_id = $1 AND grant_id = $2 AND used_at IS NULL",
                user,
                grant,
            ),
            sql!(
                "DELETE FROM access_tokens WHERE user_id = $1 AND grant_id = $2",
                user,
                grant
            ),
            sql!(
                "DELETE FROM refresh_tokens WHERE user_id = $1 AND grant_id = $2",
                user,
                grant
            ),
        ] {
            tx.execute(delete).await?;
        }
        if let Some((client,)) = client {
            audit::write(tx, user, &note.clone().through(client)).await?;
        }
        client.is_some()
    })
}

/// Revokes every grant of a person with all codes and tokens; returns how many were live.
/// The note is written when there were any.
pub async fn revoke_all(db: &Db, user: UserId, now: Instant, note: &Note) -> Result<u64, Error> {
    transaction!(db, |tx| {
        let live = revoke_all_in(tx, user, now).await?;
        if live > 0 {
            audit::write(tx, user, note).await?;
        }
        live
    })
}

pub(crate) async fn revoke_all_in(tx: &mut Tx, user: UserId, now: Instant) -> Result<u64, Error> {
    let update = sql!(
        "UPDATE grants SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL",
        user,
        now,
    );
    let live = tx.execute(update).await?;
    for delete in [
        sql!(
            "DELETE FROM codes WHERE user_id = $1 AND used_at IS NULL",
            user
        ),
        sql!("DELETE FROM access_tokens WHERE user_id = $1", user),
        sql!("DELETE FROM refresh_tokens WHERE user_id = $1", user),
    ] {
        tx.execute(delete).await?;
    }
    Ok(live)
}

/// Deletes up to `limit` grants that nothing hangs on any more: they were
/// revoked, or were not used after `unused_since`, and no code or token of
/// theirs is left. Returns how many.
pub async fn delete_dead(db: &Db, unused_since: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM grants WHERE (user_id, id) IN
         (SELECT g.user_id, g.id FROM grants g
          WHERE (g.revoked_at IS NOT NULL OR COALESCE(g.last_used_at, g.created_at) <= $1)
            AND NOT EXISTS (SELECT 1 FROM codes c
                            WHERE c.user_id = g.user_id AND c.grant_id = g.id)
            AND NOT EXISTS (SELECT 1 FROM access_tokens a
                            WHERE a.user_id = g.user_id AND a.grant_id = g.id)
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens r
                            WHERE r.user_id = g.user_id AND r.grant_id = g.id)
          LIMIT $2)",
        unused_since,
        limit,
    ))
    .await
}
