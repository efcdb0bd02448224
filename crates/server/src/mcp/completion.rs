//! Completion: what to offer while an address or an argument is typed.
//!
//! Which people may be offered is decided in the crate `app` (`suggest.rs`): a
//! suggestion must not let anybody go through all handles.

use picard_app::{Access, App, Authorized, ParsedQuery, Read, Recall};
use picard_domain::{MemoryFilter, MemoryId, MemoryText, PageSize, Plaintext};
use rmcp::{
    ErrorData,
    model::{ArgumentInfo, CompletionInfo, Reference},
};

use super::{
    errors::json_rpc,
    prompts::Name,
    uri::{MEMORY, PERSONA},
};

/// Characters typed before memories are searched by their meaning.
const LEAST_TYPED: usize = 3;

/// Memories found by their meaning.
const FOUND: PageSize<100> = PageSize::new(10).expect("in range");

/// What can be completed.
enum Completed {
    Memory,
    Person,
    /// An argument that is free text.
    Nothing,
}

/// `completion/complete`.
pub(super) async fn complete(
    app: &App,
    access: &Access,
    reference: &Reference,
    argument: &ArgumentInfo,
) -> Result<CompletionInfo, ErrorData> {
    let what = Completed::find(reference, &argument.name)?;
    let caller = access.authorize().map_err(json_rpc)?;
    let typed = argument.value.trim();
    let values = match what {
        Completed::Memory => memories(app, &caller, typed).await?,
        Completed::Person => people(app, &caller, typed).await?,
        Completed::Nothing => Vec::new(),
    };
    CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))
}

impl Completed {
    fn find(reference: &Reference, argument: &str) -> Result<Self, ErrorData> {
        let found = match reference {
            Reference::Resource(template) => match (template.uri.as_str(), argument) {
                (MEMORY, "memory_id") => Some(Self::Memory),
                (PERSONA, "user_id") => Some(Self::Person),
                _ => None,
            },
            Reference::Prompt(prompt) => {
                let prompt = Name::find(&prompt.name)?;
                let mut known = prompt.arguments().iter();
                let known = known.any(|(name, _, _)| *name == argument);
                known.then_some(match (prompt, argument) {
                    (Name::AskPersona, "who") => Self::Person,
                    _ => Self::Nothing,
                })
            }
            _ => None,
        };
        found.ok_or_else(|| {
            ErrorData::invalid_params("there is no such template, prompt or argument", None)
        })
    }
}

/// The caller's memories: by the beginning of their id, or else by what they say.
async fn memories(
    app: &App,
    caller: &Authorized<Read>,
    typed: &str,
) -> Result<Vec<String>, ErrorData> {
    let ids = match app
        .suggest_memories(caller, typed)
        .await
        .map_err(json_rpc)?
    {
        Some(ids) => ids,
        None if typed.chars().count() < LEAST_TYPED => Vec::new(),
        None => meant(app, caller, typed).await?,
    };
    Ok(ids.iter().map(MemoryId::to_string).collect())
}

async fn meant(
    app: &App,
    caller: &Authorized<Read>,
    typed: &str,
) -> Result<Vec<MemoryId>, ErrorData> {
    // What cannot be a memory's text is not worth a search either.
    let Ok(query) = MemoryText::new(Plaintext::new(typed.to_owned())) else {
        return Ok(Vec::new());
    };
    let recall = Recall {
        // Half of an operator is none yet.
        query: ParsedQuery::literal(query.into_plaintext()),
        limit: FOUND,
        filter: MemoryFilter::default(),
    };
    let found = app.recall(caller, recall).await.map_err(json_rpc)?;
    let found = found.memories.iter();
    Ok(found.map(|found| found.memory.id).collect())
}

async fn people(
    app: &App,
    caller: &Authorized<Read>,
    typed: &str,
) -> Result<Vec<String>, ErrorData> {
    let handles = app.suggest_handles(caller, typed).await;
    let handles = handles.map_err(json_rpc)?;
    Ok(handles.iter().map(ToString::to_string).collect())
}
