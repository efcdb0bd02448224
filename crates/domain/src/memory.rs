//! A memory, who may read it, and until when it holds.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Instant, MemoryId, Plaintext, UserId};

/// Who may read a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Permission {
    /// Only its owner.
    #[default]
    Private,
    /// Whoever queries the owner's persona.
    Public,
}

/// A word that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is neither \"private\" nor \"public\"")]
pub struct InvalidPermission;

impl Permission {
    /// Returns the word: `private` or `public`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = InvalidPermission;

    fn from_str(word: &str) -> Result<Self, InvalidPermission> {
        match word {
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            _ => Err(InvalidPermission),
        }
    }
}

impl TryFrom<String> for Permission {
    type Error = InvalidPermission;

    fn try_from(word: String) -> Result<Self, InvalidPermission> {
        word.parse()
    }
}

/// Something that a person wants remembered, decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Names it within its user.
    pub id: MemoryId,
    /// Its owner.
    pub user_id: UserId,
    /// What is remembered.
    pub text: Plaintext,
    /// Who may read it.
    pub permission: Permission,
    /// The instant from which on it is no longer valid.
    pub expiration_date: Option<Instant>,
    /// When it was first stored.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl Memory {
    /// Tells whether the memory is no longer valid: from its expiration date on.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expiration_date.is_some_and(|end| end <= now)
    }
}

/// What a list shows of expired memories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Expired {
    /// Only valid memories.
    #[default]
    Exclude,
    /// Valid and expired ones.
    Include,
    /// Only expired ones.
    Only,
}

/// A word that says nothing about expired memories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is none of \"exclude\", \"include\" and \"only\"")]
pub struct InvalidExpired;

impl TryFrom<String> for Expired {
    type Error = InvalidExpired;

    fn try_from(word: String) -> Result<Self, InvalidExpired> {
        match word.as_str() {
            "exclude" => Ok(Self::Exclude),
            "include" => Ok(Self::Include),
            "only" => Ok(Self::Only),
            _ => Err(InvalidExpired),
        }
    }
}

/// Which memories of a person a list or a search is about.
///
/// Filters are applied before ranking, so a limit is filled whenever enough
/// memories pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MemoryFilter {
    /// Only those that these may read; `None` for both.
    pub permission: Option<Permission>,
    /// What to do with expired ones. Searches always exclude them.
    pub expired: Expired,
    /// Only those that expire before this instant.
    pub expires_before: Option<Instant>,
    /// Only those that expire at or after this instant.
    pub expires_after: Option<Instant>,
}

impl MemoryFilter {
    /// Tells whether a memory with this permission and expiration passes at `now`.
    pub fn admits(&self, permission: Permission, expires: Option<Instant>, now: Instant) -> bool {
        let expired = expires.is_some_and(|end| end <= now);
        self.permission.is_none_or(|wanted| wanted == permission)
            && match self.expired {
                Expired::Exclude => !expired,
                Expired::Include => true,
                Expired::Only => expired,
            }
            && self
                .expires_before
                .is_none_or(|bound| expires.is_some_and(|end| end < bound))
            && self
                .expires_after
                .is_none_or(|bound| expires.is_some_and(|end| end >= bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_expired_from_its_expiration_date_on() {
        let end = Instant::from_micros(1_000);
        let filter = MemoryFilter::default();
        assert!(filter.admits(Permission::Private, Some(end), Instant::from_micros(999)));
        assert!(!filter.admits(Permission::Private, Some(end), end));
        let only = MemoryFilter {
            expired: Expired::Only,
            ..filter
        };
        assert!(only.admits(Permission::Private, Some(end), end));
    }

    #[test]
    fn a_memory_without_expiration_passes_no_bound_on_it() {
        let filter = MemoryFilter {
            expires_after: Some(Instant::from_micros(0)),
            ..Default::default()
        };
        assert!(!filter.admits(Permission::Public, None, Instant::from_micros(5)));
    }
}
