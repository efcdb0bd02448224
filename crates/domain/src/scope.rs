//! What an application may do: the scopes of OAuth (RFC 6749 section 3.3).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One thing that an application may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `memories:read`: find and read memories, query personas.
    Read,
    /// `memories:write`: store, change and delete memories; implies read.
    Write,
    /// `memories:admin`: everything; implies write.
    Admin,
}

/// A word that is no scope of this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a scope; there are memories:read, memories:write and memories:admin")]
pub struct InvalidScope(pub String);

impl Scope {
    /// All scopes, weakest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// Returns the name used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "memories:read",
            Self::Write => "memories:write",
            Self::Admin => "memories:admin",
        }
    }

    /// Says in words what is allowed, for the consent page.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Read => "Read and search your memories, and query personas",
            Self::Write => "Store, change and delete your memories",
            Self::Admin => "Full control over your memories",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(word: &str) -> Result<Self, InvalidScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == word)
            .ok_or_else(|| InvalidScope(word.to_owned()))
    }
}

/// A set of scopes, in text a list separated by single spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);

    /// Returns the set without the order of its parts: read and write.
    pub const fn read_write() -> Self {
        Self(Self::bit(Scope::Read) | Self::bit(Scope::Write))
    }

    /// Returns every scope there is.
    pub const fn all() -> Self {
        Self(Self::bit(Scope::Read) | Self::bit(Scope::Write) | Self::bit(Scope::Admin))
    }

    /// Adds one scope.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | Self::bit(scope))
    }

    /// Tells whether the set was granted this scope by name.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    /// Tells whether the set allows what `scope` is for: admin implies write,
    /// write implies read.
    pub fn allows(self, scope: Scope) -> bool {
        self.iter().any(|held| held >= scope)
    }

    /// Tells whether everything that `wanted` allows is allowed by this set.
    pub fn covers(self, wanted: Self) -> bool {
        wanted.iter().all(|scope| self.allows(scope))
    }

    /// Tells whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes by name, weakest first.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }

    const fn bit(scope: Scope) -> u8 {
        1 << scope as u8
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            scope.fmt(f)?;
        }
        Ok(())
    }
}

/// Reads names separated by spaces; repeated ones count once. `offline_access`
/// is accepted and dropped, since every grant has a refresh token.
impl FromStr for Scopes {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        text.split(' ')
            .filter(|word| !word.is_empty() && *word != "offline_access")
            .map(str::parse)
            .collect()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_implies_write_implies_read() {
        let admin = Scopes::NONE.with(Scope::Admin);
        assert!(admin.allows(Scope::Read) && admin.allows(Scope::Write));
        assert!(!Scopes::NONE.with(Scope::Read).allows(Scope::Write));
        assert!(admin.covers(Scopes::read_write()));
        assert!(!Scopes::read_write().covers(admin));
    }

    #[test]
    fn text_is_sorted_and_without_repeats() {
        let scopes: Scopes = "memories:write  memories:read memories:write offline_access"
            .parse()
            .expect("known scopes");
        assert_eq!(scopes.to_string(), "memories:read memories:write");
    }

    #[test]
    fn an_unknown_scope_is_named() {
        for text in [
            "memories:delete",
            "memories:read\tmemories:write",
            "memories:réad",
        ] {
            assert!(text.parse::<Scopes>().is_err(), "{text}");
        }
    }
}
