//! The second stage: what is asked for, and the redirects that answer it.

use picard_domain::Scopes;
use serde::{Deserialize, Serialize};

use crate::{
    ClientIdentifier, ErrorCode, OAuthError, Resources,
    form::{Form, invalid_request},
    pkce::{self, Challenge},
    redirect::RedirectUri,
};

/// What the server and the client's registration allow.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The resource that tokens can be for.
    pub resources: &'a Resources,
    /// The most that this client may ask for.
    pub client_scopes: Scopes,
    /// What a request without a scope asks for (as far as the client may).
    pub default_scopes: Scopes,
}

/// A good authorization request, to be shown to the person. Serialisable, so
/// that the answer to the consent page is about what the page showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientIdentifier,
    /// Where the answer goes, as the request said (on loopback: with its port).
    pub redirect_uri: RedirectUri,
    /// What the client wants back with the answer, byte for byte.
    pub state: Option<String>,
    /// What is asked for.
    pub scopes: Scopes,
    /// The resource that the token will be for: the canonical name.
    pub resource: String,
    /// What the code is bound to.
    pub code_challenge: Challenge,
    /// How much the client wants the person to be asked.
    pub prompt: Prompt,
}

/// How much the person is to be asked (`OpenID` Connect Core section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// What is needed.
    #[default]
    AsNeeded,
    /// Nothing; an error if that is not enough.
    None,
    /// To log in again.
    Login,
    /// To consent again.
    Consent,
    /// To log in and to consent again.
    LoginAndConsent,
}

impl Prompt {
    /// Tells whether the person has to log in even with a session.
    pub const fn forces_login(self) -> bool {
        matches!(self, Self::Login | Self::LoginAndConsent)
    }

    fn parse(text: &str) -> Result<Self, OAuthError> {
        let words = || text.split(' ').filter(|word| !word.is_empty());
        let has = |word| words().any(|w| w == word);
        // To pick another account is to log in again.
        let login = has("login") || has("select_account");
        match (has("none"), login, has("consent")) {
            (true, ..) if words().count() > 1 => {
                Err(invalid_request("prompt=none excludes every other prompt"))
            }
            (true, ..) => Ok(Self::None),
            (false, true, true) => Ok(Self::LoginAndConsent),
            (false, true, false) => Ok(Self::Login),
            (false, false, true) => Ok(Self::Consent),
            (false, false, false) => Ok(Self::AsNeeded),
        }
    }
}

/// What the second stage reads.
pub(super) struct Terms {
    pub(super) scopes: Scopes,
    pub(super) resource: String,
    pub(super) code_challenge: Challenge,
    pub(super) prompt: Prompt,
}

pub(super) fn validate(form: &Form, policy: &Policy<'_>) -> Result<Terms, OAuthError> {
    if form.one("request")?.is_some() {
        return Err(OAuthError::new(
            ErrorCode::RequestNotSupported,
            "request objects are not offered; send plain parameters",
        ));
    }
    if form.one("request_uri")?.is_some() {
        return Err(OAuthError::new(
            ErrorCode::RequestUriNotSupported,
            "request objects are not offered; send plain parameters",
        ));
    }
    if form.required("response_type")? != "code" {
        return Err(OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "the only response_type is code",
        ));
    }
    if form
        .one("response_mode")?
        .is_some_and(|mode| mode != "query")
    {
        return Err(invalid_request("the only response_mode is query"));
    }
    Ok(Terms {
        code_challenge: code_challenge(form)?,
        scopes: scopes(form, policy)?,
        resource: resource(form, policy.resources)?,
        prompt: form
            .one("prompt")?
            .map_or(Ok(Prompt::default()), Prompt::parse)?,
    })
}

/// PKCE is required, and `plain`, which is what a missing method means (RFC 7636
/// section 4.3), is not offered.
fn code_challenge(form: &Form) -> Result<Challenge, OAuthError> {
    let challenge = form.required("code_challenge")?;
    if form.one("code_challenge_method")? != Some(pkce::METHOD) {
        return Err(invalid_request("code_challenge_method must be S256"));
    }
    challenge
        .parse()
        .map_err(|why: pkce::InvalidChallenge| invalid_request(why.to_string()))
}

fn scopes(form: &Form, policy: &Policy<'_>) -> Result<Scopes, OAuthError> {
    let asked: Scopes = form
        .one("scope")?
        .unwrap_or_default()
        .parse()
        .map_err(|why: picard_domain::InvalidScope| invalid_scope(why.to_string()))?;
    if asked.is_empty() {
        let allowed = |scope: &_| policy.client_scopes.allows(*scope);
        let default: Scopes = policy.default_scopes.iter().filter(allowed).collect();
        return if default.is_empty() {
            Err(invalid_scope("scope is missing"))
        } else {
            Ok(default)
        };
    }
    if policy.client_scopes.covers(asked) {
        Ok(asked)
    } else {
        Err(invalid_scope("the client is not registered for this scope"))
    }
}

fn invalid_scope(why: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidScope, why)
}

/// A request may name several resources (RFC 8707 section 2); all of them must be ours.
fn resource(form: &Form, resources: &Resources) -> Result<String, OAuthError> {
    form.all("resource")
        .try_for_each(|asked| resources.resolve(asked).map(drop))?;
    Ok(resources.canonical().to_owned())
}

impl AuthorizationRequest {
    /// Returns the redirect that hands over a code (RFC 6749 section 4.1.2, RFC 9207).
    pub fn granted(&self, code: &str, issuer: &str) -> String {
        answer(
            &self.redirect_uri,
            &[("code", code)],
            self.state.as_deref(),
            issuer,
        )
    }

    /// Returns the redirect that says why there is no code, for whatever comes
    /// up after the request was read: denied, login required, server error.
    pub fn refused(&self, code: ErrorCode, description: &'static str) -> AuthorizationError {
        AuthorizationError {
            redirect_uri: self.redirect_uri.clone(),
            state: self.state.clone(),
            error: OAuthError::new(code, description),
        }
    }
}

/// An error that the client gets by redirect (RFC 6749 section 4.1.2.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct AuthorizationError {
    pub(super) redirect_uri: RedirectUri,
    pub(super) state: Option<String>,
    /// What the client is told.
    pub error: OAuthError,
}

impl AuthorizationError {
    /// Returns the redirect.
    pub fn location(&self, issuer: &str) -> String {
        let error = [
            ("error", self.error.code.as_str()),
            ("error_description", self.error.description()),
        ];
        answer(&self.redirect_uri, &error, self.state.as_deref(), issuer)
    }
}

fn answer(uri: &RedirectUri, what: &[(&str, &str)], state: Option<&str>, iss: &str) -> String {
    let state = state.map(|state| ("state", state));
    uri.with(what.iter().copied().chain(state).chain([("iss", iss)]))
}
