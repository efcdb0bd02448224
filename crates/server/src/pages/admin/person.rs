//! `/admin/people/{handle}`: one person, and what can be done about their account.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use picard_app::{ActivityQuery, Entry, Error, Origin, PersonDetails, browser_name};
use picard_domain::Handle;
use picard_ui::{CopyText, CsrfForm, Field, Moment, Shell, html, html_with};
use serde::Deserialize;

use super::{
    super::{IdPath, errors::Failure, id_of},
    Nothing, failed,
    guard::{Admin, Confirmed},
    refused,
};
use crate::state::Server;

/// How much of a person's trail their page shows.
const LATEST: usize = 20;

#[derive(Deserialize)]
pub(super) struct Delete {
    handle: String,
}

#[derive(Template)]
#[template(path = "admin/person.html")]
struct PersonPage {
    shell: Shell,
    person: PersonDetails,
    id: CopyText,
    is_self: bool,
    activity: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "admin/delete_person.html")]
struct DeletePage {
    shell: Shell,
    person: PersonDetails,
    handle: Field,
}

/// `GET /admin/people/{handle}`.
pub(super) async fn show(
    State(server): State<Server>,
    admin: Admin,
    failure: Failure,
    path: IdPath,
) -> Response {
    let person = match find(&admin, path).await {
        Ok(person) => person,
        Err(error) => return failed(&admin, &failure, error),
    };
    let query = ActivityQuery::default();
    let activity = match server.app.activity(person.id, query, LATEST).await {
        Ok(activity) => activity.entries,
        Err(error) => return failed(&admin, &failure, error),
    };
    html(&PersonPage {
        shell: admin.shell(),
        id: CopyText::new("user-id", person.id),
        is_self: person.id == admin.member.person.id,
        activity,
        person,
    })
}

/// `POST /admin/people/{handle}/disable`.
pub(super) async fn disable(
    State(server): State<Server>,
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(handle) = id_of::<Handle>(path) else {
        return failed(&admin, &failure, Error::NotFound("account"));
    };
    match admin.administration.disable(&handle).await {
        Ok(user) => {
            server.app.let_go_of(user);
            if user == admin.member.person.id {
                return gone(&admin, "admin-locked-yourself");
            }
            admin
                .browser()
                .redirect(&page_of(&handle), "admin-disabled")
        }
        Err(error) => refused(&admin, &failure, error, &page_of(&handle)),
    }
}

/// `POST /admin/people/{handle}/enable`.
pub(super) async fn enable(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(handle) = id_of::<Handle>(path) else {
        return failed(&admin, &failure, Error::NotFound("account"));
    };
    let done = admin.administration.enable(&handle).await;
    answer(&admin, &failure, &handle, done, "admin-enabled")
}

/// `POST /admin/people/{handle}/sessions/end`.
pub(super) async fn end_sessions(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(handle) = id_of::<Handle>(path) else {
        return failed(&admin, &failure, Error::NotFound("account"));
    };
    let done = admin.administration.end_sessions(&handle).await;
    answer(&admin, &failure, &handle, done, "admin-sessions-ended")
}

/// `POST /admin/people/{handle}/applications/revoke`.
pub(super) async fn revoke_applications(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(handle) = id_of::<Handle>(path) else {
        return failed(&admin, &failure, Error::NotFound("account"));
    };
    let done = admin.administration.revoke_applications(&handle).await;
    answer(&admin, &failure, &handle, done, "admin-revoked")
}

/// `POST /admin/people/{handle}/admin/give`.
pub(super) async fn make_admin(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(handle) = id_of::<Handle>(path) else {
        return failed(&admin, &failure, Error::NotFound("account"));
    };
    let done = admin.administration.make_admin(&handle).await;
    answer(&admin, &failure, &handle, done, "admin-given")
}

/// `POST /admin/people/{handle}/admin/take`.
pub(super) async fn unmake_admin(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(handle) = id_of::<Handle>(path) else {
        return failed(&admin, &failure, Error::NotFound("account"));
    };
    match admin.administration.unmake_admin(&handle).await {
        Ok(()) if handle == admin.member.person.handle => {
            admin.browser().redirect("/account", "admin-gave-up")
        }
        Ok(()) => admin.browser().redirect(&page_of(&handle), "admin-taken"),
        Err(error) => refused(&admin, &failure, error, &page_of(&handle)),
    }
}

/// `GET /admin/people/{handle}/delete`.
pub(super) async fn ask_to_delete(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
) -> Response {
    match find(&admin, path).await {
        Ok(person) => deletion(&admin, person, None),
        Err(error) => failed(&admin, &failure, error),
    }
}

/// `POST /admin/people/{handle}/delete`: with the handle typed, so that nobody
/// is deleted by a slip.
pub(super) async fn delete(
    State(server): State<Server>,
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(form): CsrfForm<Delete>,
) -> Response {
    let person = match find(&admin, path).await {
        Ok(person) => person,
        Err(error) => return failed(&admin, &failure, error),
    };
    if form.handle.parse().ok().as_ref() != Some(&person.handle) {
        return deletion(
            &admin,
            person,
            Some("This is not the handle of the account."),
        );
    }
    match admin.administration.delete_person(&person.handle).await {
        Ok(user) => {
            server.app.clear_up_after(user).await;
            if user == admin.member.person.id {
                return gone(&admin, "deleted");
            }
            admin.browser().redirect("/admin/people", "admin-deleted")
        }
        Err(error) => refused(&admin, &failure, error, &page_of(&person.handle)),
    }
}

async fn find(admin: &Admin, path: IdPath) -> Result<PersonDetails, Error> {
    let handle = id_of::<Handle>(path).ok_or(Error::NotFound("account"))?;
    admin.administration.person(&handle).await
}

fn page_of(handle: &Handle) -> String {
    format!("/admin/people/{handle}")
}

fn answer<T>(
    admin: &Admin,
    failure: &Failure,
    handle: &Handle,
    done: Result<T, Error>,
    notice: &'static str,
) -> Response {
    match done {
        Ok(_) => admin.browser().redirect(&page_of(handle), notice),
        Err(error) => failed(admin, failure, error),
    }
}

/// Where an administrator lands who has just shut themselves out.
fn gone(admin: &Admin, notice: &'static str) -> Response {
    let browser = admin.browser();
    (browser.signed_out(), browser.redirect("/", notice)).into_response()
}

fn deletion(admin: &Admin, person: PersonDetails, mistake: Option<&'static str>) -> Response {
    let status = if mistake.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let hint = format!("Type {} to confirm.", person.handle);
    html_with(
        status,
        &DeletePage {
            shell: admin.shell(),
            handle: Field::handle("handle", "Handle of the account")
                .attribute("autocomplete", "off")
                .hint(hint)
                .error(mistake)
                .required(),
            person,
        },
    )
}
