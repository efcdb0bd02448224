//! `/admin`: how the server stands.

use askama::Template;
use axum::{extract::State, response::Response};
use picard_app::{Health, Overview};
use picard_ui::{Shell, html};

use super::{super::errors::Failure, failed, guard::Admin};
use crate::state::Server;

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage {
    shell: Shell,
    overview: Overview,
    version: &'static str,
    public_url: String,
    old_keys: usize,
}

/// `GET /admin`.
pub(super) async fn show(State(server): State<Server>, admin: Admin, failure: Failure) -> Response {
    let overview = match server.app.overview(&admin.administration).await {
        Ok(overview) => overview,
        Err(error) => return failed(&admin, &failure, error),
    };
    html(&OverviewPage {
        shell: admin.shell(),
        version: env!("CARGO_PKG_VERSION"),
        public_url: server.config.public_url.clone(),
        old_keys: overview.keys.iter().filter(|key| !key.is_active).count(),
        overview,
    })
}
