//! Text that must not reach a log: codes, verifiers, tokens, client secrets.

use std::fmt;

use picard_crypto::{Zeroizing, constant_time_eq};
use serde::{Deserialize, Deserializer, Serializer};

/// A text whose `Debug` does not show it, that has no `Serialize`, compares in
/// constant time and is overwritten when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Shows the text: every call is a place where it leaves its wrapper.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Writes the text into an answer that exists to carry it.
    pub(crate) fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }

    /// The same for one that may be absent.
    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(crate) fn serialize_some<S: Serializer>(
        secret: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match secret {
            Some(secret) => serializer.serialize_some(secret.expose()),
            None => serializer.serialize_none(),
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
