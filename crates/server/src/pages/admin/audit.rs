//! `/admin/audit`: what administrators did, the newest first.

use std::borrow::Borrow;

use askama::Template;
use axum::{
    extract::{Query, rejection::QueryRejection},
    response::Response,
};
use picard_app::{Act, AdminAct};
use picard_domain::EventId;
use picard_ui::{Moment, Shell, html};
use serde::Deserialize;

use super::{super::errors::Failure, ROWS, failed, guard::Admin, link};

/// The last entry of the page before.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    before: String,
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    shell: Shell,
    acts: Vec<AdminAct>,
    first: Option<String>,
    next: Option<String>,
}

/// `GET /admin/audit`.
pub(super) async fn show(
    admin: Admin,
    failure: Failure,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let before = asked.before.parse::<EventId>().ok();
    let (acts, next) = match admin.administration.acts(before, ROWS).await {
        Ok(found) => found,
        Err(error) => return failed(&admin, &failure, error),
    };
    let path = "/admin/audit";
    html(&AuditPage {
        shell: admin.shell(),
        acts,
        first: before.map(|_| path.to_owned()),
        next: next.map(|last| link(path, &[("before", &last.to_string())])),
    })
}

/// Says what was done.
fn in_words(act: impl Borrow<Act>) -> &'static str {
    match *act.borrow() {
        Act::Disabled => "Locked the account",
        Act::Enabled => "Unlocked the account",
        Act::AdminGiven => "Made an administrator",
        Act::AdminTaken => "Took the right to administer from",
        Act::SessionEnded => "Logged out everywhere",
        Act::AccessRevoked => "Revoked all applications of",
        Act::AccountDeleted => "Deleted the account",
        Act::ClientRegistered => "Registered the application",
        Act::ClientDeleted => "Forgot the application",
        other => other.as_str(),
    }
}
