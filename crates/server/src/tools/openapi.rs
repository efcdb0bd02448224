//! `/openapi.json`: the API described (OpenAPI 3.1), made from the registry.

use axum::{Json, extract::State};
use picard_domain::Scope;
use serde_json::{Map, Value, json};

use super::{
    import::{IMPORT, MAX_IMPORT, TYPES},
    registry::{self, Tool},
};
use crate::{problem::Problem, state::Server};

pub(crate) async fn openapi(State(server): State<Server>) -> Json<Value> {
    Json(document(&server.config.public_url))
}

pub(crate) fn document(public_url: &str) -> Value {
    let scopes: Map<_, _> = Scope::ALL
        .into_iter()
        .map(|scope| (scope.to_string(), json!(scope.in_words())))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Picard",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Memories that a person owns and every assistant can use, by permission.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "paths": {
            "/api/tools": {"post": call()},
            (IMPORT): {"post": import()},
            "/health": {"get": health("The process lives")},
            "/health/live": {"get": health("The process lives")},
            "/health/ready": {"get": health("Database, keys and model can be used")},
        },
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"oauth": {
                "type": "oauth2",
                "flows": {"authorizationCode": {
                    "authorizationUrl": format!("{public_url}/oauth/authorize"),
                    "tokenUrl": format!("{public_url}/oauth/token"),
                    "refreshUrl": format!("{public_url}/oauth/token"),
                    "scopes": scopes,
                }},
            }},
        },
    })
}

fn call() -> Value {
    let request: Vec<_> = registry::rest().map(reference("Call")).collect();
    let result: Vec<_> = registry::rest().map(reference("Result")).collect();
    let examples: Map<_, _> = registry::rest()
        .map(|tool| {
            (
                tool.name.to_owned(),
                json!({"summary": tool.title, "value": example(tool)}),
            )
        })
        .collect();
    json!({
        "operationId": "call_tool",
        "summary": "Calls a tool",
        "security": [{"oauth": []}],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": {"oneOf": request}, "examples": examples}},
        },
        "responses": responses(&json!({
            "description": "The result of the tool itself",
            "content": {"application/json": {"schema": {"anyOf": result}}},
        })),
    })
}

fn import() -> Value {
    let line = json!({
        "schema": {"type": "string", "description": "One #/components/schemas/ImportLine a line"},
        "example": "{\"text\":\"I take my tea hot.\"}\n{\"text\":\"My fish is called Livingston.\"}\n",
    });
    let content: Map<_, _> = TYPES
        .map(|kind| (kind.to_owned(), line.clone()))
        .into_iter()
        .collect();
    json!({
        "operationId": "import_memories",
        "summary": "Stores many memories",
        "description": format!(
            "JSON Lines, at most {} MiB; needs the scope memories:write. The same import again \
             changes nothing. On each node one import of a person at a time.",
            MAX_IMPORT / (1024 * 1024),
        ),
        "security": [{"oauth": []}],
        "parameters": [{
            "name": "dry_run", "in": "query", "schema": {"type": "boolean", "default": false},
            "description": "Only tell what would become of each line",
        }],
        "requestBody": {"required": true, "content": content},
        "responses": responses(&json!({
            "description": "What became of the lines",
            "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/ImportReport"},
            }},
        })),
    })
}

/// An answer that is no error, and all errors that there are.
fn responses(good: &Value) -> Map<String, Value> {
    let mut responses = Map::new();
    responses.insert("200".into(), good.clone());
    for (status, _, title) in Problem::KINDS {
        responses
            .entry(status.as_u16().to_string())
            .or_insert_with(|| {
                json!({
                    "description": title,
                    "content": {"application/problem+json": {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                    }},
                })
            });
    }
    responses
}

fn reference(kind: &'static str) -> impl Fn(&Tool) -> Value {
    move |tool| json!({"$ref": format!("#/components/schemas/{}_{kind}", tool.name)})
}

fn health(title: &str) -> Value {
    json!({"summary": title, "responses": {
        "200": {"description": title},
        "503": {"description": "It cannot be used right now"},
    }})
}

fn schemas() -> Value {
    let mut schemas = Map::new();
    for tool in registry::rest() {
        schemas.insert(
            format!("{}_Call", tool.name),
            json!({
                "type": "object",
                "title": tool.title,
                "description": format!("{} Needs the scope {}.", tool.description, tool.scope),
                "properties": {"tool": {"const": tool.name}, "data": tool.input},
                "required": ["tool", "data"],
                "additionalProperties": false,
            }),
        );
        schemas.insert(format!("{}_Result", tool.name), tool.output.clone());
    }
    schemas.insert("ImportLine".into(), import_line());
    schemas.insert("ImportReport".into(), import_report());
    schemas.insert(
        "Problem".into(),
        json!({
            "type": "object",
            "description": "RFC 9457",
            "properties": {
                "type": {"type": "string", "format": "uri"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "code": {"enum": Problem::KINDS.map(|kind| kind.1)},
                "request_id": {"type": "string"},
                "errors": {"type": "array", "items": {
                    "type": "object",
                    "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                    "required": ["field", "message"],
                }},
            },
            "required": ["type", "title", "status", "detail", "code", "request_id"],
        }),
    );
    Value::Object(schemas)
}

/// What a line of an import may say: `app/src/line.rs` reads it.
fn import_line() -> Value {
    let instant = |what: &str| json!({"type": ["string", "null"], "description": what});
    let unneeded = json!({"description": "As in answers of this API: taken, and not needed"});
    json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "What is remembered, at most 64 KiB"},
            "permission": {"enum": ["private", "public", null], "default": "private"},
            "expiration_date": instant("An instant, or a date (its end in UTC); it may have passed"),
            "created_at": instant("An instant or a date, not in the future"),
            "updated_at": instant("An instant or a date, not before created_at"),
            "id": {"type": ["string", "null"], "format": "uuid"},
            "user_id": unneeded,
            "expired": unneeded,
            "score": unneeded,
        },
        "required": ["text"],
        "additionalProperties": false,
    })
}

fn import_report() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let lines = json!({
        "type": "object",
        "properties": {"count": count, "lines": {"type": "array", "items": count}},
        "required": ["count", "lines"],
    });
    json!({
        "type": "object",
        "description": "Everything is counted; of each kind the first 1000 lines are named",
        "properties": {
            "dry_run": {"type": "boolean"},
            "imported": count,
            "duplicates": lines,
            "differing": lines,
            "refused": count,
            "errors": {"type": "array", "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "integer", "minimum": 1},
                    "field": {"type": ["string", "null"]},
                    "reason": {"type": "string"},
                },
                "required": ["line", "field", "reason"],
            }},
        },
        "required": ["dry_run", "imported", "duplicates", "differing", "refused", "errors"],
    })
}

/// A call that works as it stands (with an id of one's own where one is needed).
pub(super) fn example(tool: &Tool) -> Value {
    let id = "0198c0de-0000-7000-8000-000000000000";
    let data = match tool.name {
        "submit_memory" => json!({
            "text": "The captain drinks Earl Grey, hot.",
            "permission": "private",
            "expiration_date": "2999-12-31T23:59:59Z",
        }),
        "get_memories" => json!({"permission": "public", "limit": 20}),
        "update_memory" => json!({"memory_id": id, "text": "The captain drinks Darjeeling."}),
        "modify_permissions" => json!({"memory_id": id, "permission": "public"}),
        "delete_memory" => json!({"memory_id": id}),
        "query_memory" => json!({"query": "What does the captain like to drink?", "limit": 5}),
        _ => json!({"user_id": "jean-luc", "prompt": "What do you drink?", "limit": 5}),
    };
    json!({"tool": tool.name, "data": data})
}

#[cfg(test)]
mod tests {
    use picard_app::Incoming;
    use picard_domain::Instant;

    use super::{super::input::check_names, *};

    #[test]
    fn every_example_is_a_valid_call() {
        for tool in registry::rest() {
            assert!(
                check_names(&tool.input, &example(tool)["data"]).is_ok(),
                "{}",
                tool.name
            );
        }
    }

    #[test]
    fn a_line_of_an_import_may_say_what_is_described_and_nothing_else() {
        let now = Instant::from_micros(1_800_000_000_000_000);
        let takes = |line: &Value| Incoming::parse(line.to_string().as_bytes(), now).is_ok();
        let schema = import_line();
        assert_eq!(schema["additionalProperties"], false);
        assert!(!takes(&json!({"text": "tea", "other": null})));
        let fields = schema["properties"].as_object().expect("fields");
        let mut whole = json!({"text": "tea"});
        for (name, described) in fields {
            let mut line = json!({"text": "tea"});
            line[name] = Value::Null;
            let kinds = described.get("type").or(described.get("enum"));
            let may_be_null = kinds.is_none_or(|kinds| {
                kinds.as_array().is_some_and(|kinds| {
                    kinds.contains(&Value::Null) || kinds.contains(&json!("null"))
                })
            });
            assert_eq!(takes(&line), may_be_null, "{name}");
            whole[name] = match name.as_str() {
                "text" => json!("tea"),
                "permission" => json!("public"),
                "id" => json!("0198c0de-0000-7000-8000-000000000000"),
                "score" => json!(0.5),
                "expired" => json!(true),
                "user_id" => json!("jean-luc"),
                _ => json!("2025-01-31T00:00:00Z"),
            };
        }
        assert!(takes(&whole), "{whole}");
        // What the reader takes is described: it names all fields when it knows one not.
        let refused = Incoming::parse(br#"{"other": 1}"#, now);
        let reason = refused.map(drop).expect_err("unknown").reason;
        assert_eq!(
            reason.matches('`').count(),
            2 * (fields.len() + 1),
            "{reason}"
        );
    }

    #[test]
    fn every_tool_and_every_error_is_described() {
        let document = document("http://localhost:8001");
        let call = &document["paths"]["/api/tools"]["post"];
        assert_eq!(
            call["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
                .as_array()
                .map(Vec::len),
            Some(7)
        );
        for (status, _, _) in Problem::KINDS {
            assert!(call["responses"][status.as_str()].is_object(), "{status}");
        }
    }
}
