//! The master keys, and data keys wrapped by them.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_domain::Entropy;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{CryptoError, DataKey, Sealer, sha256};

const WRAP: &str = "wrap data keys";

/// The name of a master key: the first 8 bytes of a hash of it, as 16 hex digits.
///
/// It follows from the key, so a wrong key never passes for another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 16 hexadecimal digits")]
pub struct InvalidKeyId;

impl KeyId {
    fn of(key: &[u8; 32]) -> Self {
        let named = Zeroizing::new([b"picard key id", &key[..]].concat());
        Self(sha256(&named)[..8].try_into().expect("a hash has 32 bytes"))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidKeyId);
        }
        let id = u64::from_str_radix(text, 16).map_err(|_| InvalidKeyId)?;
        Ok(Self(id.to_be_bytes()))
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A data key, encrypted by the master key that is named beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The master key that opens it.
    pub key_id: KeyId,
    /// The sealed data key.
    pub bytes: Vec<u8>,
}

/// Why a text is no keyring. The keys themselves are never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no key in it.
    #[error("there is no key; a keyring needs at least one of 32 bytes in base64url")]
    Empty,
    /// A key does not decode to 32 bytes.
    #[error("key {0} is not 32 bytes in base64url")]
    NotAKey(usize),
    /// A key is one byte repeated: a placeholder that anyone can guess.
    #[error("key {0} is one byte repeated, so anyone can guess it; generate a random one")]
    Weak(usize),
    /// A key is there twice.
    #[error("key {0} is in the keyring twice")]
    Twice(usize),
}

/// The master keys: the first one encrypts, all of them decrypt.
///
/// Rotation without a pause: put a new key behind the active one on every node,
/// then in front, then re-wrap each data key ([`Self::rewrap`]), then drop the old.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<MasterKey>,
}

#[derive(Clone)]
struct MasterKey {
    id: KeyId,
    secret: Zeroizing<[u8; 32]>,
    sealer: Sealer,
}

impl MasterKey {
    fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        let sealer = Sealer::new(&*secret, WRAP);
        Self {
            id: KeyId::of(&secret),
            secret,
            sealer,
        }
    }
}

impl Keyring {
    /// Makes a keyring of one random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self {
            keys: vec![MasterKey::new(Zeroizing::new(entropy.bytes()))],
        }
    }

    /// Reads keys separated by commas or white space, each 32 bytes in base64url
    /// with or without padding. A line that starts with `#` is a comment.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let words = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
            .filter(|word| !word.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for (n, word) in (1..).zip(words) {
            let secret = decode(word).ok_or(KeyringError::NotAKey(n))?;
            if secret.iter().all(|byte| *byte == secret[0]) {
                return Err(KeyringError::Weak(n));
            }
            let key = MasterKey::new(secret);
            if keys.iter().any(|known| known.id == key.id) {
                return Err(KeyringError::Twice(n));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            Err(KeyringError::Empty)
        } else {
            Ok(Self { keys })
        }
    }

    /// Writes the keys as [`Self::parse`] reads them, one a line.
    pub fn to_text(&self) -> Zeroizing<String> {
        // With room for every key, the text never moves and leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(64 * self.keys.len()));
        for key in &self.keys {
            URL_SAFE_NO_PAD.encode_string(*key.secret, &mut text);
            text.push('\n');
        }
        text
    }

    /// Returns the keyring with a new random key in front of the others.
    #[must_use]
    pub fn rotated(&self, entropy: &dyn Entropy) -> Self {
        let new = MasterKey::new(Zeroizing::new(entropy.bytes()));
        Self {
            keys: [std::slice::from_ref(&new), &self.keys].concat(),
        }
    }

    /// Returns the keyring with the active key alone, for when nothing is
    /// wrapped by another one any more.
    #[must_use]
    pub fn active_only(&self) -> Self {
        Self {
            keys: self.keys[..1].to_vec(),
        }
    }

    /// The names of all keys, the active one first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(|key| key.id).collect()
    }

    /// Returns the name of the key that encrypts.
    pub fn active(&self) -> KeyId {
        self.keys[0].id
    }

    /// Encrypts a data key with the active key; `aad` names its owner.
    pub fn wrap(&self, entropy: &dyn Entropy, key: &DataKey, aad: &[u8]) -> Wrapped {
        let active = &self.keys[0];
        Wrapped {
            key_id: active.id,
            bytes: active.sealer.seal(entropy, aad, key.expose()),
        }
    }

    /// Decrypts a data key that was wrapped for the same `aad`.
    pub fn unwrap(&self, wrapped: &Wrapped, aad: &[u8]) -> Result<DataKey, CryptoError> {
        let master = self
            .keys
            .iter()
            .find(|key| key.id == wrapped.key_id)
            .ok_or(CryptoError::UnknownKey(wrapped.key_id))?;
        let plain = master.sealer.open(aad, &wrapped.bytes)?;
        let secret: &[u8; 32] = plain[..].try_into().map_err(|_| CryptoError::Refused)?;
        Ok(DataKey::from_bytes(Zeroizing::new(*secret)))
    }

    /// Wraps a data key anew if another key than the active one wrapped it;
    /// `None` when there is nothing to do.
    pub fn rewrap(
        &self,
        entropy: &dyn Entropy,
        wrapped: &Wrapped,
        aad: &[u8],
    ) -> Result<Option<Wrapped>, CryptoError> {
        if wrapped.key_id == self.active() {
            return Ok(None);
        }
        self.unwrap(wrapped, aad)
            .map(|key| Some(self.wrap(entropy, &key, aad)))
    }

    /// Returns a sealer of the master keys for one purpose, shared by all nodes:
    /// the active key makes, all of them open.
    pub fn sealer(&self, label: &str) -> Sealer {
        let label = format!("keyring {label}");
        let first = Sealer::new(&*self.keys[0].secret, &label);
        self.keys[1..]
            .iter()
            .fold(first, |sealer, key| sealer.or(&*key.secret, &label))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.key_ids()).finish()
    }
}

impl ZeroizeOnDrop for Keyring {}

fn decode(word: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    let decoded = URL_SAFE_NO_PAD.decode_slice(word.trim_end_matches('='), &mut *secret);
    (decoded == Ok(32)).then_some(secret)
}
