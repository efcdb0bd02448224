//! How a client says who it is at the token, revocation and introspection
//! endpoints (RFC 6749 section 2.3).

use base64::{Engine, engine::general_purpose::STANDARD};
use picard_crypto::Zeroizing;

use crate::{
    ClientIdentifier, ErrorCode, OAuthError, Secret,
    assertion::{ASSERTION_TYPE, Assertion, InvalidAssertion},
    form::{Form, decode, invalid_request},
};

/// What a client presented. Whether that suffices is for its registration to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAuth {
    /// Only its name: a public client.
    None {
        /// The client.
        client_id: ClientIdentifier,
    },
    /// A secret in an `Authorization: Basic` header.
    SecretBasic {
        /// The client.
        client_id: ClientIdentifier,
        /// Its secret.
        secret: Secret,
    },
    /// A secret in the body.
    SecretPost {
        /// The client.
        client_id: ClientIdentifier,
        /// Its secret.
        secret: Secret,
    },
    /// An assertion that it signed (RFC 7523).
    Assertion {
        /// The client.
        client_id: ClientIdentifier,
        /// What is to be checked.
        assertion: Box<Assertion>,
    },
}

impl ClientAuth {
    /// Returns who claims to ask.
    pub const fn client_id(&self) -> &ClientIdentifier {
        match self {
            Self::None { client_id }
            | Self::SecretBasic { client_id, .. }
            | Self::SecretPost { client_id, .. }
            | Self::Assertion { client_id, .. } => client_id,
        }
    }

    /// Returns the secret that was presented.
    pub const fn secret(&self) -> Option<&Secret> {
        match self {
            Self::None { .. } | Self::Assertion { .. } => None,
            Self::SecretBasic { secret, .. } | Self::SecretPost { secret, .. } => Some(secret),
        }
    }

    /// Reads the `Authorization` header and the parameters of the body.
    pub(crate) fn read(authorization: Option<&str>, form: &Form) -> Result<Self, OAuthError> {
        let (named, posted) = (form.one("client_id")?, form.one("client_secret")?);
        let asserted = form.one("client_assertion")?;
        let kind = form.one("client_assertion_type")?;
        if asserted.is_some() || kind.is_some() {
            // One that is there has to hold, whether or not the client could do without.
            let read = Self::asserted(asserted, kind, named)?;
            return if authorization.is_some() || posted.is_some() {
                Err(two_ways())
            } else {
                Ok(read)
            };
        }
        let (id, secret, made): (_, _, fn(_, _) -> Self) = match (authorization, posted) {
            (Some(_), Some(_)) => {
                return Err(two_ways());
            }
            (Some(header), None) => {
                let (id, secret) = basic(header).ok_or_else(|| {
                    invalid_client("the Authorization header is not Basic with an id and a secret")
                })?;
                if named.is_some_and(|name| name != id) {
                    return Err(invalid_request(
                        "client_id differs from the Authorization header",
                    ));
                }
                let secret = (!secret.expose().is_empty()).then_some(secret);
                (id, secret, |client_id, secret| Self::SecretBasic {
                    client_id,
                    secret,
                })
            }
            (None, posted) => {
                let id = named.ok_or_else(|| invalid_client("client_id is missing"))?;
                let secret = posted.map(|secret| Secret::new(secret.to_owned()));
                (id.to_owned(), secret, |client_id, secret| {
                    Self::SecretPost { client_id, secret }
                })
            }
        };
        let client_id = id.parse().map_err(|_| invalid_client("unknown client"))?;
        Ok(match secret {
            Some(secret) => made(client_id, secret),
            None => Self::None { client_id },
        })
    }

    /// Reads an assertion. A `client_id` beside it must be the same client (RFC
    /// 7521 section 4.2).
    fn asserted(
        text: Option<&str>,
        kind: Option<&str>,
        named: Option<&str>,
    ) -> Result<Self, OAuthError> {
        let text = text
            .filter(|_| kind == Some(ASSERTION_TYPE))
            .ok_or(InvalidAssertion::Type)?;
        let assertion = Assertion::parse(text)?;
        if named.is_some_and(|name| name != assertion.client_id()) {
            return Err(InvalidAssertion::Client.into());
        }
        let client_id = assertion.client_id().parse();
        Ok(Self::Assertion {
            client_id: client_id.map_err(|_| invalid_client("unknown client"))?,
            assertion: Box::new(assertion),
        })
    }
}

fn two_ways() -> OAuthError {
    invalid_request("the client authenticates in two ways at once")
}

/// Reads `Basic base64(id:secret)`; both halves are form-encoded first (RFC 6749
/// section 2.3.1).
fn basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = Zeroizing::new(STANDARD.decode(credentials.trim()).ok()?);
    let colon = plain.iter().position(|b| *b == b':')?;
    Some((
        decode(&plain[..colon])?,
        Secret::new(decode(&plain[colon + 1..])?),
    ))
}

pub(crate) fn invalid_client(why: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, why)
}
