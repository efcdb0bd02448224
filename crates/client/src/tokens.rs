//! Tokens, and where a program keeps them.

use std::future::Future;

use picard_domain::{Instant, Scopes, Span};
use picard_oauth::Secret;

use crate::BoxError;

/// What a connection consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
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
    pub const SKEW: Span = Span::seconds(45);

    pub(crate) fn are_fresh(&self, now: Instant) -> bool {
        now + Self::SKEW < self.expires_at
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
