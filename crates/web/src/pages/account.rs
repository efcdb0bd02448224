//! `/register`, `/login`, `/logout`.

use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use picard_ui::{Browser, CsrfForm, Field, LocalPath, Notice, Shell, html, html_with, see_other};
use serde::Deserialize;

use super::{PageQuery, Shared};
use crate::{
    Error,
    accounts::{self, Proven, SESSION_LIFE, Wanted},
    guesses::Whence,
    member::Member,
    service::Service,
};

#[derive(Template)]
#[template(path = "register.html")]
struct Register {
    shell: Shell,
    username: Field,
    password: Field,
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    shell: Shell,
    username: Field,
    password: Field,
    next: Option<LocalPath>,
}

#[derive(Default, Deserialize)]
pub(super) struct Next {
    #[serde(default, deserialize_with = "LocalPath::or_none")]
    next: Option<LocalPath>,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    username: String,
    password: String,
    #[serde(default, deserialize_with = "LocalPath::or_none")]
    next: Option<LocalPath>,
}

pub(super) async fn register_form(browser: Browser, member: Option<Member>) -> Response {
    match member {
        Some(_) => see_other("/dashboard"),
        None => html(&register_page(browser.shell(), "", None)),
    }
}

pub(super) async fn register(
    State(service): Shared,
    browser: Browser,
    whence: Whence,
    CsrfForm(form): CsrfForm<Credentials>,
) -> Result<Response, Error> {
    let (username, password) = (form.username.as_str(), form.password.as_str());
    let wanted = Wanted {
        username,
        password,
        is_superuser: false,
    };
    match accounts::sign_up(&service, &whence, &wanted).await {
        Ok(proven) => {
            let welcome = browser.redirect("/dashboard", "registered");
            enter(&service, &browser, &proven, welcome).await
        }
        Err(error @ (Error::UsernameTaken | Error::Refused { .. })) => {
            let page = register_page(browser.shell(), username, Some(&error));
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

fn register_page(shell: Shell, typed: &str, error: Option<&Error>) -> Register {
    let wrong = |name: &str| match error {
        Some(Error::UsernameTaken) if name == "username" => {
            Some("This username is taken; choose another.".to_owned())
        }
        Some(Error::Refused { field, message }) if *field == name => Some(sentence(name, message)),
        _ => None,
    };
    Register {
        username: Field::handle("username", "Username")
            .hint("2 to 32 letters, digits, dots, dashes or underscores. You log in with it here.")
            .value(typed)
            .required()
            .error(wrong("username")),
        password: Field::password("password", "Password", "new-password")
            .hint("At least 8 characters. Several words in a row are easy to remember and hard to guess.")
            .attribute("minlength", "8")
            .required()
            .error(wrong("password")),
        shell,
    }
}

pub(super) async fn login_form(
    browser: Browser,
    member: Option<Member>,
    PageQuery(Next { next }): PageQuery<Next>,
) -> Response {
    match member {
        Some(_) => see_other(next.as_ref().map_or("/dashboard", LocalPath::as_str)),
        None => html(&login_page(browser.shell(), "", next)),
    }
}

pub(super) async fn log_in(
    State(service): Shared,
    browser: Browser,
    whence: Whence,
    CsrfForm(form): CsrfForm<Credentials>,
) -> Result<Response, Error> {
    let Credentials {
        username,
        password,
        next,
    } = form;
    match accounts::authenticate(&service, &whence, &username, &password).await {
        Ok(Some(proven)) => {
            let onward = see_other(next.as_ref().map_or("/dashboard", LocalPath::as_str));
            enter(&service, &browser, &proven, onward).await
        }
        Ok(None) | Err(Error::Refused { .. }) => {
            let notice =
                Notice::error("Username and password do not fit. Check both and try again.");
            let page = login_page(browser.shell().with_notice(notice), &username, next);
            Ok(html_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(Error::TooManyAttempts { retry_after }) => {
            let minutes = retry_after.div_ceil(60);
            let notice = Notice::error(format!("Too many attempts. Try again in {minutes} min."));
            let page = login_page(browser.shell().with_notice(notice), &username, next);
            let page = html_with(StatusCode::TOO_MANY_REQUESTS, &page);
            Ok(([(RETRY_AFTER, retry_after.to_string())], page).into_response())
        }
        Err(error) => Err(error),
    }
}

fn login_page(shell: Shell, typed: &str, next: Option<LocalPath>) -> Login {
    Login {
        username: Field::handle("username", "Username")
            .value(typed)
            .required(),
        password: Field::password("password", "Password", "current-password").required(),
        next,
        shell,
    }
}

/// Logs a browser in. Whatever session it had before ends: nobody can have put
/// it there to share it.
async fn enter(
    service: &Service,
    browser: &Browser,
    proven: &Proven,
    onward: Response,
) -> Result<Response, Error> {
    accounts::close_session(service, browser.session()).await?;
    match accounts::open_session(service, proven, browser.user_agent()).await? {
        Some(token) => {
            Ok((browser.signed_in(token.expose(), SESSION_LIFE), onward).into_response())
        }
        None => Ok(see_other("/login")),
    }
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn log_out(
    State(service): Shared,
    browser: Browser,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Result<Response, Error> {
    accounts::close_session(&service, browser.session()).await?;
    Ok((browser.signed_out(), browser.redirect("/", "logged-out")).into_response())
}

/// `username` and `must be 2 …` make `The username must be 2 …`
fn sentence(field: &str, message: &str) -> String {
    format!("The {} {message}.", field.replace('_', " "))
}
