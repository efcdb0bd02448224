//! `/health` and `/health/live`: the process lives. `/health/ready`: everything
//! that calls need works, and how each part is.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use picard_app::{DatabaseState, ModelState};
use picard_observe::{Health, Readiness};
use serde_json::{Value, json};

use crate::state::Server;

/// The instance tells the test of the connection whether its own process answered.
pub(crate) async fn instance(State(server): State<Server>) -> Json<Value> {
    Json(json!({"status": "ok", "instance": &*server.instance}))
}

pub(crate) async fn live() -> Response {
    picard_observe::live()
}

pub(crate) async fn ready(State(server): State<Server>) -> Response {
    let state = server.app.state().await;
    let (database, migrations) = match state.database {
        DatabaseState::Ready => (Health::Ok, Health::Ok),
        DatabaseState::Behind => (Health::Ok, Health::Failed("pending")),
        DatabaseState::Ahead => (Health::Ok, Health::Degraded("ahead")),
        DatabaseState::Silent => (Health::Failed("unavailable"), Health::Failed("unknown")),
    };
    let keys = match state.has_keys {
        Some(true) => Health::Ok,
        Some(false) => Health::Failed("missing"),
        None => Health::Failed("unknown"),
    };
    let model = match state.model {
        ModelState::Ready => Health::Ok,
        ModelState::Renewing => Health::Degraded("renewing"),
        // Everything is served, worse: without it a node that is alone would serve nothing.
        ModelState::Failing => Health::Degraded("failing"),
    };
    Readiness::new(&server.phase)
        .with("database", database)
        .with("migrations", migrations)
        .with("keys", keys)
        .with("model", model)
        .into_response()
}
