//! Applications that may ask people for access.

use picard_domain::{ClientId, Instant, Scopes, Span};
use picard_sql::{Column, Error as SqlError, Row, record, sql};

use crate::{Db, Digest, Error};

record! {
    /// A registered application.
    #[derive(Clone)]
    pub struct Client {
        /// Names it.
        pub id: ClientId,
        /// The digest of its secret; `None` for a public client.
        pub secret_digest: Option<Digest>,
        /// Its name, as it calls itself.
        pub name: String,
        /// Where it may be redirected to.
        pub redirect_uris: RedirectUris,
        /// The most that it may ask for.
        pub scopes: Scopes,
        /// How it authenticates at the token endpoint (RFC 7591 section 2).
        pub auth_method: String,
        /// Whether it is the operator's own, registered on purpose.
        pub first_party: bool,
        /// When it was registered.
        pub created_at: Instant,
        /// When it last got a token, to the minute.
        pub last_used_at: Option<Instant>,
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

/// Registers an application, or replaces one with the same id.
pub async fn put(db: &Db, client: &Client) -> Result<(), Error> {
    let put = sql!(
        "INSERT INTO clients (id, secret_digest, name, redirect_uris, scopes, auth_method,
                              first_party, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET
            secret_digest = excluded.secret_digest, name = excluded.name,
            redirect_uris = excluded.redirect_uris, scopes = excluded.scopes,
            auth_method = excluded.auth_method, first_party = excluded.first_party",
        client.id,
        client.secret_digest,
        client.name.as_str(),
        client.redirect_uris.0.join("\n"),
        client.scopes,
        client.auth_method.as_str(),
        client.first_party,
        client.created_at,
        client.last_used_at,
    );
    db.execute(put).await.map(drop)
}

/// Finds an application.
pub async fn find(db: &Db, id: ClientId) -> Result<Option<Client>, Error> {
    db.optional(sql!(
        "SELECT id, secret_digest, name, redirect_uris, scopes, auth_method, first_party,
                created_at, last_used_at
         FROM clients WHERE id = $1",
        id,
    ))
    .await
}

/// Lists all applications in the order of their ids, up to `limit`, after `after`.
pub async fn list(db: &Db, after: Option<ClientId>, limit: usize) -> Result<Vec<Client>, Error> {
    db.all(sql!(
        "SELECT id, secret_digest, name, redirect_uris, scopes, auth_method, first_party,
                created_at, last_used_at
         FROM clients WHERE ($1 IS NULL OR id > $1) ORDER BY id LIMIT $2",
        after,
        limit as i64,
    ))
    .await
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

/// Deletes an application; tells whether there was one. Its tokens are dead
/// from then on: a token counts only while its client exists.
pub async fn delete(db: &Db, id: ClientId) -> Result<bool, Error> {
    Ok(db
        .execute(sql!("DELETE FROM clients WHERE id = $1", id))
        .await?
        == 1)
}
