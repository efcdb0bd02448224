//! A name for each request: in the log, in errors, in `X-Request-Id`.

use std::{convert::Infallible, fmt};

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, request::Parts};
use picard_domain::SessionId;
use tracing::Instrument;

use crate::state::Server;

/// The id of the request being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get()
            .cloned()
            .unwrap_or_else(|| Self("none".to_owned())))
    }
}

/// Names the request, logs it without query or headers (they may hold
/// secrets), and tells the name in the answer.
pub(crate) async fn layer(
    State(server): State<Server>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = SessionId::ordered(server.app.now(), server.app.entropy()).to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", %id, %method, %path);
    let started = std::time::Instant::now();
    async move {
        let mut response = next.run(request).await;
        let millis = started.elapsed().as_millis() as u64;
        tracing::info!(status = response.status().as_u16(), millis, "answered");
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", id);
        }
        response
    }
    .instrument(span)
    .await
}
