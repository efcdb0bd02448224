//! `/admin/applications/{id}`: one application, and forgetting it.

use askama::Template;
use axum::response::Response;
use picard_app::{Application, Error, Origin};
use picard_domain::ClientId;
use picard_ui::{CopyText, CsrfForm, Moment, Shell, html};

use super::{
    super::{IdPath, errors::Failure, id_of},
    Nothing, failed,
    guard::{Admin, Confirmed},
};

#[derive(Template)]
#[template(path = "admin/application.html")]
struct ApplicationPage {
    shell: Shell,
    application: Application,
    id: CopyText,
}

#[derive(Template)]
#[template(path = "admin/delete_application.html")]
struct DeletePage {
    shell: Shell,
    application: Application,
}

/// `GET /admin/applications/{id}`.
pub(super) async fn show(admin: Admin, failure: Failure, path: IdPath) -> Response {
    match find(&admin, path).await {
        Ok(application) => html(&ApplicationPage {
            shell: admin.shell(),
            id: CopyText::new("client-id", application.id),
            application,
        }),
        Err(error) => failed(&admin, &failure, error),
    }
}

/// `GET /admin/applications/{id}/delete`.
pub(super) async fn ask_to_delete(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
) -> Response {
    match find(&admin, path).await {
        Ok(application) => html(&DeletePage {
            shell: admin.shell(),
            application,
        }),
        Err(error) => failed(&admin, &failure, error),
    }
}

/// `POST /admin/applications/{id}/delete`: every grant and token of it ends.
pub(super) async fn delete(
    Confirmed(admin): Confirmed,
    failure: Failure,
    path: IdPath,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let Some(id) = id_of::<ClientId>(path) else {
        return failed(&admin, &failure, Error::NotFound("application"));
    };
    match admin.administration.delete_application(id).await {
        Ok(_) => admin
            .browser()
            .redirect("/admin/applications", "admin-forgotten"),
        Err(error) => failed(&admin, &failure, error),
    }
}

async fn find(admin: &Admin, path: IdPath) -> Result<Application, Error> {
    let id = id_of::<ClientId>(path).ok_or(Error::NotFound("application"))?;
    admin.administration.application(id).await
}
