//! Errors as RFC 6749 section 5.2 wants them: JSON, never cached.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use picard_app::{Error, TokenError};
use picard_oauth::{ErrorCode, OAuthError, bearer::BASIC_CHALLENGE};

use crate::problem::Problem;

/// An error of an endpoint that applications call.
pub(super) enum Refused {
    OAuth(OAuthError),
    /// Too many requests: come again in so many seconds. As an error of OAuth too,
    /// since that is what its clients can read.
    TooMany(u64),
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
        Self::Problem(Box::new(error.into()))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::TooMany(seconds) => {
                let why = format!("too many requests; try again in {seconds} seconds");
                let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, why);
                let mut response = (StatusCode::TOO_MANY_REQUESTS, Json(error)).into_response();
                never_cached(response.headers_mut());
                let headers = response.headers_mut();
                headers.insert(header::RETRY_AFTER, seconds.into());
                response
            }
            Self::OAuth(error) => {
                let status =
                    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
                let basic = error.code == ErrorCode::InvalidClient;
                let mut response = (status, Json(error)).into_response();
                let headers = response.headers_mut();
                never_cached(headers);
                if basic {
                    let challenge = HeaderValue::from_static(BASIC_CHALLENGE);
                    headers.insert(header::WWW_AUTHENTICATE, challenge);
                }
                response
            }
        }
    }
}

/// Marks an answer as not to be kept (RFC 6749 section 5.1).
pub(super) fn never_cached(headers: &mut http::HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}
