//! `GET` and `POST /oauth/authorize` (RFC 6749 section 3.1): an application
//! asks, a person answers.

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use picard_app::{Answer, Asked, Error, NotAsked};
use picard_oauth::{
    ErrorCode,
    authorize::{PageError, Prompt},
};
use picard_ui::{Browser, CsrfForm, LocalPath, see_other};
use serde::Deserialize;

use crate::{
    pages::{
        consent::{self, ConsentView},
        errors::Failure,
        person::{Anyone, From, Member},
    },
    state::Server,
};

/// Shows the consent page, or says why not: by page when the client cannot be
/// trusted, by redirect otherwise.
pub(super) async fn ask(
    State(server): State<Server>,
    visitor: Anyone,
    From(visit): From,
    failure: Failure,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let asked = server
        .app
        .authorization_request(query.as_bytes(), &server.resources(), &visit)
        .await;
    match asked {
        Ok(asked) => put_before(&server, visitor, failure, asked, &query).await,
        Err(NotAsked::Page(error)) => page(&visitor.browser, &error),
        Err(NotAsked::Redirect(error)) => see_other(&error.location(&server.config.public_url)),
        Err(NotAsked::Other(error)) => failure.page(error),
    }
}

async fn put_before(
    server: &Server,
    visitor: Anyone,
    failure: Failure,
    asked: Asked,
    query: &str,
) -> Response {
    let prompt = asked.request.prompt;
    let request = LocalPath::parse(&format!("/oauth/authorize?{}", without_prompt(query)));
    let refuse = |code, why| {
        see_other(
            &asked
                .request
                .refused(code, why)
                .location(&server.config.public_url),
        )
    };
    match visitor.person {
        None if prompt == Prompt::None => {
            refuse(ErrorCode::LoginRequired, "the person is not logged in")
        }
        Some(_) if prompt == Prompt::None => {
            // Consent is never given silently (RFC 8252 section 8.6).
            refuse(ErrorCode::InteractionRequired, "the person has to be asked")
        }
        None => log_in(request),
        // The session goes on until the log-in replaces it: a link alone must
        // not log anybody out.
        Some(_) if prompt.forces_login() => see_other(&(location(request) + "&again=yes")),
        Some(person) => {
            let member = Member {
                browser: visitor.browser,
                person,
            };
            consent_page(server, member, failure, asked, request).await
        }
    }
}

async fn consent_page(
    server: &Server,
    member: Member,
    failure: Failure,
    asked: Asked,
    request: Option<LocalPath>,
) -> Response {
    let page = match server.app.ask_consent(&member.person, asked).await {
        Ok(page) => page,
        Err(error) => return failure.page(error),
    };
    let Asked {
        client,
        request: wanted,
    } = page.asked;
    let view = ConsentView {
        client,
        redirect_uri: wanted.redirect_uri,
        scopes: wanted.scopes,
        ticket: page.ticket.expose().to_owned(),
        request,
    };
    consent::render(&member, view)
}

/// The consent form.
#[derive(Deserialize)]
pub(super) struct Decision {
    ticket: String,
    decision: Word,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Deny,
}

/// Takes the person's answer; the ticket is good once.
pub(super) async fn answer(
    State(server): State<Server>,
    member: Member,
    failure: Failure,
    CsrfForm(form): CsrfForm<Decision>,
) -> Response {
    let answer = match form.decision {
        Word::Allow => Answer::Allow,
        Word::Deny => Answer::Deny,
    };
    let issuer = &server.config.public_url;
    match server
        .app
        .answer_consent(&member.person, &form.ticket, answer, issuer)
        .await
    {
        Ok(location) => see_other(&location),
        Err(Error::NotFound(_)) => answered(&member.browser),
        Err(error) => failure.page(error),
    }
}

fn answered(browser: &Browser) -> Response {
    let sentence = "This question was answered already, or has waited too long. \
                    Go back to the application and connect again.";
    browser
        .error(StatusCode::GONE, "This question is closed", sentence)
        .link("See what is connected", "/account")
        .into_response()
}

fn page(browser: &Browser, error: &PageError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let sentence =
        format!("{error} You have not been sent back, because that could lead anywhere.");
    browser
        .error(status, "This application cannot be connected", &sentence)
        .link("Go to the start page", "/")
        .into_response()
}

fn log_in(request: Option<LocalPath>) -> Response {
    see_other(&location(request))
}

/// The log-in page that leads back to the request.
fn location(request: Option<LocalPath>) -> String {
    request.map_or_else(|| "/login?".to_owned(), |request| request.after("/login"))
}

/// The request as it is asked again after a log-in: `prompt` has been heeded.
fn without_prompt(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let kept = pairs.filter(|(name, _)| name != "prompt");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_heeded_once() {
        assert_eq!(
            without_prompt("a=1&prompt=login&prompts=2&%70rompt=x&b=%2B"),
            "a=1&prompts=2&b=%2B"
        );
    }
}
