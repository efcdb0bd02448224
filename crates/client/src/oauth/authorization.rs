//! One trip of a person to the server's consent page and back.

use picard_domain::Entropy;
use picard_oauth::{
    Secret,
    callback::{self, Asked, CallbackError, Expected},
    metadata::AuthorizationServerMetadata,
    pkce::Verifier,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::ScopeSet;
use crate::Error;

/// A flow that has begun.
#[derive(Debug)]
pub struct Authorization {
    /// Where to send the person.
    pub url: Url,
    /// What to keep, out of others' reach, until they come back.
    pub pending: Pending,
}

/// What a flow has to remember between leaving and coming back.
///
/// It holds the PKCE verifier: a program that keeps it in a database seals it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    issuer: String,
    iss_is_sent: bool,
    pub(super) verifier: String,
    pub(super) redirect_uri: String,
    pub(super) resource: String,
    pub(super) scopes: ScopeSet,
}

/// What a flow is to ask for, and for whom.
pub(super) struct Wanted<'a> {
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) resource: &'a str,
    pub(super) scopes: ScopeSet,
}

impl Authorization {
    /// Begins a flow at a server whose metadata were checked.
    pub(super) fn begin(
        metadata: &AuthorizationServerMetadata,
        wanted: Wanted<'_>,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let verifier = Verifier::random(entropy);
        let pending = Pending {
            // As random as a verifier, and of the same letters.
            state: Verifier::random(entropy).expose().to_owned(),
            issuer: metadata.issuer.clone(),
            iss_is_sent: metadata.authorization_response_iss_parameter_supported,
            redirect_uri: wanted.redirect_uri.to_owned(),
            resource: wanted.resource.to_owned(),
            scopes: wanted.scopes,
            verifier: verifier.expose().to_owned(),
        };
        let endpoint = Url::parse(&metadata.authorization_endpoint)
            .map_err(|_| Error::protocol("the authorization endpoint is no address"))?;
        let scope = pending.scopes.parameter();
        let asked = Asked {
            client_id: wanted.client_id,
            redirect_uri: &pending.redirect_uri,
            scope: scope.as_deref(),
            state: &pending.state,
            code_challenge: verifier.challenge(),
            resource: &pending.resource,
        };
        Ok(Self {
            url: asked.url(endpoint),
            pending,
        })
    }
}

impl Pending {
    /// Returns the `state` that belongs to this flow: the name to find it by.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Returns the issuer that the person was sent to. It was written down
    /// before they left, and nothing that comes back changes it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Reads the query of a callback and returns its code, checked against this
    /// flow: its state, who answers (RFC 9207), and only then what it says.
    pub fn code(&self, query: &str) -> Result<Secret, CallbackError> {
        let expected = Expected {
            state: &self.state,
            issuer: &self.issuer,
            iss_is_sent: self.iss_is_sent,
        };
        callback::code(query, &expected)
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
