//! The client's side of OAuth 2.1: metadata, authorization code with PKCE,
//! refresh, revocation, introspection.
//!
//! The protocol's pure parts (PKCE, the shapes of messages) are `picard-oauth`'s;
//! here they meet HTTP.

mod authorization;

use std::sync::Arc;

use picard_domain::{Entropy, Handle, Instant, Scopes, Span, UserId};
use picard_oauth::{
    ErrorCode, OAuthError, Secret,
    introspection::IntrospectionResponse,
    metadata::{AUTHORIZATION_SERVER, AuthorizationServerMetadata},
    token::TokenResponse,
};
use reqwest::StatusCode;
use tokio::sync::OnceCell;

pub use authorization::{Authorization, Pending};

use crate::{
    Error, Limits, Server, Tokens,
    http::{Answer, Http, Repeat},
};

/// How long an access token is taken to live when the server does not say.
const DEFAULT_LIFE: Span = Span::hours(1);

/// What a client was registered with at the server.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The client's UUID.
    pub client_id: String,
    /// The secret of a confidential client; `None` for a public one.
    pub client_secret: Option<Secret>,
    /// Where the server sends people back to, exactly as registered.
    pub redirect_uri: String,
}

/// A client at one authorization server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OAuth {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Server,
    registration: Registration,
    http: Http,
    metadata: OnceCell<AuthorizationServerMetadata>,
}

impl OAuth {
    /// Prepares a client. Nothing is sent before it is needed: the metadata are
    /// read at the first use and kept.
    pub fn new(server: Server, registration: Registration) -> Result<Self, Error> {
        Self::with_limits(server, registration, Limits::default())
    }

    /// Prepares a client with its own timeouts and caps.
    pub fn with_limits(
        server: Server,
        registration: Registration,
        limits: Limits,
    ) -> Result<Self, Error> {
        let http = Http::new(&server, limits)?;
        let metadata = OnceCell::new();
        Ok(Self {
            shared: Arc::new(Shared {
                server,
                registration,
                http,
                metadata,
            }),
        })
    }

    /// Returns the server that this client is registered at.
    pub fn server(&self) -> &Server {
        &self.shared.server
    }

    pub(crate) fn http(&self) -> &Http {
        &self.shared.http
    }

    /// Begins the authorization code flow (RFC 6749 section 4.1) with PKCE S256
    /// (RFC 7636): the address to send the person to, and what to keep until
    /// they come back.
    pub async fn authorize(
        &self,
        scopes: Scopes,
        entropy: &dyn Entropy,
    ) -> Result<Authorization, Error> {
        let metadata = self.metadata().await?;
        Authorization::begin(metadata, &self.shared.registration, scopes, entropy)
    }

    /// Exchanges the code in the query of a callback for tokens (RFC 6749
    /// section 4.1.3).
    ///
    /// `pending` is what was kept since [`authorize`](Self::authorize). It is
    /// consumed: a second callback with the same state finds nothing.
    pub async fn exchange(
        &self,
        pending: Pending,
        query: &str,
        now: Instant,
    ) -> Result<Tokens, Error> {
        let code = pending.code(query).map_err(Error::Callback)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &pending.redirect_uri),
            ("code_verifier", &pending.verifier),
            ("resource", &pending.resource),
        ];
        self.token(&form, pending.scopes, now).await
    }

    /// Buys a new pair of tokens with a refresh token (RFC 6749 section 6).
    /// `granted` stands when the server does not repeat the scopes.
    pub async fn refresh(
        &self,
        refresh: &Secret,
        granted: Scopes,
        now: Instant,
    ) -> Result<Tokens, Error> {
        let resource = resource(self.metadata().await?);
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("resource", &resource),
        ];
        let mut tokens = self.token(&form, granted, now).await?;
        // A server that does not rotate sends none (RFC 6749 section 6).
        tokens.refresh.get_or_insert_with(|| refresh.clone());
        Ok(tokens)
    }

    /// Revokes a token (RFC 7009); revoking the refresh token ends the grant.
    pub async fn revoke(&self, token: &Secret) -> Result<(), Error> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.revocation_endpoint.as_deref();
        let url = self.endpoint(endpoint, "revocation_endpoint")?;
        // Revoking twice is the same as once, so it is safe to repeat.
        let answer = self
            .post(Repeat::Safe, &url, &[("token", token.expose())])
            .await?;
        if answer.status == StatusCode::OK {
            Ok(())
        } else {
            Err(refusal(&answer))
        }
    }

    /// Asks whom and what an access token is for (RFC 7662). `None`: the server
    /// does not accept the token.
    pub async fn introspect(&self, token: &Secret) -> Result<Option<Identity>, Error> {
        let metadata = self.metadata().await?;
        let endpoint = metadata.introspection_endpoint.as_deref();
        let url = self.endpoint(endpoint, "introspection_endpoint")?;
        let answer = self
            .post(Repeat::Safe, &url, &[("token", token.expose())])
            .await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let answer: IntrospectionResponse = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::protocol("an introspection that cannot be read"))?;
        Ok(answer.into_token().map(|token| Identity {
            user_id: token.sub,
            handle: token.username,
            name: token.name,
            scopes: token.scope,
        }))
    }

    async fn token(
        &self,
        form: &[(&str, &str)],
        granted: Scopes,
        now: Instant,
    ) -> Result<Tokens, Error> {
        let url = self
            .shared
            .server
            .map(&self.metadata().await?.token_endpoint)?;
        // A code or a refresh token is good for one use.
        let answer = self.post(Repeat::Never, &url, form).await?;
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let answer: TokenResponse = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::protocol("a token answer that cannot be read"))?;
        Ok(Tokens {
            access: answer.access_token,
            refresh: answer.refresh_token,
            expires_at: now + answer.expires_in.map_or(DEFAULT_LIFE, Span::seconds),
            // Absent means "as asked for" (RFC 6749 section 5.1).
            scopes: answer.scope.unwrap_or(granted),
        })
    }

    /// Posts a form with the client's credentials (`client_secret_post`, RFC
    /// 6749 section 2.3.1; a public client names itself only).
    async fn post(
        &self,
        repeat: Repeat,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let Registration {
            client_id,
            client_secret,
            ..
        } = &self.shared.registration;
        let mut fields = form.to_vec();
        fields.push(("client_id", client_id));
        if let Some(secret) = client_secret {
            fields.push(("client_secret", secret.expose()));
        }
        self.shared
            .http
            .send(repeat, |http| http.post(url).form(&fields))
            .await
    }

    fn endpoint(&self, endpoint: Option<&str>, name: &str) -> Result<String, Error> {
        let endpoint =
            endpoint.ok_or_else(|| Error::protocol(format!("the server has no {name}")))?;
        self.shared.server.map(endpoint)
    }

    async fn metadata(&self) -> Result<&AuthorizationServerMetadata, Error> {
        let Shared {
            server,
            http,
            metadata,
            ..
        } = &*self.shared;
        metadata.get_or_try_init(|| discover(http, server)).await
    }
}

/// Whom an access token stands for, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The person's UUID on the server.
    pub user_id: UserId,
    /// The person's handle.
    pub handle: Handle,
    /// The name to show.
    pub name: String,
    /// What was granted.
    pub scopes: Scopes,
}

/// Reads the metadata (RFC 8414) and checks what everything else rests on: that
/// they are this server's, and that it does PKCE with S256.
async fn discover(http: &Http, server: &Server) -> Result<AuthorizationServerMetadata, Error> {
    let url = server.at(AUTHORIZATION_SERVER);
    let answer = http.send(Repeat::Safe, |http| http.get(&url)).await?;
    if answer.status != StatusCode::OK {
        return Err(refusal(&answer));
    }
    let metadata: AuthorizationServerMetadata = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::protocol("the server's metadata cannot be read"))?;
    if !metadata.is_usable(server.public()) {
        return Err(Error::protocol(format!(
            "the server at {} says that its issuer is {}, and offers the PKCE methods {:?}",
            server.public(),
            metadata.issuer,
            metadata.code_challenge_methods_supported,
        )));
    }
    server.map(&metadata.authorization_endpoint)?;
    server.map(&metadata.token_endpoint)?;
    Ok(metadata)
}

/// Returns the resource to name in requests (RFC 8707).
fn resource(metadata: &AuthorizationServerMetadata) -> String {
    let named = metadata.protected_resources.first();
    named
        .cloned()
        .unwrap_or_else(|| format!("{}/mcp", metadata.issuer))
}

/// Turns an answer that is no success into an error: of RFC 6749 section 5.2
/// where it is one.
fn refusal(answer: &Answer) -> Error {
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
