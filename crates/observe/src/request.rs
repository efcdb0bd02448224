//! A name for each request: in the log, in errors, in `X-Request-Id`.
//!
//! The name is always ours. One that came with the request is not taken over:
//! it could be another request's, and a line of the log would be of neither.

use std::{convert::Infallible, fmt, sync::Arc, time::Instant};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderValue, request::Parts};
use picard_domain::{Clock, Entropy, SessionId};
use picard_metrics::{Answered, Http, method_word};
use tracing::{Instrument as _, Span, field};

/// What the route is called where there is none: a path may hold anything.
const UNMATCHED: &str = "unmatched";

/// The id of the request being answered.
#[derive(Debug, Clone)]
pub struct RequestId(String);

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

/// The span of a request, for work that is done for it on another task.
#[derive(Debug, Clone)]
pub struct RequestSpan(pub Span);

/// What is also to be done with the span of a request, given its headers, before
/// anything happens within it. Whoever serves puts it into the request's extensions:
/// so a trace that began elsewhere goes on here, and nothing here knows of traces.
#[derive(Debug, Clone, Copy)]
pub struct OnSpan(pub fn(&Span, &HeaderMap));

/// What [`layer`] works with.
#[derive(Clone)]
pub struct Observer {
    http: Http,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Observer {
    /// Counts in `http`; the clock and the randomness make the names.
    pub fn new(http: Http, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            http,
            clock,
            entropy,
        }
    }
}

/// Names the request, writes one line about it when its answer begins, counts
/// it, and tells its name in the answer. To be put around routes and fallback
/// by `Router::layer`, so that the route is known.
pub async fn layer(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let id = SessionId::ordered(observer.clock.now(), &*observer.entropy).to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    // A stranger may send any word, as long as they like.
    let method = method_word(request.method().as_str());
    // At the level of errors, so that every line that is written has it.
    let span = tracing::error_span!(
        "request",
        request_id = id,
        method,
        route,
        tool = field::Empty,
        status = field::Empty,
    );
    if let Some(OnSpan(also)) = request.extensions().get::<OnSpan>() {
        also(&span, request.headers());
    }
    request.extensions_mut().insert(RequestSpan(span.clone()));
    let mut under_way = UnderWay::begin(observer.http, route, method, span.clone());
    let mut response = next.run(request).instrument(span).await;
    under_way.status = Some(response.status().as_u16());
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Notes in the line of the request which tool it calls.
pub fn tool(name: &'static str) {
    Span::current().record("tool", name);
}

/// A request without an answer so far. When the client hangs up, it is dropped
/// without one; then that is what is written and counted.
struct UnderWay {
    http: Http,
    route: String,
    method: &'static str,
    span: Span,
    began: Instant,
    status: Option<u16>,
}

impl UnderWay {
    fn begin(http: Http, route: String, method: &'static str, span: Span) -> Self {
        http.began();
        Self {
            http,
            route,
            method,
            span,
            began: Instant::now(),
            status: None,
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
        self.span.in_scope(|| {
            if let Some(status) = self.status {
                self.span.record("status", status);
                tracing::info!(duration_ms, "answered");
            } else {
                tracing::info!(duration_ms, "the client hung up before the answer");
            }
        });
        self.http.ended(Answered {
            route: &self.route,
            method: self.method,
            status: self.status,
            took,
        });
    }
}
