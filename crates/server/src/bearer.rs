//! The extractor that turns `Authorization: Bearer` into an [`Access`].
//!
//! Cookies and query parameters never authenticate a call (RFC 6750 section
//! 2.3, and no CSRF on the API).

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use picard_app::Access;
use picard_oauth::{Secret, bearer};

use crate::{problem::Problem, state::Server};

/// Who calls, and what they may do.
pub(crate) struct Bearer(pub(crate) Access);

impl FromRequestParts<Server> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(names_access_token) {
            let message = "must be sent in the Authorization header, never in the URL";
            return Err(match parts.headers.get(header::AUTHORIZATION) {
                Some(_) => Problem::field("access_token", message),
                None => Problem::invalid_token(),
            });
        }
        let token = token(&parts.headers)?;
        match server
            .app
            .authenticate(token.expose(), &server.resources())
            .await?
        {
            Some(access) => Ok(Self(access)),
            None => Err(Problem::invalid_token()),
        }
    }
}

fn names_access_token(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
}

fn token(headers: &HeaderMap) -> Result<Secret, Problem> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = sent.next() else {
        return Err(Problem::no_token());
    };
    if sent.next().is_some() {
        return Err(Problem::field("authorization", "was sent more than once"));
    }
    // A header that is no text holds no token; neither does another scheme.
    match bearer::token(Some(value.to_str().unwrap_or_default())) {
        Ok(Some(token)) => Ok(token),
        Ok(None) => Err(Problem::no_token()),
        Err(_) => Err(Problem::invalid_token()),
    }
}
