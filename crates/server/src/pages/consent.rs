//! The consent page: who asks, for what, where the answer goes.
//!
//! The authorization endpoint (`oauth/`) decides when it is shown and takes
//! the answer; here is only what a person sees.

use askama::Template;
use axum::response::Response;
use picard_domain::Scopes;
use picard_ui::{LocalPath, Shell, html};

use super::{in_words, person::Member};

/// What an application asks of a person.
pub(crate) struct ConsentView {
    /// What the application calls itself. Anybody can choose any name.
    pub(crate) client_name: String,
    /// The host that vouches for the name, when the client id is a URL.
    pub(crate) client_host: Option<String>,
    /// The host, or for a private-use URI the scheme, that gets the code.
    pub(crate) redirect_host: String,
    /// Whether every redirect URI of the client is on this computer, so that
    /// any program on it could be asking.
    pub(crate) loopback_only: bool,
    /// What it asks for.
    pub(crate) scopes: Scopes,
    /// Answers this one page once.
    pub(crate) ticket: String,
    /// The authorization request, to come back to as somebody else.
    pub(crate) request: Option<LocalPath>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage {
    shell: Shell,
    view: ConsentView,
    name: String,
    handle: String,
    allowed: Vec<&'static str>,
}

/// Answers `GET /oauth/authorize` with the question. The form posts `ticket`,
/// `csrf` and `decision` (`allow` or `deny`) to `/oauth/authorize`.
pub(crate) fn render(member: &Member, view: ConsentView) -> Response {
    html(&ConsentPage {
        shell: member.shell(),
        name: member.person.name.to_string(),
        handle: member.person.handle.to_string(),
        allowed: in_words(view.scopes),
        view,
    })
}
