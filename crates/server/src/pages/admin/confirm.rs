//! `/admin/confirm`: the password once more, before something is changed.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use picard_app::{App, LogInError};
use picard_domain::Plaintext;
use picard_ui::{CsrfForm, Field, LocalPath, Shell, html_form};
use serde::Deserialize;

use super::{
    super::{OnwardQuery, errors::Failure, onward, person::From},
    guard::Admin,
};
use crate::state::Server;

#[derive(Deserialize)]
pub(super) struct Confirm {
    #[serde(deserialize_with = "super::super::password")]
    password: Plaintext,
    #[serde(default, deserialize_with = "LocalPath::or_none")]
    next: Option<LocalPath>,
}

#[derive(Template)]
#[template(path = "admin/confirm.html")]
struct ConfirmPage {
    shell: Shell,
    handle: String,
    password: Field,
    next: Option<LocalPath>,
}

/// `GET /admin/confirm`.
pub(super) async fn show(admin: Admin, query: OnwardQuery) -> Response {
    page(&admin, onward(query), None)
}

/// `POST /admin/confirm`: a log-in, so a new session; the one before ends.
pub(super) async fn submit(
    State(server): State<Server>,
    admin: Admin,
    failure: Failure,
    From(visit): From,
    CsrfForm(form): CsrfForm<Confirm>,
) -> Response {
    let handle = admin.member.person.handle.as_str();
    let browser = admin.browser();
    match server
        .app
        .log_in(handle, form.password.expose(), visit)
        .await
    {
        Ok(signed_in) => {
            if let Some(before) = browser.session()
                && let Err(error) = server.app.log_out(before).await
            {
                return failure.page(error);
            }
            let cookies = browser.signed_in(signed_in.session.expose(), App::SESSION);
            let path = form.next.as_ref().map_or("/admin", LocalPath::as_str);
            (cookies, browser.redirect(path, "admin-confirmed")).into_response()
        }
        Err(LogInError::WrongCredentials) => {
            page(&admin, form.next, Some("This is not your password."))
        }
        Err(LogInError::Other(error)) => failure.page(error),
    }
}

fn page(admin: &Admin, next: Option<LocalPath>, mistake: Option<&'static str>) -> Response {
    html_form(
        mistake.as_ref(),
        &ConfirmPage {
            shell: admin.shell(),
            handle: admin.member.person.handle.to_string(),
            password: Field::password("password", "Your password", "current-password")
                .error(mistake)
                .required(),
            next,
        },
    )
}
