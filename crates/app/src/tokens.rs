//! Access tokens at work: who calls, what a token is for, and its end.

use picard_crypto::{Digest, Token, TokenKind};
use picard_domain::{GrantId, UserId};
use picard_metrics::TokenEvent;
use picard_oauth::{
    Resources,
    introspection::{ActiveToken, IntrospectionRequest, IntrospectionResponse},
    revocation::RevocationRequest,
    token::TokenType,
};
use picard_store::{
    audit::{Act, Note, Surface},
    grants, tokens,
};

use crate::{Access, App, Error, TokenError, access::Proof, audit::Via};

impl App {
    /// Finds what an access token stands for; `None` when it is unknown,
    /// expired or revoked, or for another resource (RFC 8707 section 2).
    pub async fn authenticate(
        &self,
        token: &str,
        resources: &Resources,
    ) -> Result<Option<Access>, Error> {
        let Ok(token) = Token::parse(TokenKind::Access, token) else {
            return Ok(None);
        };
        let now = self.now();
        let digest = *token.digest().as_bytes();
        let found = tokens::authenticate(&self.db, digest, now).await?;
        let Some(row) = found else {
            return Ok(None);
        };
        if resources.resolve(&row.resource).is_err() {
            return Ok(None);
        }
        let (user, grant) = (row.user_id, row.grant_id);
        let touched = grants::touch(&self.db, user, grant, row.grant_last_used_at, now).await;
        // Whoever only reads needs no database that can be written to.
        if let Err(error) = touched {
            tracing::debug!(%error, "when a grant was last used is not noted");
        }
        self.access(digest, row).await.map(Some)
    }

    /// Returns the same access as of this moment, with the version to be seen
    /// now; `None` when it ended or was revoked. It does not count as a use.
    pub async fn recheck(&self, access: &Access) -> Result<Option<Access>, Error> {
        match access.proof {
            Proof::DataDirectory => {
                let owner = self.recheck_owner(access.user_id).await?;
                Ok(owner.map(|owner| owner.over(access.via.surface)))
            }
            Proof::Token(digest) => {
                match tokens::authenticate(&self.db, digest, self.now()).await? {
                    Some(row) => self.access(digest, row).await.map(Some),
                    None => Ok(None),
                }
            }
        }
    }

    async fn access(&self, digest: [u8; 32], row: tokens::Access) -> Result<Access, Error> {
        let key = self
            .keys
            .open_stored(row.user_id, &row.key_id, row.wrapped_key)
            .await?;
        Ok(Access {
            user_id: row.user_id,
            handle: row.handle,
            client_id: row.client_id,
            grant_id: row.grant_id,
            scopes: row.scopes,
            expires_at: row.expires_at,
            proof: Proof::Token(digest),
            version: row.version,
            key,
            via: Via {
                surface: Surface::Rest,
                tool: "unnamed",
            },
        })
    }

    /// Revokes a token (RFC 7009). A refresh token takes its whole grant with
    /// it; one that is unknown, or another client's, is left alone in silence.
    pub async fn revoke(&self, request: RevocationRequest, issuer: &str) -> Result<(), TokenError> {
        let client = self.authenticate_client(&request.client, issuer).await?;
        let presented = request.token.expose();
        let digest = *Digest::of(presented).as_bytes();
        let found = tokens::find_refresh(&self.db, digest)
            .await
            .map_err(Error::from)?;
        if let Some(row) = found.filter(|row| row.client_id == client) {
            let note = self.note(Act::AccessRevoked, Surface::OAuth);
            self.end_grant(row.user_id, row.grant_id, &note).await?;
            return Ok(());
        }
        let found = tokens::authenticate(&self.db, digest, self.now()).await;
        if found
            .map_err(Error::from)?
            .is_some_and(|row| row.client_id == client)
        {
            tokens::revoke_access(&self.db, digest)
                .await
                .map_err(Error::from)?;
        }
        Ok(())
    }

    /// Ends a grant: every token of it is dead from now on.
    pub(crate) async fn end_grant(
        &self,
        user: UserId,
        grant: GrantId,
        note: &Note,
    ) -> Result<(), Error> {
        if grants::revoke(&self.db, user, grant, self.now(), note).await? {
            self.metrics.tokens.one(TokenEvent::Revoked);
        }
        Ok(())
    }

    /// Tells a client with a secret about a token of its own (RFC 7662).
    pub async fn introspect(
        &self,
        request: IntrospectionRequest,
        issuer: &str,
    ) -> Result<IntrospectionResponse, TokenError> {
        let client = self.authenticate_client(&request.client, issuer).await?;
        let digest = *Digest::of(request.token.expose()).as_bytes();
        let now = self.now();
        let found = tokens::authenticate(&self.db, digest, now)
            .await
            .map_err(Error::from)?;
        if let Some(row) = found.filter(|row| row.client_id == client) {
            return Ok(IntrospectionResponse::active(ActiveToken {
                scope: row.scopes,
                client_id: request.client.client_id().clone(),
                sub: row.user_id,
                username: row.handle,
                name: row.name.to_string(),
                token_type: TokenType::Bearer,
                exp: row.expires_at.seconds(),
                iat: row.created_at.seconds(),
                iss: issuer.to_owned(),
                aud: row.resource,
            }));
        }
        Ok(IntrospectionResponse::inactive())
    }
}
