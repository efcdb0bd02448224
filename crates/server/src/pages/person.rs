//! Who looks at a page: the extractors for people.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, response::Response};
use http::{Method, header, request::Parts};
use picard_app::{Person, Visit};
use picard_ui::{Browser, LocalPath, Shell, see_other};

use super::errors;
use crate::state::Server;

/// Somebody with a live session. Everybody else is sent to the log-in page and
/// comes back after it.
pub(crate) struct Member {
    pub(crate) browser: Browser,
    pub(crate) person: Person,
}

/// Somebody, logged in or not.
pub(crate) struct Anyone {
    pub(crate) browser: Browser,
    pub(crate) person: Option<Person>,
}

/// Where a form was sent from, for the use cases that count guesses.
pub(crate) struct From(pub(crate) Visit);

impl Member {
    /// The frame of a page for this person.
    pub(crate) fn shell(&self) -> Shell {
        frame(&self.browser, Some(&self.person))
    }
}

impl Anyone {
    /// The frame of a page, as it is for them.
    pub(crate) fn shell(&self) -> Shell {
        frame(&self.browser, self.person.as_ref())
    }
}

/// The frame of a page; administrators find their area in it.
fn frame(browser: &Browser, person: Option<&Person>) -> Shell {
    let shell = browser.shell();
    if person.is_some_and(|person| person.is_admin) {
        shell.with_link("Admin", "/admin")
    } else {
        shell
    }
}

impl FromRequestParts<Server> for Anyone {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        let browser = Browser::from_request_parts(parts, server).await?;
        let person = match browser.session() {
            Some(session) => server.app.person(session).await,
            None => Ok(None),
        };
        match person {
            Ok(person) => {
                if let Some(person) = &person {
                    browser.recognise(person.name.as_str());
                }
                Ok(Self { browser, person })
            }
            Err(error) => Err(errors::page(&browser, parts, error)),
        }
    }
}

impl FromRequestParts<Server> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        let Anyone { browser, person } = Anyone::from_request_parts(parts, server).await?;
        let asked = parts
            .uri
            .path_and_query()
            .map_or("/account", |asked| asked.as_str());
        // A form cannot be sent again after the log-in; its page can be shown.
        let back = if parts.method == Method::GET {
            asked
        } else {
            "/account"
        };
        let log_in = || match LocalPath::parse(back) {
            Some(next) => see_other(&next.after("/login")),
            None => see_other("/login"),
        };
        person
            .map(|person| Self { browser, person })
            .ok_or_else(log_in)
    }
}

impl FromRequestParts<Server> for From {
    type Rejection = Infallible;

    /// Reads the request alone, so that it serves the API too, which has no pages.
    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Infallible> {
        let user_agent = parts.headers.get(header::USER_AGENT);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        Ok(Self(Visit {
            ip: picard_ui::caller(parts, &server.config.trusted_proxies),
            user_agent: user_agent.unwrap_or_default().to_owned(),
        }))
    }
}
