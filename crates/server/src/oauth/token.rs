//! `POST /oauth/token`, `/oauth/revoke` and `/oauth/introspect`.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Uri, header};
use picard_oauth::{
    ErrorCode, OAuthError, introspection::IntrospectionRequest, revocation::RevocationRequest,
    token::TokenRequest,
};

use super::error::{Refused, never_cached};
use crate::{
    json::{is_of_type, whole},
    state::Server,
};

/// The most bytes of a form.
const MAX_FORM: usize = 64 * 1024;

/// A form of an application, raw: the protocol crate wants to see duplicates.
pub(super) struct RawForm {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl RawForm {
    fn authorization(&self) -> Option<&str> {
        self.headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap_or(""))
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

impl FromRequest<Server> for RawForm {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Server) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        if !is_of_type(&parts.headers, "application/x-www-form-urlencoded") {
            let why = "the body must be application/x-www-form-urlencoded";
            return Err(
                Refused::OAuth(OAuthError::new(ErrorCode::InvalidRequest, why)).into_response(),
            );
        }
        let body = whole(body, MAX_FORM)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self {
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }
}

/// `POST /oauth/token` (RFC 6749 section 3.2).
pub(super) async fn token(
    State(server): State<Server>,
    form: RawForm,
) -> Result<Response, Refused> {
    let request = TokenRequest::parse(
        form.authorization(),
        form.query(),
        &form.body,
        &server.resources(),
    )?;
    let issuer = &server.config.public_url;
    let mut response = Json(server.app.exchange(request, issuer).await?).into_response();
    never_cached(response.headers_mut());
    Ok(response)
}

/// `POST /oauth/revoke` (RFC 7009).
pub(super) async fn revoke(State(server): State<Server>, form: RawForm) -> Result<(), Refused> {
    let request = RevocationRequest::parse(form.authorization(), form.query(), &form.body)?;
    Ok(server
        .app
        .revoke(request, &server.config.public_url)
        .await?)
}

/// `POST /oauth/introspect` (RFC 7662).
pub(super) async fn introspect(
    State(server): State<Server>,
    form: RawForm,
) -> Result<Response, Refused> {
    let request = IntrospectionRequest::parse(form.authorization(), form.query(), &form.body)?;
    let answer = server
        .app
        .introspect(request, &server.config.public_url)
        .await?;
    let mut response = Json(answer).into_response();
    never_cached(response.headers_mut());
    Ok(response)
}
