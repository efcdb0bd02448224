//! The token endpoint: codes and refresh tokens become tokens.

use picard_crypto::{Digest, Sealer, Token, TokenKind};
use picard_domain::{ClientId, Instant, Scopes};
use picard_metrics::TokenEvent;
use picard_oauth::{
    ErrorCode, OAuthError, Resources, Secret, lifetimes,
    pkce::{Challenge, Verifier},
    refresh::{self, Decision, StoredToken, SuccessorState, TokenState},
    token::{TokenGrant, TokenRequest, TokenResponse},
};
use picard_store::{
    audit::{Act, Surface},
    clients,
    codes::{self, Code, Consumption},
    tokens::{self, Issue, Pair, Refresh, Rotated, Rotation},
};
use serde::{Deserialize, Serialize};

use crate::{App, Error};

/// How often a refresh is decided anew when another caller was faster.
const RACES: usize = 4;

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The client is told why (RFC 6749 section 5.2).
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] Error),
}

/// A freshly minted pair, as it is kept for the client that missed the answer.
#[derive(Serialize, Deserialize)]
struct Successors {
    access: String,
    refresh: String,
    scopes: Scopes,
    access_expires_at: Instant,
}

impl App {
    /// Gives tokens for a code or a refresh token.
    pub async fn exchange(
        &self,
        request: TokenRequest,
        issuer: &str,
    ) -> Result<TokenResponse, TokenError> {
        let outcome = self.try_exchange(request, issuer).await;
        if matches!(outcome, Err(TokenError::OAuth(_))) {
            self.metrics.tokens.one(TokenEvent::Refused);
        }
        outcome
    }

    async fn try_exchange(
        &self,
        request: TokenRequest,
        issuer: &str,
    ) -> Result<TokenResponse, TokenError> {
        let client = self.authenticate_client(&request.client, issuer).await?;
        let response = match request.grant {
            TokenGrant::AuthorizationCode {
                code,
                redirect_uri,
                code_verifier,
                ..
            } => {
                self.exchange_code(client, &code, redirect_uri.as_deref(), &code_verifier)
                    .await
            }
            TokenGrant::RefreshToken {
                refresh_token,
                scope,
                ..
            } => {
                self.refresh(client, &refresh_token, scope, &request.resources)
                    .await
            }
        }?;
        // Only now: else anybody could make a client look used by naming it.
        // And the tokens are there: they are not kept back when this fails.
        if let Err(error) = clients::touch(&self.db, client, self.now()).await {
            tracing::warn!(%error, %client, "the use of a client was not noted");
        }
        Ok(response)
    }

    async fn exchange_code(
        &self,
        client: ClientId,
        code: &Secret,
        redirect_uri: Option<&str>,
        verifier: &Verifier,
    ) -> Result<TokenResponse, TokenError> {
        let now = self.now();
        let digest = *Digest::of(code.expose()).as_bytes();
        let code = match codes::consume(&self.db, digest, now)
            .await
            .map_err(Error::from)?
        {
            Consumption::Live(code) => code,
            Consumption::Replayed { user_id, grant_id } => {
                self.metrics.tokens.one(TokenEvent::CodeReplayed);
                let note = self.note(Act::CodeReused, Surface::OAuth);
                self.end_grant(user_id, grant_id, &note).await?;
                return Err(invalid_grant(
                    "the code was used before; its tokens are revoked",
                ));
            }
            Consumption::Unknown => return Err(invalid_grant("the code is unknown or expired")),
        };
        check_code(&code, client, redirect_uri, verifier)?;
        let family = Family {
            user_id: code.user_id,
            grant_id: code.grant_id,
            client_id: client,
            scopes: code.scopes,
            began: now,
        };
        let (pair, successors) = self.mint(&family, code.scopes, now);
        let note = self.note(Act::TokenIssued, Surface::OAuth).through(client);
        match tokens::issue(&self.db, &pair, &note)
            .await
            .map_err(Error::from)?
        {
            Issue::Issued => {
                self.metrics.tokens.one(TokenEvent::Issued);
                Ok(successors.response(now))
            }
            Issue::GrantGone => Err(invalid_grant("the access was revoked")),
        }
    }

    /// Rotates a refresh token (`standards/oauth.md`, trap 7): used once; the
    /// same answer again for a client that missed it; otherwise a copy is in
    /// other hands, and the family ends.
    async fn refresh(
        &self,
        client: ClientId,
        presented: &Secret,
        scope: Option<Scopes>,
        resources: &Resources,
    ) -> Result<TokenResponse, TokenError> {
        let digest = *Digest::of(presented.expose()).as_bytes();
        for _ in 0..RACES {
            let now = self.now();
            let found = tokens::find_refresh(&self.db, digest)
                .await
                .map_err(Error::from)?;
            let Some(row) = found else {
                return Err(invalid_grant("the refresh token is unknown or revoked"));
            };
            // Its access tokens would be refused, and the client would never
            // learn that it has to begin anew.
            if resources.resolve(&row.resource).is_err() {
                return Err(invalid_grant("the refresh token is for another resource"));
            }
            match stored(&row).present(client, now) {
                Decision::Refuse(refusal) => return Err(OAuthError::from(refusal).into()),
                Decision::RevokeFamily => {
                    self.metrics.tokens.one(TokenEvent::ReuseDetected);
                    let note = self.note(Act::TokenReused, Surface::OAuth);
                    self.end_grant(row.user_id, row.grant_id, &note).await?;
                    return Err(invalid_grant("the refresh token was used before"));
                }
                // Not "invalid": clients would forget a token that is good again
                // once the person is let in.
                Decision::ReturnSameSuccessor | Decision::Rotate if row.disabled_at.is_some() => {
                    return Err(OAuthError::new(
                        ErrorCode::TemporarilyUnavailable,
                        "the account is locked; keep the refresh token and try again later",
                    )
                    .into());
                }
                Decision::ReturnSameSuccessor => {
                    self.metrics.tokens.one(TokenEvent::Repeated);
                    let sealed = row.successor_sealed.as_deref().unwrap_or_default();
                    return Ok(open_successors(presented, sealed)?.response(now));
                }
                Decision::Rotate => {
                    if let Some(response) = self.rotate(&row, digest, presented, scope).await? {
                        return Ok(response);
                    }
                }
            }
        }
        Err(Error::internal("a refresh token changed hands too often at once").into())
    }

    /// Issues the successors; `None` when another caller was faster.
    async fn rotate(
        &self,
        row: &Refresh,
        digest: [u8; 32],
        presented: &Secret,
        scope: Option<Scopes>,
    ) -> Result<Option<TokenResponse>, TokenError> {
        let now = self.now();
        let scopes = refresh::narrowed(row.scopes, scope)?;
        let family = Family {
            user_id: row.user_id,
            grant_id: row.grant_id,
            client_id: row.client_id,
            scopes: row.scopes,
            began: row.granted_at,
        };
        let (pair, successors) = self.mint(&family, scopes, now);
        let plain = serde_json::to_vec(&successors).map_err(Error::internal)?;
        let sealed = successor_sealer(presented).seal(self.entropy(), &digest, &plain);
        let rotation = Rotation {
            presented: digest,
            successors: pair,
            successor_sealed: &sealed,
        };
        match tokens::rotate(&self.db, &rotation)
            .await
            .map_err(Error::from)?
        {
            Rotated::Issued => {
                self.metrics.tokens.one(TokenEvent::Refreshed);
                Ok(Some(successors.response(now)))
            }
            Rotated::AlreadyUsed => Ok(None),
            Rotated::GrantGone => Err(invalid_grant("the access was revoked")),
        }
    }

    fn mint(&self, family: &Family, scopes: Scopes, now: Instant) -> (Pair, Successors) {
        let access = Token::mint(TokenKind::Access, self.entropy());
        let refresh = Token::mint(TokenKind::Refresh, self.entropy());
        let access_expires_at = now + lifetimes::ACCESS;
        let pair = Pair {
            user_id: family.user_id,
            grant_id: family.grant_id,
            client_id: family.client_id,
            access: *access.digest().as_bytes(),
            access_scopes: scopes,
            access_expires_at,
            refresh: *refresh.digest().as_bytes(),
            refresh_scopes: family.scopes,
            refresh_expires_at: refresh::expires_at(now, family.began),
            now,
        };
        let successors = Successors {
            access: access.expose().to_owned(),
            refresh: refresh.expose().to_owned(),
            scopes,
            access_expires_at,
        };
        (pair, successors)
    }
}

/// What all tokens of one consent have in common.
struct Family {
    user_id: picard_domain::UserId,
    grant_id: picard_domain::GrantId,
    client_id: ClientId,
    scopes: Scopes,
    began: Instant,
}

impl Successors {
    fn response(&self, now: Instant) -> TokenResponse {
        let left = self.access_expires_at - now;
        TokenResponse::new(&self.access, &self.refresh, self.scopes, left)
    }
}

/// Checks what a code is bound to; it is burnt whatever the outcome.
fn check_code(
    code: &Code,
    client: ClientId,
    redirect_uri: Option<&str>,
    verifier: &Verifier,
) -> Result<(), TokenError> {
    if code.client_id != client {
        return Err(invalid_grant("the code was issued to another client"));
    }
    // OAuth 2.1 dropped the parameter from the exchange; when sent, it must match.
    if redirect_uri.is_some_and(|uri| uri != code.redirect_uri) {
        return Err(invalid_grant(
            "the redirect_uri is not the one that the code was sent to",
        ));
    }
    let challenge: Challenge = code
        .code_challenge
        .parse()
        .map_err(|error| TokenError::Other(Error::internal(error)))?;
    if challenge.admits(verifier) {
        Ok(())
    } else {
        Err(invalid_grant(
            "the code_verifier does not fit the code_challenge",
        ))
    }
}

fn stored(row: &Refresh) -> StoredToken {
    let state = match row.used_at {
        None => TokenState::Unused,
        // The sealed pair is wiped when the successor is used.
        Some(at) => TokenState::Used {
            at,
            successor: if row.successor_sealed.is_some() {
                SuccessorState::Unused
            } else {
                SuccessorState::Used
            },
        },
    };
    StoredToken {
        client_id: row.client_id,
        expires_at: row.expires_at,
        state,
    }
}

fn open_successors(presented: &Secret, sealed: &[u8]) -> Result<Successors, Error> {
    let digest = *Digest::of(presented.expose()).as_bytes();
    let plain = successor_sealer(presented).open(&digest, sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// Successors are sealed under the token that they replace: only who presents
/// that token again can have them, and the database alone cannot give them.
fn successor_sealer(presented: &Secret) -> Sealer {
    Sealer::new(presented.expose().as_bytes(), "picard refresh successor")
}

fn invalid_grant(why: &'static str) -> TokenError {
    OAuthError::new(ErrorCode::InvalidGrant, why).into()
}
