//! Cross-origin sharing (the Fetch standard), for clients that are pages.
//!
//! Only what takes no cookies is shared: `/mcp`, the tools, the metadata and
//! the endpoints of applications; never a page or the authorization endpoint
//! (RFC 9700 section 2.6). The allowed origin is always `*`, with which a
//! browser never sends or keeps cookies. Who may call `/mcp` and the tools is
//! decided in `origin`; a refusal, too, can be read by the page that gets it.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use picard_oauth::metadata::{AUTHORIZATION_SERVER, PROTECTED_RESOURCE, REVOKE, TOKEN};

use crate::tools::import::IMPORT;

/// The path of the tools.
pub(crate) const TOOLS: &str = "/api/tools";

/// What a page may send besides what every page may.
const REQUEST_HEADERS: &str = "authorization, content-type, accept, mcp-protocol-version, \
    mcp-method, mcp-name, mcp-session-id, last-event-id";

/// What a page may read besides what every page may.
const RESPONSE_HEADERS: &str = "WWW-Authenticate, Mcp-Session-Id, Retry-After, X-Request-Id";

/// For how long a browser may keep the answer to a preflight.
const MAX_AGE: &str = "7200";

/// Tells whether pages of other origins may call this path, as far as `origin`
/// lets them.
pub(crate) fn is_shared(path: &str) -> bool {
    let applications = [
        TOKEN,
        "/token",
        REVOKE,
        "/revoke",
        "/oauth/register",
        "/register",
    ];
    is_guarded(path)
        || applications.contains(&path)
        || path.starts_with(AUTHORIZATION_SERVER)
        || path.starts_with(PROTECTED_RESOURCE)
}

/// Tells whether `origin` looks at where a call comes from.
pub(crate) fn is_guarded(path: &str) -> bool {
    ["/mcp", "/mcp/", TOOLS, IMPORT].contains(&path)
}

/// Adds the headers that let a page read the answer, also to refusals.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    if !is_shared(request.uri().path()) {
        return next.run(request).await;
    }
    let preflight = request.method() == Method::OPTIONS;
    let asked = asked(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    put(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    put(
        headers,
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        RESPONSE_HEADERS,
    );
    if preflight {
        put(
            headers,
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, DELETE, OPTIONS",
        );
        put(headers, header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        if let Ok(allowed) = HeaderValue::from_str(&allowed(&asked)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        put(headers, header::VARY, "Access-Control-Request-Headers");
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

/// The `mcp-param-*` headers that a preflight asks for: their names are those
/// of a tool's parameters, so there is no list of them.
fn asked(headers: &HeaderMap) -> Vec<String> {
    let asked = headers
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    asked
        .split(',')
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| name.starts_with("mcp-param-"))
        .filter(|name| HeaderName::try_from(name).is_ok())
        .collect()
}

fn allowed(asked: &[String]) -> String {
    let mut allowed = REQUEST_HEADERS.to_owned();
    for name in asked {
        allowed.push_str(", ");
        allowed.push_str(name);
    }
    allowed
}
