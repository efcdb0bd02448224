//! The pages of people: landing, sign-up, log-in, account, consent.
//!
//! HTML that works without scripts. Each handler takes what its extractors
//! proved (a browser, a person, a form of our own), calls one use case and
//! answers with a page or a 303. The frame, headers and CSRF come from
//! `picard_ui`; what the pages look like is in `templates/`.

mod account;
mod activity;
mod admin;
mod connect;
pub(crate) mod consent;
mod delete_account;
pub(crate) mod errors;
mod landing;
mod login;
pub(crate) mod person;
mod signup;

use std::{
    borrow::Borrow,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::{Path, Query, rejection::PathRejection},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, Uri};
use picard_domain::{Plaintext, Scope, Scopes};
use picard_ui::{Browser, LocalPath, NavLink, Shell, Site, Tone, assets_router};
use serde::{Deserialize, Deserializer};

use self::person::Anyone;

use crate::{oauth, problem::Problem, state::Server};

const NOTICES: [(&str, Tone, &str); 7] = [
    ("welcome", Tone::Success, "Welcome. Your account is ready."),
    ("logged-out", Tone::Info, "You are logged out."),
    ("renamed", Tone::Success, "Your name has been changed."),
    (
        "password",
        Tone::Success,
        "Your password has been changed. Everything else that was logged in or connected no longer is.",
    ),
    (
        "session-ended",
        Tone::Success,
        "That browser is logged out.",
    ),
    (
        "revoked",
        Tone::Success,
        "That application no longer has access to your memories.",
    ),
    (
        "deleted",
        Tone::Info,
        "Your account and everything in it are gone.",
    ),
];

/// The sentences of all pages.
static ALL_NOTICES: LazyLock<Vec<(&str, Tone, &str)>> =
    LazyLock::new(|| [&NOTICES[..], &admin::NOTICES].concat());

/// Everything that a browser is shown, the authorization endpoint included.
pub(crate) fn router(server: &Server) -> Router<Server> {
    let routes = Router::new()
        .route("/", get(landing::show))
        .route("/connect", get(connect::show).post(connect::test))
        .route("/signup", get(signup::show).post(signup::submit))
        .route("/login", get(login::show).post(login::submit))
        .route("/logout", post(login::log_out))
        .route("/account", get(account::show))
        .route("/account/activity", get(activity::show))
        .route("/account/name", post(account::rename))
        .route("/account/password", post(account::change_password))
        .route("/account/sessions/{id}/end", post(account::end_session))
        .route(
            "/account/applications/{id}/revoke",
            post(account::revoke_application),
        )
        .route(
            "/account/delete",
            get(delete_account::show).post(delete_account::submit),
        )
        .merge(oauth::pages())
        .merge(admin::router(server))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found);
    picard_ui::pages(routes, Arc::new(site(server))).merge(assets_router())
}

fn site(server: &Server) -> Site {
    let entropy = server.app.entropy_source();
    let site = Site::new(
        "Picard server",
        &server.config.public_url,
        "picard_server",
        entropy,
    )
    .member_link("Connect", "/connect")
    .member_link("Account", "/account")
    .visitor_link("Connect", "/connect")
    .visitor_link("Log in", "/login")
    .visitor_link("Sign up", "/signup")
    .footer_link("Start", "/")
    .footer_link("Connect an assistant", "/connect")
    .footer_link("For developers", "/docs")
    .notices(&ALL_NOTICES)
    .opened_as_popup(&[
        "/login",
        "/signup",
        "/logout",
        "/oauth/authorize",
        "/authorize",
    ]);
    match &server.config.web_url {
        Some(url) => site.member_link("Memories", url),
        None => site,
    }
}

/// The query of pages that lead somewhere else in the end.
#[derive(Deserialize)]
pub(crate) struct Onward {
    #[serde(default, deserialize_with = "LocalPath::or_none")]
    next: Option<LocalPath>,
    /// Asks for the password even of somebody who is logged in.
    #[serde(default)]
    again: Option<String>,
}

/// Reads a password of a form into memory that is wiped after use.
fn password<'de, D: Deserializer<'de>>(from: D) -> Result<Plaintext, D::Error> {
    String::deserialize(from).map(Plaintext::new)
}

/// Reads `?next=`; a query that cannot be read counts as none.
type OnwardQuery = Result<Query<Onward>, axum::extract::rejection::QueryRejection>;

fn onward(query: OnwardQuery) -> Option<LocalPath> {
    query.ok().and_then(|Query(onward)| onward.next)
}

/// Lets the links to log-in and sign-up in the header lead onward, too.
fn leading(mut shell: Shell, next: Option<&LocalPath>) -> Shell {
    for NavLink { link, .. } in &mut shell.nav {
        if let (Some(next), "/login" | "/signup") = (next, link.href.as_str()) {
            link.href = next.after(&link.href);
        }
    }
    shell
}

/// The id in a path; one that is none names nothing.
type IdPath = Result<Path<String>, PathRejection>;

fn id_of<T: std::str::FromStr>(path: IdPath) -> Option<T> {
    path.ok().and_then(|Path(text)| text.parse().ok())
}

/// Says what scopes allow, the implied ones included.
fn in_words(scopes: impl Borrow<Scopes>) -> Vec<&'static str> {
    let allowed = Scope::ALL
        .into_iter()
        .filter(|scope| scopes.borrow().allows(*scope));
    allowed.map(Scope::in_words).collect()
}

/// Makes a sentence of an error's words: `it must…` to `It must….`.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

async fn not_found(anyone: Anyone, uri: Uri) -> Response {
    let for_programs = ["/.well-known/", "/api/", "/oauth/", "/mcp"];
    if for_programs
        .iter()
        .any(|prefix| uri.path().starts_with(prefix))
    {
        return Problem::new("not_found", "there is nothing at this address").into_response();
    }
    anyone.browser.not_found().into_response()
}

async fn method_not_allowed(browser: Browser) -> Response {
    let sentence = "This address is part of a form. Open the page that it is on instead.";
    browser
        .error(
            StatusCode::METHOD_NOT_ALLOWED,
            "That is not a page",
            sentence,
        )
        .link("Go to the start page", "/")
        .into_response()
}
