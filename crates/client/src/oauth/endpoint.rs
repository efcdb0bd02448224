//! The endpoints that a client authenticates at: token, revocation,
//! introspection.

use picard_domain::{Instant, Span};
use picard_oauth::{
    ErrorCode, OAuthError, Secret, metadata::AuthorizationServerMetadata, token::TokenType,
};
use reqwest::{RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{Grant, Pending, ScopeSet};
use crate::{
    Error,
    http::{Answer, Http, Repeat},
};

/// How long an access token is taken to live when the server does not say.
const DEFAULT_LIFE: Span = Span::hours(1);

/// The longest life that is believed, in seconds: a year.
const LONGEST_LIFE: i64 = 365 * 24 * 60 * 60;

/// How a client says who it is (RFC 7591 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientAuthMethod {
    /// Only by its name: a public client.
    #[serde(rename = "none")]
    None,
    /// A secret in the body (RFC 6749 section 2.3.1).
    #[serde(rename = "client_secret_post")]
    SecretPost,
    /// A secret in the header `Authorization` (RFC 6749 section 2.3.1).
    #[serde(rename = "client_secret_basic")]
    SecretBasic,
}

impl ClientAuthMethod {
    /// The method's word in metadata.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretPost => "client_secret_post",
            Self::SecretBasic => "client_secret_basic",
        }
    }

    /// Picks what a client with this secret uses at a server.
    ///
    /// A body before a header, where both are offered: servers disagree about
    /// how names and secrets are encoded in the header.
    fn pick(secret: Option<&Secret>, supported: &[String]) -> Self {
        if secret.is_none() {
            return Self::None;
        }
        // A server that lists nothing takes the header (RFC 8414 section 2).
        [Self::SecretPost, Self::SecretBasic, Self::None]
            .into_iter()
            .find(|method| supported.iter().any(|word| word == method.as_str()))
            .unwrap_or(Self::SecretBasic)
    }
}

/// What one authorization server knows a client by. It is never sent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The issuer that the client is known to.
    pub issuer: String,
    /// The client's name there.
    pub client_id: String,
    /// The secret of a confidential client.
    pub client_secret: Option<Secret>,
    /// How the client authenticates; `None` picks one that the server lists.
    pub method: Option<ClientAuthMethod>,
}

/// A client at one authorization server: its metadata and what it knows the
/// client by, which name the same issuer.
pub(crate) struct Endpoints<'a> {
    http: &'a Http,
    metadata: &'a AuthorizationServerMetadata,
    credentials: &'a Credentials,
}

impl<'a> Endpoints<'a> {
    pub(crate) fn new(
        http: &'a Http,
        metadata: &'a AuthorizationServerMetadata,
        credentials: &'a Credentials,
    ) -> Result<Self, Error> {
        same_issuer(&credentials.issuer, &metadata.issuer)?;
        Ok(Self {
            http,
            metadata,
            credentials,
        })
    }

    /// Exchanges the code in the query of a callback (RFC 6749 section 4.1.3).
    pub(crate) async fn exchange(
        &self,
        url: &str,
        pending: &Pending,
        query: &str,
        now: Instant,
    ) -> Result<Grant, Error> {
        same_issuer(pending.issuer(), &self.metadata.issuer)?;
        let code = pending.code(query).map_err(Error::Callback)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &pending.redirect_uri),
            ("code_verifier", &pending.verifier),
            ("resource", &pending.resource),
        ];
        self.token(url, &form, &pending.scopes, now).await
    }

    /// Buys a new pair of tokens (RFC 6749 section 6).
    pub(crate) async fn refresh(
        &self,
        url: &str,
        old: &Grant,
        resource: &str,
        now: Instant,
    ) -> Result<Grant, Error> {
        same_issuer(&old.issuer, &self.metadata.issuer)?;
        let refresh = old.refresh.as_ref();
        let refresh = refresh.ok_or(Error::Disconnected(crate::Disconnected::NoRefreshToken))?;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("resource", resource),
        ];
        let mut new = self.token(url, &form, &old.scopes, now).await?;
        // A server that does not rotate sends none (RFC 6749 section 6).
        new.refresh.get_or_insert_with(|| refresh.clone());
        Ok(new)
    }

    async fn token(
        &self,
        url: &str,
        form: &[(&str, &str)],
        asked: &ScopeSet,
        now: Instant,
    ) -> Result<Grant, Error> {
        // A code or a refresh token is good for one use.
        let answer = self.post(Repeat::Never, url, form).await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let answer: TokenAnswer = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::protocol("a token answer that cannot be read"))?;
        let TokenType::Bearer = answer.token_type;
        Ok(Grant {
            issuer: self.metadata.issuer.clone(),
            expires_at: now + answer.life(),
            access: answer.access_token,
            refresh: answer.refresh_token,
            // Absent means "as asked for" (RFC 6749 section 5.1).
            scopes: answer.scope.unwrap_or_else(|| asked.clone()),
        })
    }

    /// Posts a form with the client's credentials.
    pub(crate) async fn post(
        &self,
        repeat: Repeat,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let Credentials {
            client_id,
            client_secret,
            method,
            ..
        } = self.credentials;
        let supported = &self.metadata.token_endpoint_auth_methods_supported;
        let secret = client_secret.as_ref();
        let method = method.unwrap_or_else(|| ClientAuthMethod::pick(secret, supported));
        let mut fields = form.to_vec();
        let mut header = None;
        match (method, secret) {
            (ClientAuthMethod::SecretBasic, Some(secret)) => header = Some(secret),
            (ClientAuthMethod::SecretPost, Some(secret)) => {
                fields.push(("client_id", client_id));
                fields.push(("client_secret", secret.expose()));
            }
            _ => fields.push(("client_id", client_id)),
        }
        let request = |http: &Http| -> RequestBuilder {
            let request = http.post(url).form(&fields);
            match header {
                // Both are encoded as in a form first (RFC 6749 section 2.3.1).
                Some(secret) => {
                    request.basic_auth(encoded(client_id), Some(encoded(secret.expose())))
                }
                None => request,
            }
        };
        self.http.send(repeat, request).await
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Refuses to bring what one issuer gave to another.
pub(crate) fn same_issuer(bound: &str, asked: &str) -> Result<(), Error> {
    if bound == asked {
        Ok(())
    } else {
        Err(Error::Disconnected(crate::Disconnected::OtherIssuer))
    }
}

/// The answer of a token endpoint (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret,
    token_type: TokenType,
    expires_in: Option<i64>,
    refresh_token: Option<Secret>,
    scope: Option<ScopeSet>,
}

impl TokenAnswer {
    /// How long the access token lives: any number may stand there.
    fn life(&self) -> Span {
        let seconds = self.expires_in.map(|said| said.clamp(0, LONGEST_LIFE));
        seconds.map_or(DEFAULT_LIFE, Span::seconds)
    }
}

/// Turns an answer that is no success into an error: of RFC 6749 section 5.2
/// where it is one.
pub(crate) fn refusal(answer: &Answer) -> Error {
    match (
        answer.status,
        serde_json::from_slice::<OAuthError>(&answer.body),
    ) {
        (StatusCode::SERVICE_UNAVAILABLE, _) => Error::Unavailable,
        (StatusCode::TOO_MANY_REQUESTS, _) => Error::RateLimited {
            retry_after: answer.retry_after(),
        },
        (status, Ok(error)) if status.is_client_error() => Error::OAuth(error),
        (status, _) if status.is_server_error() => Error::Failed {
            status: status.as_u16(),
            request_id: None,
        },
        (status, _) => Error::protocol(format!("an OAuth endpoint answered with status {status}")),
    }
}

/// Tells whether an error says that a code or refresh token is no longer good.
pub(crate) fn is_invalid_grant(error: &Error) -> bool {
    matches!(error, Error::OAuth(error) if error.code == ErrorCode::InvalidGrant)
}

/// Tells whether an error says that the server does not know the client.
pub(crate) fn is_invalid_client(error: &Error) -> bool {
    matches!(error, Error::OAuth(error) if error.code == ErrorCode::InvalidClient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_life_that_a_server_says_is_too_long_or_too_short_to_count_with() {
        let life = |said: &str| {
            let text = format!(r#"{{"access_token":"t","token_type":"Bearer"{said}}}"#);
            let answer: TokenAnswer = serde_json::from_str(&text).expect("an answer");
            answer.life()
        };
        assert_eq!(life(""), DEFAULT_LIFE);
        assert_eq!(life(r#","expires_in":600"#), Span::minutes(10));
        assert_eq!(life(r#","expires_in":-1"#), Span::ZERO);
        let longest = format!(r#","expires_in":{}"#, i64::MAX);
        assert_eq!(life(&longest), Span::seconds(LONGEST_LIFE));
    }

    #[test]
    fn a_client_authenticates_as_the_server_lists_it() {
        let secret = Secret::new("s".to_owned());
        let pick = |secret, listed: &[&str]| {
            let listed: Vec<_> = listed.iter().map(|&word| word.to_owned()).collect();
            ClientAuthMethod::pick(secret, &listed)
        };
        for (listed, method) in [
            (
                &["none", "client_secret_basic", "client_secret_post"][..],
                ClientAuthMethod::SecretPost,
            ),
            (&["client_secret_basic"], ClientAuthMethod::SecretBasic),
            (&["none"], ClientAuthMethod::None),
            (&[], ClientAuthMethod::SecretBasic),
            (&["private_key_jwt"], ClientAuthMethod::SecretBasic),
        ] {
            assert_eq!(pick(Some(&secret), listed), method, "{listed:?}");
            assert_eq!(pick(None, listed), ClientAuthMethod::None, "{listed:?}");
        }
    }
}
