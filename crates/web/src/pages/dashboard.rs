//! `/dashboard`: how the account stands with the server, and what to do next.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_domain::{Scope, Scopes};
use picard_ui::{CopyText, Moment, Shell, html};

use super::Shared;
use crate::member::{Connection, Member, Partner};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    shell: Shell,
    name: String,
    server: String,
    account_page: String,
    asked: Vec<&'static str>,
    connection: Shown,
}

/// A connection as the page shows it.
enum Shown {
    None,
    Live(Details),
    Lost(Details, Moment),
}

struct Details {
    name: String,
    handle: String,
    user_id: CopyText,
    scopes: Vec<&'static str>,
    since: Moment,
    access_until: Moment,
    reads: bool,
    writes: bool,
}

pub(super) async fn dashboard(State(service): Shared, member: Member) -> Response {
    html(&Dashboard {
        shell: member.shell(),
        name: member.name.clone(),
        server: service.oauth.server().public().to_owned(),
        account_page: service.at_server("/account"),
        asked: in_words(service.scopes),
        connection: match &member.connection {
            Connection::None => Shown::None,
            Connection::Live(partner) => Shown::Live(details(partner)),
            Connection::Lost(partner, at) => Shown::Lost(details(partner), Moment(*at)),
        },
    })
}

fn details(partner: &Partner) -> Details {
    Details {
        name: partner.name.clone(),
        handle: partner.handle.to_string(),
        user_id: CopyText::new("user-id", partner.user_id),
        scopes: in_words(partner.scopes),
        since: Moment(partner.since),
        access_until: Moment(partner.access_expires_at),
        reads: partner.scopes.allows(Scope::Read),
        writes: partner.scopes.allows(Scope::Write),
    }
}

/// Says all that is allowed, implied scopes included.
fn in_words(scopes: Scopes) -> Vec<&'static str> {
    Scope::ALL
        .into_iter()
        .filter(|scope| scopes.allows(*scope))
        .map(Scope::in_words)
        .collect()
}
