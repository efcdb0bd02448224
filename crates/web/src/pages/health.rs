//! `/health`: the process lives. `/health/ready`: the database answers too.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use crate::Web;

pub(super) fn router(web: Web) -> Router {
    Router::new()
        .route(
            "/health",
            get(async || answer(StatusCode::OK, json!({ "status": "ok" }))),
        )
        .route("/health/ready", get(ready))
        .with_state(web)
}

async fn ready(State(web): State<Web>) -> Response {
    match web.pending_migrations().await {
        Ok(pending) if pending.is_empty() => answer(StatusCode::OK, json!({ "status": "ready" })),
        Ok(_) => unready("the database has not been migrated"),
        Err(error) => {
            tracing::warn!(error = error.chain(), "not ready");
            unready("the database does not answer")
        }
    }
}

fn unready(why: &str) -> Response {
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        json!({ "status": "unavailable", "detail": why }),
    )
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
