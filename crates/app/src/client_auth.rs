//! Applications proving who they are, by a secret or by an assertion, and the
//! keys that assertions are checked with.

use picard_crypto::{Digest, constant_time_eq};
use picard_domain::{ClientId, Instant, Span};
use picard_oauth::{
    ClientAuth, ErrorCode, OAuthError,
    assertion::{Assertion, InvalidAssertion, Proof, audiences},
    cimd::DocumentUrl,
    jwks::KeySet,
    outbound::OutboundUrl,
    registration::AuthMethod,
};
use picard_store::{
    assertions,
    clients::{self, Client},
};

use crate::{App, Error, NotAsked, TokenError, Wanted};

/// How long fetched keys are used without a look: a key that was withdrawn is
/// good for this long.
const KEYS_FRESH: Span = Span::hours(1);
/// How long they are used at all: then they stood in for a day while their host
/// could not be reached.
const KEYS_STALE: Span = Span::hours(25);
/// How soon they may be fetched again because of a key that is not among them.
const KEYS_AGAIN: Span = Span::minutes(1);

impl App {
    /// Checks that a client is who it says (RFC 6749 section 2.3). What it
    /// presents has to be good even where it could do without.
    pub(crate) async fn authenticate_client(
        &self,
        presented: &ClientAuth,
        issuer: &str,
    ) -> Result<ClientId, TokenError> {
        let found = self.find_client(presented.client_id()).await?;
        let client = found.ok_or_else(|| refused("unknown client"))?;
        if let ClientAuth::Assertion { assertion, .. } = presented {
            return self.check_assertion(client, assertion, issuer).await;
        }
        match (client.secret_digest, presented.secret()) {
            (None, None) if uses(&client, AuthMethod::None) => Ok(client.id),
            (None, None) => Err(refused("this client must authenticate with an assertion")),
            (Some(digest), Some(secret)) => {
                let given = Digest::of(secret.expose());
                if constant_time_eq(&digest, given.as_bytes()) {
                    Ok(client.id)
                } else {
                    Err(refused("the client secret is wrong"))
                }
            }
            (Some(_), None) => Err(refused("this client must authenticate with its secret")),
            (None, Some(_)) => Err(refused("this client has no secret")),
        }
    }

    /// Checks an assertion (RFC 7523 section 3) and uses it up, for all nodes.
    async fn check_assertion(
        &self,
        client: Client,
        assertion: &Assertion,
        issuer: &str,
    ) -> Result<ClientId, TokenError> {
        if !uses(&client, AuthMethod::PrivateKeyJwt) {
            return Err(refused("this client does not authenticate with assertions"));
        }
        let (id, now) = (client.id, self.now());
        // Before any key is fetched: only what could be good is worth that.
        assertion
            .check(&audiences(issuer), now)
            .map_err(OAuthError::from)?;
        let client = self.with_keys_of_today(client).await?;
        let proof = self.verify(client, assertion, now).await?;
        let used = assertions::use_up(&self.db, proof.jti_digest, proof.expires_at).await;
        if !used.map_err(Error::from)? {
            return Err(refused("the assertion was used before"));
        }
        Ok(id)
    }

    /// Returns a client with the keys that are in its document today: a key is
    /// withdrawn by taking it out. Keys elsewhere have an age of their own.
    async fn with_keys_of_today(&self, client: Client) -> Result<Client, TokenError> {
        let url = client.metadata_url.as_ref();
        let Some(Ok(url)) = url.map(|url| url.parse::<DocumentUrl>()) else {
            return Ok(client);
        };
        if client.jwks_uri.is_some() {
            return Ok(client);
        }
        let now = self.now();
        let is_fresh = |row: &Client| row.document_fresh_until.is_some_and(|until| now < until);
        if !is_fresh(&client) {
            match self.failures.lately(url.as_str(), now) {
                Some(true) => return Ok(client),
                Some(false) => return Err(no_keys()),
                None => {}
            }
        }
        let found = match self.document_client(&url, Some(client)).await {
            Err(NotAsked::Other(error)) => return Err(error.into()),
            found => found.ok(),
        };
        if !found.as_ref().is_some_and(is_fresh) {
            self.failures.remember(url.as_str(), found.is_some(), now);
        }
        found.ok_or_else(no_keys)
    }

    /// Checks the signature; once more with new keys, when its key is unknown.
    async fn verify(
        &self,
        client: Client,
        assertion: &Assertion,
        now: Instant,
    ) -> Result<Proof, TokenError> {
        let (keys, fetched_at) = self.keys(&client, now).await?;
        let mut verified = assertion.verify(&keys);
        let again = fetched_at.is_none_or(|at| now >= at + KEYS_AGAIN);
        if verified == Err(InvalidAssertion::UnknownKey)
            && again
            && let Some(uri) = &client.jwks_uri
            && let Some(keys) = self.fetch_keys(client.id, uri, now).await
        {
            verified = assertion.verify(&keys);
        }
        Ok(verified.map_err(OAuthError::from)?)
    }

    /// Returns the keys of a client, and when they were fetched, unless it gave
    /// them itself.
    async fn keys(
        &self,
        client: &Client,
        now: Instant,
    ) -> Result<(KeySet, Option<Instant>), TokenError> {
        let fetched_at = client.jwks_fetched_at;
        let kept = || {
            let keys = parse(client.jwks.as_deref().unwrap_or(r#"{"keys":[]}"#))?;
            Ok::<_, Error>((keys, fetched_at))
        };
        let Some(uri) = &client.jwks_uri else {
            return Ok(kept()?);
        };
        let younger = |span| fetched_at.is_some_and(|at| now < at + span);
        if younger(KEYS_FRESH) {
            return Ok(kept()?);
        }
        match self.fetch_keys(client.id, uri, now).await {
            Some(keys) => Ok((keys, Some(now))),
            None if younger(KEYS_STALE) => Ok(kept()?),
            None => Err(no_keys()),
        }
    }

    /// Fetches keys, unless that failed within the last minute.
    async fn fetch_keys(&self, client: ClientId, uri: &str, now: Instant) -> Option<KeySet> {
        if self.failures.lately(uri, now).is_some() {
            return None;
        }
        let keys = self.try_keys(client, uri, now).await;
        if keys.is_none() {
            self.failures.remember(uri, false, now);
        }
        keys
    }

    async fn try_keys(&self, client: ClientId, uri: &str, now: Instant) -> Option<KeySet> {
        let url: OutboundUrl = uri.parse().ok()?;
        let fetched = self.fetch.fetch(&url, KeySet::MAX_BYTES, Wanted::Keys);
        let fetched = match fetched.await {
            Ok(fetched) => fetched,
            Err(why) => {
                tracing::warn!(%url, %why, "the keys of a client were not fetched");
                return None;
            }
        };
        let keys = KeySet::parse(&fetched.body);
        let text = String::from_utf8(fetched.body).ok()?;
        match keys {
            Ok(keys) => {
                if let Err(error) = clients::keep_keys(&self.db, client, uri, &text, now).await {
                    tracing::warn!(%error, "the keys of a client were not kept");
                }
                Some(keys)
            }
            Err(why) => {
                tracing::warn!(%url, %why, "the keys of a client are bad");
                None
            }
        }
    }
}

/// Tells whether a client may authenticate in this way. Those of documents can
/// have several ways.
pub(crate) fn uses(client: &Client, method: AuthMethod) -> bool {
    let mut words = client.auth_method.split(' ');
    words.any(|word| word == method.as_str())
}

fn parse(jwks: &str) -> Result<KeySet, Error> {
    KeySet::parse(jwks.as_bytes()).map_err(Error::internal)
}

fn no_keys() -> TokenError {
    let why = "the keys of the client cannot be fetched right now";
    OAuthError::new(ErrorCode::TemporarilyUnavailable, why).into()
}

fn refused(why: &'static str) -> TokenError {
    OAuthError::new(ErrorCode::InvalidClient, why).into()
}
