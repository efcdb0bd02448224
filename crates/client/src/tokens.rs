//! Tokens, and where a program keeps them.

use std::future::Future;

use picard_domain::{Instant, Scope, Scopes, Span};
use picard_oauth::Secret;

use crate::{BoxError, Error, Grant};

/// What a connection with a Picard server consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The server that issued them. They are never sent to another one.
    pub issuer: String,
    /// Sent with each call.
    pub access: Secret,
    /// Buys the next pair; good for one use.
    pub refresh: Option<Secret>,
    /// When the access token ends.
    pub expires_at: Instant,
    /// What was granted, which may be less than what was asked for.
    pub scopes: Scopes,
}

impl Tokens {
    /// An access token is renewed this long before it ends, so that it does
    /// not end on its way.
    pub const SKEW: Span = Grant::SKEW;

    pub(crate) fn are_fresh(&self, now: Instant) -> bool {
        now + Self::SKEW < self.expires_at
    }
}

impl TryFrom<Grant> for Tokens {
    type Error = Error;

    /// Reads the granted scopes as those of a Picard server.
    fn try_from(grant: Grant) -> Result<Self, Error> {
        let scopes = grant.scopes.to_string().parse();
        Ok(Self {
            issuer: grant.issuer,
            access: grant.access,
            refresh: grant.refresh,
            expires_at: grant.expires_at,
            scopes: scopes.map_err(|_| Error::protocol("scopes that no Picard server has"))?,
        })
    }
}

impl From<&Tokens> for Grant {
    fn from(tokens: &Tokens) -> Self {
        Self {
            issuer: tokens.issuer.clone(),
            access: tokens.access.clone(),
            refresh: tokens.refresh.clone(),
            expires_at: tokens.expires_at,
            scopes: tokens.scopes.iter().map(Scope::as_str).collect(),
        }
    }
}

/// Keeps the tokens of one connection.
///
/// A refresh token is good for one use: [`save`](Self::save) is called with the
/// new pair before the client uses it, so that a crash in between costs at
/// worst a repeated refresh, never the connection.
pub trait TokenStore: Send + Sync + 'static {
    /// Reads the newest pair; another process may have renewed it.
    fn load(&self) -> impl Future<Output = Result<Option<Tokens>, BoxError>> + Send;

    /// Keeps a pair in place of the one before.
    fn save(&self, tokens: &Tokens) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Learns that the server no longer accepts this pair. A store that by now
    /// holds another pair keeps that one.
    fn refused(&self, tokens: &Tokens) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Keeps the tokens in memory, for scripts and tests.
#[derive(Debug, Default)]
pub struct MemoryTokenStore(tokio::sync::Mutex<Option<Tokens>>);

impl MemoryTokenStore {
    /// Starts with these tokens.
    pub fn new(tokens: Tokens) -> Self {
        Self(tokio::sync::Mutex::new(Some(tokens)))
    }
}

impl TokenStore for MemoryTokenStore {
    async fn load(&self) -> Result<Option<Tokens>, BoxError> {
        Ok(self.0.lock().await.clone())
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
        *self.0.lock().await = Some(tokens.clone());
        Ok(())
    }

    async fn refused(&self, tokens: &Tokens) -> Result<(), BoxError> {
        let mut held = self.0.lock().await;
        if held.as_ref() == Some(tokens) {
            *held = None;
        }
        Ok(())
    }
}
