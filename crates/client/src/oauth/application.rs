//! What a program says about itself, and how a server comes to know it.

use picard_oauth::{Secret, metadata::AuthorizationServerMetadata};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use super::{ClientAuthMethod, Credentials, Discovered, discovery, endpoint::refusal};
use crate::{
    Error, Limits,
    http::{Http, Repeat},
};

/// What kind of program asks (the member `application_type` of a registration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationKind {
    /// Runs on a person's machine, and is called back there.
    Native,
    /// Runs on a server, and is called back at an https address.
    Web,
}

/// A program that wants access in people's names.
#[derive(Debug, Clone)]
pub struct Application {
    /// What people see when they are asked for consent.
    pub name: String,
    /// What kind of program it is.
    pub kind: ApplicationKind,
    /// Where people are sent back to.
    pub redirect_uri: String,
    /// The https address of its Client ID Metadata Document, if it has one.
    pub metadata_url: Option<String>,
    /// What servers know it by already, each good for its issuer only. A
    /// program that keeps its credentials is spared registering with each start.
    pub credentials: Vec<Credentials>,
}

impl Application {
    /// Makes the program known to the authorization server of a resource, if it
    /// is not yet: by the credentials for that issuer, by the address of its
    /// metadata document, or by registering it (RFC 7591).
    pub async fn credentials_at(&self, discovered: &Discovered) -> Result<Credentials, Error> {
        let resource = discovery::address(&discovered.resource)?;
        let http = discovery::http_to(&resource, Limits::default())?;
        self.introduce(&http, &discovered.server).await
    }

    pub(super) async fn introduce(
        &self,
        http: &Http,
        server: &AuthorizationServerMetadata,
    ) -> Result<Credentials, Error> {
        let mut known = self.credentials.iter();
        if let Some(known) = known.find(|known| known.issuer == server.issuer) {
            return Ok(known.clone());
        }
        match (&self.metadata_url, &server.registration_endpoint) {
            (Some(url), _) if server.client_id_metadata_document_supported == Some(true) => {
                Ok(Credentials {
                    issuer: server.issuer.clone(),
                    client_id: url.clone(),
                    client_secret: None,
                    method: Some(ClientAuthMethod::None),
                })
            }
            (_, Some(endpoint)) => self.register(http, server, endpoint).await,
            (_, None) => Err(Error::protocol(format!(
                "{} does not know this program and does not let it register; its operator has to",
                server.issuer
            ))),
        }
    }

    /// Registers the program (RFC 7591 section 3). Sent once: a second request
    /// would make a second client.
    async fn register(
        &self,
        http: &Http,
        server: &AuthorizationServerMetadata,
        endpoint: &str,
    ) -> Result<Credentials, Error> {
        let request = RegistrationRequest {
            client_name: &self.name,
            application_type: self.kind,
            redirect_uris: [&self.redirect_uri],
            grant_types: ["authorization_code", "refresh_token"],
            response_types: ["code"],
            token_endpoint_auth_method: self.wanted_method(server),
        };
        let answer = http
            .send(Repeat::Never, |http| http.post(endpoint).json(&request))
            .await?;
        if !matches!(answer.status, StatusCode::CREATED | StatusCode::OK) {
            return Err(refusal(&answer));
        }
        let known: Registered = serde_json::from_slice(&answer.body)
            .map_err(|_| Error::protocol("a registration that cannot be read"))?;
        Ok(Credentials {
            issuer: server.issuer.clone(),
            client_id: known.client_id,
            client_secret: known.client_secret,
            method: known.token_endpoint_auth_method,
        })
    }

    /// A native program cannot keep a secret, so it asks for none, where the
    /// server allows that; one on a server prefers to have one.
    fn wanted_method(&self, server: &AuthorizationServerMetadata) -> ClientAuthMethod {
        use ClientAuthMethod::{None, SecretBasic, SecretPost};
        let order = match self.kind {
            ApplicationKind::Native => [None, SecretPost, SecretBasic],
            ApplicationKind::Web => [SecretPost, SecretBasic, None],
        };
        let supported = &server.token_endpoint_auth_methods_supported;
        let listed = |method: &ClientAuthMethod| supported.iter().any(|s| s == method.as_str());
        order.into_iter().find(listed).unwrap_or(SecretBasic)
    }
}

/// What is sent (RFC 7591 section 2).
#[derive(Serialize)]
struct RegistrationRequest<'a> {
    client_name: &'a str,
    application_type: ApplicationKind,
    redirect_uris: [&'a str; 1],
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    token_endpoint_auth_method: ClientAuthMethod,
}

/// What comes back (RFC 7591 section 3.2.1), as far as a client acts on it.
#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: Option<Secret>,
    token_endpoint_auth_method: Option<ClientAuthMethod>,
}
