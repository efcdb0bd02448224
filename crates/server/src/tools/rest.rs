//! `POST /api/tools`: every tool as plain HTTP.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::registry::{self, Tool};
use crate::{
    bearer::Bearer,
    json::{self, StrictJson},
    problem::Problem,
    state::Server,
};

/// `{"tool": name, "data": {…}}`.
#[derive(Deserialize)]
struct Call {
    tool: String,
    data: Value,
}

/// `POST /api/tools`; answers the result itself.
pub(crate) async fn call(
    State(server): State<Server>,
    Bearer(access): Bearer,
    StrictJson(body): StrictJson<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    server.keep_pace(&access)?;
    let (tool, data) = read(body)?;
    tool.call(server.tools(), access, data).await.map(Json)
}

fn read(body: Map<String, Value>) -> Result<(&'static Tool, Value), Problem> {
    let known = ["tool", "data"];
    if let Some(missing) = known.iter().find(|name| !body.contains_key(**name)) {
        return Err(Problem::field(missing, "is missing"));
    }
    if let Some(unknown) = body.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Problem::field(
            unknown,
            "is not a field of a call; there are tool and data",
        ));
    }
    let call: Call = json::typed(Value::Object(body))?;
    let tool = registry::find_rest(&call.tool).ok_or_else(|| unknown(&call.tool))?;
    Ok((tool, call.data))
}

fn unknown(name: &str) -> Problem {
    let names: Vec<_> = registry::rest().map(|tool| tool.name).collect();
    let shown: String = name.chars().take(40).collect();
    let message = format!("{shown:?} is unknown; the tools are {}", names.join(", "));
    Problem::field("tool", &message)
}
