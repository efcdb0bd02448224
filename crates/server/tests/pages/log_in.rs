//! Logging in and out, and where one is led afterwards.

use crate::browser::{PASSWORD, Service};

#[tokio::test]
async fn a_page_for_members_leads_through_the_log_in_and_back() {
    let service = Service::start().await;
    service.member("troi").await;
    let mut browser = service.browser();
    let away = browser.get("/account/delete?sure=1").await;
    let log_in = "/login?next=%2Faccount%2Fdelete%3Fsure%3D1";
    assert_eq!((away.status, away.header("location")), (303, log_in));

    let page = browser.get(log_in).await;
    assert!(
        page.body
            .contains("href=\"/signup?next=%2Faccount%2Fdelete%3Fsure%3D1\"")
    );
    let next = page.between("name=\"next\" value=\"", "\"");
    let fields = [
        ("handle", "troi"),
        ("password", PASSWORD),
        ("next", next[0].as_str()),
    ];
    let back = browser.fill(log_in, "/login", &fields).await;
    assert_eq!(
        (back.status, back.header("location")),
        (303, "/account/delete?sure=1")
    );
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let service = Service::start().await;
    let mut member = service.member("troi").await;
    for evil in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ] {
        let mut browser = service.browser();
        let fields = [("handle", "troi"), ("password", PASSWORD), ("next", evil)];
        let answer = browser.fill("/login", "/login", &fields).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/account"),
            "{evil}"
        );

        let encoded: String = url::form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let page = service
            .browser()
            .get(&format!("/login?next={encoded}"))
            .await;
        assert!(
            !page.body.contains("evil.example") && !page.body.contains("alert(1)"),
            "{evil}"
        );
        let skipped = member.get(&format!("/login?next={encoded}")).await;
        assert_eq!(skipped.header("location"), "/account", "{evil}");
    }
}

#[tokio::test]
async fn the_log_in_page_tells_that_an_application_waits() {
    let service = Service::start().await;
    let page = service
        .browser()
        .get("/login?next=%2Foauth%2Fauthorize%3Fclient_id%3D1")
        .await;
    assert!(page.body.contains("An application is waiting"));
    assert!(
        !service
            .browser()
            .get("/login")
            .await
            .body
            .contains("An application is waiting")
    );
}

#[tokio::test]
async fn a_wrong_password_keeps_the_handle_and_not_the_password() {
    let service = Service::start().await;
    service.member("troi").await;
    let page = service.browser().log_in("troi", "chocolate sundae").await;
    assert_eq!(page.status, 401);
    assert!(page.body.contains("value=\"troi\"") && page.body.contains("role=\"alert\""));
    assert!(!page.body.contains("chocolate"));
}

#[tokio::test]
async fn the_session_and_the_forms_change_at_log_in() {
    let service = Service::start().await;
    service.member("troi").await;
    let mut browser = service.browser();
    let before = browser.get("/login").await.csrf();
    assert_eq!(browser.log_in("troi", PASSWORD).await.status, 303);
    assert!(!browser.cookies.contains_key("picard_server_visitor"));
    let after = browser.get("/account").await.csrf();
    assert_ne!(before, after);
    let stale = browser
        .post("/account/name", &[("csrf", &before), ("name", "Mallory")])
        .await;
    assert_eq!(stale.status, 403);
}

#[tokio::test]
async fn a_log_out_forgets_the_session_and_can_lead_to_another_person() {
    let service = Service::start().await;
    let mut member = service.member("troi").await;
    let kept = member.clone().cookies;
    let next = "/oauth/authorize?client_id=1";
    let answer = member.fill("/account", "/logout", &[("next", next)]).await;
    let log_in = "/login?next=%2Foauth%2Fauthorize%3Fclient_id%3D1";
    assert_eq!((answer.status, answer.header("location")), (303, log_in));
    assert!(!member.cookies.contains_key("picard_server_session"));
    member.cookies = kept;
    assert_eq!(
        member.get("/account").await.status,
        303,
        "the old cookie is worth nothing"
    );
}

#[tokio::test]
async fn too_many_attempts_get_a_page_that_says_how_long_to_wait() {
    let service = Service::start().await;
    service.member("troi").await;
    let mut browser = service.browser();
    let mut page = browser.log_in("troi", "guess").await;
    for _ in 0..20 {
        if page.status == 429 {
            break;
        }
        page = browser.log_in("troi", "guess").await;
    }
    assert_eq!(page.status, 429);
    let wait: u64 = page.header("retry-after").parse().expect("seconds");
    assert!(
        wait > 0 && page.body.contains("Try again in"),
        "{}",
        page.body
    );
}
