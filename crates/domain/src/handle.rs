//! The unique name of a person.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The unique name of a person: 2 to 32 of `a-z 0-9 _ - .`, starting with a
/// letter or digit. Upper case is folded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(String);

/// A text that cannot be a handle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 2 to 32 letters a-z, digits, dots, dashes or underscores, and start with a letter or digit"
)]
pub struct InvalidHandle;

impl Handle {
    /// Returns the handle.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Handle {
    type Err = InvalidHandle;

    fn from_str(text: &str) -> Result<Self, InvalidHandle> {
        let folded = text.trim().to_ascii_lowercase();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b);
        let starts = folded
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if (2..=32).contains(&folded.len()) && starts && folded.bytes().all(allowed) {
            Ok(Self(folded))
        } else {
            Err(InvalidHandle)
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_folded_to_lower_case() {
        assert_eq!(
            "Jean-Luc".parse::<Handle>().map(|h| h.to_string()),
            Ok("jean-luc".into())
        );
    }

    #[test]
    fn what_could_be_mistaken_is_no_handle() {
        for text in ["", "a", "-a", "a b", "ünal", "a/b", &"a".repeat(33)] {
            assert_eq!(text.parse::<Handle>(), Err(InvalidHandle), "{text}");
        }
    }
}
