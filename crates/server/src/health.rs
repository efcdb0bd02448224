//! `/health`: the process lives. `/health/ready`: database and model work.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{problem::Problem, state::Server};

/// The instance tells the test of the connection whether its own process answered.
pub(crate) async fn live(State(server): State<Server>) -> Json<Value> {
    Json(json!({"status": "ok", "instance": &*server.instance}))
}

pub(crate) async fn ready(State(server): State<Server>) -> Result<Json<Value>, Problem> {
    server.app.ready().await?;
    Ok(Json(
        json!({"status": "ready", "database": "ok", "model": server.app.model()}),
    ))
}
