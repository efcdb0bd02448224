//! `/account/delete`: the end of an account, with its consequences spelled out.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use picard_app::{Account, DeletionError};
use picard_domain::Plaintext;
use picard_ui::{CsrfForm, Field, Shell, html_form};
use serde::Deserialize;

use super::{errors::Failure, person::Member};
use crate::state::Server;

#[derive(Deserialize)]
pub(super) struct Delete {
    #[serde(deserialize_with = "super::password")]
    password: Plaintext,
}

#[derive(Template)]
#[template(path = "delete_account.html")]
struct DeletePage {
    shell: Shell,
    account: Account,
    handle: String,
    password: Field,
}

/// `GET /account/delete`.
pub(super) async fn show(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
) -> Response {
    page(&server, &member, &failure, None).await
}

/// `POST /account/delete`: destroys the data key, and with it every memory.
pub(super) async fn submit(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    CsrfForm(form): CsrfForm<Delete>,
) -> Response {
    match server
        .app
        .delete_account(&member.person, form.password.expose())
        .await
    {
        Ok(()) => (
            member.browser.signed_out(),
            member.browser.redirect("/", "deleted"),
        )
            .into_response(),
        Err(DeletionError::Other(error)) => failure.page(error),
        Err(DeletionError::WrongPassword) => {
            let mistake = "This is not your password.";
            page(&server, &member, &failure, Some(mistake)).await
        }
        Err(DeletionError::LastAdministrator) => member
            .browser
            .error(
                StatusCode::CONFLICT,
                "You are the last administrator",
                "Nothing was changed. Make somebody else an administrator first, or nobody could \
                 administer this server.",
            )
            .link("Go to the people", "/admin/people")
            .link("Keep the account", "/account")
            .into_response(),
    }
}

async fn page(
    server: &Server,
    member: &Member,
    failure: &Failure,
    mistake: Option<&'static str>,
) -> Response {
    let account = match server.app.account(&member.person).await {
        Ok(account) => account,
        Err(error) => return failure.page(error),
    };
    html_form(
        mistake.as_ref(),
        &DeletePage {
            shell: member.shell(),
            account,
            handle: member.person.handle.to_string(),
            password: Field::password("password", "Your password", "current-password")
                .error(mistake)
                .required(),
        },
    )
}
