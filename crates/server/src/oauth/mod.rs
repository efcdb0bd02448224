//! The authorization server over HTTP. The protocol is in the `oauth` crate,
//! the decisions in `app`; here are routes, headers and the error adapter.

mod authorize;
mod clients;
mod error;
mod metadata;
mod register;
mod token;

use axum::{
    Router,
    routing::{get, post, put},
};
use picard_oauth::metadata as paths;

use crate::state::Server;

/// The endpoints that people are sent to.
pub(crate) fn pages() -> Router<Server> {
    Router::new()
        .route(
            paths::AUTHORIZE,
            get(authorize::ask).post(authorize::answer),
        )
        .route("/authorize", get(authorize::ask).post(authorize::answer))
        .route("/docs", get(crate::tools::docs::docs))
}

/// The endpoints that applications call. The authorization endpoint is a page
/// and served with the pages.
pub(crate) fn api() -> Router<Server> {
    Router::new()
        .route(paths::TOKEN, post(token::token))
        .route("/token", post(token::token))
        .route(paths::REGISTER, post(register::register))
        .route("/register", post(register::register))
        .route(paths::REVOKE, post(token::revoke))
        .route(paths::INTROSPECT, post(token::introspect))
        .route("/api/clients/{client_id}", put(clients::register))
        .merge(metadata::routes(
            get(metadata::authorization_server),
            get(metadata::resource),
        ))
}
