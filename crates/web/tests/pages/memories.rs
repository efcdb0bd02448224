//! Writing, reading, changing, finding and deleting memories.

use axum::http::StatusCode;
use picard_domain::{Permission, Span};

use crate::{Stage, browser::Page};

fn id_of(page: &Page) -> String {
    page.location()
        .strip_prefix("/memories/")
        .expect("a memory's address")
        .to_owned()
}

#[tokio::test]
async fn a_memory_from_its_first_word_to_its_end() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    browser.get("/memories").await.shows("Nothing here yet");
    browser.get("/memories/new").await;
    let fields = [
        ("text", "Tea, Earl Grey,\r\nhot <script>alert(1)</script>"),
        ("permission", "private"),
        ("expiration", "2026-12-31T23:59:59Z"),
    ];
    let id = id_of(&browser.post("/memories/new", &fields).await);
    assert_eq!(
        stage.fixture.state().memories[0].text,
        "Tea, Earl Grey,\nhot <script>alert(1)</script>"
    );
    let page = browser.get(&format!("/memories/{id}")).await;
    page.shows("The memory is stored.");
    page.shows("&#60;script&#62;");
    page.hides("<script>alert");
    page.shows("2026-12-31 23:59 UTC");

    browser
        .post(
            &format!("/memories/{id}/permission"),
            &[("permission", "public")],
        )
        .await;
    browser
        .get(&format!("/memories/{id}"))
        .await
        .shows("Make private");
    assert_eq!(
        stage.fixture.state().memories[0].permission,
        Permission::Public
    );

    let page = browser.get(&format!("/memories/{id}/edit")).await;
    page.shows(r#"value="2026-12-31T23:59:59Z""#);
    let read_at = page.value("read_at").expect("a hidden field").to_owned();
    let fields = [
        ("text", "Coffee"),
        ("permission", "public"),
        ("expiration", ""),
        ("read_at", &read_at),
    ];
    let page = browser.post(&format!("/memories/{id}/edit"), &fields).await;
    assert_eq!(page.location(), format!("/memories/{id}"));
    assert_eq!(stage.fixture.state().memories[0].expiration_date, None);

    let page = browser.get(&format!("/memories/{id}/delete")).await;
    page.shows("Delete this memory?");
    assert_eq!(
        stage.fixture.state().memories.len(),
        1,
        "asking deletes nothing"
    );
    assert_eq!(
        browser
            .post(&format!("/memories/{id}/delete"), &[])
            .await
            .location(),
        "/memories"
    );
    assert!(stage.fixture.state().memories.is_empty());
    let page = browser.get(&format!("/memories/{id}")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.shows("No such memory");
}

#[tokio::test]
async fn what_is_refused_is_shown_again_with_the_reason() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    browser.get("/memories/new").await;
    for (text, expiration, words) in [
        ("Tea", "tomorrow", "Write a date such as"),
        ("Tea", "2025-13-45", "Write a date such as"),
        ("Tea", "2020-01-01", "The expiration is in the past."),
        (" ", "", "The text is empty"),
        (&"x".repeat(65_537), "", "64 KiB"),
    ] {
        let fields = [
            ("text", text),
            ("permission", "public"),
            ("expiration", expiration),
        ];
        let page = browser.post("/memories/new", &fields).await;
        assert_eq!(
            page.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{expiration}"
        );
        page.shows(words);
        page.shows(text);
        page.shows(expiration);
        page.shows(r#"value="public" checked"#);
    }
    assert!(stage.fixture.state().memories.is_empty());
}

#[tokio::test]
async fn what_was_written_survives_a_server_that_fails() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    browser.get("/memories/new").await;
    for (status, expected) in [
        (503, StatusCode::SERVICE_UNAVAILABLE),
        (500, StatusCode::BAD_GATEWAY),
        (429, StatusCode::TOO_MANY_REQUESTS),
        (413, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        stage.fixture.refuse_next(&[status]);
        let fields = [("text", "Not to be lost"), ("permission", "private")];
        let page = browser.post("/memories/new", &fields).await;
        assert_eq!(page.status, expected);
        page.shows("Not to be lost");
        page.shows("What you wrote is still here");
    }
}

#[tokio::test]
async fn of_two_edits_at_once_the_second_shows_both_texts() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let memory = stage.fixture.remember(0, "The first text", "private");
    let path = format!("/memories/{}/edit", memory.id);
    let read_at = browser
        .get(&path)
        .await
        .value("read_at")
        .expect("a field")
        .to_owned();
    stage.fixture.clock.turn(Span::seconds(1));
    let fields = |text, at| [("text", text), ("permission", "private"), ("read_at", at)];
    browser
        .post(&path, &fields("Changed elsewhere", &read_at))
        .await;
    let page = browser.post(&path, &fields("Changed here", &read_at)).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("Changed elsewhere");
    page.shows("Changed here");
    assert_eq!(stage.fixture.state().memories[0].text, "Changed elsewhere");
    let read_at = page.value("read_at").expect("a field").to_owned();
    browser.post(&path, &fields("Changed here", &read_at)).await;
    assert_eq!(stage.fixture.state().memories[0].text, "Changed here");
}

#[tokio::test]
async fn pages_of_the_list_keep_the_filters_and_miss_nothing() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    for n in 0..45 {
        stage
            .fixture
            .remember(0, &format!("public number {n:02}."), "public");
        stage
            .fixture
            .remember(0, &format!("private number {n:02}."), "private");
    }
    let mut path = "/memories?permission=public&show=all&before=&after=".to_owned();
    let mut seen = String::new();
    for _ in 0..3 {
        let page = browser.get(&path).await;
        page.hides("private number");
        seen += &page.body;
        assert!(page.body.matches("public number").count() <= 20);
        path = page.link("Older").unwrap_or_default();
        if !path.is_empty() {
            assert!(
                path.starts_with("/memories?permission=public&show=all&cursor="),
                "{path}"
            );
        }
    }
    assert_eq!(path, "", "the third page is the last");
    for n in 0..45 {
        assert_eq!(
            seen.matches(&format!("public number {n:02}.")).count(),
            1,
            "{n}"
        );
    }
}

#[tokio::test]
async fn the_list_filters_by_permission_and_expiration() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.remember(0, "Lasting", "private");
    stage.fixture.remember(0, "Old", "private");
    stage.fixture.remember(0, "Soon", "public");
    let now = "2026-03-01T12:00:00Z"
        .parse::<picard_domain::Instant>()
        .expect("an instant");
    stage.fixture.state().memories[1].expiration_date = Some(now);
    stage.fixture.state().memories[2].expiration_date = Some(now + Span::days(3));
    for (query, shown) in [
        ("", vec!["Lasting", "Soon"]),
        ("?show=all", vec!["Lasting", "Old", "Soon"]),
        ("?show=expired", vec!["Old"]),
        ("?permission=public", vec!["Soon"]),
        ("?after=2026-03-02", vec!["Soon"]),
        ("?before=2026-03-02", vec![]),
        ("?show=all&before=2026-03-02T00:00:00Z", vec!["Old"]),
    ] {
        let page = browser.get(&format!("/memories{query}")).await;
        for text in ["Lasting", "Old", "Soon"] {
            let is_shown = page.body.contains(&format!(">{text}</a>"));
            assert_eq!(is_shown, shown.contains(&text), "{query} {text}");
        }
    }
    let page = browser.get("/memories?before=tomorrow").await;
    page.shows("Write a date such as");
    page.shows(r#"value="tomorrow""#);
    browser
        .get("/memories?permission=private&after=2030-01-01")
        .await
        .shows("No memory fits");
}

#[tokio::test]
async fn what_the_server_says_about_a_search_stands_above_the_results() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    for path in ["/search?q=tea", "/personas?user=ada&prompt=tea"] {
        browser.get(path).await.hides("This is");
    }
    stage.fixture.state().notice = Some("words_only & more".to_owned());
    for path in ["/search?q=tea", "/personas?user=ada&prompt=tea"] {
        let page = browser.get(path).await;
        let told = r#"<p class="notice info" role="status">This is words_only &#38; more.</p>"#;
        let (above, below) = page.body.split_once(told).expect("told");
        assert!(!above.contains("Earl Grey") && below.contains("Earl Grey"));
    }
}

#[tokio::test]
async fn a_search_says_how_well_each_memory_fits() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    stage.fixture.remember(1, "Tea is for others", "public");
    browser.get("/search").await.hides("Best matches");
    let page = browser.get("/search?q=tea&permission=private").await;
    page.shows("Very good match");
    page.shows("0.75");
    page.shows("Earl Grey");
    page.hides("Tea is for others");
    page.shows(r#"value="tea""#);
    page.hides("Weaker matches");
    stage.fixture.remember(0, "Water is hardly tea", "private");
    browser
        .get("/search?q=tea")
        .await
        .shows("Weaker matches (1)");
    browser
        .get("/search?q=water")
        .await
        .shows("These come nearest");
    browser.get("/search?q=warp").await.shows("Nothing found");
    browser
        .get("/search?q=tea&before=tomorrow")
        .await
        .shows("Write a date such as");
}

#[tokio::test]
async fn a_persona_of_another_shows_what_is_public() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.remember(1, "Grace found a moth", "public");
    stage.fixture.remember(1, "Grace keeps a secret", "private");
    let mine = stage.fixture.remember(0, "Ada keeps a secret", "private");
    for user in ["grace", "@grace", "00000000-0000-0000-0000-000000000002"] {
        let page = browser
            .get(&format!("/personas?user={user}&prompt=insects&limit=5"))
            .await;
        page.shows("Grace Hopper");
        page.shows("found a moth");
        page.hides("secret");
        page.shows("Very good match");
    }
    let page = browser.get("/personas").await;
    let own = page.link("My own persona").expect("a link");
    let page = browser.get(&own).await;
    page.shows("Ada keeps a secret");
    page.shows(&format!("/memories/{}", mine.id));
    let page = browser.get("/personas?user=nobody").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.shows("There is nobody with this handle");
    page.shows(r#"value="nobody""#);
}

#[tokio::test]
async fn a_persona_without_an_answer_is_not_one_without_memories() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let none = "You have no valid memory yet";
    browser.get("/personas?user=ada").await.shows(none);
    stage.fixture.remember(0, "Ada keeps a secret", "private");
    stage.fixture.remember(1, "Grace found a moth", "public");
    for user in ["ada", "grace"] {
        let page = format!("/personas?user={user}&prompt=before:2001-01-01");
        let page = browser.get(&page).await;
        page.shows("Nothing fits “<bdi>before:2001-01-01</bdi>”, out of 1 memory.");
        page.hides(none);
        page.hides("has made nothing public");
    }
}

#[tokio::test]
async fn an_id_that_is_none_leads_nowhere() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    for path in [
        "/memories/1",
        "/memories/..%2f..%2fetc",
        "/memories/x/edit",
        "/memories/x/delete",
    ] {
        assert_eq!(
            browser.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}
