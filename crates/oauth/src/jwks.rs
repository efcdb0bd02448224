//! A client's public keys: JWK Sets (RFC 7517).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_crypto::{SignatureAlgorithm, VerifyingKey};
use serde::{Deserialize, de::IgnoredAny};

/// The public keys of a client that can be used here. The others in the set (of
/// another type, for encryption, malformed, shared secrets, private keys that
/// everybody can read) are left out, as section 5 says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<NamedKey>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedKey {
    kid: Option<String>,
    key: VerifyingKey,
}

/// Why bytes are no set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// More bytes than [`KeySet::MAX_BYTES`].
    #[error("is longer than {} bytes", KeySet::MAX_BYTES)]
    TooLong,
    /// Not a JSON object with a list of keys.
    #[error("is not a JWK Set")]
    NotASet,
    /// More keys than [`KeySet::MAX_KEYS`].
    #[error("has more than {} keys", KeySet::MAX_KEYS)]
    TooMany,
}

#[derive(Deserialize)]
struct WireSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct WireKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl KeySet {
    /// The most bytes of a set that is fetched: 64 KiB.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The most keys.
    pub const MAX_KEYS: usize = 64;
    /// How many keys of one name are tried. Each try takes time, and whoever sends
    /// an assertion decides how often.
    const MAX_NAMESAKES: usize = 2;

    /// Reads a set. One without a single usable key is read too: no assertion
    /// will verify with it.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidKeySet> {
        if json.len() > Self::MAX_BYTES {
            return Err(InvalidKeySet::TooLong);
        }
        let set: WireSet = serde_json::from_slice(json).map_err(|_| InvalidKeySet::NotASet)?;
        if set.keys.len() > Self::MAX_KEYS {
            return Err(InvalidKeySet::TooMany);
        }
        let keys = set.keys.into_iter().filter_map(usable).collect();
        Ok(Self { keys })
    }

    /// Returns the keys that may have signed under this header: those of exactly
    /// this `kid` and this algorithm. Without a `kid` it must be clear which one
    /// is meant, so the set must have only one of the algorithm.
    pub(crate) fn find(
        &self,
        kid: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Vec<&VerifyingKey> {
        let of_kind = self
            .keys
            .iter()
            .filter(|named| named.key.algorithm() == algorithm);
        let named: Vec<_> = match kid {
            Some(_) => of_kind
                .filter(|named| named.kid.as_deref() == kid)
                .take(Self::MAX_NAMESAKES)
                .collect(),
            None => of_kind.collect(),
        };
        if kid.is_none() && named.len() > 1 {
            return Vec::new();
        }
        named.into_iter().map(|named| &named.key).collect()
    }
}

fn usable(value: serde_json::Value) -> Option<NamedKey> {
    let wire: WireKey = serde_json::from_value(value).ok()?;
    let is_secret = wire.d.is_some() || wire.k.is_some();
    let signs = wire.usage.as_deref().is_none_or(|usage| usage == "sig");
    let verifies = wire
        .key_ops
        .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if is_secret || !signs || !verifies {
        return None;
    }
    let key = match wire.kty.as_str() {
        "RSA" => VerifyingKey::rsa(&number(wire.n)?, &number(wire.e)?),
        "EC" if wire.crv.as_deref() == Some("P-256") => {
            VerifyingKey::p256(&number(wire.x)?, &number(wire.y)?)
        }
        _ => return None,
    }
    .ok()?;
    let meant = wire.alg.is_none_or(|alg| alg == key.algorithm().as_str());
    meant.then_some(NamedKey { kid: wire.kid, key })
}

fn number(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}
