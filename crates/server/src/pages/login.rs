//! `/login` and `/logout`.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use picard_app::{App, LogInError};
use picard_domain::Plaintext;
use picard_ui::{Browser, CsrfForm, Field, LocalPath, Notice, Shell, html, html_with, see_other};
use serde::Deserialize;

use super::{
    Onward, OnwardQuery,
    errors::Failure,
    onward,
    person::{Anyone, From},
};
use crate::state::Server;

#[derive(Deserialize)]
pub(super) struct LogIn {
    handle: String,
    #[serde(deserialize_with = "super::password")]
    password: Plaintext,
    #[serde(default, deserialize_with = "LocalPath::or_none")]
    next: Option<LocalPath>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LogInPage {
    shell: Shell,
    handle: Field,
    password: Field,
    /// Whether an application waits for an answer after the log-in.
    for_application: bool,
    next: Option<LocalPath>,
    /// The sign-up page that leads to the same place.
    sign_up: String,
}

/// `GET /login`.
pub(super) async fn show(query: OnwardQuery, anyone: Anyone) -> Response {
    let again = query.as_ref().is_ok_and(|query| query.again.is_some());
    let next = onward(query);
    if anyone.person.is_some() && !again {
        return see_other(next.as_ref().map_or("/account", LocalPath::as_str));
    }
    html(&page(anyone.shell(), "", next))
}

/// `POST /login`. An unknown handle and a wrong password get the same answer.
pub(super) async fn submit(
    State(server): State<Server>,
    anyone: Anyone,
    failure: Failure,
    From(visit): From,
    CsrfForm(form): CsrfForm<LogIn>,
) -> Response {
    let LogIn {
        handle,
        password,
        next,
    } = form;
    match server.app.log_in(&handle, password.expose(), visit).await {
        Ok(signed_in) => {
            // The session before this log-in ends with it.
            if let Some(before) = anyone.browser.session()
                && let Err(error) = server.app.log_out(before).await
            {
                return failure.page(error);
            }
            let cookies = anyone
                .browser
                .signed_in(signed_in.session.expose(), App::SESSION);
            let path = next.as_ref().map_or("/account", LocalPath::as_str);
            (cookies, see_other(path)).into_response()
        }
        Err(LogInError::WrongCredentials) => {
            let wrong = Notice::error("Handle or password is wrong.");
            let page = page(anyone.shell().with_notice(wrong), &handle, next);
            html_with(StatusCode::UNAUTHORIZED, &page)
        }
        Err(LogInError::Other(error)) => failure.page(error),
    }
}

/// `POST /logout`: ends this browser's session.
pub(super) async fn log_out(
    State(server): State<Server>,
    browser: Browser,
    failure: Failure,
    CsrfForm(form): CsrfForm<Onward>,
) -> Response {
    if let Some(session) = browser.session()
        && let Err(error) = server.app.log_out(session).await
    {
        return failure.page(error);
    }
    let log_in = form
        .next
        .map_or("/login".to_owned(), |next| next.after("/login"));
    (
        browser.signed_out(),
        browser.redirect(&log_in, "logged-out"),
    )
        .into_response()
}

fn page(shell: Shell, handle: &str, next: Option<LocalPath>) -> LogInPage {
    let leads_to = |path: &str| {
        next.as_ref()
            .is_some_and(|next| next.as_str().starts_with(path))
    };
    LogInPage {
        shell: super::leading(shell, next.as_ref()),
        handle: Field::handle("handle", "Handle").value(handle).required(),
        password: Field::password("password", "Password", "current-password").required(),
        for_application: leads_to("/oauth/authorize?") || leads_to("/authorize?"),
        sign_up: next
            .as_ref()
            .map_or("/signup".to_owned(), |next| next.after("/signup")),
        next,
    }
}
