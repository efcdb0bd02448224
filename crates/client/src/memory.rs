//! The things that the tools speak of, as a client sees them.

use picard_domain::{Handle, Instant, MemoryId, Permission, Plaintext, UserId};
use serde::{Deserialize, Deserializer};

/// A memory as the server tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Memory {
    /// Names it within its user.
    pub id: MemoryId,
    /// Its owner.
    pub user_id: UserId,
    /// What is remembered. It prints as its length only.
    #[serde(deserialize_with = "plaintext")]
    pub text: Plaintext,
    /// Who may read it.
    pub permission: Permission,
    /// The instant from which on it is no longer valid.
    pub expiration_date: Option<Instant>,
    /// Whether that instant had passed on the server's clock.
    pub expired: bool,
    /// When it was first stored.
    pub created_at: Instant,
    /// When it was last changed. Pass it to [`MemoryChange::expected_updated_at`]
    /// to change exactly what was read.
    ///
    /// [`MemoryChange::expected_updated_at`]: crate::MemoryChange::expected_updated_at
    pub updated_at: Instant,
}

/// A memory that was found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Hit {
    /// The memory.
    #[serde(flatten)]
    pub memory: Memory,
    /// How well it fits the query: 0 to 1. `None` when nothing was asked for.
    #[serde(default)]
    pub score: Option<f32>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Found {
    /// The memories that fit best, the best first.
    pub memories: Vec<Hit>,
    /// What to know about how they were found; mostly nothing.
    #[serde(default)]
    pub notices: Vec<Notice>,
}

/// Something to know about how an answer was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Notice {
    /// The kind: `query_truncated`, or one that a newer server knows.
    pub code: String,
    /// What it means, in a sentence for people.
    pub message: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MemoryPage {
    /// Newest first.
    pub memories: Vec<Memory>,
    /// Leads to the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// A person as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Person {
    /// The person's UUID.
    pub id: UserId,
    /// The unique name.
    pub handle: Handle,
    /// The name to show.
    pub name: String,
}

/// What is known of a person: the answer to a persona query.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Persona {
    /// Whose persona.
    pub user: Person,
    /// What was asked for, if anything.
    #[serde(default)]
    pub prompt: Option<String>,
    /// Valid memories: all of them, or the most similar to the prompt first.
    pub memories: Vec<Hit>,
    /// How many valid memories the persona has in all.
    pub total: u64,
    /// What to know about how they were found; mostly nothing.
    #[serde(default)]
    pub notices: Vec<Notice>,
}

fn plaintext<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Plaintext, D::Error> {
    String::deserialize(deserializer).map(Plaintext::new)
}
