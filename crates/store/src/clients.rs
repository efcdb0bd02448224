//! Applications that may ask people for access.

use picard_domain::{ClientId, Instant, Scopes, Span, UserId};
use picard_sql::{Column, Error as SqlError, Query, Row, record, sql, transaction};

use crate::{
    Db, Digest, Error,
    audit::{self, Note},
    grants::has_access,
    outcome::{Stop, settle},
};

record! {
    /// A registered application.
    #[derive(Clone)]
    pub struct Client {
        /// Names it.
        pub id: ClientId,
        /// How it became known.
        pub registered: Registered,
        /// The digest of its secret; `None` for one without.
        pub secret_digest: Option<Digest>,
        /// Its name, as it calls itself.
        pub name: String,
        /// Where it may be redirected to.
        pub redirect_uris: RedirectUris,
        /// The most that it may ask for.
        pub scopes: Scopes,
        /// How it authenticates at the token endpoint (RFC 7591 section 2).
        pub auth_method: String,
        /// `web` or `native`, as it says of itself.
        pub application_type: String,
        /// Its own page.
        pub client_uri: Option<String>,
        /// Its public keys as a JWK Set: given inline, or as last fetched.
        pub jwks: Option<String>,
        /// Where its public keys are.
        pub jwks_uri: Option<String>,
        /// When its keys were fetched from there.
        pub jwks_fetched_at: Option<Instant>,
        /// The digest of the metadata of a public client that registered itself:
        /// of two with the same there is one row. `None` for all others.
        pub metadata_digest: Option<Digest>,
        /// The https URL of the document that it is known by: its name on the wire.
        pub metadata_url: Option<String>,
        /// When that document was fetched.
        pub document_fetched_at: Option<Instant>,
        /// Until when it need not be fetched again.
        pub document_fresh_until: Option<Instant>,
        /// When it was registered, the last time.
        pub created_at: Instant,
        /// When a person last allowed it something, or it got a token, to the
        /// minute. `None`: nobody ever used it.
        pub last_used_at: Option<Instant>,
    }
}

/// How a client became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// An administrator registered it on purpose.
    Operator,
    /// It registered itself (RFC 7591).
    Dynamic,
    /// Its id is the URL of a document about it.
    Document,
}

impl Registered {
    const ALL: [Self; 3] = [Self::Operator, Self::Dynamic, Self::Document];

    /// Returns the word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Dynamic => "dynamic",
            Self::Document => "document",
        }
    }
}

impl Column for Registered {
    fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        let word = String::read(row, at)?;
        let known = Self::ALL.into_iter().find(|way| way.as_str() == word);
        known.ok_or_else(|| SqlError::Corrupt {
            column: "registered".to_owned(),
            wanted: "way to become known",
        })
    }
}

/// The addresses that a client may be redirected to. None of them holds a line
/// break: that is what they are stored with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUris(Vec<String>);

impl RedirectUris {
    /// Takes addresses over; `None` when one holds a control character or a space.
    pub fn new(uris: Vec<String>) -> Option<Self> {
        let sound = |uri: &String| {
            !uri.is_empty() && !uri.contains(|c: char| c.is_control() || c.is_whitespace())
        };
        uris.iter().all(sound).then_some(Self(uris))
    }

    /// Returns the addresses.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl Column for RedirectUris {
    fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
        Ok(Self(
            String::read(row, at)?.lines().map(str::to_owned).collect(),
        ))
    }
}

/// The statement that inserts a client, with what happens when it is there already.
macro_rules! insert {
    ($client:expr, $conflict:literal) => {
        sql!(
            concat!(
                "INSERT INTO clients (id, registered, secret_digest, name, redirect_uris, scopes,
                        auth_method, application_type, client_uri, jwks, jwks_uri,
                        jwks_fetched_at, metadata_digest, metadata_url, document_fetched_at,
                        document_fresh_until, created_at, last_used_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                         $17, $18) ",
                $conflict
            ),
            $client.id,
            $client.registered.as_str(),
            $client.secret_digest,
            $client.name.as_str(),
            $client.redirect_uris.0.join("\n"),
            $client.scopes,
            $client.auth_method.as_str(),
            $client.application_type.as_str(),
            $client.client_uri.as_deref(),
            $client.jwks.as_deref(),
            $client.jwks_uri.as_deref(),
            $client.jwks_fetched_at,
            $client.metadata_digest,
            $client.metadata_url.as_deref(),
            $client.document_fetched_at,
            $client.document_fresh_until,
            $client.created_at,
            $client.last_used_at,
        )
    };
}

/// A statement that reads clients.
macro_rules! select {
    ($which:literal $(, $value:expr)* $(,)?) => {
        sql!(
            concat!(
                "SELECT id, registered, secret_digest, name, redirect_uris, scopes, auth_method,
                        application_type, client_uri, jwks, jwks_uri, jwks_fetched_at,
                        metadata_digest, metadata_url, document_fetched_at, document_fresh_until,
                        created_at, last_used_at
                 FROM clients ",
                $which
            )
            $(, $value)*
        )
    };
}

/// Stores an application, or replaces the one with the same id. When it was
/// registered and used stays as it was.
pub async fn put(db: &Db, client: &Client) -> Result<(), Error> {
    db.execute(put_query(client)).await.map(drop)
}

/// The same, with a note in the trail of the administrator who did it.
pub async fn put_by(
    db: &Db,
    client: &Client,
    administrator: UserId,
    note: &Note,
) -> Result<(), Error> {
    transaction!(db, |tx| {
        tx.execute(put_query(client)).await?;
        let note = note.clone().through(client.id);
        audit::write(tx, administrator, &note).await?;
    })
}

fn put_query(client: &Client) -> Query {
    insert!(
        client,
        "ON CONFLICT (id) DO UPDATE SET
            registered = excluded.registered, secret_digest = excluded.secret_digest,
            name = excluded.name, redirect_uris = excluded.redirect_uris,
            scopes = excluded.scopes, auth_method = excluded.auth_method,
            application_type = excluded.application_type,
            client_uri = excluded.client_uri, jwks = excluded.jwks, jwks_uri = excluded.jwks_uri,
            jwks_fetched_at = excluded.jwks_fetched_at,
            metadata_digest = excluded.metadata_digest, metadata_url = excluded.metadata_url,
            document_fetched_at = excluded.document_fetched_at,
            document_fresh_until = excluded.document_fresh_until"
    )
}

/// Stores an application that registers itself and returns its id: that of the
/// one which is there already, when the digests of their metadata are the same.
/// That one counts as registered anew.
pub async fn register(db: &Db, client: &Client) -> Result<ClientId, Error> {
    let (id,) = db
        .one(insert!(
            client,
            "ON CONFLICT (metadata_digest) DO UPDATE SET created_at = excluded.created_at
             RETURNING id"
        ))
        .await?;
    Ok(id)
}

/// Finds an application.
pub async fn find(db: &Db, id: ClientId) -> Result<Option<Client>, Error> {
    db.optional(select!("WHERE id = $1", id)).await
}

/// Lists applications, the last registered first: up to `limit` of them after
/// the one at `after`, of all kinds or of one.
pub async fn list(
    db: &Db,
    kind: Option<Registered>,
    after: Option<(Instant, ClientId)>,
    limit: usize,
) -> Result<Vec<Client>, Error> {
    let (at, id) = after.unzip();
    db.all(select!(
        "WHERE ($1 IS NULL OR registered = $1)
           AND ($2 IS NULL OR (created_at, id) < ($2, $3))
         ORDER BY created_at DESC, id DESC LIMIT $4",
        kind.map(Registered::as_str),
        at,
        id,
        limit as i64,
    ))
    .await
}

/// Counts the applications of each kind.
pub async fn count(db: &Db) -> Result<Vec<(Registered, i64)>, Error> {
    db.all(sql!(
        "SELECT registered, count(*) FROM clients GROUP BY registered ORDER BY registered"
    ))
    .await
}

/// Counts the grants through which an application has access.
pub async fn grants(db: &Db, id: ClientId, now: Instant) -> Result<i64, Error> {
    let (count,) = db
        .one(sql!(
            concat!(
                "SELECT count(*) FROM grants g WHERE g.client_id = $1 AND ",
                has_access!("$2")
            ),
            id,
            now,
        ))
        .await?;
    Ok(count)
}

/// Notes that an application got a token; writes at most once a minute.
pub async fn touch(db: &Db, id: ClientId, now: Instant) -> Result<(), Error> {
    let update = sql!(
        "UPDATE clients SET last_used_at = $2
         WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
        id,
        now,
        now - Span::minutes(1),
    );
    db.execute(update).await.map(drop)
}

/// Notes that the document of an application is no longer good: its copy
/// stands in for nothing from now on.
pub async fn outdate(db: &Db, id: ClientId) -> Result<(), Error> {
    let update = sql!(
        "UPDATE clients SET document_fresh_until = NULL WHERE id = $1",
        id,
    );
    db.execute(update).await.map(drop)
}

/// Keeps the keys that were fetched for an application, as long as they are
/// still those that it names.
pub async fn keep_keys(
    db: &Db,
    id: ClientId,
    jwks_uri: &str,
    jwks: &str,
    now: Instant,
) -> Result<(), Error> {
    let update = sql!(
        "UPDATE clients SET jwks = $3, jwks_fetched_at = $4 WHERE id = $1 AND jwks_uri = $2",
        id,
        jwks_uri,
        jwks,
        now,
    );
    db.execute(update).await.map(drop)
}

/// Deletes an application and revokes whatever people granted it, in one
/// transaction; returns how many grants those were, `None` when there was no
/// such application. All its tokens are dead from then on, also if it comes
/// back under the same id. The note goes into the trail of the administrator
/// who did it, if one did.
pub async fn delete(
    db: &Db,
    id: ClientId,
    now: Instant,
    by: Option<&(UserId, Note)>,
) -> Result<Option<u64>, Error> {
    settle(transaction!(db, |tx| {
        if let Some((administrator, note)) = by {
            // Now, while the application still has a name.
            let note = note.clone().through(id);
            audit::write(tx, *administrator, &note).await?;
        }
        // The client's row first: a consent changes it, too, so whoever is under way is waited
        // for, and whoever comes after finds no client.
        let found = tx
            .execute(sql!("DELETE FROM clients WHERE id = $1", id))
            .await?
            == 1;
        let revoke = sql!(
            "UPDATE grants SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL",
            id,
            now,
        );
        let revoked = tx.execute(revoke).await?;
        if !found {
            return Err(Stop::Answer(None));
        }
        Some(revoked)
    }))
}

/// Deletes up to `limit` applications that no person ever allowed anything and
/// that were last registered at or before `before`; returns how many. Those of
/// an operator stay. The conditions are asked again of each row that is
/// deleted: one that a person allows in this moment stays, too.
pub async fn delete_unused(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM clients
         WHERE last_used_at IS NULL AND created_at <= $1 AND registered <> 'operator'
           AND id IN (SELECT id FROM clients
                      WHERE last_used_at IS NULL AND created_at <= $1
                        AND registered <> 'operator' LIMIT $2)",
        before,
        limit,
    ))
    .await
}
