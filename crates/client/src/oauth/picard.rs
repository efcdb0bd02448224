//! OAuth with one Picard server: authorization code with PKCE, refresh,
//! revocation, introspection.

use std::sync::Arc;

use picard_domain::{Entropy, Handle, Instant, Scope, Scopes, UserId};
use picard_oauth::{
    Secret,
    introspection::IntrospectionResponse,
    metadata::{AUTHORIZATION_SERVER, AuthorizationServerMetadata},
};
use reqwest::StatusCode;
use tokio::sync::OnceCell;

use super::{
    Application, Authorization, Credentials, Discovered, Pending,
    authorization::Wanted,
    discovery::usable,
    endpoint::{Endpoints, refusal, same_issuer},
};
use crate::{
    Error, Limits, Server, Tokens,
    http::{Http, Repeat},
};

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
    credentials: Credentials,
    redirect_uri: String,
    /// What the tokens are for; `None` as the metadata say.
    resource: Option<String>,
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
        let credentials = Credentials {
            issuer: server.public().to_owned(),
            client_id: registration.client_id,
            client_secret: registration.client_secret,
            method: None,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                server,
                credentials,
                redirect_uri: registration.redirect_uri,
                resource: None,
                http,
                metadata: OnceCell::new(),
            }),
        })
    }

    /// Prepares a client of a Picard server that is known only by the address
    /// of its MCP endpoint: finds its authorization server and becomes known
    /// there. A program that keeps [`credentials`](Self::credentials) is spared
    /// the second part the next time.
    pub async fn discover(resource: &str, application: &Application) -> Result<Self, Error> {
        let discovered = Discovered::find(resource).await?;
        let credentials = application.credentials_at(&discovered).await?;
        let server = Server::new(&discovered.server.issuer)?;
        check(&discovered.server, &server)?;
        Ok(Self {
            shared: Arc::new(Shared {
                http: Http::new(&server, Limits::default())?,
                server,
                credentials,
                redirect_uri: application.redirect_uri.clone(),
                resource: Some(discovered.resource),
                metadata: OnceCell::new_with(Some(discovered.server)),
            }),
        })
    }

    /// Returns the server that this client is registered at.
    pub fn server(&self) -> &Server {
        &self.shared.server
    }

    /// Returns what the server knows this client by.
    pub fn credentials(&self) -> &Credentials {
        &self.shared.credentials
    }

    pub(crate) fn http(&self) -> &Http {
        &self.shared.http
    }

    /// Begins the authorization code flow (RFC 6749 section 4.1) with PKCE S256
    /// (RFC 7636): the address to send the person to, and what to keep until
    /// they come back. The metadata were checked before.
    pub async fn authorize(
        &self,
        scopes: Scopes,
        entropy: &dyn Entropy,
    ) -> Result<Authorization, Error> {
        let metadata = self.metadata().await?;
        let wanted = Wanted {
            client_id: &self.shared.credentials.client_id,
            redirect_uri: &self.shared.redirect_uri,
            resource: &self.resource(metadata),
            scopes: scopes.iter().map(Scope::as_str).collect(),
        };
        Authorization::begin(metadata, wanted, entropy)
    }

    /// Exchanges the code in the query of a callback for tokens (RFC 6749
    /// section 4.1.3).
    ///
    /// `pending` is what was kept since [`authorize`](Self::authorize). It is
    /// consumed: a second callback with the same state finds nothing. A flow
    /// that began at another issuer is refused, and its code stays here.
    pub async fn exchange(
        &self,
        pending: Pending,
        query: &str,
        now: Instant,
    ) -> Result<Tokens, Error> {
        let metadata = self.metadata().await?;
        let url = self.shared.server.map(&metadata.token_endpoint)?;
        let endpoints = self.endpoints(metadata)?;
        endpoints
            .exchange(&url, &pending, query, now)
            .await?
            .try_into()
    }

    /// Buys a new pair of tokens with a refresh token (RFC 6749 section 6).
    ///
    /// Tokens of another issuer are refused before anything is sent, here and
    /// in the calls below.
    pub async fn refresh(&self, tokens: &Tokens, now: Instant) -> Result<Tokens, Error> {
        self.check_issuer(tokens)?;
        let metadata = self.metadata().await?;
        let url = self.shared.server.map(&metadata.token_endpoint)?;
        let resource = self.resource(metadata);
        let endpoints = self.endpoints(metadata)?;
        let old = tokens.into();
        endpoints
            .refresh(&url, &old, &resource, now)
            .await?
            .try_into()
    }

    /// Ends the grant that these tokens belong to (RFC 7009).
    pub async fn revoke(&self, tokens: &Tokens) -> Result<(), Error> {
        self.check_issuer(tokens)?;
        let metadata = self.metadata().await?;
        let endpoint = metadata.revocation_endpoint.as_deref();
        let url = self.endpoint(endpoint, "revocation_endpoint")?;
        // Revoking the refresh token ends the whole grant. Doing it twice is
        // the same as once, so it is safe to repeat.
        let token = tokens.refresh.as_ref().unwrap_or(&tokens.access);
        let form = [("token", token.expose())];
        let answer = self
            .endpoints(metadata)?
            .post(Repeat::Safe, &url, &form)
            .await?;
        if answer.status == StatusCode::OK {
            Ok(())
        } else {
            Err(refusal(&answer))
        }
    }

    /// Asks whom and what an access token is for (RFC 7662). `None`: the server
    /// does not accept the token. For clients with a secret only.
    pub async fn introspect(&self, tokens: &Tokens) -> Result<Option<Identity>, Error> {
        self.check_issuer(tokens)?;
        let metadata = self.metadata().await?;
        let endpoint = metadata.introspection_endpoint.as_deref();
        let url = self.endpoint(endpoint, "introspection_endpoint")?;
        let form = [("token", tokens.access.expose())];
        let answer = self
            .endpoints(metadata)?
            .post(Repeat::Safe, &url, &form)
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

    fn resource(&self, metadata: &AuthorizationServerMetadata) -> String {
        let known = self.shared.resource.clone();
        known.unwrap_or_else(|| resource(metadata))
    }

    /// Refuses tokens that another issuer gave out.
    pub(crate) fn check_issuer(&self, tokens: &Tokens) -> Result<(), Error> {
        same_issuer(&tokens.issuer, self.shared.server.public())
    }

    fn endpoints<'a>(
        &'a self,
        metadata: &'a AuthorizationServerMetadata,
    ) -> Result<Endpoints<'a>, Error> {
        Endpoints::new(&self.shared.http, metadata, &self.shared.credentials)
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
        metadata.get_or_try_init(|| read(http, server)).await
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

/// Reads the metadata of a server whose address is configured (RFC 8414).
async fn read(http: &Http, server: &Server) -> Result<AuthorizationServerMetadata, Error> {
    let url = server.at(AUTHORIZATION_SERVER);
    let answer = http.send(Repeat::Safe, |http| http.get(&url)).await?;
    if answer.status != StatusCode::OK {
        return Err(refusal(&answer));
    }
    let metadata = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::protocol("the server's metadata cannot be read"))?;
    check(&metadata, server)?;
    Ok(metadata)
}

/// Checks what everything else rests on: that the metadata are this server's,
/// that it does PKCE with S256, and that nothing it names is elsewhere.
fn check(metadata: &AuthorizationServerMetadata, server: &Server) -> Result<(), Error> {
    usable(metadata, server.public())?;
    let named = [
        &metadata.authorization_endpoint,
        &metadata.token_endpoint,
        &resource(metadata),
    ];
    for address in named {
        server.map(address)?;
    }
    Ok(())
}

/// Returns the resource to name in requests (RFC 8707).
fn resource(metadata: &AuthorizationServerMetadata) -> String {
    let named = metadata.protected_resources.first();
    named
        .cloned()
        .unwrap_or_else(|| format!("{}/mcp", metadata.issuer))
}
