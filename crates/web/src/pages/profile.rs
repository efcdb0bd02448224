//! `/profile`: name, password, browsers that are logged in, the end of the account.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use picard_ui::{Badge, CsrfForm, Field, Moment, Shell, html_with};
use serde::Deserialize;

use super::Shared;
use crate::{
    Error, accounts,
    connect::{self, Ended},
    member::Member,
    service::Service,
    store::sessions,
    words::browser_in_words,
};

#[derive(Template)]
#[template(path = "profile.html")]
struct Profile {
    shell: Shell,
    username: String,
    name: Field,
    current_password: Field,
    new_password: Field,
    sessions: Vec<Session>,
}

#[derive(Template)]
#[template(path = "profile_delete.html")]
struct DeletePage {
    shell: Shell,
    connected: bool,
    username: String,
    password: Field,
}

struct Session {
    id: String,
    browser: String,
    is_this: bool,
    since: Moment,
    last_seen: Moment,
}

#[derive(Deserialize)]
pub(super) struct NameForm {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: String,
    new_password: String,
}

#[derive(Deserialize)]
pub(super) struct ProofForm {
    password: String,
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn profile(State(service): Shared, member: Member) -> Result<Response, Error> {
    page(&service, &member, None).await
}

pub(super) async fn rename(
    State(service): Shared,
    member: Member,
    CsrfForm(form): CsrfForm<NameForm>,
) -> Result<Response, Error> {
    match accounts::rename(&service, member.account_id, &form.name).await {
        Ok(()) => Ok(member.browser.redirect("/profile", "renamed")),
        Err(error) => again(&service, &member, error).await,
    }
}

pub(super) async fn change_password(
    State(service): Shared,
    member: Member,
    CsrfForm(form): CsrfForm<PasswordForm>,
) -> Result<Response, Error> {
    let who = (
        member.account_id,
        member.username.as_str(),
        member.session_id,
    );
    match accounts::change_password(&service, who, &form.password, &form.new_password).await {
        Ok(()) => Ok(member.browser.redirect("/profile", "password-changed")),
        Err(error) => again(&service, &member, error).await,
    }
}

pub(super) async fn end_session(
    State(service): Shared,
    member: Member,
    Path(id): Path<String>,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Result<Response, Error> {
    let id = id.parse().map_err(|_| Error::NotFound)?;
    sessions::delete(&service.db, member.account_id, id).await?;
    Ok(member.browser.redirect("/profile", "session-ended"))
}

pub(super) async fn delete_form(member: Member) -> Response {
    delete_page(&member, None)
}

pub(super) async fn delete(
    State(service): Shared,
    member: Member,
    CsrfForm(form): CsrfForm<ProofForm>,
) -> Result<Response, Error> {
    if let Err(error) = accounts::prove_password(&service, member.account_id, &form.password).await
    {
        return match error {
            Error::Refused { .. } => Ok(delete_page(&member, Some(&error))),
            error => Err(error),
        };
    }
    let ended = match member.connection.partner() {
        Some(partner) => connect::end(&service, partner.connection_id).await?,
        None => Ended::Everywhere,
    };
    accounts::delete(&service, member.account_id).await?;
    let notice = match ended {
        Ended::Everywhere => "account-deleted",
        Ended::HereOnly => "account-deleted-here",
    };
    let farewell = member.browser.redirect("/", notice);
    Ok((member.browser.signed_out(), farewell).into_response())
}

/// Shows the page again with what is wrong beside its field.
async fn again(service: &Service, member: &Member, error: Error) -> Result<Response, Error> {
    match error {
        Error::Refused { .. } => page(service, member, Some(&error)).await,
        error => Err(error),
    }
}

async fn page(
    service: &Service,
    member: &Member,
    error: Option<&Error>,
) -> Result<Response, Error> {
    let listed = sessions::list(&service.db, member.account_id, service.now()).await?;
    let session = |one: sessions::Listed| Session {
        is_this: one.id == member.session_id,
        id: one.id.to_string(),
        browser: browser_in_words(&one.user_agent),
        since: Moment(one.created_at),
        last_seen: Moment(one.last_seen_at),
    };
    let page = Profile {
        shell: member.shell(),
        username: member.username.clone(),
        name: Field::text("name", "Name")
            .hint("Shown to you on these pages. The server has its own name for you.")
            .attribute("maxlength", "80")
            .attribute("autocomplete", "name")
            .value(&member.name)
            .required()
            .error(wrong(error, "name")),
        current_password: Field::password("password", "Current password", "current-password")
            .required()
            .error(wrong(error, "password")),
        new_password: Field::password("new_password", "New password", "new-password")
            .hint("At least 8 characters. Other browsers are logged out.")
            .attribute("minlength", "8")
            .required()
            .error(wrong(error, "new_password")),
        sessions: listed.into_iter().map(session).collect(),
    };
    Ok(html_with(status(error), &page))
}

fn delete_page(member: &Member, error: Option<&Error>) -> Response {
    let page = DeletePage {
        shell: member.shell(),
        connected: member.connection.partner().is_some(),
        username: member.username.clone(),
        password: Field::password("password", "Your password", "current-password")
            .required()
            .error(wrong(error, "password")),
    };
    html_with(status(error), &page)
}

fn status(error: Option<&Error>) -> StatusCode {
    if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

fn wrong(error: Option<&Error>, name: &str) -> Option<String> {
    match error {
        Some(Error::Refused { field, message }) if *field == name => {
            Some(format!("This {message}."))
        }
        _ => None,
    }
}
