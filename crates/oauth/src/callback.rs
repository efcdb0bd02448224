//! The client's half of the authorization endpoint: the URL that a person is
//! sent to, and the query that they come back with.

use url::Url;

use crate::{
    Secret,
    form::{Form, FormError, Repeated},
    pkce::{self, Challenge},
};

/// What a client asks for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Who asks.
    pub client_id: &'a str,
    /// Where to return to, exactly as registered.
    pub redirect_uri: &'a str,
    /// What to ask for, separated by spaces; `None` leaves it to the server.
    pub scope: Option<&'a str>,
    /// A fresh random value that only this browser's session knows.
    pub state: &'a str,
    /// What the code is to be bound to.
    pub code_challenge: Challenge,
    /// The resource that the token is to be for (RFC 8707).
    pub resource: &'a str,
}

impl Asked<'_> {
    /// Returns the URL to send the person to.
    pub fn url(&self, mut authorization_endpoint: Url) -> Url {
        if let Some(scope) = self.scope {
            authorization_endpoint
                .query_pairs_mut()
                .append_pair("scope", scope);
        }
        authorization_endpoint
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("state", self.state)
            .append_pair("code_challenge", &self.code_challenge.to_string())
            .append_pair("code_challenge_method", pkce::METHOD)
            .append_pair("resource", self.resource);
        authorization_endpoint
    }
}

/// What a client remembers of a request, to know its answer by.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The state that was sent along.
    pub state: &'a str,
    /// The server that was asked.
    pub issuer: &'a str,
    /// Whether that server promised to send `iss` (RFC 9207 section 3).
    pub iss_is_sent: bool,
}

/// Why a callback is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The query is too long, not text, or has a parameter twice.
    #[error("the answer cannot be read")]
    Unreadable,
    /// It does not belong to this flow: perhaps another tab, perhaps an attack.
    #[error("the state does not match")]
    State,
    /// Another server answers than the one that was asked (RFC 9207).
    #[error("the issuer does not match")]
    Issuer,
    /// The server refused, or the person denied.
    #[error("the server refused the request: {error}")]
    Refused {
        /// `access_denied`, `invalid_scope`, … (RFC 6749 section 4.1.2.1).
        error: String,
        /// The same in words. Not to be shown as the program's own.
        description: Option<String>,
    },
    /// There is neither a code nor an error.
    #[error("the answer has neither a code nor an error")]
    Incomplete,
}

impl From<FormError> for CallbackError {
    fn from(_: FormError) -> Self {
        Self::Unreadable
    }
}

impl From<Repeated> for CallbackError {
    fn from(_: Repeated) -> Self {
        Self::Unreadable
    }
}

/// Reads the query of a callback and returns its code, checked in the order in
/// which it can be trusted: whether it is about this flow, who says it, and only
/// then what it says.
pub fn code(query: &str, expected: &Expected<'_>) -> Result<Secret, CallbackError> {
    let form = Form::parse(query.as_bytes())?;
    let (state, iss) = (form.one("state")?, form.one("iss")?);
    let (error, code) = (form.one("error")?, form.one("code")?);
    let same =
        |state: &str| picard_crypto::constant_time_eq(state.as_bytes(), expected.state.as_bytes());
    if !state.is_some_and(same) {
        return Err(CallbackError::State);
    }
    match iss {
        Some(iss) if iss == expected.issuer => {}
        None if !expected.iss_is_sent => {}
        _ => return Err(CallbackError::Issuer),
    }
    match (error, code) {
        (Some(error), _) => Err(CallbackError::Refused {
            error: error.to_owned(),
            description: form.one("error_description")?.map(str::to_owned),
        }),
        (None, Some(code)) => Ok(Secret::new(code.to_owned())),
        (None, None) => Err(CallbackError::Incomplete),
    }
}
