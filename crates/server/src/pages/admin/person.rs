//! `/admin/people/{handle}`: one person, and what can be done about their account.

use askama::Template;
use axum::{
    extract::{FromRequestParts, Path, State},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use picard_app::{ActivityQuery, AdminError, Entry, Error, Origin, PersonDetails, browser_name};
use picard_domain::Handle;
use picard_ui::{CopyText, CsrfForm, Field, Moment, Shell, html, html_form};
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

/// What an administrator, whose password was given a short while ago, does to a person.
pub(super) struct Act {
    admin: Admin,
    failure: Failure,
    handle: Handle,
}

/// `POST /admin/people/{handle}/disable`.
pub(super) async fn disable(
    State(server): State<Server>,
    act: Act,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    match act.admin.administration.disable(&act.handle).await {
        Ok(user) => {
            server.app.let_go_of(user);
            if user == act.admin.member.person.id {
                return gone(&act.admin, "admin-locked-yourself");
            }
            act.back("admin-disabled")
        }
        Err(error) => act.refused(error),
    }
}

/// `POST /admin/people/{handle}/enable`.
pub(super) async fn enable(act: Act, CsrfForm(Nothing {}): CsrfForm<Nothing>) -> Response {
    let done = act.admin.administration.enable(&act.handle).await;
    act.answer(done, "admin-enabled")
}

/// `POST /admin/people/{handle}/sessions/end`.
pub(super) async fn end_sessions(act: Act, CsrfForm(Nothing {}): CsrfForm<Nothing>) -> Response {
    let done = act.admin.administration.end_sessions(&act.handle).await;
    act.answer(done, "admin-sessions-ended")
}

/// `POST /admin/people/{handle}/applications/revoke`.
pub(super) async fn revoke_applications(
    act: Act,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let done = act.admin.administration.revoke_applications(&act.handle);
    act.answer(done.await, "admin-revoked")
}

/// `POST /admin/people/{handle}/admin/give`.
pub(super) async fn make_admin(act: Act, CsrfForm(Nothing {}): CsrfForm<Nothing>) -> Response {
    let done = act.admin.administration.make_admin(&act.handle).await;
    act.answer(done, "admin-given")
}

/// `POST /admin/people/{handle}/admin/take`.
pub(super) async fn unmake_admin(act: Act, CsrfForm(Nothing {}): CsrfForm<Nothing>) -> Response {
    match act.admin.administration.unmake_admin(&act.handle).await {
        Ok(()) if act.handle == act.admin.member.person.handle => {
            act.admin.browser().redirect("/account", "admin-gave-up")
        }
        Ok(()) => act.back("admin-taken"),
        Err(error) => act.refused(error),
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

impl FromRequestParts<Server> for Act {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        let Confirmed(admin) = Confirmed::from_request_parts(parts, server).await?;
        let failure = Failure::from_request_parts(parts, server).await?;
        match id_of(Path::from_request_parts(parts, server).await) {
            Some(handle) => Ok(Self {
                admin,
                failure,
                handle,
            }),
            None => Err(failed(&admin, &failure, Error::NotFound("account"))),
        }
    }
}

impl Act {
    fn answer<T>(&self, done: Result<T, Error>, notice: &'static str) -> Response {
        match done {
            Ok(_) => self.back(notice),
            Err(error) => failed(&self.admin, &self.failure, error),
        }
    }

    /// To the person's page, which says what was done.
    fn back(&self, notice: &'static str) -> Response {
        let page = page_of(&self.handle);
        self.admin.browser().redirect(&page, notice)
    }

    fn refused(&self, error: AdminError) -> Response {
        refused(&self.admin, &self.failure, error, &page_of(&self.handle))
    }
}

/// Where an administrator lands who has just shut themselves out.
fn gone(admin: &Admin, notice: &'static str) -> Response {
    let browser = admin.browser();
    (browser.signed_out(), browser.redirect("/", notice)).into_response()
}

fn deletion(admin: &Admin, person: PersonDetails, mistake: Option<&'static str>) -> Response {
    let hint = format!("Type {} to confirm.", person.handle);
    html_form(
        mistake.as_ref(),
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
