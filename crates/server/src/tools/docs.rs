//! `/docs`: the API for developers, made from the same registry as the API itself.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_app::Notice;
use picard_domain::Scope;
use picard_ui::{Shell, html};
use serde_json::Value;

use super::{
    openapi::example,
    registry::{self, Tool},
};
use crate::{pages::person::Anyone, problem::Problem, state::Server};

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    shell: Shell,
    base: String,
    tools: Vec<ToolView>,
    scopes: Vec<(&'static str, &'static str)>,
    notices: Vec<(&'static str, String)>,
    errors: Vec<(u16, &'static str, &'static str)>,
}

struct ToolView {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    scope: &'static str,
    /// What must be there comes first.
    fields: Vec<FieldView>,
    /// The names of what comes back.
    gives: Vec<String>,
    call: String,
}

struct FieldView {
    name: String,
    kind: String,
    required: bool,
    description: String,
}

pub(crate) async fn docs(State(server): State<Server>, visitor: Anyone) -> Response {
    html(&DocsPage {
        shell: visitor.shell(),
        base: server.config.public_url.clone(),
        tools: registry::rest()
            .map(|tool| view(tool, &server.config.public_url))
            .collect(),
        scopes: Scope::ALL
            .iter()
            .map(|scope| (scope.as_str(), scope.in_words()))
            .collect(),
        notices: Notice::EXAMPLES
            .map(|notice| (notice.code(), notice.to_string()))
            .into(),
        errors: Problem::KINDS
            .map(|(status, code, title)| (status.as_u16(), code, title))
            .into(),
    })
}

fn view(tool: &Tool, base: &str) -> ToolView {
    let required = tool.input["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
    let fields = tool.input["properties"].as_object().into_iter().flatten();
    let mut fields: Vec<_> = fields
        .map(|(name, schema)| FieldView {
            name: name.clone(),
            kind: kind(schema),
            required: is_required(name),
            description: schema["description"]
                .as_str()
                .unwrap_or_default()
                // Machines read Markdown; the page shows text.
                .replace('`', ""),
        })
        .collect();
    fields.sort_by_key(|field| !field.required);
    let given = tool.output["properties"].as_object().into_iter().flatten();
    let body = serde_json::to_string_pretty(&example(tool)).unwrap_or_default();
    ToolView {
        name: tool.name,
        title: tool.title,
        description: tool.description,
        scope: tool.scope.as_str(),
        fields,
        gives: given.map(|(name, _)| name.clone()).collect(),
        call: format!(
            "curl {base}/api/tools \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  --json '{body}'"
        ),
    }
}

/// Says the type of a field in a few words: `string (uuid)`, `private or public`.
fn kind(schema: &Value) -> String {
    let words = schema["enum"].as_array().or_else(|| {
        schema["anyOf"]
            .as_array()
            .and_then(|any| any.first())
            .and_then(|s| s["enum"].as_array())
    });
    if let Some(words) = words {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return words.join(" or ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str).unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match schema["format"].as_str() {
        Some(format) if kind == "string" => format!("{kind} ({format})"),
        _ => kind.to_owned(),
    }
}
