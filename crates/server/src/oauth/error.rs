//! Errors as RFC 6749 section 5.2 wants them: JSON, never cached.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use picard_app::{Error, TokenError};
use picard_oauth::{ErrorCode, OAuthError, bearer::BASIC_CHALLENGE};

use crate::problem::Problem;

/// When to come again while the database is away, in seconds.
const SOON: u64 = 2;
/// When to come again after another temporary refusal, in seconds.
const LATER: u32 = 60;

/// An error of an endpoint that applications call.
pub(super) enum Refused {
    OAuth(OAuthError),
    /// Too many requests: come again in so many seconds. As an error of OAuth too,
    /// since that is what its clients can read.
    TooMany(u64),
    /// The database is away for a moment; in the words of OAuth too.
    Unavailable,
    Problem(Box<Problem>),
}

impl From<TokenError> for Refused {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::OAuth(error) => Self::OAuth(error),
            TokenError::Other(error) => error.into(),
        }
    }
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(cause) => {
                tracing::warn!(%cause, "unavailable");
                Self::Unavailable
            }
            error => Self::Problem(Box::new(error.into())),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::TooMany(seconds) => {
                let why = format!("too many requests; try again in {seconds} seconds");
                later(StatusCode::TOO_MANY_REQUESTS, why, seconds)
            }
            Self::Unavailable => {
                let why = "the service is not available right now; try again soon";
                later(StatusCode::SERVICE_UNAVAILABLE, why.to_owned(), SOON)
            }
            Self::OAuth(error) => {
                let status =
                    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
                let basic = error.code == ErrorCode::InvalidClient;
                let temporary = error.code == ErrorCode::TemporarilyUnavailable;
                let mut response = (status, Json(error)).into_response();
                let headers = response.headers_mut();
                never_cached(headers);
                if basic {
                    let challenge = HeaderValue::from_static(BASIC_CHALLENGE);
                    headers.insert(header::WWW_AUTHENTICATE, challenge);
                }
                if temporary {
                    headers.insert(header::RETRY_AFTER, LATER.into());
                }
                response
            }
        }
    }
}

/// Asks to come again in so many seconds.
fn later(status: StatusCode, why: String, seconds: u64) -> Response {
    let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, why);
    let mut response = (status, Json(error)).into_response();
    let headers = response.headers_mut();
    never_cached(headers);
    headers.insert(header::RETRY_AFTER, seconds.into());
    response
}

/// Marks an answer as not to be kept (RFC 6749 section 5.1).
pub(super) fn never_cached(headers: &mut http::HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}
