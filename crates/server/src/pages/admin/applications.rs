//! `/admin/applications`: who may ask people for access, the latest first.

use askama::Template;
use axum::{
    extract::{Query, rejection::QueryRejection},
    response::Response,
};
use picard_app::{Application, Origin, Registered};
use picard_domain::Instant;
use picard_ui::{Field, Moment, Shell, html};
use serde::Deserialize;

use super::{super::errors::Failure, ROWS, failed, guard::Admin, link};

/// Which kind, and the last application of the page before.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    kind: String,
    at: String,
    id: String,
}

#[derive(Template)]
#[template(path = "admin/applications.html")]
struct ApplicationsPage {
    shell: Shell,
    kind: Field,
    applications: Vec<Application>,
    filtered: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /admin/applications`.
pub(super) async fn show(
    admin: Admin,
    failure: Failure,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let kind = match asked.kind.as_str() {
        "operator" => Some(Registered::Operator),
        "dynamic" => Some(Registered::Dynamic),
        "document" => Some(Registered::Document),
        _ => None,
    };
    let after = asked.at.parse::<Instant>().ok().zip(asked.id.parse().ok());
    let found = admin.administration.applications(kind, after, ROWS).await;
    let (applications, next) = match found {
        Ok(found) => found,
        Err(error) => return failed(&admin, &failure, error),
    };
    let chosen = kind.map_or("", Registered::as_str);
    let path = "/admin/applications";
    html(&ApplicationsPage {
        shell: admin.shell(),
        kind: Field::select(
            "kind",
            "How it became known",
            &[
                ("", "In any way"),
                ("operator", "Registered by an administrator"),
                ("dynamic", "Registered itself"),
                ("document", "By a document under its URL"),
            ],
        )
        .value(chosen),
        applications,
        filtered: kind.is_some(),
        first: after.map(|_| link(path, &[("kind", chosen)])),
        next: next.map(|(at, id)| {
            let (at, id) = (at.to_string(), id.to_string());
            link(path, &[("kind", chosen), ("at", &at), ("id", &id)])
        }),
    })
}
