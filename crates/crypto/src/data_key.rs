//! The key of one person's data.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE};
use fernet::Fernet;
use picard_domain::{Entropy, Plaintext};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{CryptoError, Sealer};

/// The key of one person's data: 32 bytes that are a Fernet key.
///
/// Texts are Fernet, so that they outlive this program. Everything else (the
/// vectors) is sealed with a key derived from it, so that neither cipher ever
/// sees the other's key.
#[derive(Clone)]
pub struct DataKey {
    secret: Zeroizing<[u8; 32]>,
    fernet: Fernet,
    sealer: Sealer,
}

impl DataKey {
    /// Makes a new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::from_bytes(Zeroizing::new(entropy.bytes()))
    }

    /// Takes the 32 bytes of a key.
    pub fn from_bytes(secret: Zeroizing<[u8; 32]>) -> Self {
        let text = Zeroizing::new(URL_SAFE.encode(*secret));
        let fernet = Fernet::new(&text).expect("32 bytes are a Fernet key");
        let sealer = Sealer::new(&*secret, "data key");
        Self {
            secret,
            fernet,
            sealer,
        }
    }

    /// Shows the 32 bytes, to be wrapped by the keyring.
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Shows the key as every Fernet implementation reads it: padded base64url.
    pub fn to_fernet_key(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE.encode(*self.secret))
    }

    /// Encrypts a text as a Fernet token.
    pub fn fernet_encrypt(&self, text: &str) -> String {
        self.fernet.encrypt(text.as_bytes())
    }

    /// Decrypts a Fernet token, made by this program or another.
    ///
    /// A token made "in the future" is read like any other: memories have no
    /// time to live here, and with the crate's own check a clock set back by
    /// two minutes would make the newest memories unreadable.
    pub fn fernet_decrypt(&self, token: &str) -> Result<Plaintext, CryptoError> {
        /// The last instant at which the check of 60 s of skew does not overflow.
        const END_OF_TIME: u64 = u64::MAX - 60;
        let plain = self
            .fernet
            .decrypt_at_time(token, None, END_OF_TIME)
            .map_err(|_| CryptoError::Refused)?;
        String::from_utf8(plain)
            .map(Plaintext::new)
            .map_err(|not_text| {
                not_text.into_bytes().zeroize();
                CryptoError::NotText
            })
    }

    /// Encrypts bytes; `aad` names the place where they belong and must be the
    /// same to open. 40 bytes longer than `plain`.
    pub fn seal(&self, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.sealer.seal(entropy, aad, plain)
    }

    /// Decrypts what [`Self::seal`] made for the same `aad`.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        self.sealer.open(aad, sealed)
    }

    /// Names data for the purpose `label`: always the same name, from which
    /// nobody without the key can tell what it names (HMAC-SHA256).
    pub fn name(&self, label: &str, data: &[u8]) -> [u8; 32] {
        self.sealer.mac(label, data)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

impl ZeroizeOnDrop for DataKey {}
