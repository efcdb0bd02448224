//! The routes of the web client. A handler takes what the extractors proved,
//! calls one use case or one tool, and turns the answer into a page.

mod account;
mod admin;
mod connection;
mod dashboard;
pub(crate) mod failure;
mod health;
mod home;
mod memories;
mod memory;
mod personas;
mod profile;
mod search;
mod views;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use picard_ui::{Browser, assets_router};
use serde::de::DeserializeOwned;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{Error, Web, member::identify, service::Service};

/// What handlers take to reach the service.
pub(crate) type Shared = axum::extract::State<Arc<Service>>;

/// The query of a page. One that cannot be read, for instance with a name that
/// is there twice, counts as none: the page is shown, and not an error.
pub(crate) struct PageQuery<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequestParts<S> for PageQuery<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = Query::try_from_uri(&parts.uri);
        Ok(Self(query.map(|Query(query)| query).unwrap_or_default()))
    }
}

pub(crate) fn router(web: Web) -> Router {
    let site = web.service.site.clone();
    let observer = web.service.observer();
    let callback = web.service.callback_path.clone();
    let pages = Router::new()
        .route("/", get(home::home))
        .route(
            "/register",
            get(account::register_form).post(account::register),
        )
        .route("/login", get(account::login_form).post(account::log_in))
        .route("/logout", post(account::log_out))
        .route("/profile", get(profile::profile))
        .route("/profile/name", post(profile::rename))
        .route("/profile/password", post(profile::change_password))
        .route("/profile/sessions/{id}/end", post(profile::end_session))
        .route(
            "/profile/delete",
            get(profile::delete_form).post(profile::delete),
        )
        .route("/dashboard", get(dashboard::dashboard))
        .route(
            "/oauth/connect",
            get(connection::to_dashboard).post(connection::connect),
        )
        .route(
            "/oauth/disconnect",
            get(connection::to_dashboard).post(connection::disconnect),
        )
        .route(&callback, get(connection::callback))
        .route("/memories", get(memories::list))
        .route("/memories/new", get(memory::new_form).post(memory::create))
        .route("/memories/{id}", get(memory::view))
        .route(
            "/memories/{id}/edit",
            get(memory::edit_form).post(memory::edit),
        )
        .route("/memories/{id}/permission", post(memory::set_permission))
        .route(
            "/memories/{id}/delete",
            get(memory::delete_form).post(memory::delete),
        )
        .route("/search", get(search::search))
        .route("/personas", get(personas::personas))
        .route("/admin", get(admin::admin))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(web.clone(), identify))
        .with_state(web.clone());
    picard_ui::pages(pages, site)
        .merge(assets_router())
        .merge(health::router(web))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(observer, picard_observe::layer))
}

async fn not_found() -> Error {
    Error::NotFound
}

/// A form that was sent by typing its address, or a page that was posted to.
async fn wrong_method(browser: Browser) -> Response {
    browser
        .error(
            StatusCode::METHOD_NOT_ALLOWED,
            "That does not work here",
            "This address does something else. Nothing was changed.",
        )
        .link("Go to the start page", "/")
        .into_response()
}
