//! `/admin`: accounts and their connections, for superusers. Never a text,
//! never a token.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_domain::Instant;
use picard_ui::{Moment, Pager, Shell, html};
use serde::Deserialize;

use super::{PageQuery, Shared};
use crate::{
    Error, filters,
    member::Superuser,
    store::{AccountId, accounts},
};

/// How many accounts one page shows.
const PAGE: i64 = 50;

#[derive(Template)]
#[template(path = "admin.html")]
struct Admin {
    shell: Shell,
    accounts: i64,
    connected: i64,
    server: String,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    username: String,
    name: String,
    is_superuser: bool,
    created: Moment,
    last_seen: Option<Moment>,
    connection: RowConnection,
}

enum RowConnection {
    None,
    Live {
        handle: String,
        scopes: String,
        access_until: Moment,
    },
    Lost {
        handle: String,
        at: Moment,
    },
}

/// The last account of the page before.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct After {
    at: String,
    id: String,
}

pub(super) async fn admin(
    State(service): Shared,
    Superuser(member): Superuser,
    PageQuery(after): PageQuery<After>,
) -> Result<Response, Error> {
    let position = after
        .at
        .parse::<Instant>()
        .ok()
        .zip(after.id.parse::<AccountId>().ok());
    let from = position.unwrap_or_else(accounts::newest);
    let mut listed = accounts::list(&service.db, from, PAGE + 1).await?;
    let more = listed.len() as i64 > PAGE;
    listed.truncate(PAGE as usize);
    let (accounts, connected) = accounts::count(&service.db).await?;
    let next = listed.last().filter(|_| more).map(|last| {
        let (at, id) = (last.created_at.to_string(), last.id.to_string());
        filters::link("/admin", &[("at", &at), ("id", &id)])
    });
    Ok(html(&Admin {
        shell: member.shell(),
        accounts,
        connected,
        server: service.oauth.server().public().to_owned(),
        pager: Pager {
            first: position.map(|_| "/admin".to_owned()),
            next,
        },
        rows: listed.into_iter().map(row).collect(),
    }))
}

fn row(account: accounts::Listed) -> Row {
    let connection = match (
        account.remote_handle,
        account.lost_at,
        account.access_expires_at,
    ) {
        (Some(handle), Some(at), _) => RowConnection::Lost {
            handle,
            at: Moment(at),
        },
        (Some(handle), None, Some(until)) => RowConnection::Live {
            handle,
            scopes: account.scopes.unwrap_or_default(),
            access_until: Moment(until),
        },
        _ => RowConnection::None,
    };
    Row {
        username: account.username,
        name: account.name,
        is_superuser: account.is_superuser,
        created: Moment(account.created_at),
        last_seen: account.last_seen_at.map(Moment),
        connection,
    }
}
