//! Errors of the use cases as pages.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, request::Parts};
use picard_app::Error;
use picard_ui::{Browser, ErrorPage};

use picard_observe::RequestId;

/// What a handler needs to turn an error into a page.
#[derive(Clone)]
pub(crate) struct Failure {
    browser: Browser,
    request_id: Option<RequestId>,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Failure {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let browser = Browser::from_request_parts(parts, state).await?;
        Ok(Self {
            browser,
            request_id: parts.extensions.get().cloned(),
        })
    }
}

impl Failure {
    /// Answers with the page of an error; the inner cause goes to the log.
    pub(crate) fn page(&self, error: Error) -> Response {
        let is_internal = matches!(error, Error::Internal(_));
        let page = page_of(&self.browser, error);
        match &self.request_id {
            Some(id) if is_internal => page.reference(id.to_string()),
            _ => page,
        }
        .into_response()
    }
}

/// The same outside of a handler.
pub(super) fn page(browser: &Browser, parts: &Parts, error: Error) -> Response {
    Failure {
        browser: browser.clone(),
        request_id: parts.extensions.get().cloned(),
    }
    .page(error)
}

fn page_of(browser: &Browser, error: Error) -> ErrorPage {
    let start = |page: ErrorPage| page.link("Go to the start page", "/");
    match error {
        Error::TooManyAttempts {
            retry_after_seconds,
        } => too_many(browser, retry_after_seconds),
        Error::TooMuchAtOnce {
            retry_after_seconds,
        }
        | Error::Overloaded {
            retry_after_seconds,
        } => start(
            browser
                .error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Back in a moment",
                    "The server has too much to do right now. Nothing was changed or lost.",
                )
                .retry_after(retry_after_seconds),
        ),
        Error::NotFound(what) => {
            let sentence =
                format!("There is no such {what} in your account. It may be gone already.");
            browser
                .error(StatusCode::NOT_FOUND, "Not found", &sentence)
                .link("Go to your account", "/account")
        }
        Error::Invalid { .. } | Error::OutOfRange { .. } => start(browser.error(
            StatusCode::BAD_REQUEST,
            "That does not work",
            &format!("Nothing was changed: {error}."),
        )),
        Error::Conflict | Error::InsufficientScope { .. } => start(browser.error(
            StatusCode::CONFLICT,
            "That does not work",
            &format!("Nothing was changed: {error}."),
        )),
        Error::Unavailable(cause) => {
            tracing::warn!(%cause, "unavailable");
            let sentence = "The database cannot be reached right now. Nothing was changed or lost.";
            start(
                browser
                    .error(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "Back in a moment",
                        sentence,
                    )
                    .retry_after(5),
            )
        }
        Error::Internal(cause) => {
            tracing::error!(%cause, "internal error");
            let sentence = "This is our fault, not yours. The log of the server has the details.";
            start(browser.error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                sentence,
            ))
        }
    }
}

/// 429: guessing is counted per account and per address.
fn too_many(browser: &Browser, seconds: u64) -> ErrorPage {
    let sentence = "There were too many attempts, so this one was not made. \
                    Nothing is locked for good: just wait a little.";
    browser
        .error(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", sentence)
        .link("Go to the start page", "/")
        .retry_after(seconds)
}
