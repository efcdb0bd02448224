//! Resources: memories that a host attaches to a conversation by address.
//!
//! `memories://{memory_id}` and `memories://recent` are the caller's own;
//! `users://{user_id}/memories` is a persona, one's own or another's public one.
//! An address that the caller may not read, and one of nothing, give the same answer.

use picard_app::{
    Access, App, AskPersona, Authorized, ListMemories, MemoryPage, Persona, Read, UserRef,
};
use picard_domain::{Memory, MemoryFilter, MemoryId, PageSize};
use rmcp::{
    ErrorData,
    model::{Annotations, ListResourcesResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::json;

use super::{
    document,
    errors::{json_rpc, no_resource},
    uri::{MEMORY, PERSONA, RECENT, ResourceUri},
};

/// Memories on one page of the list.
const PAGE: PageSize<200> = PageSize::new(50).expect("in range");

/// Memories in `memories://recent`.
const NEWEST: PageSize<200> = PageSize::new(20).expect("in range");

/// Memories in a persona; more are counted at its end.
const PERSONA_SHOWS: PageSize<1000> = PageSize::new(100).expect("in range");

/// The longest address that an error repeats.
const ECHOED: usize = 512;

/// `resources/list`: on the first page what is always there, then the caller's
/// memories that are valid, the newest first.
pub(super) async fn list(
    app: &App,
    access: &Access,
    cursor: Option<String>,
) -> Result<ListResourcesResult, ErrorData> {
    let caller = access.authorize().map_err(json_rpc)?;
    let first = cursor.is_none();
    let page = newest(app, &caller, PAGE, cursor).await?;
    let now = app.now();
    let mut resources = Vec::with_capacity(page.memories.len() + 2);
    if first {
        resources.extend(always(&caller));
    }
    resources.extend(page.memories.iter().map(|memory| entry(memory, now)));
    let mut result = ListResourcesResult::with_all_items(resources);
    result.next_cursor = page.next_cursor;
    Ok(result)
}

/// `resources/templates/list`.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(MEMORY, "memory")
            .with_title("A memory")
            .with_description("One of the person's own memories.")
            .with_mime_type(document::MIME_TYPE),
        ResourceTemplate::new(PERSONA, "persona")
            .with_title("What a persona knows")
            .with_description(
                "A person's valid memories, the newest first: one's own, or of another person \
                 the public ones. user_id is a handle or a UUID.",
            )
            .with_mime_type(document::MIME_TYPE),
    ]
}

/// `resources/read`.
pub(super) async fn read(
    app: &App,
    access: &Access,
    uri: &str,
) -> Result<ResourceContents, ErrorData> {
    let caller = access.authorize().map_err(json_rpc)?;
    let text = match ResourceUri::parse(uri) {
        None => return Err(unknown(uri)),
        Some(ResourceUri::Recent) => recent(app, &caller).await?,
        Some(ResourceUri::Memory(id)) => one(app, &caller, id, uri).await?,
        Some(ResourceUri::Persona(of)) => persona(app, &caller, of, uri).await?,
    };
    Ok(contents(text, uri))
}

/// A document as the contents of a resource.
pub(super) fn contents(text: String, uri: &str) -> ResourceContents {
    ResourceContents::text(text, uri).with_mime_type(document::MIME_TYPE)
}

/// The address of a memory.
pub(super) fn address(id: MemoryId) -> String {
    format!("memories://{id}")
}

/// What is known about a memory beside its text: when it was last changed, and
/// how much it matters, from 0 to 1.
pub(super) fn annotations(memory: &Memory, priority: f32) -> Annotations {
    let mut annotations = Annotations::default().with_priority(priority);
    annotations.last_modified = Some(memory.updated_at.to_string());
    annotations
}

async fn recent(app: &App, caller: &Authorized<Read>) -> Result<String, ErrorData> {
    let page = newest(app, caller, NEWEST, None).await?;
    Ok(document::memories(
        "Recent memories",
        &page.memories,
        true,
        0,
        app.now(),
    ))
}

async fn one(
    app: &App,
    caller: &Authorized<Read>,
    id: MemoryId,
    uri: &str,
) -> Result<String, ErrorData> {
    match app.memory(caller, id).await {
        Ok(memory) => Ok(document::memory(&memory, app.now())),
        Err(picard_app::Error::NotFound(_)) => Err(no_resource(uri)),
        Err(error) => Err(json_rpc(error)),
    }
}

async fn persona(
    app: &App,
    caller: &Authorized<Read>,
    of: UserRef,
    uri: &str,
) -> Result<String, ErrorData> {
    let question = AskPersona {
        of,
        prompt: None,
        limit: Some(PERSONA_SHOWS),
    };
    match app.ask_persona(caller, question).await {
        Ok(persona) => Ok(persona_document(app, caller, &persona)),
        Err(picard_app::Error::NotFound(_)) => Err(no_resource(uri)),
        Err(error) => Err(json_rpc(error)),
    }
}

/// A persona's memories, under its handle: the name is what its person wrote,
/// and would stand outside of every quotation. Those of others have no address:
/// by their id nobody but the owner reads them.
pub(super) fn persona_document(app: &App, caller: &Access, persona: &Persona) -> String {
    let title = format!("What @{} remembers", persona.user.handle);
    let own = persona.user.id == caller.user_id;
    let others = persona.total.saturating_sub(persona.memories.len());
    let memories = persona.memories.iter().map(|found| &found.memory);
    document::memories(&title, memories, own, others, app.now())
}

async fn newest(
    app: &App,
    caller: &Authorized<Read>,
    limit: PageSize<200>,
    cursor: Option<String>,
) -> Result<MemoryPage, ErrorData> {
    let list = ListMemories {
        of: None,
        filter: MemoryFilter::default(),
        limit,
        cursor,
    };
    app.memories(caller, list).await.map_err(json_rpc)
}

fn always(caller: &Access) -> [Resource; 2] {
    let own = format!("users://{}/memories", caller.handle);
    [
        Resource::new(RECENT, "Recent memories")
            .with_description("The newest memories, 20 at most.")
            .with_mime_type(document::MIME_TYPE)
            .with_annotations(Annotations::default().with_priority(0.8)),
        Resource::new(own, "My persona")
            .with_description("All that I remember and that is valid, private and public.")
            .with_mime_type(document::MIME_TYPE)
            .with_annotations(Annotations::default().with_priority(0.6)),
    ]
}

fn entry(memory: &Memory, now: picard_domain::Instant) -> Resource {
    Resource::new(address(memory.id), document::excerpt(memory.text.expose()))
        .with_description(document::facts(memory, now))
        .with_mime_type(document::MIME_TYPE)
        .with_size(document::memory(memory, now).len() as u64)
        .with_annotations(annotations(memory, 0.5))
}

/// -32602 for an address that is none of ours.
fn unknown(uri: &str) -> ErrorData {
    let shown: String = uri.chars().take(ECHOED).collect();
    ErrorData::invalid_params(
        "this is no address of a resource here; resources/templates/list tells the forms",
        Some(json!({"uri": shown})),
    )
}
