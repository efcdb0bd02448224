//! Errors as RFC 9457 problem documents.
//!
//! A handler returns a [`Problem`]; the layer [`finish`] writes it down, since
//! only it knows the request's id and the public address that `type` starts
//! with. The inner cause goes to the log, never to the caller.

use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use picard_app::Error;
use picard_domain::{Scope, Scopes};
use picard_oauth::bearer::Challenge;
use picard_observe::RequestId;
use serde::Serialize;
use serde_json::json;

use crate::state::Server;

/// An error as a caller sees it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    /// What is wrong with which field.
    pub(crate) errors: Vec<FieldError>,
    retry_after: Option<u64>,
    /// What a client without good credentials is told to do.
    challenge: Option<Challenge>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    message: String,
}

impl FieldError {
    pub(crate) fn new(field: &str, message: &str) -> Self {
        Self {
            field: field.to_owned(),
            message: message.to_owned(),
        }
    }
}

impl Problem {
    /// Every code there is, with its status and title: for the documentation.
    pub(crate) const KINDS: [(StatusCode, &'static str, &'static str); 15] = [
        (
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The request is not valid",
        ),
        (
            StatusCode::UNAUTHORIZED,
            "invalid_token",
            "A valid access token is needed",
        ),
        (
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "An administrator's password is needed",
        ),
        (
            StatusCode::FORBIDDEN,
            "insufficient_scope",
            "The access token does not reach this far",
        ),
        (
            StatusCode::FORBIDDEN,
            "forbidden",
            "Who calls from there is not let in",
        ),
        (StatusCode::NOT_FOUND, "not_found", "Not found"),
        (
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This method is not served here",
        ),
        (
            StatusCode::NOT_ACCEPTABLE,
            "not_acceptable",
            "The answer would have a type that is not accepted",
        ),
        (
            StatusCode::CONFLICT,
            "conflict",
            "Somebody else changed it in between",
        ),
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The body is too large",
        ),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body has the wrong type",
        ),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            "out_of_range",
            "A value is out of range",
        ),
        (
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "Too many requests",
        ),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong inside",
        ),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The service is not available right now",
        ),
    ];

    /// A problem of one of the [`Self::KINDS`].
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let (status, code, title) = Self::KINDS
            .into_iter()
            .find(|kind| kind.1 == code)
            .unwrap_or(Self::KINDS[Self::KINDS.len() - 2]);
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
        }
    }

    /// What kind of problem it is, as a word.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// Whether it is the operator's to mend, and not the caller's.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// The problem as a sentence, where there is no document.
    pub(crate) fn in_words(&self) -> String {
        format!("{}: {}", self.title, self.detail)
    }

    /// 400: several fields are wrong.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let said: Vec<_> = errors
            .iter()
            .map(|error| format!("{} {}", error.field, error.message))
            .collect();
        Self {
            errors,
            ..Self::new("invalid_request", said.join("; "))
        }
    }

    /// 400: one field is wrong.
    pub(crate) fn field(field: &str, message: &str) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// 422: a value is out of range.
    pub(crate) fn out_of_range(field: &str, message: &str) -> Self {
        let errors = vec![FieldError::new(field, message)];
        Self {
            errors,
            ..Self::new("out_of_range", format!("{field} {message}"))
        }
    }

    /// 401 without `error`, when no credentials came at all (RFC 6750 section 3.1).
    pub(crate) fn no_token() -> Self {
        let detail = "send an access token as Authorization: Bearer";
        Self {
            challenge: Some(Challenge::NoToken),
            ..Self::new("invalid_token", detail)
        }
    }

    /// 401 for a token that is unknown, expired or revoked.
    pub(crate) fn invalid_token() -> Self {
        let detail = "the access token is unknown, expired or revoked";
        Self {
            challenge: Some(Challenge::InvalidToken),
            ..Self::new("invalid_token", detail)
        }
    }

    /// 403 that names every scope the operation needs.
    pub(crate) fn insufficient_scope(needed: Scope, granted: Scopes) -> Self {
        let challenge = Challenge::InsufficientScope(granted.with(needed));
        let detail = format!("this needs the scope {needed}; the token has {granted}");
        Self {
            challenge: Some(challenge),
            ..Self::new("insufficient_scope", detail)
        }
    }

    /// 429 with the time to wait.
    pub(crate) fn rate_limited(seconds: u64) -> Self {
        let detail = format!("try again in {seconds} seconds");
        Self {
            retry_after: Some(seconds),
            ..Self::new("rate_limited", detail)
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, reason } => Self::field(field, &reason),
            Error::OutOfRange { field, reason } => Self::out_of_range(field, &reason),
            Error::NotFound(_) => Self::new("not_found", error.to_string()),
            Error::Conflict => Self::new("conflict", error.to_string()),
            Error::InsufficientScope { needed, granted } => {
                Self::insufficient_scope(needed, granted)
            }
            Error::TooManyAttempts {
                retry_after_seconds,
            } => Self::rate_limited(retry_after_seconds),
            Error::TooMuchAtOnce {
                retry_after_seconds,
            } => Self {
                detail: error.to_string(),
                ..Self::rate_limited(retry_after_seconds)
            },
            Error::Overloaded {
                retry_after_seconds,
            } => Self {
                retry_after: Some(retry_after_seconds),
                ..Self::new("unavailable", error.to_string())
            },
            Error::Unavailable(cause) => {
                tracing::warn!(%cause, "unavailable");
                let detail = "the database or the model cannot be used; try again soon";
                Self {
                    retry_after: Some(2),
                    ..Self::new("unavailable", detail)
                }
            }
            Error::Internal(cause) => {
                tracing::error!(%cause, "internal error");
                Self::new(
                    "internal",
                    "the log of the server tells more under the request's id",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes problems down as `application/problem+json`.
pub(crate) async fn finish(
    State(server): State<Server>,
    request_id: RequestId,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let base = &server.config.public_url;
    let mut body = json!({
        "type": format!("{base}/docs#error-{}", problem.code),
        "title": problem.title,
        "status": problem.status.as_u16(),
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id.to_string(),
    });
    if !problem.errors.is_empty() {
        body["errors"] = json!(problem.errors);
    }
    let mut written = (problem.status, Json(body)).into_response();
    let headers = written.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(challenge) = problem.challenge
        && let Ok(value) = challenge
            .www_authenticate(&server.resource_metadata())
            .parse()
    {
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
    for (name, value) in response.headers() {
        if *name == header::ALLOW || *name == header::WWW_AUTHENTICATE {
            headers.insert(name.clone(), value.clone());
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_code() {
        for (status, code, _) in Problem::KINDS {
            let problem = Problem::new(code, "");
            assert_eq!((problem.status, problem.code), (status, code));
        }
    }
}
