//! What the tools give: the JSON of memories, pages and personas.

use picard_app::{Found, MemoryPage, Notice, Persona, PublicUser};
use picard_domain::{Instant, Memory, MemoryId, Permission, UserId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;

use super::input::PermissionWord;

/// A memory.
#[derive(Serialize, JsonSchema)]
pub(super) struct MemoryView {
    #[schemars(with = "uuid::Uuid")]
    id: MemoryId,
    #[schemars(with = "uuid::Uuid")]
    user_id: UserId,
    text: String,
    #[schemars(with = "PermissionWord")]
    permission: Permission,
    /// From when on it is no longer valid, or null.
    #[schemars(schema_with = "text_or_null")]
    expiration_date: Option<Instant>,
    expired: bool,
    #[schemars(with = "String")]
    created_at: Instant,
    #[schemars(with = "String")]
    updated_at: Instant,
}

/// A memory with its score.
#[derive(Serialize, JsonSchema)]
pub(super) struct FoundView {
    #[serde(flatten)]
    memory: MemoryView,
    /// How close, 0 to 1; absent when nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

/// A page of memories, newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct MemoryPageView {
    memories: Vec<MemoryView>,
    /// Gives the next page when sent as `cursor`; null on the last page.
    #[schemars(schema_with = "text_or_null")]
    next_cursor: Option<String>,
}

/// The memories that fit a query, best first.
#[derive(Serialize, JsonSchema)]
pub(super) struct QueryMemoryView {
    pub(super) query: String,
    pub(super) memories: Vec<FoundView>,
    #[serde(flatten)]
    pub(super) notices: NoticesView,
}

/// What to know about how an answer was found.
#[derive(Serialize, JsonSchema)]
pub(super) struct NoticesView {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "noticed")]
    notices: Vec<NoticeView>,
}

#[derive(Serialize)]
struct NoticeView {
    code: &'static str,
    message: String,
}

/// A person.
#[derive(Serialize, JsonSchema)]
pub(super) struct UserView {
    #[schemars(with = "uuid::Uuid")]
    id: UserId,
    handle: String,
    name: String,
}

/// A persona's answer.
#[derive(Serialize, JsonSchema)]
pub(super) struct PersonaView {
    user: UserView,
    #[schemars(schema_with = "text_or_null")]
    prompt: Option<String>,
    memories: Vec<FoundView>,
    /// How many memories of the persona the caller may see, whatever prompt and limit.
    total: usize,
    #[serde(flatten)]
    notices: NoticesView,
}

/// Confirms a deletion.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeletedView {
    #[schemars(with = "uuid::Uuid")]
    pub(super) id: MemoryId,
    pub(super) deleted: bool,
}

/// In few words: every model reads the list of tools.
fn noticed(_: &mut SchemaGenerator) -> Schema {
    let text = json!({"type": "string"});
    json_schema!({
        "description": "What to know about how they were found.",
        "type": "array",
        "items": {"type": "object", "properties": {"code": text, "message": text}},
    })
}

/// What is always there and may be null.
fn text_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"]})
}

impl MemoryView {
    pub(super) fn new(memory: &Memory, now: Instant) -> Self {
        Self {
            id: memory.id,
            user_id: memory.user_id,
            text: memory.text.expose().to_owned(),
            permission: memory.permission,
            expiration_date: memory.expiration_date,
            expired: memory.is_expired(now),
            created_at: memory.created_at,
            updated_at: memory.updated_at,
        }
    }
}

impl FoundView {
    pub(super) fn new(found: &Found, now: Instant) -> Self {
        Self {
            memory: MemoryView::new(&found.memory, now),
            score: found.score.map(rounded),
        }
    }
}

/// Four digits tell all there is to tell, and models pay for each.
fn rounded(score: f32) -> f64 {
    (f64::from(score) * 1e4).round() / 1e4
}

impl From<Vec<Notice>> for NoticesView {
    fn from(notices: Vec<Notice>) -> Self {
        let view = |notice: Notice| NoticeView {
            code: notice.code(),
            message: notice.to_string(),
        };
        Self {
            notices: notices.into_iter().map(view).collect(),
        }
    }
}

impl MemoryPageView {
    pub(super) fn new(page: MemoryPage, now: Instant) -> Self {
        let memories = page
            .memories
            .iter()
            .map(|memory| MemoryView::new(memory, now))
            .collect();
        Self {
            memories,
            next_cursor: page.next_cursor,
        }
    }
}

impl From<PublicUser> for UserView {
    fn from(user: PublicUser) -> Self {
        Self {
            id: user.id,
            handle: user.handle.to_string(),
            name: user.name.to_string(),
        }
    }
}

impl PersonaView {
    pub(super) fn new(persona: Persona, prompt: Option<String>, now: Instant) -> Self {
        Self {
            user: persona.user.into(),
            prompt,
            memories: persona
                .memories
                .iter()
                .map(|found| FoundView::new(found, now))
                .collect(),
            total: persona.total,
            notices: persona.notices.into(),
        }
    }
}
