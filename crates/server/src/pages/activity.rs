//! `/account/activity`: what was done in one's name, when, and through what.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use http::StatusCode;
use picard_app::{Activity, ActivityQuery, Bookmark, Entry, Surface};
use picard_domain::ClientId;
use picard_ui::{Moment, Pager, Shell, html_with};
use serde::Deserialize;

use super::{errors::Failure, person::Member};
use crate::state::Server;

/// Entries on one page.
const PAGE: usize = 50;

/// The query; what cannot be read counts as not sent.
#[derive(Deserialize, Default)]
pub(super) struct Wanted {
    application: Option<String>,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage {
    shell: Shell,
    entries: Vec<Entry>,
    /// The name of the application that alone is shown.
    only: Option<String>,
    web_url: Option<String>,
    pager: Pager,
}

/// `GET /account/activity`.
pub(super) async fn show(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let client = wanted.application.and_then(|id| id.parse().ok());
    let before = wanted.before.and_then(|place| Bookmark::parse(&place));
    let query = ActivityQuery {
        client,
        before,
        since: None,
    };
    let found = server.app.activity(member.person.id, query, PAGE).await;
    let Activity { entries, next } = match found {
        Ok(activity) => activity,
        Err(error) => return failure.page(error),
    };
    let named = |entry: &Entry| entry.client_name.clone();
    let unnamed = || "one application".to_owned();
    let page = ActivityPage {
        shell: member.shell(),
        only: client.map(|_| entries.iter().find_map(named).unwrap_or_else(unnamed)),
        entries,
        web_url: server.config.web_url.clone(),
        pager: Pager {
            first: before.map(|_| address(client, None)),
            next: next.map(|next| address(client, Some(next))),
        },
    };
    html_with(StatusCode::OK, &page)
}

/// The address of a page. Ids and bookmarks need no escaping.
fn address(client: Option<ClientId>, before: Option<Bookmark>) -> String {
    let parts = [
        client.map(|id| format!("application={id}")),
        before.map(|place| format!("before={place}")),
    ];
    let query: Vec<_> = parts.into_iter().flatten().collect();
    if query.is_empty() {
        return "/account/activity".to_owned();
    }
    format!("/account/activity?{}", query.join("&"))
}

/// Whether the entry tells of a span of time, to the minute.
fn lasted(entry: &Entry) -> bool {
    entry.at.minute() != entry.last_at.minute()
}

/// Whether the way it came tells the person something: how others asked is their own affair.
fn says_way(entry: &Entry) -> bool {
    entry.actor_id.is_none() && entry.surface != Surface::Page
}

/// Where a person reads the memory that an entry is about.
fn memory(entry: &Entry, web_url: Option<&String>) -> Option<String> {
    let is_there = entry.tool.as_deref() != Some("delete_memory");
    let id = entry.memory_id.filter(|_| is_there)?;
    web_url.map(|web| format!("{web}/memories/{id}"))
}
