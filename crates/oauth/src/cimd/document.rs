//! The document about a client, and which of its words count here.

use std::{fmt, str::FromStr};

use picard_domain::{DisplayName, Scopes};
use serde::{Deserialize, de::IgnoredAny};

use super::DocumentUrl;
use crate::{
    jwks::{InvalidKeySet, KeySet},
    outbound::{InvalidOutboundUrl, OutboundUrl},
    redirect::{InvalidRedirectUri, RedirectUri},
    registration::{ApplicationType, application_type, scopes},
};

/// What a document says about its client, as far as it is used. What else is in
/// there, `logo_uri` above all, is neither fetched nor shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientDocument {
    /// What the client calls itself, or the host when it has no name to show.
    pub name: DisplayName,
    /// Where people may be sent back to: one or more.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it authenticates.
    pub auth: DocumentAuth,
    /// Where its public keys are.
    pub keys: KeySource,
    /// The most that it may ask for.
    pub scopes: Scopes,
    /// Its own page, where people read on.
    pub client_uri: Option<OutboundUrl>,
    /// Where it runs.
    pub application_type: ApplicationType,
}

/// How the client of a document authenticates at the token endpoint. A shared
/// secret is not possible: nobody ever handed one out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentAuth {
    /// It does not: a public client.
    None,
    /// By an assertion that it signs (RFC 7523), always.
    PrivateKeyJwt,
    /// Either way. An assertion that is there has to be good.
    Either,
}

impl DocumentAuth {
    /// Tells whether a request without an assertion will do.
    pub const fn allows_none(self) -> bool {
        matches!(self, Self::None | Self::Either)
    }

    /// Tells whether an assertion can be checked.
    pub const fn allows_assertion(self) -> bool {
        matches!(self, Self::PrivateKeyJwt | Self::Either)
    }

    fn new(none: bool, assertion: bool) -> Option<Self> {
        match (none, assertion) {
            (true, true) => Some(Self::Either),
            (true, false) => Some(Self::None),
            (false, true) => Some(Self::PrivateKeyJwt),
            (false, false) => None,
        }
    }
}

/// The methods' names, with a space between (the form in which it is stored).
impl fmt::Display for DocumentAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => NONE,
            Self::PrivateKeyJwt => PRIVATE_KEY_JWT,
            Self::Either => "none private_key_jwt",
        })
    }
}

impl FromStr for DocumentAuth {
    type Err = InvalidDocument;

    fn from_str(text: &str) -> Result<Self, InvalidDocument> {
        let has = |method| text.split(' ').any(|word| word == method);
        Self::new(has(NONE), has(PRIVATE_KEY_JWT)).ok_or(InvalidDocument::NoCommonMethod)
    }
}

/// Where a client's public keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// It has none.
    None,
    /// In the document: a JWK Set, which was read and found good.
    Inline(String),
    /// Elsewhere.
    At(OutboundUrl),
}

const NONE: &str = "none";
const PRIVATE_KEY_JWT: &str = "private_key_jwt";

/// Why a document is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// More bytes than [`ClientDocument::MAX_BYTES`].
    #[error("is longer than {} bytes", ClientDocument::MAX_BYTES)]
    TooLong,
    /// Not JSON, or a member of the wrong type, or one that is there twice.
    #[error("is not the JSON of a client: {0}")]
    NotJson(String),
    /// It is about another client (section 4.1: compared as plain strings).
    #[error("is about another client_id")]
    AnotherClient,
    /// It has a secret, which everybody can read.
    #[error("has a client_secret")]
    Secret,
    /// It wants to authenticate with a shared secret (section 4.1).
    #[error("wants to authenticate with a shared secret ({0:?})")]
    SharedSecret(String),
    /// None of its methods is offered here.
    #[error("has no way to authenticate that this server offers (none, private_key_jwt)")]
    NoCommonMethod,
    /// `private_key_jwt` and nothing else, but no keys.
    #[error("authenticates by private_key_jwt, but has neither jwks nor jwks_uri")]
    NoKeys,
    /// Two places for keys (RFC 7591 section 2).
    #[error("has both jwks and jwks_uri")]
    TwoKeySources,
    /// Keys that cannot be read.
    #[error("has a jwks that {0}")]
    Keys(InvalidKeySet),
    /// Keys at a place that is never fetched.
    #[error("has a jwks_uri that {0}")]
    KeysUri(InvalidOutboundUrl),
    /// No redirect URI at all, or more than [`ClientDocument::MAX_REDIRECT_URIS`].
    #[error("must have 1 to {} redirect_uris", ClientDocument::MAX_REDIRECT_URIS)]
    RedirectUris,
    /// Not one redirect URI that could be used.
    #[error("has no redirect URI that can be used; the first one {0}")]
    RedirectUri(InvalidRedirectUri),
    /// It does not use the authorization code flow.
    #[error("does not use the authorization code flow")]
    OtherFlow,
}

/// The document as it is on the wire. Serde refuses a member that is there twice.
#[derive(Deserialize)]
struct Wire {
    client_id: String,
    client_name: Option<String>,
    client_uri: Option<String>,
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    jwks: Option<serde_json::Value>,
    jwks_uri: Option<String>,
    application_type: Option<String>,
    client_secret: Option<IgnoredAny>,
    client_secret_expires_at: Option<IgnoredAny>,
}

impl ClientDocument {
    /// The most bytes of a document (section 6.6 of the draft): 5 KB.
    pub const MAX_BYTES: usize = 5 * 1024;
    /// The most redirect URIs.
    pub const MAX_REDIRECT_URIS: usize = 32;

    /// Reads the document that was found under `url`.
    ///
    /// A redirect URI that may not be used is left out, and the others stay: it
    /// can then never be asked for, and one odd entry does not lock out a client.
    pub fn parse(url: &DocumentUrl, json: &[u8]) -> Result<Self, InvalidDocument> {
        if json.len() > Self::MAX_BYTES {
            return Err(InvalidDocument::TooLong);
        }
        let wire: Wire = serde_json::from_slice(json)
            .map_err(|error| InvalidDocument::NotJson(error.to_string()))?;
        if wire.client_id != url.as_str() {
            return Err(InvalidDocument::AnotherClient);
        }
        if wire.client_secret.is_some() || wire.client_secret_expires_at.is_some() {
            return Err(InvalidDocument::Secret);
        }
        let has = |list: &Option<Vec<String>>, word: &str| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|w| w == word))
        };
        if !has(&wire.grant_types, "authorization_code") || !has(&wire.response_types, "code") {
            return Err(InvalidDocument::OtherFlow);
        }
        let keys = key_source(&wire)?;
        let redirect_uris = redirect_uris(&wire.redirect_uris)?;
        let client_uri = wire.client_uri.as_deref();
        Ok(Self {
            application_type: application_type(wire.application_type.as_deref(), &redirect_uris),
            redirect_uris,
            auth: auth(&wire, &keys)?,
            keys,
            name: name(wire.client_name.as_deref(), url)?,
            scopes: scopes(wire.scope.as_deref()),
            client_uri: client_uri.and_then(|uri| uri.parse().ok()),
        })
    }
}

fn name(given: Option<&str>, url: &DocumentUrl) -> Result<DisplayName, InvalidDocument> {
    let given = given.and_then(|name| name.parse().ok());
    // A host can be longer than a name: then its end is what says who it is.
    let host = || {
        let skip = url.host().len().saturating_sub(80);
        url.host()[skip..].parse().ok()
    };
    given
        .or_else(host)
        .ok_or_else(|| InvalidDocument::NotJson("it has no name".to_owned()))
}

fn redirect_uris(texts: &[String]) -> Result<Vec<RedirectUri>, InvalidDocument> {
    if !(1..=ClientDocument::MAX_REDIRECT_URIS).contains(&texts.len()) {
        return Err(InvalidDocument::RedirectUris);
    }
    let read: Vec<Result<RedirectUri, _>> = texts.iter().map(|text| text.parse()).collect();
    let first = read.iter().find_map(|uri| uri.clone().err());
    let good: Vec<_> = read.into_iter().flatten().collect();
    match first {
        Some(why) if good.is_empty() => Err(InvalidDocument::RedirectUri(why)),
        _ => Ok(good),
    }
}

fn key_source(wire: &Wire) -> Result<KeySource, InvalidDocument> {
    match (&wire.jwks, wire.jwks_uri.as_deref()) {
        (Some(_), Some(_)) => Err(InvalidDocument::TwoKeySources),
        (Some(jwks), None) => {
            let jwks = jwks.to_string();
            KeySet::parse(jwks.as_bytes()).map_err(InvalidDocument::Keys)?;
            Ok(KeySource::Inline(jwks))
        }
        (None, Some(uri)) => uri
            .parse()
            .map(KeySource::At)
            .map_err(InvalidDocument::KeysUri),
        (None, None) => Ok(KeySource::None),
    }
}

/// What client and server have in common. `token_endpoint_auth_method` says what
/// the client prefers, `token_endpoint_auth_methods_supported` what else it can:
/// `ChatGPT` prefers `private_key_jwt` and names both. A client that names only
/// `private_key_jwt` has to use it, or a stolen code would do without its key.
/// One that names nothing is a public client: the default of RFC 7591 is a
/// secret, which cannot be.
fn auth(wire: &Wire, keys: &KeySource) -> Result<DocumentAuth, InvalidDocument> {
    let preferred = wire.token_endpoint_auth_method.as_deref();
    let others = wire.token_endpoint_auth_methods_supported.as_deref();
    if let Some(secret) = preferred.filter(|method| method.starts_with("client_secret")) {
        return Err(InvalidDocument::SharedSecret(secret.to_owned()));
    }
    let names = |method: &str| {
        preferred == Some(method) || others.is_some_and(|list| list.iter().any(|m| m == method))
    };
    let unsaid = preferred.is_none() && others.is_none();
    let has_keys = *keys != KeySource::None;
    let none = unsaid || names(NONE);
    let assertion = unsaid || names(PRIVATE_KEY_JWT);
    DocumentAuth::new(none, assertion && has_keys).ok_or(if assertion {
        InvalidDocument::NoKeys
    } else {
        InvalidDocument::NoCommonMethod
    })
}
