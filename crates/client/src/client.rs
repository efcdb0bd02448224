//! A connection in use: an access token that is always fresh.
//!
//! Renewing is a single flight: whoever needs a token waits for the one renewal
//! that is under way. It runs as a task of its own, so that a caller who goes
//! away (a browser that closes the page) cannot lose a rotated token between
//! the server's answer and the store.

use std::sync::Arc;

use picard_domain::Clock;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    Error, OAuth, Secret, Server, TokenStore, Tokens, error::Disconnected, http::Http,
    oauth::is_invalid_grant,
};

/// Calls the tools of a server in the name of one person.
///
/// Cheap to clone; clones share one connection. For each connection there
/// should be one client in a process, or parallel calls renew more than once.
#[derive(Debug)]
pub struct Client<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    oauth: OAuth,
    store: S,
    clock: Arc<dyn Clock>,
    /// The newest tokens known. Held locked while they are renewed.
    tokens: Arc<Mutex<Option<Tokens>>>,
}

impl<S> std::fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", self.oauth.server())
            .finish_non_exhaustive()
    }
}

impl<S> Clone for Client<S> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<S: TokenStore> Client<S> {
    /// Uses the tokens in `store`, and keeps renewed ones there.
    pub fn new(oauth: OAuth, store: S, clock: Arc<dyn Clock>) -> Self {
        Self {
            shared: Arc::new(Shared {
                oauth,
                store,
                clock,
                tokens: Arc::default(),
            }),
        }
    }

    pub(crate) fn server(&self) -> &Server {
        self.shared.oauth.server()
    }

    pub(crate) fn http(&self) -> &Http {
        self.shared.oauth.http()
    }

    /// Returns an access token that is fresh and not `rejected`, renewing it if
    /// need be.
    pub(crate) async fn access_token(&self, rejected: Option<&Secret>) -> Result<Secret, Error> {
        let mut held = self.shared.tokens.clone().lock_owned().await;
        let usable = |tokens: &&Tokens| {
            tokens.are_fresh(self.shared.clock.now()) && Some(&tokens.access) != rejected
        };
        if let Some(tokens) = held.as_ref().filter(usable) {
            return Ok(tokens.access.clone());
        }
        // Another process, or another client in this one, may have been faster.
        *held = self.shared.load().await?;
        match held.as_ref() {
            None => Err(Error::Disconnected(Disconnected::NeverConnected)),
            Some(tokens) if usable(&tokens) => Ok(tokens.access.clone()),
            Some(tokens) => {
                let tokens = tokens.clone();
                self.renew_in_a_task(held, tokens).await
            }
        }
    }

    async fn renew_in_a_task(
        &self,
        mut held: OwnedMutexGuard<Option<Tokens>>,
        old: Tokens,
    ) -> Result<Secret, Error> {
        let shared = self.shared.clone();
        let renewal = tokio::spawn(async move {
            let outcome = shared.renew(&old).await;
            *held = outcome.as_ref().ok().cloned();
            outcome.map(|tokens| tokens.access.clone())
        });
        renewal.await.map_err(|error| Error::Setup(error.into()))?
    }
}

impl<S: TokenStore> Shared<S> {
    /// Reads the kept tokens. Those of another server stay where they are.
    async fn load(&self) -> Result<Option<Tokens>, Error> {
        let kept = self.store.load().await.map_err(Error::Store)?;
        if let Some(tokens) = &kept {
            self.oauth.check_issuer(tokens)?;
        }
        Ok(kept)
    }

    /// Buys a new pair and keeps it.
    async fn renew(&self, old: &Tokens) -> Result<Tokens, Error> {
        if old.refresh.is_none() {
            self.store.refused(old).await.map_err(Error::Store)?;
            return Err(Error::Disconnected(Disconnected::NoRefreshToken));
        }
        match self.oauth.refresh(old, self.clock.now()).await {
            Ok(new) => {
                self.store.save(&new).await.map_err(Error::Store)?;
                Ok(new)
            }
            Err(error) if is_invalid_grant(&error) => self.refused(old).await,
            Err(error) => Err(error),
        }
    }

    /// A refused token is the end of the connection, unless another process
    /// has meanwhile kept its successor.
    async fn refused(&self, old: &Tokens) -> Result<Tokens, Error> {
        match self.load().await? {
            Some(tokens) if tokens != *old && tokens.are_fresh(self.clock.now()) => Ok(tokens),
            _ => {
                self.store.refused(old).await.map_err(Error::Store)?;
                Err(Error::Disconnected(Disconnected::RefreshRefused))
            }
        }
    }
}
