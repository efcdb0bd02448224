//! Registering, logging in and out, the profile.

use axum::http::StatusCode;
use picard_domain::Span;

use crate::{PASSWORD, Stage};

const SESSION: &str = "picard_web_session";

#[tokio::test]
async fn a_visitor_is_sent_to_the_log_in_and_from_there_to_the_page() {
    let stage = Stage::set().await;
    stage.member("jean-luc").await;
    let mut browser = stage.browser();
    let page = browser.get("/profile?x=1").await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/login?next=%2Fprofile%3Fx%3D1")
    );
    let page = browser.get("/login?next=%2Fprofile%3Fx%3D1").await;
    let next = page.value("next").expect("a hidden field").to_owned();
    let fields = [
        ("username", "Jean-Luc"),
        ("password", PASSWORD),
        ("next", next.as_str()),
    ];
    let page = browser.post("/login", &fields).await;
    assert_eq!(page.location(), "/profile?x=1");
    assert_eq!(browser.get("/profile").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_after_the_log_in() {
    let stage = Stage::set().await;
    stage.member("jean-luc").await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let mut browser = stage.browser();
        browser.get("/login").await;
        let fields = [
            ("username", "jean-luc"),
            ("password", PASSWORD),
            ("next", next),
        ];
        assert_eq!(
            browser.post("/login", &fields).await.location(),
            "/dashboard"
        );
    }
}

#[tokio::test]
async fn a_form_without_the_token_of_its_page_changes_nothing() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let page = browser
        .post_raw("/profile/name", "name=Locutus".to_owned())
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let page = browser
        .post_raw("/profile/name", "name=Locutus&csrf=x".to_owned())
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    browser.get("/profile").await.hides("Locutus");
}

#[tokio::test]
async fn a_session_that_was_planted_before_the_log_in_is_not_the_one_after_it() {
    let stage = Stage::set().await;
    let mut first = stage.member("jean-luc").await;
    let planted = first.cookies[SESSION].clone();
    first.get("/profile").await;
    let mut browser = stage.browser();
    browser
        .cookies
        .insert(SESSION.to_owned(), "pwt_planted".to_owned());
    browser.get("/login").await;
    let fields = [("username", "jean-luc"), ("password", PASSWORD)];
    assert_eq!(
        browser.post("/login", &fields).await.location(),
        "/dashboard"
    );
    assert!(browser.cookies[SESSION].starts_with("pwt_"));
    assert!(!["pwt_planted", &planted].contains(&browser.cookies[SESSION].as_str()));
}

#[tokio::test]
async fn an_unknown_username_and_a_wrong_password_get_the_same_answer() {
    let stage = Stage::set().await;
    stage.member("jean-luc").await;
    let mut browser = stage.browser();
    let mut answers = Vec::new();
    for username in ["jean-luc", "nobody00", "!!!!!!!!"] {
        browser.get("/login").await;
        let fields = [("username", username), ("password", "wrong password")];
        let page = browser.post("/login", &fields).await;
        answers.push((page.status, page.body.replace(username, "")));
    }
    assert_eq!(answers[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_a_while_and_not_for_ever() {
    let stage = Stage::set().await;
    stage.member("jean-luc").await;
    let mut browser = stage.browser();
    browser.get("/login").await;
    let wrong = [("username", "jean-luc"), ("password", "wrong password")];
    for _ in 0..10 {
        assert_eq!(
            browser.post("/login", &wrong).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    let right = [("username", "JEAN-LUC "), ("password", PASSWORD)];
    let page = browser.post("/login", &right).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(
        page.header("retry-after")
            .parse::<u64>()
            .is_ok_and(|s| (1..=901).contains(&s))
    );
    stage.fixture.clock.turn(Span::minutes(16));
    assert_eq!(
        browser.post("/login", &right).await.location(),
        "/dashboard"
    );
}

#[tokio::test]
async fn whoever_guesses_from_one_address_does_not_lock_the_owner_out() {
    let stage = Stage::set().await;
    stage.member("jean-luc").await;
    let mut guesser = stage.browser();
    guesser.forwarded_for = Some("203.0.113.9");
    guesser.get("/login").await;
    let wrong = [("username", "jean-luc"), ("password", "wrong password")];
    for _ in 0..10 {
        guesser.post("/login", &wrong).await;
    }
    // What the guesser writes before the proxy's own entry changes nothing.
    guesser.forwarded_for = Some("198.51.100.7, 203.0.113.9");
    let page = guesser.post("/login", &wrong).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    let mut owner = stage.browser();
    owner.forwarded_for = Some("198.51.100.7");
    owner.get("/login").await;
    let right = [("username", "jean-luc"), ("password", PASSWORD)];
    assert_eq!(owner.post("/login", &right).await.location(), "/dashboard");
}

#[tokio::test]
async fn one_address_makes_sixty_accounts_in_a_quarter_of_an_hour() {
    let stage = Stage::set().await;
    let mut browser = stage.browser();
    browser.forwarded_for = Some("2001:db8::1");
    browser.get("/register").await;
    // Refused names count as well, and cost no hashing.
    let refused = [("username", "!"), ("password", PASSWORD)];
    for _ in 0..60 {
        let page = browser.post("/register", &refused).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    browser.forwarded_for = Some("2001:db8::2");
    let wanted = [("username", "jean-luc"), ("password", PASSWORD)];
    let page = browser.post("/register", &wanted).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    browser.forwarded_for = Some("2001:db8:0:1::1");
    let page = browser.post("/register", &wanted).await;
    assert_eq!(page.location(), "/dashboard");
}

#[tokio::test]
async fn a_username_is_taken_once_whatever_its_case() {
    let stage = Stage::set().await;
    stage.member("jean-luc").await;
    let mut browser = stage.browser();
    browser.get("/register").await;
    let page = browser
        .post(
            "/register",
            &[("username", "Jean-Luc"), ("password", PASSWORD)],
        )
        .await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.shows("This username is taken");
    page.hides(PASSWORD);
}

#[tokio::test]
async fn a_weak_password_is_refused_with_the_username_kept() {
    let stage = Stage::set().await;
    let mut browser = stage.browser();
    browser.get("/register").await;
    for password in ["short", "", "jean-luc"] {
        let fields = [("username", "jean-luc"), ("password", password)];
        let page = browser.post("/register", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        page.shows(r#"value="jean-luc""#);
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_at_the_service() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let stolen = browser.cookies.clone();
    browser.get("/dashboard").await;
    assert_eq!(browser.post("/logout", &[]).await.location(), "/");
    browser.get("/").await.shows("You are logged out");
    browser.cookies = stolen;
    assert!(
        browser
            .get("/dashboard")
            .await
            .location()
            .starts_with("/login")
    );
}

#[tokio::test]
async fn a_session_ends_after_two_weeks() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    stage.fixture.clock.turn(Span::seconds(14 * 86_400 - 1));
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK);
    stage.fixture.clock.turn(Span::seconds(1));
    assert!(
        browser
            .get("/dashboard")
            .await
            .location()
            .starts_with("/login")
    );
}

#[tokio::test]
async fn a_new_password_logs_other_browsers_out() {
    let stage = Stage::set().await;
    let mut here = stage.member("jean-luc").await;
    let mut there = stage.browser();
    there.get("/login").await;
    there
        .post(
            "/login",
            &[("username", "jean-luc"), ("password", PASSWORD)],
        )
        .await;
    here.get("/profile").await;
    let wrong = [
        ("password", "wrong password"),
        ("new_password", "engage, warp nine"),
    ];
    here.post("/profile/password", &wrong)
        .await
        .shows("is not your password");
    let right = [
        ("password", PASSWORD),
        ("new_password", "engage, warp nine"),
    ];
    assert_eq!(
        here.post("/profile/password", &right).await.location(),
        "/profile"
    );
    here.get("/profile").await.shows("Your password is changed");
    assert!(there.get("/profile").await.location().starts_with("/login"));
    there.get("/login").await;
    let old = [("username", "jean-luc"), ("password", PASSWORD)];
    assert_eq!(
        there.post("/login", &old).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn another_browser_can_be_logged_out_by_its_owner_only() {
    let stage = Stage::set().await;
    let mut here = stage.member("jean-luc").await;
    let mut there = stage.browser();
    there.get("/login").await;
    there
        .post(
            "/login",
            &[("username", "jean-luc"), ("password", PASSWORD)],
        )
        .await;
    let page = here.get("/profile").await;
    let (_, rest) = page
        .body
        .split_once("/profile/sessions/")
        .expect("another session");
    let path = format!(
        "/profile/sessions/{}",
        rest.split_once('"').expect("its end").0
    );
    let mut stranger = stage.member("lore").await;
    stranger.get("/profile").await;
    stranger.post(&path, &[]).await;
    assert_eq!(there.get("/profile").await.status, StatusCode::OK);
    here.post(&path, &[]).await;
    assert!(there.get("/profile").await.location().starts_with("/login"));
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_connection_revoked() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    browser
        .get("/profile/delete")
        .await
        .shows("Your memories stay on the server");
    let page = browser
        .post("/profile/delete", &[("password", "wrong password")])
        .await;
    page.shows("is not your password");
    assert_eq!(
        browser
            .post("/profile/delete", &[("password", PASSWORD)])
            .await
            .location(),
        "/"
    );
    assert_eq!(stage.fixture.state().revocations, 1);
    browser.get("/login").await;
    let fields = [("username", "jean-luc"), ("password", PASSWORD)];
    assert_eq!(
        browser.post("/login", &fields).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn neither_passwords_nor_session_tokens_are_on_the_disk() {
    let stage = Stage::set().await;
    let browser = stage.member("jean-luc").await;
    assert!(stage.disk_holds("jean-luc"), "the search works");
    assert!(!stage.disk_holds(PASSWORD));
    assert!(!stage.disk_holds(&browser.cookies[SESSION]));
}
