//! The admin area, health, and what holds for every page.

use axum::http::StatusCode;

use crate::{PASSWORD, Stage, browser::Browser};

async fn admin(stage: &Stage) -> Browser {
    stage
        .web
        .add_user("admiral", PASSWORD, true)
        .await
        .expect("an account");
    let mut browser = stage.browser();
    browser.get("/login").await;
    let fields = [("username", "admiral"), ("password", PASSWORD)];
    assert_eq!(
        browser.post("/login", &fields).await.location(),
        "/dashboard"
    );
    browser
}

#[tokio::test]
async fn the_admin_area_exists_for_superusers_and_shows_no_secret() {
    let stage = Stage::set().await;
    let mut member = stage.connected().await;
    stage.fixture.remember(0, "A private thought", "private");
    member.get("/memories").await.shows("A private thought");
    let page = member.get("/admin").await;
    assert_eq!(
        page.status,
        StatusCode::NOT_FOUND,
        "not even the first account is a superuser"
    );
    page.hides(r#"href="/admin""#);
    let mut admin = admin(&stage).await;
    admin.get("/dashboard").await.shows(r#"href="/admin""#);
    let page = admin.get("/admin").await;
    for shown in [
        "jean-luc",
        "admiral",
        "@ada",
        "memories:read memories:write",
        "Superuser",
    ] {
        page.shows(shown);
    }
    for hidden in ["A private thought", "secret-", "argon2", "pwt_"] {
        page.hides(hidden);
    }
}

#[tokio::test]
async fn the_admin_area_has_pages() {
    let stage = Stage::set().await;
    let mut admin = admin(&stage).await;
    for n in 0..55 {
        let hash = format!("member-{n:02}");
        stage
            .web
            .add_user(&hash, "a password of some length", false)
            .await
            .expect("an account");
    }
    let first = admin.get("/admin").await;
    let next = first.link("Older").expect("a second page");
    let second = admin.get(&next).await;
    assert_eq!(second.link("Older"), None);
    let both = first.body + &second.body;
    for n in 0..55 {
        assert_eq!(
            both.matches(&format!("<strong>member-{n:02}<")).count(),
            1,
            "{n}"
        );
    }
}

#[tokio::test]
async fn health_says_whether_the_database_answers() {
    let stage = Stage::set().await;
    let mut browser = stage.browser();
    assert_eq!(browser.get("/health").await.status, StatusCode::OK);
    assert_eq!(browser.get("/health/ready").await.status, StatusCode::OK);
    stage.web.close().await;
    assert_eq!(browser.get("/health").await.status, StatusCode::OK);
    assert_eq!(
        browser.get("/health/ready").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let page = browser.get("/login").await;
    assert_eq!(page.status, StatusCode::OK, "a page that needs no database");
}

#[tokio::test]
async fn an_address_that_leads_nowhere_says_so() {
    let stage = Stage::set().await;
    let mut browser = stage.browser();
    let page = browser.get("/nowhere").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.shows("Page not found");
    assert_eq!(
        browser.get("/logout").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn every_page_has_one_heading_labels_and_the_headers() {
    let stage = Stage::set().await;
    let mut member = stage.connected().await;
    let memory = stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    let mut visitor = stage.browser();
    let mut admin = admin(&stage).await;
    let mut pages = Vec::new();
    for path in ["/", "/login", "/register", "/nowhere"] {
        pages.push((path.to_owned(), visitor.get(path).await));
    }
    let own = [
        "/dashboard",
        "/profile",
        "/profile/delete",
        "/memories",
        "/memories/new",
        "/search?q=tea",
        "/personas?user=ada",
    ];
    let of_memory = ["", "/edit", "/delete"].map(|end| format!("/memories/{}{end}", memory.id));
    for path in own.into_iter().map(str::to_owned).chain(of_memory) {
        pages.push((path.clone(), member.get(&path).await));
    }
    pages.push(("/admin".to_owned(), admin.get("/admin").await));
    for (path, page) in pages {
        assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert!(
            page.header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        for control in page.body.split('<').filter(|tag| {
            ["input", "textarea", "select"]
                .iter()
                .any(|name| tag.starts_with(name))
        }) {
            let unseen = [r#"type="hidden""#, " hidden", r#"type="radio""#]
                .iter()
                .any(|mark| control.contains(mark));
            let id = control
                .split_once("id=\"")
                .and_then(|(_, rest)| rest.split_once('"'))
                .map(|(id, _)| id);
            let labelled = id.is_some_and(|id| page.body.contains(&format!("for=\"{id}\"")));
            assert!(unseen || labelled, "{path}: no label for <{control}");
        }
    }
}
