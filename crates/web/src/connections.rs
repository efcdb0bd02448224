//! The clients that act for people: one per connection, with its tokens
//! sealed in the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use picard_client::{BoxError, Client, OAuth, Secret, TokenStore, Tokens};
use picard_crypto::Sealer;
use picard_domain::{Clock, Entropy, Instant};
use picard_sql::Db;
use serde::{Deserialize, Serialize};

use crate::store::{ConnectionId, connections};

/// So many clients are kept. Dropping one that is in use costs at worst a
/// second renewal, which the server answers with the same tokens.
const MOST: usize = 4096;

/// Acts for one person.
pub(crate) type Picard = Client<SealedTokens>;

/// The clients in use.
pub(crate) struct Connections {
    vault: Vault,
    oauth: OAuth,
    clock: Arc<dyn Clock>,
    clients: Mutex<HashMap<ConnectionId, Picard>>,
}

/// Seals and opens tokens.
#[derive(Clone)]
pub(crate) struct Vault {
    db: Db,
    sealer: Arc<Sealer>,
    entropy: Arc<dyn Entropy>,
}

/// The tokens of one connection, as its client loads and keeps them.
pub(crate) struct SealedTokens {
    connection: ConnectionId,
    vault: Vault,
    clock: Arc<dyn Clock>,
}

/// What is inside the seal.
#[derive(Serialize, Deserialize)]
struct Pair {
    issuer: String,
    access: String,
    refresh: Option<String>,
}

impl Connections {
    pub(crate) fn new(
        db: Db,
        sealer: Sealer,
        oauth: OAuth,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let vault = Vault {
            db,
            sealer: Arc::new(sealer),
            entropy,
        };
        Self {
            vault,
            oauth,
            clock,
            clients: Mutex::default(),
        }
    }

    /// Returns the client of a connection. All requests of one person share it,
    /// so that they renew its tokens once.
    pub(crate) fn client(&self, connection: ConnectionId) -> Picard {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MOST && !clients.contains_key(&connection) {
            clients.clear();
        }
        let make = || {
            let (vault, clock) = (self.vault.clone(), self.clock.clone());
            let store = SealedTokens {
                connection,
                vault,
                clock: clock.clone(),
            };
            Client::new(self.oauth.clone(), store, clock)
        };
        clients.entry(connection).or_insert_with(make).clone()
    }

    /// Forgets the client of a connection that has ended.
    pub(crate) fn forget(&self, connection: ConnectionId) {
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&connection);
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }
}

impl Vault {
    /// Seals tokens for the row of a connection: no other row opens them.
    pub(crate) fn seal(&self, connection: ConnectionId, tokens: &Tokens) -> Vec<u8> {
        let pair = Pair {
            issuer: tokens.issuer.clone(),
            access: tokens.access.expose().to_owned(),
            refresh: tokens
                .refresh
                .as_ref()
                .map(|token| token.expose().to_owned()),
        };
        let plain = serde_json::to_vec(&pair).expect("two strings");
        self.sealer
            .seal(&*self.entropy, connection.as_ref(), &plain)
    }

    /// Reads the tokens of a connection, with their sealed form. None when the
    /// connection has ended, was lost, or was sealed with another secret.
    pub(crate) async fn open(
        &self,
        connection: ConnectionId,
    ) -> Result<Option<(Tokens, Vec<u8>)>, picard_sql::Error> {
        let Some(row) = connections::tokens(&self.db, connection).await? else {
            return Ok(None);
        };
        let Some(sealed) = row.sealed_tokens else {
            return Ok(None);
        };
        let plain = self.sealer.open(connection.as_ref(), &sealed);
        let pair = plain
            .ok()
            .and_then(|plain| serde_json::from_slice::<Pair>(&plain).ok());
        let Some(pair) = pair else {
            tracing::warn!(%connection, "the tokens were sealed with another SECRET_KEY");
            return Ok(None);
        };
        let tokens = Tokens {
            issuer: pair.issuer,
            access: Secret::new(pair.access),
            refresh: pair.refresh.map(Secret::new),
            expires_at: row.access_expires_at,
            scopes: row.scopes,
        };
        Ok(Some((tokens, sealed)))
    }

    async fn keep(&self, connection: ConnectionId, tokens: &Tokens) -> Result<(), BoxError> {
        let sealed = self.seal(connection, tokens);
        let (scopes, end) = (tokens.scopes, tokens.expires_at);
        if connections::renew(&self.db, connection, &sealed, scopes, end).await? {
            Ok(())
        } else {
            Err("the connection has ended meanwhile".into())
        }
    }

    async fn lose(
        &self,
        connection: ConnectionId,
        tokens: &Tokens,
        now: Instant,
    ) -> Result<(), BoxError> {
        if let Some((held, sealed)) = self.open(connection).await?
            && held == *tokens
        {
            tracing::info!(%connection, "the server no longer accepts the tokens");
            connections::lose(&self.db, connection, &sealed, now).await?;
        }
        Ok(())
    }
}

impl TokenStore for SealedTokens {
    async fn load(&self) -> Result<Option<Tokens>, BoxError> {
        Ok(self
            .vault
            .open(self.connection)
            .await?
            .map(|(tokens, _)| tokens))
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), BoxError> {
        self.vault.keep(self.connection, tokens).await
    }

    async fn refused(&self, tokens: &Tokens) -> Result<(), BoxError> {
        self.vault
            .lose(self.connection, tokens, self.clock.now())
            .await
    }
}
