//! The names of a person: a unique handle, and a name to show.

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

/// The name of a person or an application as it is shown: 1 to 80 characters
/// without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DisplayName(String);

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 80 characters, none of them a control character")]
pub struct InvalidName;

impl DisplayName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let name = text.trim();
        // Bidirectional overrides would let one name look like another on the consent page.
        let bidi = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let bad = |c: char| c.is_control() || bidi(c);
        if (1..=80).contains(&name.chars().count()) && !name.chars().any(bad) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidName)
        }
    }
}

impl fmt::Display for DisplayName {
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

    #[test]
    fn a_name_has_no_control_characters_or_overrides() {
        assert!("Ünal Ö.".parse::<DisplayName>().is_ok());
        for text in ["", "a\nb", "a\u{202e}b"] {
            assert_eq!(text.parse::<DisplayName>(), Err(InvalidName), "{text:?}");
        }
    }
}
