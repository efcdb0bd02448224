//! `/oauth/connect`, `/oauth/callback`, `/oauth/disconnect`.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use picard_domain::Scopes;
use picard_ui::{CsrfForm, see_other};
use serde::Deserialize;

use super::Shared;
use crate::{Error, connect, member::Member};

#[derive(Deserialize)]
pub(super) struct Nothing {}

/// What a page found missing; nothing on the dashboard.
#[derive(Deserialize)]
pub(super) struct Missing {
    #[serde(default)]
    scope: Scopes,
}

/// Somebody typed the address of a form.
pub(super) async fn to_dashboard(_: Member) -> Response {
    see_other("/dashboard")
}

/// Sends the browser to the server's consent page.
pub(super) async fn connect(
    State(service): Shared,
    member: Member,
    CsrfForm(missing): CsrfForm<Missing>,
) -> Result<Response, Error> {
    let wanted = connect::wanted(&service, &member.connection, missing.scope);
    let url = connect::begin(&service, member.session_id, wanted).await?;
    Ok(see_other(url.as_str()))
}

/// Takes the browser back from there.
pub(super) async fn callback(
    State(service): Shared,
    member: Member,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let who = (member.account_id, member.session_id);
    let former = member
        .connection
        .partner()
        .map(|partner| partner.connection_id);
    // A task of its own: whoever closes the browser now must not leave tokens behind.
    let finish =
        async move { connect::finish(&service, who, former, &query.unwrap_or_default()).await };
    tokio::spawn(finish).await.map_err(|_| Error::Closing)??;
    Ok(member.browser.redirect("/dashboard", "connected"))
}

/// Revokes the tokens at the server and forgets them.
pub(super) async fn disconnect(
    State(service): Shared,
    member: Member,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Result<Response, Error> {
    let Some(partner) = member.connection.partner() else {
        return Ok(see_other("/dashboard"));
    };
    let connection = partner.connection_id;
    let end = async move { connect::end(&service, connection).await };
    let notice = match tokio::spawn(end).await.map_err(|_| Error::Closing)?? {
        connect::Ended::Everywhere => "disconnected",
        connect::Ended::HereOnly => "disconnected-here",
    };
    Ok(member.browser.redirect("/dashboard", notice))
}
