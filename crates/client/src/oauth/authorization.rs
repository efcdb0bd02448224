//! One trip of a person to the server's consent page and back.

use picard_domain::{Entropy, Scopes};
use picard_oauth::{
    Secret,
    callback::{self, Asked, CallbackError, Expected},
    metadata::AuthorizationServerMetadata,
    pkce::Verifier,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Registration, resource};
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
    pub(super) scopes: Scopes,
}

impl Authorization {
    pub(super) fn begin(
        metadata: &AuthorizationServerMetadata,
        registration: &Registration,
        scopes: Scopes,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let verifier = Verifier::random(entropy);
        let pending = Pending {
            // As random as a verifier, and of the same letters.
            state: Verifier::random(entropy).expose().to_owned(),
            issuer: metadata.issuer.clone(),
            iss_is_sent: metadata.authorization_response_iss_parameter_supported,
            redirect_uri: registration.redirect_uri.clone(),
            resource: resource(metadata),
            scopes,
            verifier: verifier.expose().to_owned(),
        };
        let endpoint = Url::parse(&metadata.authorization_endpoint)
            .map_err(|_| Error::protocol("the authorization endpoint is no address"))?;
        let asked = Asked {
            client_id: &registration.client_id,
            redirect_uri: &pending.redirect_uri,
            scopes,
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
