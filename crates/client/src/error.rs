//! What can go wrong between a program and a server, as cases to match on.
//!
//! Each case asks something else of the caller: try later, connect again, ask
//! for more scopes, correct a field. No case carries a token or the text of a
//! memory.

use std::time::Duration;

use picard_domain::Scopes;
use picard_oauth::{OAuthError, callback::CallbackError};
use serde::Deserialize;

use crate::ScopeSet;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured address cannot be one.
    #[error("the server address {address:?} {why}")]
    Address {
        /// What was configured.
        address: String,
        /// What is wrong with it.
        why: String,
    },

    /// Nobody answers at the address. The request was not sent, nothing has happened.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),

    /// The request was sent and no full answer came. A write may have happened.
    #[error("the server did not answer; the request may have been carried out")]
    NoAnswer(#[source] reqwest::Error),

    /// There are no usable tokens: the person has to connect (again).
    #[error("not connected: {0}")]
    Disconnected(Disconnected),

    /// The tokens are good, for less than this. Ask for the union of the granted and these.
    #[error("the granted scopes do not cover this; needed: {needed}")]
    InsufficientScope {
        /// All scopes that the call needs.
        needed: Scopes,
    },

    /// The server, or what stands before it, refuses this program whatever its
    /// tokens are good for (403 without a challenge). Asking the person again is of no use.
    #[error("the server does not let this client in: {detail}")]
    Forbidden {
        /// Why, in the server's words.
        detail: String,
    },

    /// The resource still wants these scopes after the person was asked for them.
    #[error("access is refused even after asking; needed: {needed}")]
    StillRefused {
        /// All scopes that the resource names.
        needed: ScopeSet,
    },

    /// The person could not be asked for consent.
    #[error("nobody could be asked for consent")]
    Consent(#[source] BoxError),

    /// There is no such thing, or it belongs to somebody else.
    #[error("not found")]
    NotFound,

    /// The server refused the input (400, 415 or 422).
    #[error("refused: {detail}")]
    Invalid {
        /// One sentence for people.
        detail: String,
        /// The fields that are wrong, if they are known.
        errors: Vec<FieldError>,
    },

    /// The memory has changed since it was read (409).
    #[error("changed meanwhile")]
    Conflict,

    /// Too many requests (429).
    #[error("too many requests; try again in {} s", retry_after.as_secs())]
    RateLimited {
        /// How long the server asks to wait.
        retry_after: Duration,
    },

    /// The request is larger than the server takes (413).
    #[error("the request is too large")]
    TooLarge,

    /// The server is up and cannot serve now (503).
    #[error("the server is unavailable at the moment")]
    Unavailable,

    /// The server failed (any other 5xx).
    #[error("the server failed with status {status}")]
    Failed {
        /// The status of the answer.
        status: u16,
        /// What its operator can find the cause by.
        request_id: Option<String>,
    },

    /// The authorization server refused with an error of RFC 6749 section 5.2.
    #[error("the authorization server refused")]
    OAuth(#[source] OAuthError),

    /// The way back from the consent page is not followed.
    #[error(transparent)]
    Callback(CallbackError),

    /// The answer is not what a Picard server says.
    #[error("unexpected answer: {what}")]
    Protocol {
        /// What was unexpected.
        what: String,
    },

    /// The caller's token store failed.
    #[error("the tokens could not be loaded or kept")]
    Store(#[source] BoxError),

    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] BoxError),
}

/// An error of a part that this crate does not know.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why there are no usable tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disconnected {
    /// The store holds none.
    #[error("no tokens are stored")]
    NeverConnected,
    /// The access token has ended, and there is no refresh token to renew it with.
    #[error("the access token expired and cannot be renewed")]
    NoRefreshToken,
    /// The server no longer accepts the refresh token: revoked, expired or replayed.
    #[error("the server no longer accepts the refresh token")]
    RefreshRefused,
    /// The tokens, or a flow, belong to another issuer than the one at hand, and
    /// are not sent to it.
    #[error("these tokens belong to another authorization server")]
    OtherIssuer,
    /// The server does not accept even a token that it has just issued.
    #[error("the server rejects the access token")]
    TokenRejected,
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    /// The name of the field.
    pub field: String,
    /// What is wrong with it, as the end of a sentence that starts with the field.
    pub message: String,
}

impl Error {
    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol { what: what.into() }
    }
}
