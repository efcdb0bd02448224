//! What every page tells the browser: headers, cookies, notices, escapes.

mod support;

use axum::http::StatusCode;
use support::Service;

#[tokio::test]
async fn every_page_has_the_security_headers_and_so_have_errors() {
    let service = Service::at("http://localhost:8001");
    for path in ["/shown", "/nowhere"] {
        let page = service.get(path, "").await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert!(
            !policy.contains("form-action") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
        assert!(page.header("permissions-policy").contains("geolocation=()"));
        assert_eq!(page.header("strict-transport-security"), "");
        assert_eq!(page.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn pages_that_clients_open_as_popups_are_not_cut_off_from_them() {
    let page = Service::at("http://localhost:8001").get("/form", "").await;
    assert_eq!(page.header("cross-origin-opener-policy"), "");
    assert_eq!(page.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn over_tls_cookies_are_secure_and_bound_to_the_host() {
    let service = Service::at("https://memory.example");
    let page = service.get("/form", "").await;
    assert!(
        page.header("strict-transport-security")
            .starts_with("max-age=")
    );
    let cookies = page.cookies();
    assert_eq!(cookies.len(), 1);
    assert!(
        cookies[0].starts_with("__Host-test_visitor="),
        "{cookies:?}"
    );
    for flag in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
        assert!(cookies[0].contains(flag), "{flag} in {cookies:?}");
    }
    assert!(!cookies[0].contains("Domain"));
}

#[tokio::test]
async fn on_loopback_cookies_are_not_secure_but_strict_otherwise() {
    let service = Service::at("http://localhost:8001");
    let (cookie, token) = service.visitor().await;
    let answer = service
        .post("/login", &cookie, &[], format!("csrf={token}&text=pss_1"))
        .await;
    let cookies = answer.cookies();
    let session = cookies
        .iter()
        .find(|c| c.starts_with("test_session="))
        .expect("a session");
    for flag in [
        "; HttpOnly",
        "; SameSite=Lax",
        "; Path=/",
        "; Max-Age=2592000",
    ] {
        assert!(session.contains(flag), "{flag} in {session}");
    }
    assert!(!session.contains("Secure"));
}

#[tokio::test]
async fn a_page_without_a_form_sets_no_cookie() {
    assert!(
        Service::at("http://localhost:8001")
            .get("/shown", "")
            .await
            .cookies()
            .is_empty()
    );
}

#[tokio::test]
async fn a_notice_is_shown_once_and_only_by_a_known_code() {
    let service = Service::at("http://localhost:8001");
    let page = service.get("/shown", "test_notice=saved").await;
    assert!(page.body.contains("It was saved."), "{}", page.body);
    assert!(
        page.cookies()
            .iter()
            .any(|c| c.starts_with("test_notice=;") && c.contains("Max-Age=0"))
    );
    let forged = service
        .get("/shown?notice=Call+us", "test_notice=Call%20us%20now")
        .await;
    assert!(!forged.body.contains("Call us") && !forged.body.contains("class=\"notice"));
}

#[tokio::test]
async fn pages_escape_what_they_show() {
    let page = Service::at("http://localhost:8001").get("/shown", "").await;
    assert!(!page.body.contains("<b>Title"), "{}", page.body);
    assert!(page.body.contains("&#60;b&#62;Title") || page.body.contains("&lt;b&gt;Title"));
}

#[tokio::test]
async fn no_page_loads_anything_from_elsewhere_or_runs_a_script_in_itself() {
    let page = Service::at("http://localhost:8001").get("/shown", "").await;
    assert!(
        !page.body.contains("http://") && !page.body.contains("https://"),
        "{}",
        page.body
    );
    assert!(
        !page.body.contains("<style")
            && !page.body.contains(" style=")
            && !page.body.contains("onclick")
    );
    assert_eq!(page.body.matches("<script").count(), 1);
    assert_eq!(page.body.matches("<h1").count(), 1);
}

#[tokio::test]
async fn assets_are_named_by_their_content_and_kept_for_a_year() {
    let service = Service::at("http://localhost:8001");
    let page = service.get("/shown", "").await.body;
    let paths: Vec<_> = page
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert!(paths.len() >= 3, "{paths:?}");
    for path in paths {
        let asset = service.get(path, "").await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert_eq!(
            asset.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(asset.header("x-content-type-options"), "nosniff");
        assert!(asset.header("content-type").contains('/') && !asset.body.is_empty());
    }
    let old = service.get("/assets/picard-000000000000.css", "").await;
    assert_eq!(
        (old.status, old.header("cache-control")),
        (StatusCode::NOT_FOUND, "no-store")
    );
}
