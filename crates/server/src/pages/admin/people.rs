//! `/admin/people`: who has an account, by handle.

use askama::Template;
use axum::{
    extract::{Query, rejection::QueryRejection},
    response::Response,
};
use picard_app::Listed;
use picard_domain::Handle;
use picard_ui::{Field, Moment, Shell, html};
use serde::Deserialize;

use super::{super::errors::Failure, ROWS, failed, guard::Admin, link};

/// What is looked for, and the last handle of the page before.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
    after: String,
}

#[derive(Template)]
#[template(path = "admin/people.html")]
struct PeoplePage {
    shell: Shell,
    search: Field,
    people: Vec<Listed>,
    searched: bool,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /admin/people`.
pub(super) async fn show(
    admin: Admin,
    failure: Failure,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let after = asked.after.parse::<Handle>().ok();
    let found = admin
        .administration
        .people(&asked.q, after.as_ref(), ROWS)
        .await;
    let (people, next) = match found {
        Ok(found) => found,
        Err(error) => return failed(&admin, &failure, error),
    };
    let path = "/admin/people";
    html(&PeoplePage {
        shell: admin.shell(),
        search: Field::input("search", "q", "Handle begins with")
            .attribute("autocapitalize", "none")
            .attribute("spellcheck", "false")
            .attribute("maxlength", "33")
            .value(asked.q.as_str()),
        people,
        searched: !asked.q.trim().is_empty(),
        first: after.map(|_| link(path, &[("q", &asked.q)])),
        next: next.map(|last| link(path, &[("q", &asked.q), ("after", last.as_str())])),
    })
}

/// When somebody was last here, themselves or through an application.
fn last_seen(person: &Listed) -> Option<Moment> {
    person.last_seen_at.max(person.last_used_at).map(Moment)
}
