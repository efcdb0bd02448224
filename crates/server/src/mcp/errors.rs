//! Errors as MCP wants them: what a model can mend is the result of its call
//! (`isError`), everything else is an error of JSON-RPC. The inner cause goes
//! to the log, never to the caller.

use picard_app::Error;
use rmcp::{
    ErrorData,
    model::{CallToolResult, ContentBlock, ErrorCode},
};
use serde_json::json;

use crate::problem::Problem;

/// What a model reads when its call could not be done.
pub(super) fn refused(problem: &Problem) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(problem.in_words())])
}

/// -32602 for a tool that is not there.
pub(super) fn unknown_tool(name: &str) -> ErrorData {
    let shown: String = name.chars().take(40).collect();
    ErrorData::invalid_params(format!("there is no tool {shown:?}; see tools/list"), None)
}

/// An error outside of a tool: of resources, prompts and completion.
pub(super) fn json_rpc(error: Error) -> ErrorData {
    let problem = Problem::from(error);
    let code = match problem.code() {
        "internal" | "unavailable" => ErrorCode::INTERNAL_ERROR,
        _ => ErrorCode::INVALID_PARAMS,
    };
    ErrorData::new(code, problem.in_words(), None)
}

/// -32602 for a resource that is not there, or is another person's; the
/// handler makes -32002 of it for peers of the older era.
pub(super) fn no_resource(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("there is no such resource", Some(json!({"uri": uri})))
}

/// What a caller is told of a handler that panicked.
pub(super) fn panicked() -> ErrorData {
    ErrorData::internal_error("something went wrong inside; try again", None)
}

/// What nobody reads any more: the caller is gone.
pub(super) fn cancelled() -> ErrorData {
    ErrorData::internal_error("the call was cancelled", None)
}
