//! Identifiers: a type for each thing, so that one cannot stand for another.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Entropy, Instant};

/// A string that is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a UUID")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $made:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "Uuid", try_from = "String")]
        pub struct $name(Uuid);

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl $name {
            /// Wraps a UUID that is known to name such a thing.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Returns the UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            ids!(@made $made);
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )*};
    (@made random) => {
        /// Makes a new random id (UUID version 4).
        pub fn random(entropy: &dyn Entropy) -> Self {
            Self(uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid())
        }
    };
    (@made ordered) => {
        /// Makes a new id whose order is that of creation (UUID version 7).
        pub fn ordered(now: Instant, entropy: &dyn Entropy) -> Self {
            let millis = u64::try_from(now.micros() / 1000).unwrap_or(0);
            Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid())
        }
    };
}

ids! {
    /// A person with an account on the server.
    UserId random;
    /// An OAuth client: an application that may ask people for access.
    ClientId random;
    /// A memory. Unique within its user.
    MemoryId ordered;
    /// What a person granted to a client: the root of one family of tokens.
    GrantId ordered;
    /// A browser session of a person.
    SessionId ordered;
    /// An entry of a person's audit trail. Unique within its user.
    EventId ordered;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_is_no_uuid_is_refused() {
        assert_eq!("me".parse::<UserId>(), Err(InvalidId));
    }

    #[test]
    fn display_and_parse_are_inverse() {
        let id = UserId::from_uuid(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
