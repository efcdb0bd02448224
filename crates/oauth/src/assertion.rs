//! `private_key_jwt`: a client proves who it is by an assertion that it signed
//! (RFC 7523 section 3, `OpenID` Connect Core section 9).
//!
//! Read and check first ([`Assertion::parse`], [`Assertion::check`]), which
//! costs nothing; then get the client's keys and [`Assertion::verify`]. That it
//! is used once is the caller's part, by [`Proof::jti_digest`].

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_crypto::{SignatureAlgorithm, sha256};
use picard_domain::{Instant, Span};
use serde::{Deserialize, de::IgnoredAny};

use crate::{ErrorCode, OAuthError, jwks::KeySet};

/// What `client_assertion_type` must say.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The algorithms that are offered, by their names in the metadata.
pub const ALGORITHMS: [&str; 2] = [
    SignatureAlgorithm::Rs256.as_str(),
    SignatureAlgorithm::Es256.as_str(),
];

/// Returns the names by which an assertion may call this server: its issuer, and
/// its token endpoint (RFC 7523 section 3 allows both, and clients use both).
pub fn audiences(issuer: &str) -> [String; 2] {
    [
        issuer.to_owned(),
        format!("{issuer}{}", crate::metadata::TOKEN),
    ]
}

/// How far clocks may differ.
const SKEW: Span = Span::seconds(30);
/// How far ahead an assertion may expire: so long it has to be remembered.
const AHEAD: Span = Span::minutes(10);

/// An assertion that is well formed. Nothing in it is proved yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion {
    signed: String,
    signature: Vec<u8>,
    algorithm: SignatureAlgorithm,
    kid: Option<String>,
    claims: Claims,
}

/// What a good assertion leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The digest of who signed and of the assertion's own id: it may come once.
    pub jti_digest: [u8; 32],
    /// From when on it would be refused anyway.
    pub expires_at: Instant,
}

/// Why an assertion proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAssertion {
    /// Another `client_assertion_type`, or only one of the two parameters.
    #[error("client_assertion needs the client_assertion_type {ASSERTION_TYPE}")]
    Type,
    /// Not a JWT of three parts with the claims that must be there.
    #[error("the assertion is no signed JWT with iss, sub, aud, exp and jti")]
    Malformed,
    /// `none`, a shared secret, or another one that is not offered.
    #[error("the assertion must be signed with RS256 or ES256")]
    Algorithm,
    /// Critical extensions, or a token of another kind.
    #[error("the assertion has a crit or typ in its header that is not understood")]
    Header,
    /// `iss`, `sub` and `client_id` are not one.
    #[error("iss and sub of the assertion must both be the client_id")]
    Client,
    /// Meant for another server.
    #[error(
        "aud of the assertion must be this server's issuer or token endpoint, and nothing else"
    )]
    Audience,
    /// Ended, or not begun yet.
    #[error("the assertion has expired, or is not valid yet")]
    Time,
    /// Would be good for too long.
    #[error("the assertion expires more than 10 minutes from now")]
    TooLong,
    /// Its key is not among the client's.
    #[error("the key of the assertion is not one of the client's")]
    UnknownKey,
    /// Somebody else signed it.
    #[error("the signature of the assertion is wrong")]
    Signature,
}

impl From<InvalidAssertion> for OAuthError {
    fn from(why: InvalidAssertion) -> Self {
        Self::new(ErrorCode::InvalidClient, why.to_string())
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Seconds,
    nbf: Option<Seconds>,
    iat: Option<Seconds>,
    jti: String,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// A `NumericDate`, which may have a fraction (RFC 7519 section 2).
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "f64")]
struct Seconds(Instant);

impl Assertion {
    /// The most bytes of an assertion: RSA keys of 4096 bits and a long id fit.
    pub const MAX_BYTES: usize = 8 * 1024;
    /// The most bytes of its id.
    const MAX_JTI: usize = 512;

    /// Reads `client_assertion`. The algorithm must be one of two, whatever keys
    /// the client has, and keys in the header (`jwk`, `jku`, `x5c`) are not looked at.
    pub fn parse(text: &str) -> Result<Self, InvalidAssertion> {
        let malformed = InvalidAssertion::Malformed;
        if text.len() > Self::MAX_BYTES {
            return Err(malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed)?;
        let algorithm =
            SignatureAlgorithm::by_name(&header.alg).ok_or(InvalidAssertion::Algorithm)?;
        let is_assertion = |typ: &str| {
            typ.eq_ignore_ascii_case("jwt") || typ.eq_ignore_ascii_case("client-authentication+jwt")
        };
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_assertion) {
            return Err(InvalidAssertion::Header);
        }
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| malformed)?;
        if claims.jti.is_empty() || claims.jti.len() > Self::MAX_JTI {
            return Err(malformed);
        }
        if claims.iss != claims.sub {
            return Err(InvalidAssertion::Client);
        }
        Ok(Self {
            signature: decode(signature)?,
            signed: signed.to_owned(),
            algorithm,
            kid: header.kid,
            claims,
        })
    }

    /// Returns who it says it is from.
    pub fn client_id(&self) -> &str {
        &self.claims.sub
    }

    /// Checks everything but the signature: that it is meant for this server
    /// (`audiences`: all the names of it, and every `aud` must be one of them),
    /// and now.
    pub fn check(&self, audiences: &[String], now: Instant) -> Result<(), InvalidAssertion> {
        let ours = |aud: &String| audiences.contains(aud);
        let meant = match &self.claims.aud {
            Audience::One(aud) => ours(aud),
            Audience::Many(all) => !all.is_empty() && all.iter().all(ours),
        };
        if !meant {
            return Err(InvalidAssertion::Audience);
        }
        let after = |seconds: Seconds| seconds.0 > now + SKEW;
        let begun = !self.claims.nbf.is_some_and(after) && !self.claims.iat.is_some_and(after);
        if !begun || now >= self.expires_at() {
            return Err(InvalidAssertion::Time);
        }
        if self.claims.exp.0 > now + AHEAD {
            return Err(InvalidAssertion::TooLong);
        }
        Ok(())
    }

    /// Checks the signature with the keys of the client.
    pub fn verify(&self, keys: &KeySet) -> Result<Proof, InvalidAssertion> {
        let keys = keys.find(self.kid.as_deref(), self.algorithm);
        if keys.is_empty() {
            return Err(InvalidAssertion::UnknownKey);
        }
        let message = self.signed.as_bytes();
        if !keys
            .iter()
            .any(|key| key.verifies(message, &self.signature))
        {
            return Err(InvalidAssertion::Signature);
        }
        let named = format!("{}\n{}", self.claims.sub, self.claims.jti);
        Ok(Proof {
            jti_digest: sha256(named.as_bytes()),
            expires_at: self.expires_at(),
        })
    }

    fn expires_at(&self) -> Instant {
        self.claims.exp.0 + SKEW
    }
}

impl From<f64> for Seconds {
    /// What is out of range is just far in the past or the future.
    fn from(seconds: f64) -> Self {
        const FAR: f64 = 1e12;
        Self(Instant::from_micros(
            (seconds.clamp(-FAR, FAR) * 1e6) as i64,
        ))
    }
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assertion(..)")
    }
}
