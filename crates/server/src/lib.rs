//! The server over HTTP: OAuth, the tools, MCP, the pages of people, health.
//!
//! [`router`] is everything; `cli` serves it. A handler takes what the
//! extractors proved, calls one use case of `app`, and turns the answer into a
//! response.

// Fixtures for the conformance suite are no part of the product.
#[cfg(all(feature = "conformance", not(debug_assertions)))]
compile_error!("the feature `conformance` is for tests; a release build must not have it");

mod bearer;
pub mod connect;
mod cors;
mod health;
mod json;
pub mod mcp;
mod oauth;
mod origin;
pub mod outbound;
mod outgoing;
mod pace;
mod pages;
mod problem;
mod state;
mod tools;
mod turnstile;
mod unread;

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, header};
use tower_http::catch_panic::CatchPanicLayer;

pub use origin::{AllowedOrigin, InvalidOrigin};
pub use picard_ui::{InvalidNetwork, Network};
pub use problem::Problem;
pub use state::{BURST_SECONDS, CALLS_PER_SECOND, Config, Server};

/// Returns everything that the server answers.
pub fn router(server: Server) -> Router {
    let api = Router::new()
        .route("/api/tools", post(tools::rest::call))
        .route(tools::import::IMPORT, post(tools::import::import))
        .route("/openapi.json", get(tools::openapi::openapi))
        .route("/health", get(health::instance))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .merge(oauth::api())
        .merge(mcp::router(&server))
        .method_not_allowed_fallback(method_not_allowed);
    pages::router(&server)
        .merge(api)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            server.clone(),
            origin::guard,
        ))
        .layer(middleware::from_fn_with_state(
            server.clone(),
            problem::finish,
        ))
        .layer(middleware::from_fn(cors::layer))
        .layer(middleware::map_response(not_guessed))
        .layer(middleware::from_fn_with_state(
            server.observer(),
            picard_observe::layer,
        ))
        .layer(middleware::from_fn(unread::layer))
        .with_state(server)
}

/// Tells browsers to take no answer for something else than it says it is:
/// memories hold whatever somebody wrote.
async fn not_guessed(mut response: Response) -> Response {
    response
        .headers_mut()
        .entry(header::X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    response
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        "method_not_allowed",
        "the Allow header tells which methods are",
    )
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(
        "internal",
        "the log of the server tells more under the request's id",
    )
    .into_response()
}
