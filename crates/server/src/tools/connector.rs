//! `search` and `fetch`: two read-only tools in the form that generic
//! connectors look for (`ChatGPT`'s deep research among them). Over MCP alone.

use picard_app::{Access, Recall};
use picard_domain::{Instant, Memory, MemoryFilter, MemoryId, PageSize, Permission};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    handlers::{Answer, answer, query},
    input::PermissionWord,
    output::NoticesView,
    registry::Context,
};
use crate::json;

/// How many results a search has at most.
const RESULTS: PageSize<100> = match PageSize::new(20) {
    Some(n) => n,
    None => unreachable!(),
};

/// How many characters of a memory make its title.
const TITLE: usize = 80;

/// Arguments of `search`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Search {
    /// What to look for, as in `query_memory`.
    #[schemars(length(min = 1, max = 65536))]
    query: String,
}

/// Arguments of `fetch`.
#[derive(Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Fetch {
    #[schemars(with = "uuid::Uuid")]
    id: MemoryId,
}

/// The memories that fit, best first.
#[derive(Serialize, JsonSchema)]
pub(super) struct SearchView {
    results: Vec<ResultView>,
    #[serde(flatten)]
    notices: NoticesView,
}

#[derive(Serialize, JsonSchema)]
struct ResultView {
    #[schemars(with = "uuid::Uuid")]
    id: MemoryId,
    title: String,
    url: String,
}

/// One memory as a document.
#[derive(Serialize, JsonSchema)]
pub(super) struct DocumentView {
    #[schemars(with = "uuid::Uuid")]
    id: MemoryId,
    title: String,
    text: String,
    url: String,
    metadata: MetadataView,
}

#[derive(Serialize, JsonSchema)]
struct MetadataView {
    #[schemars(with = "PermissionWord")]
    permission: Permission,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    expiration_date: Option<Instant>,
    #[schemars(with = "String")]
    created_at: Instant,
    #[schemars(with = "String")]
    updated_at: Instant,
}

pub(super) async fn search(on: Context, access: Access, data: Value) -> Answer {
    let input: Search = json::typed(data)?;
    let recall = Recall {
        query: query("query", input.query)?,
        limit: RESULTS,
        filter: MemoryFilter::default(),
    };
    let found = on.app.recall(&access.authorize()?, recall).await?;
    let results = found
        .memories
        .iter()
        .map(|found| ResultView {
            id: found.memory.id,
            title: title(&found.memory),
            url: url(&on, found.memory.id),
        })
        .collect();
    answer(&SearchView {
        results,
        notices: found.notices.into(),
    })
}

pub(super) async fn fetch(on: Context, access: Access, data: Value) -> Answer {
    let input: Fetch = json::typed(data)?;
    let memory = on.app.memory(&access.authorize()?, input.id).await?;
    answer(&DocumentView {
        id: memory.id,
        title: title(&memory),
        text: memory.text.expose().to_owned(),
        url: url(&on, memory.id),
        metadata: MetadataView {
            permission: memory.permission,
            expiration_date: memory.expiration_date,
            created_at: memory.created_at,
            updated_at: memory.updated_at,
        },
    })
}

/// Where a person reads the memory; without a web client, its URI.
fn url(on: &Context, id: MemoryId) -> String {
    match &on.web_url {
        Some(web) => format!("{web}/memories/{id}"),
        None => format!("memories://{id}"),
    }
}

/// The first line of a memory, cut at a word.
fn title(memory: &Memory) -> String {
    let line = memory.text.expose().trim_start().lines().next();
    let line = line.unwrap_or_default().trim_end();
    if line.chars().count() <= TITLE {
        return line.to_owned();
    }
    let cut: String = line.chars().take(TITLE).collect();
    let whole = cut
        .rsplit_once(char::is_whitespace)
        .map_or(&*cut, |(words, _)| words);
    format!("{}…", whole.trim_end())
}
