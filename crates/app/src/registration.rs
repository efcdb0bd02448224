//! Applications that register themselves (RFC 7591), and those among them that
//! nobody ever used.

use picard_crypto::{Digest, Token, TokenKind};
use picard_domain::{ClientId, Span};
use picard_metrics::{RegisteredBy, TokenEvent};
use picard_oauth::{
    Secret,
    registration::{ClientMetadata, RegistrationResponse},
};
use picard_store::clients::{self, RedirectUris, Registered};

use crate::{App, Error, Visit, attempts::Limit};

/// How long a client is kept that no person ever allowed anything. Assistants
/// register one for each connection that somebody begins, and few are finished.
pub(crate) const UNUSED_KEPT: Span = Span::hours(48);
/// How many of those are deleted in passing when another one registers: more
/// than one, so that what a flood left behind goes away too.
const IN_PASSING: i64 = 20;

impl App {
    /// Registers an application that comes by itself. Of public clients with the
    /// same metadata there is one (see [`ClientMetadata::fingerprint`]).
    ///
    /// [`Error::TooManyAttempts`] when too many came from one address. Clients
    /// that are there already do not notice: there is no most of them.
    pub async fn register_itself(
        &self,
        metadata: ClientMetadata,
        visit: &Visit,
    ) -> Result<RegistrationResponse, Error> {
        self.count_attempt(&Limit::registration(visit)).await?;
        if let Err(error) = self.forget_unused_clients(IN_PASSING).await {
            tracing::warn!(%error, "unused clients were not forgotten");
        }
        let secret = metadata
            .auth_method
            .has_secret()
            .then(|| Token::mint(TokenKind::ClientSecret, self.entropy()));
        let digest = |secret: &Token| *Digest::of(secret.expose()).as_bytes();
        let uris = metadata.redirect_uris.iter().map(ToString::to_string);
        let redirect_uris = RedirectUris::new(uris.collect())
            .ok_or_else(|| Error::internal("a redirect URI with a space in it"))?;
        let now = self.now();
        let row = clients::Client {
            id: ClientId::random(self.entropy()),
            registered: Registered::Dynamic,
            secret_digest: secret.as_ref().map(digest),
            name: metadata.name.to_string(),
            redirect_uris,
            scopes: metadata.scopes,
            auth_method: metadata.auth_method.as_str().to_owned(),
            application_type: metadata.application_type.as_str().to_owned(),
            client_uri: metadata.client_uri.clone(),
            jwks: metadata.jwks.as_ref().map(ToString::to_string),
            jwks_uri: metadata.jwks_uri.clone(),
            jwks_fetched_at: None,
            metadata_digest: metadata.fingerprint(),
            metadata_url: None,
            document_fetched_at: None,
            document_fresh_until: None,
            created_at: now,
            last_used_at: None,
        };
        let id = clients::register(&self.db, &row).await?;
        self.metrics.registrations.one(RegisteredBy::Itself);
        let secret = secret.map(|secret| Secret::new(secret.expose().to_owned()));
        Ok(RegistrationResponse::new(id, secret, metadata, now))
    }

    /// Deletes a client and revokes what people granted it; tells whether there
    /// was one. Its next request is answered with `invalid_client`.
    pub async fn delete_client(&self, id: ClientId) -> Result<bool, Error> {
        let deleted = clients::delete(&self.db, id, self.now(), None).await?;
        self.metrics
            .tokens
            .add(TokenEvent::Revoked, deleted.unwrap_or(0));
        Ok(deleted.is_some())
    }

    /// Forgets up to `limit` clients that came by themselves two days ago or
    /// earlier and that nobody ever allowed anything; returns how many.
    pub async fn forget_unused_clients(&self, limit: i64) -> Result<u64, Error> {
        let before = self.now() - UNUSED_KEPT;
        Ok(clients::delete_unused(&self.db, before, limit).await?)
    }
}
