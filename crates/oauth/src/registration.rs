//! Dynamic client registration (RFC 7591): an application says what it is and
//! gets a client id.
//!
//! What clients send is read with patience, since they send the same words to
//! every server: unknown members, grant types and scopes are left out, and the
//! answer tells what was registered. Only what could lead a person or a code
//! astray is refused.

use picard_crypto::sha256;
use picard_domain::{ClientId, DisplayName, Instant, Scope, Scopes};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::{
    ErrorCode, OAuthError, Secret,
    jwks::KeySet,
    outbound::OutboundUrl,
    redirect::{InvalidRedirectUri, RedirectUri},
};

/// The most bytes of a registration.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most redirect URIs of a client.
pub const MAX_REDIRECT_URIS: usize = 32;
/// The most bytes of a URL that is only shown or kept.
const MAX_URL_BYTES: usize = 2048;
/// The most bytes of inline keys.
const MAX_JWKS_BYTES: usize = 16 * 1024;
/// The name of a client that does not give one.
const NAMELESS: &str = "Unnamed application";

/// What is registered about a client: what it said, as far as it counts here.
/// Written down, it is the part of the answer that echoes (section 3.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientMetadata {
    /// What it calls itself. Anybody can choose any name.
    #[serde(rename = "client_name", serialize_with = "as_text")]
    pub name: DisplayName,
    /// Where people may be sent back to: one or more.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it authenticates.
    #[serde(rename = "token_endpoint_auth_method")]
    pub auth_method: AuthMethod,
    /// Always both: a client that does not use refresh tokens loses nothing, and
    /// many that do forget to say so.
    grant_types: [&'static str; 2],
    response_types: [&'static str; 1],
    /// The most that it may ask for.
    #[serde(rename = "scope")]
    pub scopes: Scopes,
    /// Where it runs, by its redirect URIs rather than by its word.
    pub application_type: ApplicationType,
    /// Its own page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its public keys, as it sent them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
}

/// How a client authenticates at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// It does not: a public client, which PKCE protects.
    None,
    /// With a secret in the header `Authorization`.
    ClientSecretBasic,
    /// With a secret in the body.
    ClientSecretPost,
    /// With an assertion that it signs (RFC 7523).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
    ];

    /// Returns the word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Tells whether it takes a secret that both sides know.
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// Where a client runs (`OpenID` Connect Registration section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a server: people are sent back by https alone.
    Web,
    /// On people's devices.
    Native,
}

impl ApplicationType {
    /// Returns the word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }
}

/// The members that are read. Serde refuses one that is there twice.
#[derive(Deserialize)]
struct Wire {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    application_type: Option<String>,
    client_uri: Option<String>,
    jwks: Option<serde_json::Value>,
    jwks_uri: Option<String>,
}

impl ClientMetadata {
    /// Reads the body of a registration.
    pub fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        if body.len() > MAX_BYTES {
            return Err(invalid(format!(
                "the registration has more than {MAX_BYTES} bytes"
            )));
        }
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|why| invalid(format!("the body is not the JSON of a client: {why}")))?;
        let redirect_uris = redirect_uris(&wire)?;
        offers(
            wire.grant_types.as_deref(),
            "grant_types",
            "authorization_code",
        )?;
        offers(wire.response_types.as_deref(), "response_types", "code")?;
        let (jwks, jwks_uri) = keys(&wire)?;
        let auth_method = auth_method(&wire)?;
        if auth_method == AuthMethod::PrivateKeyJwt && jwks.is_none() && jwks_uri.is_none() {
            return Err(invalid("private_key_jwt needs jwks or jwks_uri"));
        }
        Ok(Self {
            name: name(&wire)?,
            application_type: application_type(wire.application_type.as_deref(), &redirect_uris),
            redirect_uris,
            auth_method,
            grant_types: ["authorization_code", "refresh_token"],
            response_types: ["code"],
            scopes: scopes(wire.scope.as_deref()),
            client_uri: present(wire.client_uri.as_deref()).filter(|uri| is_page(uri)),
            jwks,
            jwks_uri,
        })
    }

    /// Returns a digest that two registrations share when a client of the one is
    /// as good as a client of the other; `None` for one that is to be by itself.
    ///
    /// Public clients with the same metadata can share an id: it is no secret, so
    /// whoever has one could use the other's anyway; both lead to the same
    /// redirect URIs under the same name; and codes are bound to a verifier,
    /// refresh tokens to whoever holds them. A client with credentials is
    /// somebody, and stays apart.
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        if self.auth_method != AuthMethod::None {
            return None;
        }
        serde_json::to_vec(self).ok().map(|text| sha256(&text))
    }
}

/// The answer to a registration (section 3.2.1).
#[derive(Debug, Serialize)]
pub struct RegistrationResponse {
    /// The name of the client from now on.
    pub client_id: ClientId,
    /// When it was given, in seconds since 1970.
    pub client_id_issued_at: i64,
    #[serde(
        serialize_with = "Secret::serialize_some",
        skip_serializing_if = "Option::is_none"
    )]
    client_secret: Option<Secret>,
    /// 0: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    /// What was registered.
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

impl RegistrationResponse {
    /// Makes the answer; the secret is told here and never again.
    pub fn new(
        client_id: ClientId,
        secret: Option<Secret>,
        metadata: ClientMetadata,
        now: Instant,
    ) -> Self {
        Self {
            client_id,
            client_id_issued_at: now.seconds(),
            client_secret_expires_at: secret.is_some().then_some(0),
            client_secret: secret,
            metadata,
        }
    }
}

fn redirect_uris(wire: &Wire) -> Result<Vec<RedirectUri>, OAuthError> {
    let texts = wire.redirect_uris.as_deref().unwrap_or_default();
    if texts.is_empty() || texts.len() > MAX_REDIRECT_URIS {
        let why = format!("redirect_uris must have 1 to {MAX_REDIRECT_URIS} entries");
        return Err(OAuthError::new(ErrorCode::InvalidRedirectUri, why));
    }
    let mut uris = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        // Each by itself, whatever application_type says: some clients register
        // private-use, loopback and https addresses all at once.
        let uri: RedirectUri = text.parse().map_err(|why: InvalidRedirectUri| {
            let why = format!("entry {} of redirect_uris {why}", at + 1);
            OAuthError::new(ErrorCode::InvalidRedirectUri, why)
        })?;
        if !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    Ok(uris)
}

fn name(wire: &Wire) -> Result<DisplayName, OAuthError> {
    let given = present(wire.client_name.as_deref());
    given
        .as_deref()
        .unwrap_or(NAMELESS)
        .parse()
        .map_err(|why| invalid(format!("client_name {why}")))
}

fn auth_method(wire: &Wire) -> Result<AuthMethod, OAuthError> {
    // Section 2: a secret, unless the client says otherwise.
    let Some(word) = present(wire.token_endpoint_auth_method.as_deref()) else {
        return Ok(AuthMethod::ClientSecretBasic);
    };
    let known = AuthMethod::ALL.into_iter().find(|m| m.as_str() == word);
    known.ok_or_else(|| {
        let words = AuthMethod::ALL.map(AuthMethod::as_str).join(", ");
        invalid(format!("token_endpoint_auth_method is none of {words}"))
    })
}

/// A client that names what it uses must name what there is.
fn offers(list: Option<&[String]>, what: &str, needed: &str) -> Result<(), OAuthError> {
    let list = list.unwrap_or_default();
    if list.is_empty() || list.iter().any(|word| word == needed) {
        Ok(())
    } else {
        Err(invalid(format!("{what} must have {needed}")))
    }
}

/// A client with an address on the device is native, whatever it says of
/// itself: widely used ones say `web` (RFC 7591 section 3.2.1 lets a server
/// replace what was asked for).
pub(crate) fn application_type(says: Option<&str>, uris: &[RedirectUri]) -> ApplicationType {
    let on_device = |uri: &RedirectUri| uri.is_loopback() || uri.is_private_use();
    if says == Some("native") || uris.iter().any(on_device) {
        ApplicationType::Native
    } else {
        ApplicationType::Web
    }
}

/// Reading and writing, as far as the client names them; both when it names
/// neither. `memories:admin` is for clients that an administrator registers: a
/// stranger's must not even ask for it.
pub(crate) fn scopes(named: Option<&str>) -> Scopes {
    let words = named.unwrap_or_default().split(' ');
    let known: Scopes = words
        .filter_map(|word| word.parse::<Scope>().ok())
        .filter(|scope| Scopes::read_write().contains(*scope))
        .collect();
    if known.is_empty() {
        Scopes::read_write()
    } else {
        known
    }
}

type Keys = (Option<serde_json::Value>, Option<String>);

fn keys(wire: &Wire) -> Result<Keys, OAuthError> {
    let uri = present(wire.jwks_uri.as_deref());
    if wire.jwks.is_some() && uri.is_some() {
        return Err(invalid("jwks and jwks_uri exclude each other"));
    }
    if let Some(jwks) = &wire.jwks {
        let text = jwks.to_string();
        if text.len() > MAX_JWKS_BYTES {
            let why = format!("jwks must be a JWK Set of at most {MAX_JWKS_BYTES} bytes");
            return Err(invalid(why));
        }
        KeySet::parse(text.as_bytes()).map_err(|why| invalid(format!("jwks {why}")))?;
    }
    // One that would never be fetched could never prove anything.
    if let Some(uri) = &uri {
        uri.parse::<OutboundUrl>()
            .map_err(|why| invalid(format!("jwks_uri {why}")))?;
    }
    Ok((wire.jwks.clone(), uri))
}

/// Tells whether a text is the URL of a page: one that could do no harm as a link.
fn is_page(text: &str) -> bool {
    let good = |url: Url| matches!(url.scheme(), "https" | "http") && url.username().is_empty();
    text.len() <= MAX_URL_BYTES && Url::parse(text).is_ok_and(good)
}

/// Some clients send an empty text for what they do not have.
fn present(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

fn invalid(why: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, why)
}

fn as_text<S: Serializer>(name: &DisplayName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}
