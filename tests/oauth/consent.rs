//! The consent page: what it shows, and who may answer it.

use picard_tests::{
    application::{Application, parameter},
    server::TestServer,
    visitor::{Page, Visitor},
};
use url::Url;

async fn shown(server: &TestServer, application: &Application) -> (Visitor, Page) {
    let mut person = server.person("deanna").await;
    let page = person
        .get(&Application::address(&application.request()))
        .await;
    (person, page)
}

#[tokio::test]
async fn it_says_who_asks_for_what_and_where_the_answer_goes() {
    let server = TestServer::start().await;
    let (_, page) = shown(&server, &server.application().await).await;
    for said in [
        "Holodeck",
        "app.example",
        "Store, change and delete your memories",
    ] {
        assert!(page.body.contains(said), "{said} is not in {}", page.body);
    }
}

/// Row A43.
#[tokio::test]
async fn an_application_on_this_computer_only_is_warned_about() {
    let server = TestServer::start().await;
    let (_, page) = shown(&server, &server.public_application().await).await;
    assert!(page.body.contains("127.0.0.1"));
    assert!(
        page.body.to_lowercase().contains("this computer") || page.body.contains("this device")
    );
}

/// Row A24.
#[tokio::test]
async fn nobody_can_frame_cache_or_sniff_it() {
    let server = TestServer::start().await;
    let (mut person, page) = shown(&server, &server.application().await).await;
    let login = person.get("/account").await;
    for page in [page, login] {
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains("default-src 'none'") && policy.contains("base-uri 'none'"));
        // Trap 13: form-action would block the redirect after the consent.
        assert!(!policy.contains("form-action") && !policy.contains("unsafe-inline"));
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert!(page.header("cache-control").contains("no-store"));
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
}

/// Row A27.
#[tokio::test]
async fn an_answer_without_the_right_token_is_forbidden() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let (mut person, page) = shown(&server, &application).await;
    let ticket = page.input("ticket").expect("a ticket");
    let foreign = server.person("worf").await.get("/account").await.csrf();
    for csrf in ["", "nonsense", &foreign] {
        let fields = [("csrf", csrf), ("ticket", &*ticket), ("decision", "allow")];
        assert_eq!(person.post("/oauth/authorize", &fields).await.status, 403);
    }
    let fields = [("ticket", &*ticket), ("decision", "allow")];
    assert_eq!(person.post("/oauth/authorize", &fields).await.status, 403);
    assert_eq!(
        Application::decide(&mut person, &page, "allow")
            .await
            .status,
        303
    );
}

/// Row A28.
#[tokio::test]
async fn an_answer_from_another_site_is_forbidden() {
    let server = TestServer::start().await;
    let (mut person, page) = shown(&server, &server.application().await).await;
    let ticket = page.input("ticket").expect("a ticket");
    let fields = [
        ("csrf", page.csrf()),
        ("ticket", ticket),
        ("decision", "allow".into()),
    ];
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
    ] {
        let request = person.request("POST".parse().expect("a method"), "/oauth/authorize");
        let answer = person.send(request.header(name, value).form(&fields)).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
}

/// Row A30.
#[tokio::test]
async fn a_consent_page_is_answered_once() {
    let server = TestServer::start().await;
    let (mut person, page) = shown(&server, &server.application().await).await;
    assert_eq!(
        Application::decide(&mut person, &page, "allow")
            .await
            .status,
        303
    );
    let again = Application::decide(&mut person, &page, "allow").await;
    assert!([400, 410].contains(&again.status), "{}", again.status);
}

#[tokio::test]
async fn another_persons_ticket_is_no_ticket() {
    let server = TestServer::start().await;
    let (_, page) = shown(&server, &server.application().await).await;
    let mut other = server.person("worf").await;
    let csrf = other.get("/account").await.csrf();
    let ticket = page.input("ticket").expect("a ticket");
    let fields = [
        ("csrf", &*csrf),
        ("ticket", &*ticket),
        ("decision", "allow"),
    ];
    let answer = other.post("/oauth/authorize", &fields).await;
    assert!([400, 410].contains(&answer.status), "{}", answer.status);
}

/// Rows A23, A34 and A36.
#[tokio::test]
async fn a_denial_goes_back_as_access_denied() {
    let server = TestServer::start().await;
    let (mut person, page) = shown(&server, &server.application().await).await;
    let answer = Application::decide(&mut person, &page, "deny").await;
    assert_eq!(answer.status, 303);
    let back = Url::parse(answer.location()).expect("a redirect");
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    assert_eq!(
        parameter(&back, "iss").as_deref(),
        Some(server.base.as_str())
    );
    assert_eq!(parameter(&back, "code"), None);
}
