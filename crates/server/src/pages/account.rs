//! `/account`: who one is here, where one is logged in, what has access.

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use picard_app::{Account, Error, Origin, PasswordError, Person};
use picard_domain::{GrantId, Plaintext, SessionId};
use picard_ui::{Badge, CopyText, CsrfForm, Field, Moment, Shell, html_with};
use serde::Deserialize;

use super::{IdPath, errors::Failure, id_of, person::Member, sentence};
use crate::state::Server;

/// A form that has nothing but its token.
#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
pub(super) struct Rename {
    name: String,
}

#[derive(Deserialize)]
pub(super) struct ChangePassword {
    #[serde(deserialize_with = "super::password")]
    current_password: Plaintext,
    #[serde(deserialize_with = "super::password")]
    new_password: Plaintext,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    shell: Shell,
    person: Person,
    account: Account,
    id: CopyText,
    web_url: Option<String>,
    name: Field,
    current_password: Field,
    new_password: Field,
}

/// What is wrong with which form of the page.
#[derive(Default)]
struct Mistakes {
    /// The name that was refused, and why.
    name: Option<(String, String)>,
    current_password: Option<&'static str>,
    new_password: Option<String>,
}

/// `GET /account`.
pub(super) async fn show(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
) -> Response {
    page(&server, &member, &failure, Mistakes::default()).await
}

/// `POST /account/name`.
pub(super) async fn rename(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    CsrfForm(form): CsrfForm<Rename>,
) -> Response {
    match server.app.rename(&member.person, &form.name).await {
        Ok(()) => member.browser.redirect("/account", "renamed"),
        Err(Error::Invalid { reason, .. } | Error::OutOfRange { reason, .. }) => {
            let name = Some((form.name, sentence(&format!("it {reason}"))));
            page(
                &server,
                &member,
                &failure,
                Mistakes {
                    name,
                    ..Mistakes::default()
                },
            )
            .await
        }
        Err(error) => failure.page(error),
    }
}

/// `POST /account/password`: ends all other sessions and every application's access.
pub(super) async fn change_password(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    CsrfForm(form): CsrfForm<ChangePassword>,
) -> Response {
    let (current, new) = (form.current_password.expose(), form.new_password.expose());
    let mistakes = match server
        .app
        .change_password(&member.person, current, new)
        .await
    {
        Ok(()) => return member.browser.redirect("/account", "password"),
        Err(PasswordError::WrongPassword) => Mistakes {
            current_password: Some("This is not your current password."),
            ..Mistakes::default()
        },
        Err(PasswordError::WeakPassword(wrong)) => {
            let new_password = Some(sentence(&format!("it {wrong}")));
            Mistakes {
                new_password,
                ..Mistakes::default()
            }
        }
        Err(PasswordError::Other(error)) => return failure.page(error),
    };
    page(&server, &member, &failure, mistakes).await
}

/// `POST /account/sessions/{id}/end`.
pub(super) async fn end_session(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(id) = id_of::<SessionId>(path) else {
        return failure.page(Error::NotFound("session"));
    };
    match server.app.end_session(&member.person, id).await {
        Ok(()) => member.browser.redirect("/account", "session-ended"),
        Err(error) => failure.page(error),
    }
}

/// `POST /account/applications/{id}/revoke`: all its tokens end at once.
pub(super) async fn revoke_application(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(id) = id_of::<GrantId>(path) else {
        return failure.page(Error::NotFound("application"));
    };
    match server.app.revoke_application(&member.person, id).await {
        Ok(()) => member.browser.redirect("/account", "revoked"),
        Err(error) => failure.page(error),
    }
}

async fn page(server: &Server, member: &Member, failure: &Failure, mistakes: Mistakes) -> Response {
    let account = match server.app.account(&member.person).await {
        Ok(account) => account,
        Err(error) => return failure.page(error),
    };
    let status = if mistakes.any() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let person = member.person.clone();
    let (name, wrong_name) = mistakes.name.unzip();
    html_with(
        status,
        &AccountPage {
            shell: member.shell(),
            id: CopyText::new("user-id", person.id),
            web_url: server.config.web_url.clone(),
            name: Field::text("name", "Name")
                .attribute("autocomplete", "name")
                .attribute("maxlength", "80")
                .value(name.unwrap_or_else(|| person.name.to_string()))
                .error(wrong_name)
                .required(),
            current_password: Field::password(
                "current_password",
                "Current password",
                "current-password",
            )
            .error(mistakes.current_password)
            .required(),
            new_password: Field::password("new_password", "New password", "new-password")
                .hint("At least 8 characters.")
                .attribute("minlength", "8")
                .error(mistakes.new_password)
                .required(),
            person,
            account,
        },
    )
}

impl Mistakes {
    fn any(&self) -> bool {
        self.name.is_some() || self.current_password.is_some() || self.new_password.is_some()
    }
}
