//! `GET /`: what this server is and how to begin.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_ui::{CopyText, Shell, html};

use super::person::Anyone;
use crate::state::Server;

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    shell: Shell,
    address: CopyText,
    web_url: Option<String>,
}

pub(super) async fn show(State(server): State<Server>, anyone: Anyone) -> Response {
    html(&Landing {
        shell: anyone.shell(),
        address: CopyText::new("address", server.resource()),
        web_url: server.config.web_url.clone(),
    })
}
