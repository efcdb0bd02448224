//! `/`: what this is, for people who have no account yet.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_ui::{Browser, Shell, html, see_other};

use super::Shared;
use crate::member::Member;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    shell: Shell,
    server_url: String,
}

pub(super) async fn home(
    State(service): Shared,
    browser: Browser,
    member: Option<Member>,
) -> Response {
    match member {
        Some(_) => see_other("/dashboard"),
        None => html(&Home {
            shell: browser.shell(),
            server_url: service.at_server(""),
        }),
    }
}
