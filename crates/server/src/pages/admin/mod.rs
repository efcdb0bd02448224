//! `/admin`: people and applications, for administrators of this server.
//!
//! To everybody else there is nothing at any of these addresses. What is shown
//! comes from [`Administration`], which holds no keys: no memory, question or
//! answer can be on these pages. Whatever changes something asks for a
//! password that was given a short while ago.

mod application;
mod applications;
mod audit;
mod confirm;
mod guard;
mod overview;
mod people;
mod person;
mod register;

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use http::StatusCode;
use picard_app::{AdminError, Error};
use picard_domain::PageSize;
use picard_ui::{Browser, Link, NavLink, Tone};
use serde::Deserialize;

use self::guard::Admin;
use super::errors::Failure;
use crate::state::Server;

/// What redirects of these pages say.
pub(super) const NOTICES: [(&str, Tone, &str); 11] = [
    (
        "admin-confirmed",
        Tone::Info,
        "Thank you. For the next 15 minutes you will not be asked again.",
    ),
    (
        "admin-disabled",
        Tone::Success,
        "The account is locked. Nobody can log in to it, and no application can use it.",
    ),
    ("admin-enabled", Tone::Success, "The account is open again."),
    (
        "admin-sessions-ended",
        Tone::Success,
        "This person is logged out everywhere.",
    ),
    (
        "admin-revoked",
        Tone::Success,
        "No application has access to this account any more.",
    ),
    (
        "admin-given",
        Tone::Success,
        "This person is an administrator now.",
    ),
    (
        "admin-taken",
        Tone::Success,
        "This person is no administrator any more.",
    ),
    (
        "admin-gave-up",
        Tone::Info,
        "You are no administrator any more.",
    ),
    (
        "admin-deleted",
        Tone::Success,
        "The account and everything in it are gone.",
    ),
    (
        "admin-forgotten",
        Tone::Success,
        "The application is forgotten. All access that it had has ended.",
    ),
    (
        "admin-locked-yourself",
        Tone::Info,
        "Your account is locked, and you are logged out.",
    ),
];

/// How many rows one page of a list shows.
const ROWS: PageSize<500> = PageSize::new(50).expect("it is in range");

/// A form that has nothing but its token.
#[derive(Deserialize)]
struct Nothing {}

pub(super) fn router(server: &Server) -> Router<Server> {
    Router::new()
        .route("/admin", get(overview::show))
        .route("/admin/confirm", get(confirm::show).post(confirm::submit))
        .route("/admin/people", get(people::show))
        .route("/admin/people/{handle}", get(person::show))
        .route("/admin/people/{handle}/disable", post(person::disable))
        .route("/admin/people/{handle}/enable", post(person::enable))
        .route(
            "/admin/people/{handle}/sessions/end",
            post(person::end_sessions),
        )
        .route(
            "/admin/people/{handle}/applications/revoke",
            post(person::revoke_applications),
        )
        .route(
            "/admin/people/{handle}/admin/give",
            post(person::make_admin),
        )
        .route(
            "/admin/people/{handle}/admin/take",
            post(person::unmake_admin),
        )
        .route(
            "/admin/people/{handle}/delete",
            get(person::ask_to_delete).post(person::delete),
        )
        .route("/admin/applications", get(applications::show))
        .route(
            "/admin/applications/new",
            get(register::show).post(register::submit),
        )
        .route("/admin/applications/{id}", get(application::show))
        .route(
            "/admin/applications/{id}/delete",
            get(application::ask_to_delete).post(application::delete),
        )
        .route("/admin/audit", get(audit::show))
        .route("/admin/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(super::method_not_allowed)
        // Around all of it, so that what is refused for another reason tells nothing either.
        .layer(middleware::from_fn_with_state(server.clone(), guard::layer))
}

async fn nothing_here(browser: Browser) -> Response {
    browser.not_found().into_response()
}

/// Answers with the page of an error: what is absent here is in nobody's account.
fn failed(admin: &Admin, failure: &Failure, error: Error) -> Response {
    let Error::NotFound(what) = error else {
        return failure.page(error);
    };
    let sentence = format!("There is no such {what} on this server. It may be gone already.");
    admin
        .browser()
        .error(StatusCode::NOT_FOUND, "Not found", &sentence)
        .link("Go to the overview", "/admin")
        .into_response()
}

/// The same for an act that may be refused for the sake of the last administrator.
fn refused(admin: &Admin, failure: &Failure, error: AdminError, back: &str) -> Response {
    match error {
        AdminError::Other(error) => failed(admin, failure, error),
        AdminError::LastAdministrator => admin
            .browser()
            .error(
                StatusCode::CONFLICT,
                "The last administrator stays",
                "Nothing was changed. Make somebody else an administrator first, or nobody could \
                 administer this server.",
            )
            .link("Go back", back)
            .into_response(),
    }
}

/// The parts of this area, one of them current.
fn tabs(path: &str) -> [NavLink; 4] {
    let tab = |label, href: &str| NavLink {
        link: Link::new(label, href),
        current: path == href || path.starts_with(&format!("{href}/")) && href != "/admin",
    };
    [
        tab("Overview", "/admin"),
        tab("People", "/admin/people"),
        tab("Applications", "/admin/applications"),
        tab("Acts", "/admin/audit"),
    ]
}

/// A path of this area with a query; empty fields are left out.
fn link(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}
