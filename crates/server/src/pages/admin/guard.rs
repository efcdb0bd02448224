//! Who may see these pages, and who may change something on them.

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, request::Parts};
use picard_app::{Administration, Error};
use picard_ui::{Browser, LocalPath, Shell, see_other};

use super::super::{
    errors,
    person::{Anyone, Member},
};
use crate::state::Server;

/// An administrator with a live session.
pub(super) struct Admin {
    pub(super) member: Member,
    pub(super) administration: Administration,
}

/// An administrator who gave their password a short while ago.
pub(super) struct Confirmed(pub(super) Admin);

impl Admin {
    /// The frame of a page.
    pub(super) fn shell(&self) -> Shell {
        self.member.shell()
    }

    /// The browser that asks.
    pub(super) fn browser(&self) -> &Browser {
        &self.member.browser
    }
}

/// Lets administrators through. Visitors are asked to log in, whatever they
/// asked for, and to everybody else there is nothing here.
pub(super) async fn layer(State(server): State<Server>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match Member::from_request_parts(&mut parts, &server).await {
        Ok(member) if member.person.is_admin => next.run(Request::from_parts(parts, body)).await,
        Ok(member) => member.browser.not_found().into_response(),
        Err(log_in) => log_in,
    }
}

impl FromRequestParts<Server> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        let Anyone { browser, person } = Anyone::from_request_parts(parts, server).await?;
        let known = person.and_then(|person| {
            let administration = server.app.administration(&person)?;
            Some((person, administration))
        });
        match known {
            Some((person, administration)) => Ok(Self {
                member: Member { browser, person },
                administration,
            }),
            // It was taken away since the layer let them through.
            None => Err(errors::page(&browser, parts, Error::NotFound("page"))),
        }
    }
}

impl FromRequestParts<Server> for Confirmed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        let admin = Admin::from_request_parts(parts, server).await?;
        if server.app.is_confirmed(&admin.member.person) {
            return Ok(Self(admin));
        }
        let path = parts.uri.path();
        // A form cannot be sent again after it; the page that it is on can be shown.
        let back = if parts.method == Method::GET {
            path.to_owned()
        } else {
            path.split('/').take(4).collect::<Vec<_>>().join("/")
        };
        let ask = LocalPath::parse(&back).map_or_else(
            || "/admin/confirm".to_owned(),
            |back| back.after("/admin/confirm"),
        );
        Err(see_other(&ask))
    }
}
