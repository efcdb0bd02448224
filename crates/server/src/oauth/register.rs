//! `POST /oauth/register`: an application registers itself (RFC 7591 section 3).

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use picard_app::Error;
use picard_oauth::{
    ErrorCode, OAuthError,
    registration::{ClientMetadata, MAX_BYTES},
};

use super::error::{Refused, never_cached};
use crate::{pages::person::From, state::Server};

/// The type of the body is not looked at: it is JSON or it is refused, and some
/// clients forget to say so. The endpoint needs no credentials, so nothing is
/// gained by a page that posts a form here.
pub(super) async fn register(
    State(server): State<Server>,
    From(visit): From,
    body: Body,
) -> Result<Response, Refused> {
    let body = to_bytes(body, MAX_BYTES).await.map_err(|_| {
        let why = format!("the registration has more than {MAX_BYTES} bytes");
        OAuthError::new(ErrorCode::InvalidClientMetadata, why)
    })?;
    let metadata = ClientMetadata::parse(&body)?;
    let registered = match server.app.register_itself(metadata, &visit).await {
        Err(Error::TooManyAttempts {
            retry_after_seconds,
        }) => return Err(Refused::TooMany(retry_after_seconds)),
        registered => registered?,
    };
    let mut response = (StatusCode::CREATED, Json(registered)).into_response();
    never_cached(response.headers_mut());
    Ok(response)
}
