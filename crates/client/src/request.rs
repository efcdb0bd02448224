//! What the tools are asked for: one type per tool, with the absent fields left out.

use picard_domain::{Expired, Instant, MemoryId, Permission, UserId};
use serde::{Serialize, Serializer};

/// A memory to store (`submit_memory`).
#[derive(Clone, Copy, Serialize)]
pub struct NewMemory<'a> {
    /// 1 character to 64 KiB of UTF-8.
    pub text: &'a str,
    /// Who may read it.
    pub permission: Permission,
    /// The instant from which on it is no longer valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Instant>,
}

impl<'a> NewMemory<'a> {
    /// A private memory that does not expire.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            permission: Permission::Private,
            expiration_date: None,
        }
    }
}

/// What a change does to the expiration of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiration {
    /// It stays what it is.
    #[default]
    Keep,
    /// The memory is valid without end.
    Never,
    /// It is no longer valid from this instant on.
    At(Instant),
}

impl Expiration {
    fn is_kept(&self) -> bool {
        *self == Self::Keep
    }
}

impl Serialize for Expiration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Never => serializer.serialize_none(),
            Self::At(instant) => instant.serialize(serializer),
        }
    }
}

/// A change of a memory (`update_memory`).
#[derive(Clone, Copy, Default, Serialize)]
pub struct MemoryChange<'a> {
    /// The new text, or `None` to keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<&'a str>,
    /// The new permission, or `None` to keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
    /// What becomes of the expiration.
    #[serde(
        rename = "expiration_date",
        skip_serializing_if = "Expiration::is_kept"
    )]
    pub expiration: Expiration,
    /// The `updated_at` that was read: when the memory has changed since, the
    /// answer is [`Error::Conflict`](crate::Error::Conflict) and nothing happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_updated_at: Option<Instant>,
}

/// Which memories to list (`get_memories`). The default is one page of all
/// valid ones.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ListMemories {
    /// Only those that these may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
    /// Whether expired ones are shown.
    pub expired: Expired,
    /// Only those that expire before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<Instant>,
    /// Only those that expire at or after this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Instant>,
    /// Another person's public memories instead of the own ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// How many at most: 1 to 200; the server's default is 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where to go on: [`MemoryPage::next_cursor`](crate::MemoryPage::next_cursor)
    /// of the page before, with the same filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A search by meaning in the own memories (`query_memory`).
#[derive(Clone, Copy, Default, Serialize)]
pub struct Query<'a> {
    /// What to look for, in any words and any language.
    pub query: &'a str,
    /// How many at most: 1 to 100; the server's default is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those that these may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
    /// Only those that expire before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_before: Option<Instant>,
    /// Only those that expire at or after this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Instant>,
}

impl<'a> Query<'a> {
    /// A search without filters.
    pub fn new(query: &'a str) -> Self {
        Self {
            query,
            ..Self::default()
        }
    }
}

/// A question about a person (`query_user`).
#[derive(Clone, Copy, Serialize)]
pub struct PersonaQuery<'a> {
    /// Whose persona: a UUID or a handle.
    #[serde(rename = "user_id")]
    pub user: &'a str,
    /// What to rank the memories by; `None` for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<&'a str>,
    /// How many at most; `None` for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `get_memories` of one.
#[derive(Serialize)]
pub(crate) struct OneMemory {
    pub(crate) memory_id: MemoryId,
}

/// `update_memory` on the wire.
#[derive(Serialize)]
pub(crate) struct UpdateMemory<'a> {
    pub(crate) memory_id: MemoryId,
    #[serde(flatten)]
    pub(crate) change: MemoryChange<'a>,
}

/// `modify_permissions`.
#[derive(Serialize)]
pub(crate) struct ModifyPermissions {
    pub(crate) memory_id: MemoryId,
    pub(crate) permission: Permission,
}

/// `delete_memory`.
#[derive(Serialize)]
pub(crate) struct DeleteMemory {
    pub(crate) memory_id: MemoryId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(change: &MemoryChange<'_>) -> String {
        serde_json::to_string(change).expect("plain data")
    }

    #[test]
    fn an_expiration_is_kept_cleared_or_set() {
        let change = MemoryChange::default();
        assert_eq!(wire(&change), "{}");
        let change = MemoryChange {
            expiration: Expiration::Never,
            ..change
        };
        assert_eq!(wire(&change), r#"{"expiration_date":null}"#);
        let end = "2025-12-31T23:59:59Z".parse().expect("an instant");
        let change = MemoryChange {
            expiration: Expiration::At(end),
            ..change
        };
        assert_eq!(
            wire(&change),
            r#"{"expiration_date":"2025-12-31T23:59:59Z"}"#
        );
    }
}
