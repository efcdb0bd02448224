//! The layer around every page: what browsers are told, and who is let in.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};

use crate::{Browser, Site, origin};

/// What a page may load and who may show it.
///
/// There is no `form-action` on purpose: Chromium and Safari apply it to the
/// redirects after a form too, so `form-action 'self'` silently blocks the way
/// from the consent form back to the application.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), \
     payment=(), usb=(), browsing-topics=()";

/// Wraps the pages of a service: handlers in it can take [`Browser`] and
/// [`CsrfForm`](crate::CsrfForm).
///
/// Every response gets the security headers, unless it set one itself. A POST
/// that another site sent is answered 403 before any handler runs.
pub fn pages<S: Clone + Send + Sync + 'static>(router: Router<S>, site: Arc<Site>) -> Router<S> {
    router.layer(from_fn_with_state(site, around))
}

async fn around(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let browser = Browser::of(site.clone(), &parts);
    let from_here = parts.method.is_safe() || origin::is_own(&parts.headers, &site);
    parts.extensions.insert(browser.clone());
    let mut response = if from_here {
        next.run(Request::from_parts(parts, body)).await
    } else {
        foreign_form(&browser)
    };
    set_security_headers(response.headers_mut(), &site, browser.path());
    browser.owed().append_to(response.headers_mut());
    response
}

fn foreign_form(browser: &Browser) -> Response {
    browser
        .error(
            StatusCode::FORBIDDEN,
            "That form came from another site",
            "Nothing was changed. Forms are only accepted from this service's own pages.",
        )
        .link("Go to the start page", "/")
        .into_response()
}

fn set_security_headers(headers: &mut HeaderMap, site: &Site, path: &str) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    set(
        HeaderName::from_static("permissions-policy"),
        PERMISSIONS_POLICY,
    );
    if !site.is_popup(path) {
        set(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
    }
    if site.is_https() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}
