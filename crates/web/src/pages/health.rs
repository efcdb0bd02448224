//! `/health` and `/health/live`: the process lives. `/health/ready`: the
//! database answers too.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use picard_observe::{Health, Readiness, live};
use picard_sql::Error;

use crate::Web;

pub(super) fn router(web: Web) -> Router {
    Router::new()
        .route("/health", get(async || live()))
        .route("/health/live", get(async || live()))
        .route("/health/ready", get(ready))
        .with_state((web, Arc::default()))
}

/// Anybody may ask, as often as they like: the log is told when the state changes.
async fn ready(State((web, failed)): State<(Web, Arc<AtomicBool>)>) -> Response {
    let (database, migrations) = match web.pending_migrations().await {
        Ok(pending) if pending.is_empty() => (Health::Ok, Health::Ok),
        Ok(_) => (Health::Ok, Health::Failed("pending")),
        Err(crate::Error::Database(Error::SchemaTooNew { .. })) => {
            (Health::Ok, Health::Degraded("ahead"))
        }
        Err(error) => {
            if !failed.swap(true, Ordering::Relaxed) {
                tracing::warn!(error = error.chain(), "not ready");
            }
            (Health::Failed("unavailable"), Health::Failed("unknown"))
        }
    };
    if database == Health::Ok && failed.swap(false, Ordering::Relaxed) {
        tracing::info!("ready again");
    }
    Readiness::new(&web.phase())
        .with("database", database)
        .with("migrations", migrations)
        .into_response()
}
