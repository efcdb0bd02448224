//! The token endpoint (RFC 6749 sections 3.2, 4.1.3 and 6).

use picard_domain::{InvalidScope, Scopes, Span};
use serde::{Deserialize, Serialize};

use crate::{
    ClientAuth, ErrorCode, OAuthError, Resources, Secret,
    form::{Form, invalid_request},
    pkce::Verifier,
};

/// A token request that is well formed.
#[derive(Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub client: ClientAuth,
    /// For what.
    pub grant: TokenGrant,
    /// What this server's tokens can be for: what a refresh token was once
    /// given for must still be among it.
    pub resources: Resources,
}

/// What a client gives for tokens.
#[derive(Debug)]
pub enum TokenGrant {
    /// A code from the authorization endpoint.
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The redirect URI that the code was sent to, to be compared as it is.
        redirect_uri: Option<String>,
        /// What the code's challenge was made from.
        code_verifier: Verifier,
        /// The canonical resource, when one was named.
        resource: Option<String>,
    },
    /// A refresh token.
    RefreshToken {
        /// The token.
        refresh_token: Secret,
        /// What to narrow the scopes to (see [`crate::refresh::narrowed`]).
        scope: Option<Scopes>,
        /// The canonical resource, when one was named.
        resource: Option<String>,
    },
}

impl TokenRequest {
    /// Reads the header `Authorization`, the query of the URL (which must hold
    /// nothing, RFC 6749 section 2.3.1) and the raw body.
    pub fn parse(
        authorization: Option<&str>,
        query: Option<&str>,
        body: &[u8],
        resources: &Resources,
    ) -> Result<Self, OAuthError> {
        let form = read_body(query, body)?;
        let grant = match form.required("grant_type")? {
            "authorization_code" => authorization_code(&form, resources),
            "refresh_token" => refresh_token(&form, resources),
            _ => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "the grant types are authorization_code and refresh_token",
            )),
        }?;
        Ok(Self {
            client: ClientAuth::read(authorization, &form)?,
            grant,
            resources: resources.clone(),
        })
    }
}

/// Reads the form of an endpoint that takes no parameters in the URL.
pub(crate) fn read_body(query: Option<&str>, body: &[u8]) -> Result<Form, OAuthError> {
    if query.is_some_and(|query| !query.is_empty()) {
        return Err(invalid_request(
            "parameters belong into the body, not into the URL",
        ));
    }
    Ok(Form::parse(body)?)
}

fn authorization_code(form: &Form, resources: &Resources) -> Result<TokenGrant, OAuthError> {
    let code = Secret::new(form.required("code")?.to_owned());
    let code_verifier = form.required("code_verifier")?.parse().map_err(
        // A verifier that no challenge can have been made from is a wrong one.
        |why: crate::pkce::InvalidVerifier| {
            OAuthError::new(ErrorCode::InvalidGrant, why.to_string())
        },
    )?;
    let redirect_uri = form.one("redirect_uri")?.map(str::to_owned);
    let resource = resource(form, resources)?;
    Ok(TokenGrant::AuthorizationCode {
        code,
        redirect_uri,
        code_verifier,
        resource,
    })
}

fn refresh_token(form: &Form, resources: &Resources) -> Result<TokenGrant, OAuthError> {
    let refresh_token = Secret::new(form.required("refresh_token")?.to_owned());
    let scope: Option<Scopes> = form
        .one("scope")?
        .map(str::parse)
        .transpose()
        .map_err(|why: InvalidScope| OAuthError::new(ErrorCode::InvalidScope, why.to_string()))?;
    // Nothing but `offline_access` is as good as nothing.
    let scope = scope.filter(|scope| !scope.is_empty());
    Ok(TokenGrant::RefreshToken {
        refresh_token,
        scope,
        resource: resource(form, resources)?,
    })
}

fn resource(form: &Form, resources: &Resources) -> Result<Option<String>, OAuthError> {
    form.all("resource").try_fold(None, |_, asked| {
        Ok(Some(resources.resolve(asked)?.to_owned()))
    })
}

/// The answer of the token endpoint (RFC 6749 section 5.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The access token.
    #[serde(serialize_with = "Secret::serialize")]
    pub access_token: Secret,
    /// How it is used.
    pub token_type: TokenType,
    /// Seconds until it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// The refresh token.
    #[serde(
        serialize_with = "Secret::serialize_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[serde(default)]
    pub refresh_token: Option<Secret>,
    /// What was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scopes>,
}

/// How a token is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// In `Authorization: Bearer` (RFC 6750).
    #[serde(alias = "bearer", alias = "BEARER")]
    Bearer,
}

impl TokenResponse {
    /// Makes the answer with a fresh pair.
    pub fn new(access: &str, refresh: &str, scopes: Scopes, lifetime: Span) -> Self {
        Self {
            access_token: Secret::new(access.to_owned()),
            token_type: TokenType::Bearer,
            expires_in: Some(lifetime.as_seconds()),
            refresh_token: Some(Secret::new(refresh.to_owned())),
            scope: Some(scopes),
        }
    }
}
