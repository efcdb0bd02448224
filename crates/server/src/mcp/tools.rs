//! The tools of `crate::tools`, as MCP lists and calls them.

use std::sync::{Arc, LazyLock};

use picard_app::Access;
use rmcp::model::{
    CallToolResult, ContentBlock, JsonObject, ProtocolVersion, Resource, Tool, ToolAnnotations,
};
use serde_json::Value;

use super::{document, errors};
use crate::tools::registry::{self, Context, Effect};

/// All tools, always in the same order. The list is the same for every token,
/// so that an application whose token does not reach to a tool learns of it and
/// can ask the person for more.
pub(super) fn list() -> &'static [Tool] {
    static TOOLS: LazyLock<Vec<Tool>> =
        LazyLock::new(|| registry::all().iter().map(described).collect());
    &TOOLS
}

fn described(tool: &registry::Tool) -> Tool {
    Tool::new(tool.name, tool.description, object(&tool.input))
        .with_title(tool.title)
        .with_raw_output_schema(object(&tool.output))
        .with_annotations(hints(tool.effect))
}

fn object(schema: &Value) -> Arc<JsonObject> {
    Arc::new(schema.as_object().cloned().unwrap_or_default())
}

/// What clients decide by whether to ask the person first. Memories are a
/// closed world: no tool reaches beyond them.
fn hints(effect: Effect) -> ToolAnnotations {
    ToolAnnotations::new()
        .read_only(effect == Effect::Reads)
        .destructive(effect == Effect::Deletes)
        .idempotent(effect != Effect::Adds)
        .open_world(false)
}

/// Calls a tool; what a model can mend is in the result.
pub(super) async fn call(
    tool: &registry::Tool,
    context: Context,
    access: Access,
    arguments: Option<JsonObject>,
    version: Option<ProtocolVersion>,
) -> CallToolResult {
    let arguments = Value::Object(arguments.unwrap_or_default());
    match tool.call(context, access, arguments).await {
        Ok(value) => {
            let link = written(tool.effect, &value).filter(|_| knows_links(version.as_ref()));
            let mut result = CallToolResult::structured(value);
            result.content.extend(link);
            result
        }
        Err(problem) => errors::refused(&problem),
    }
}

/// A link to the memory that was written, so that a client can show it or
/// watch it. What was found is linked by its id alone: a hundred links would
/// be a hundred lines for a model to read.
fn written(effect: Effect, memory: &Value) -> Option<ContentBlock> {
    if !matches!(effect, Effect::Adds | Effect::Changes) {
        return None;
    }
    let uri = format!("memories://{}", memory["id"].as_str()?);
    let link = Resource::new(uri, "memory").with_mime_type(document::MIME_TYPE);
    Some(ContentBlock::resource_link(link))
}

/// Peers of 2025-03-26 refuse content of a kind that they do not know.
fn knows_links(version: Option<&ProtocolVersion>) -> bool {
    version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2025_06_18.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_of_an_object() {
        for tool in list() {
            assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
            let output = tool.output_schema.as_ref().expect("a schema");
            assert_eq!(output["type"], "object", "{}", tool.name);
        }
    }

    #[test]
    fn only_forgetting_is_destructive_and_only_remembering_not_idempotent() {
        let with = |told: fn(&ToolAnnotations) -> Option<bool>, wanted| -> Vec<_> {
            let of = |tool: &&Tool| tool.annotations.as_ref().and_then(told) == Some(wanted);
            list().iter().filter(of).map(|tool| &*tool.name).collect()
        };
        assert_eq!(
            with(|hints| hints.destructive_hint, true),
            ["delete_memory"]
        );
        assert_eq!(
            with(|hints| hints.idempotent_hint, false),
            ["submit_memory"]
        );
        assert_eq!(with(|hints| hints.open_world_hint, false).len(), 9);
        let reads = with(|hints| hints.read_only_hint, true);
        assert_eq!(
            reads,
            [
                "get_memories",
                "query_memory",
                "query_user",
                "search",
                "fetch"
            ]
        );
    }
}
