//! What each tool does: its input to one use case, the answer to its output.

use std::sync::Arc;

use picard_app::{
    Access, App, AskPersona, ExpirationChange, ListMemories, MemoryChange, NewMemory, ParsedQuery,
    Recall, UserRef,
};
use picard_domain::{MemoryFilter, MemoryText, PageSize, Plaintext};
use serde::Serialize;
use serde_json::Value;

use super::{
    input::{
        DeleteMemory, GetMemories, ModifyPermissions, QueryMemory, QueryUser, SubmitMemory,
        UpdateMemory,
    },
    output::{DeletedView, FoundView, MemoryPageView, MemoryView, PersonaView, QueryMemoryView},
};
use crate::{json, problem::Problem};

pub(super) type Answer = Result<Value, Problem>;

pub(super) async fn submit_memory(app: Arc<App>, access: Access, data: Value) -> Answer {
    let input: SubmitMemory = json::typed(data)?;
    let new = NewMemory {
        text: text("text", input.text)?,
        permission: input.permission,
        expiration_date: input.expiration_date,
    };
    let memory = app.remember(&access.authorize()?, new).await?;
    answer(&MemoryView::new(&memory, app.now()))
}

pub(super) async fn get_memories(app: Arc<App>, access: Access, data: Value) -> Answer {
    let alone = data.as_object().is_some_and(|data| data.len() == 1);
    let input: GetMemories = json::typed(data)?;
    let caller = access.authorize()?;
    if let Some(id) = input.memory_id {
        if !alone {
            return Err(Problem::field(
                "memory_id",
                "must be the only field when it is sent",
            ));
        }
        let memory = app.memory(&caller, id).await?;
        let page = picard_app::MemoryPage {
            memories: vec![memory],
            next_cursor: None,
        };
        return answer(&MemoryPageView::new(page, app.now()));
    }
    let list = ListMemories {
        of: input.user_id.as_deref().map(user_ref).transpose()?,
        filter: MemoryFilter {
            permission: input.permission,
            expired: input.expired.unwrap_or_default(),
            expires_before: input.expires_before,
            expires_after: input.expires_after,
        },
        limit: limit(input.limit.unwrap_or(50))?,
        cursor: input.cursor,
    };
    let page = app.memories(&caller, list).await?;
    answer(&MemoryPageView::new(page, app.now()))
}

pub(super) async fn update_memory(app: Arc<App>, access: Access, data: Value) -> Answer {
    let input: UpdateMemory = json::typed(data)?;
    let change = MemoryChange {
        memory_id: input.memory_id,
        text: input.text.map(|new| text("text", new)).transpose()?,
        permission: input.permission,
        expiration_date: input.expiration_date,
        expected_updated_at: input.expected_updated_at,
    };
    let memory = app.update(&access.authorize()?, change).await?;
    answer(&MemoryView::new(&memory, app.now()))
}

pub(super) async fn modify_permissions(app: Arc<App>, access: Access, data: Value) -> Answer {
    let input: ModifyPermissions = json::typed(data)?;
    let change = MemoryChange {
        memory_id: input.memory_id,
        text: None,
        permission: Some(input.permission),
        expiration_date: ExpirationChange::Keep,
        expected_updated_at: None,
    };
    let memory = app.update(&access.authorize()?, change).await?;
    answer(&MemoryView::new(&memory, app.now()))
}

pub(super) async fn delete_memory(app: Arc<App>, access: Access, data: Value) -> Answer {
    let input: DeleteMemory = json::typed(data)?;
    app.forget(&access.authorize()?, input.memory_id).await?;
    answer(&DeletedView {
        id: input.memory_id,
        deleted: true,
    })
}

pub(super) async fn query_memory(app: Arc<App>, access: Access, data: Value) -> Answer {
    let input: QueryMemory = json::typed(data)?;
    let recall = Recall {
        query: query("query", input.query.clone())?,
        limit: limit(input.limit.unwrap_or(10))?,
        filter: MemoryFilter {
            permission: input.permission,
            expires_before: input.expires_before,
            expires_after: input.expires_after,
            ..MemoryFilter::default()
        },
    };
    let found = app.recall(&access.authorize()?, recall).await?;
    let now = app.now();
    let memories = found
        .memories
        .iter()
        .map(|found| FoundView::new(found, now))
        .collect();
    answer(&QueryMemoryView {
        query: input.query,
        memories,
        notices: found.notices.into(),
    })
}

pub(super) async fn query_user(app: Arc<App>, access: Access, data: Value) -> Answer {
    let input: QueryUser = json::typed(data)?;
    let prompt = input
        .prompt
        .clone()
        .map(|prompt| query("prompt", prompt))
        .transpose()?;
    let question = AskPersona {
        of: user_ref(&input.user_id)?,
        prompt,
        limit: input.limit.map(limit).transpose()?,
    };
    let persona = app.ask_persona(&access.authorize()?, question).await?;
    answer(&PersonaView::new(persona, input.prompt, app.now()))
}

pub(super) fn answer(view: &impl Serialize) -> Answer {
    serde_json::to_value(view).map_err(|error| picard_app::Error::internal(error).into())
}

pub(super) fn text(field: &'static str, text: String) -> Result<MemoryText, Problem> {
    MemoryText::new(Plaintext::new(text))
        .map_err(|error| Problem::out_of_range(field, &error.to_string()))
}

/// Reads a question in the query language.
pub(super) fn query(field: &'static str, written: String) -> Result<ParsedQuery, Problem> {
    let written = text(field, written)?;
    ParsedQuery::parse(written.expose())
        .map_err(|error| Problem::out_of_range(field, &error.to_string()))
}

fn limit<const MAX: usize>(n: i64) -> Result<PageSize<MAX>, Problem> {
    usize::try_from(n)
        .ok()
        .and_then(PageSize::new)
        .ok_or_else(|| Problem::out_of_range("limit", &format!("must be from 1 to {MAX}")))
}

fn user_ref(name: &str) -> Result<UserRef, Problem> {
    name.parse()
        .map(UserRef::Id)
        .or_else(|_| name.trim_start_matches('@').parse().map(UserRef::Handle))
        .map_err(|_| Problem::field("user_id", "is neither a UUID nor a handle"))
}
