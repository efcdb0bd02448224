//! Why a value could not be opened.

use crate::KeyId;

/// Why a value could not be opened.
///
/// Nothing here tells a wrong key from an altered value: the ciphers cannot,
/// and a caller must treat both as damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The master key that wrapped the data key is not in the keyring.
    #[error("master key {0} is not in the keyring; add it to PICARD_KEYS behind the active key")]
    UnknownKey(KeyId),
    /// The value was altered, cut, or sealed for another key, owner or place.
    #[error("the value was altered, or belongs to another key or place")]
    Refused,
    /// The value opened, but what was inside is no text.
    #[error("the value opened, but holds no UTF-8")]
    NotText,
}
