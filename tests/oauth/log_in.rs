//! Logging in: what guessing learns, and how long it may go on.

use picard_domain::{Clock as _, Span};
use picard_tests::server::TestServer;

const PASSWORD: &str = "tea, earl grey, hot";

/// Row A39. That both cost the same work is a test of `crypto` (`dummy_hash`).
#[tokio::test]
async fn an_unknown_handle_and_a_wrong_password_get_the_same_answer() {
    let server = TestServer::start().await;
    server.person("data").await;
    let wrong = server.visitor().log_in("data", "not the password").await;
    let unknown = server.visitor().log_in("lore", "not the password").await;
    assert_eq!((wrong.status, unknown.status), (401, 401));
    let neutral = |body: &str, csrf: &str, handle: &str| body.replace(csrf, "").replace(handle, "");
    assert_eq!(
        neutral(&wrong.body, &wrong.csrf(), "data"),
        neutral(&unknown.body, &unknown.csrf(), "lore"),
    );
}

/// Row A40.
#[tokio::test]
async fn guessing_is_slowed_down_and_the_account_is_not_locked_for_good() {
    let server = TestServer::start().await;
    server.person("data").await;
    let mut guesser = server.visitor();
    let csrf = guesser.get("/login").await.csrf();
    let mut refused = None;
    for _ in 0..30 {
        let fields = [
            ("csrf", &*csrf),
            ("handle", "data"),
            ("password", "guess guess"),
        ];
        let page = guesser.post("/login", &fields).await;
        if page.status == 429 {
            refused = Some(page);
            break;
        }
        assert_eq!(page.status, 401);
    }
    let refused = refused.expect("guessing is refused at some point");
    let wait: i64 = refused
        .header("retry-after")
        .parse()
        .expect("Retry-After in seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(server.visitor().log_in("data", PASSWORD).await.status, 429);
    server.clock.advance(Span::seconds(wait));
    assert_eq!(server.visitor().log_in("data", PASSWORD).await.status, 303);
}

/// Row A41.
#[tokio::test]
async fn a_cookie_set_before_the_login_is_not_the_session_after_it() {
    let server = TestServer::start().await;
    server.person("data").await;
    let mut visitor = server.visitor();
    visitor.cookies.insert(
        "picard_server_session".into(),
        "pss_chosen-by-somebody-else".into(),
    );
    visitor.get("/login").await;
    let before = visitor.cookies.clone();
    assert_eq!(visitor.log_in("data", PASSWORD).await.status, 303);
    assert_eq!(visitor.get("/account").await.status, 200);
    let mut old = server.visitor();
    old.cookies = before;
    assert_eq!(old.get("/account").await.status, 303);
}

/// Row A42.
#[tokio::test]
async fn credentials_posted_from_another_site_are_refused() {
    let server = TestServer::start().await;
    server.person("data").await;
    let mut visitor = server.visitor();
    let csrf = visitor.get("/login").await.csrf();
    let fields = [("csrf", &*csrf), ("handle", "data"), ("password", PASSWORD)];
    let request = visitor.request("POST".parse().expect("a method"), "/login");
    let page = visitor
        .send(request.header("sec-fetch-site", "cross-site").form(&fields))
        .await;
    assert_eq!(page.status, 403);
    let without = [("handle", "data"), ("password", PASSWORD)];
    assert_eq!(visitor.post("/login", &without).await.status, 403);
}

#[tokio::test]
async fn a_log_out_ends_the_session_at_the_server() {
    let server = TestServer::start().await;
    let mut person = server.person("data").await;
    let kept = person.cookies.clone();
    assert_eq!(person.fill("/account", "/logout", &[]).await.status, 303);
    person.cookies = kept;
    assert_eq!(person.get("/account").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let server = TestServer::start().await;
    let mut person = server.person("data").await;
    assert_eq!(person.get("/account").await.status, 200);
    let before = server.clock.now();
    server.clock.advance(Span::days(60));
    assert!(server.clock.now() > before);
    assert_eq!(person.get("/account").await.status, 303);
}
