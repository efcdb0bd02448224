//! `/dashboard`: how the account stands with the server, and what to do next.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_domain::{Scope, Scopes};
use picard_ui::{CopyText, Moment, Shell, html};

use super::Shared;
use crate::{
    Error,
    member::{Connection, Member, Partner},
    service::Service,
};

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    shell: Shell,
    name: String,
    server: String,
    account_page: String,
    connect_page: String,
    asked: Vec<&'static str>,
    connection: Shown,
}

/// A connection as the page shows it.
enum Shown {
    None,
    Live(Details),
    Lost(Details, Moment),
    /// With the server of this issuer, which is not the configured one.
    Elsewhere(Details, String),
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

pub(super) async fn dashboard(State(service): Shared, member: Member) -> Result<Response, Error> {
    let connection = shown(&service, &member.connection).await?;
    Ok(html(&Dashboard {
        shell: member.shell(),
        name: member.name.clone(),
        server: service.oauth.server().public().to_owned(),
        account_page: service.at_server("/account"),
        connect_page: service.at_server("/connect"),
        asked: in_words(service.scopes),
        connection,
    }))
}

async fn shown(service: &Service, connection: &Connection) -> Result<Shown, Error> {
    let partner = match connection {
        Connection::None => return Ok(Shown::None),
        Connection::Lost(partner, at) => return Ok(Shown::Lost(details(partner), Moment(*at))),
        Connection::Live(partner) => partner,
    };
    let vault = service.connections.vault();
    let tokens = vault.open(partner.connection_id).await?;
    let issuer = tokens.map(|(tokens, _)| tokens.issuer);
    Ok(match issuer {
        Some(issuer) if issuer != service.oauth.server().public() => {
            Shown::Elsewhere(details(partner), issuer)
        }
        _ => Shown::Live(details(partner)),
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
