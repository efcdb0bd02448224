//! The consent page: who asks, for what, where the answer goes.
//!
//! The authorization endpoint (`oauth/`) decides when it is shown and takes
//! the answer; here is only what a person sees.

use askama::Template;
use axum::response::Response;
use picard_app::{Client, Origin};
use picard_domain::Scopes;
use picard_oauth::redirect::RedirectUri;
use picard_ui::{LocalPath, Shell, html};

use super::{in_words, person::Member};

/// What an application asks of a person.
pub(crate) struct ConsentView {
    /// Who asks.
    pub(crate) client: Client,
    /// Where the code is sent.
    pub(crate) redirect_uri: RedirectUri,
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
    place: Place,
    /// Whether another application on the device could be asking.
    is_doubtful: bool,
    name: String,
    handle: String,
    allowed: Vec<&'static str>,
}

/// Where the person is sent back to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A site: its host tells whose.
    Site,
    /// A program that listens on this computer.
    Computer,
    /// An application that claimed a scheme of its own.
    Scheme,
}

impl ConsentView {
    fn place(&self) -> Place {
        if self.redirect_uri.is_loopback() {
            Place::Computer
        } else if self.redirect_uri.is_private_use() {
            Place::Scheme
        } else {
            Place::Site
        }
    }

    /// On the person's own device an address tells nothing about who listens
    /// there: any application could use the name and the id of another. Only
    /// credentials would tell them apart, and only those of a client that did
    /// not simply make up a name of its own.
    fn is_doubtful(&self) -> bool {
        let proves_itself = self.client.is_confidential && self.client.origin != Origin::Dynamic;
        self.place() != Place::Site && !proves_itself
    }
}

/// Answers `GET /oauth/authorize` with the question. The form posts `ticket`,
/// `csrf` and `decision` (`allow` or `deny`) to `/oauth/authorize`.
pub(crate) fn render(member: &Member, view: ConsentView) -> Response {
    html(&ConsentPage {
        shell: member.shell(),
        name: member.person.name.to_string(),
        handle: member.person.handle.to_string(),
        allowed: in_words(view.scopes),
        place: view.place(),
        is_doubtful: view.is_doubtful(),
        view,
    })
}
