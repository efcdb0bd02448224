//! How a question is read back to whoever asked it, on the search page and of personas.

use axum::http::StatusCode;

use crate::Stage;

#[tokio::test]
async fn a_question_of_white_space_is_told_to_be_empty() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let page = browser.get("/search?q=+%09+").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    page.shows("This is empty; write at least one character.");
    let page = browser.get("/search").await;
    assert_eq!(page.status, StatusCode::OK);
    page.hides("This is empty");
    assert!(
        !stage
            .fixture
            .state()
            .calls
            .contains(&"query_memory".to_owned())
    );
}

#[tokio::test]
async fn the_beginning_of_a_long_question_stands_above_what_was_found() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    let question = format!("tea{}", "%20%F0%9F%8D%B5".repeat(100));
    let beginning = format!("“<bdi>tea{}…</bdi>”", " 🍵".repeat(58));
    for path in ["/search?q=", "/personas?user=ada&limit=5&prompt="] {
        let page = browser.get(&format!("{path}{question}")).await;
        page.shows(&beginning);
        // The field keeps all of it.
        page.shows(&format!("tea{}\"", " 🍵".repeat(100)));
    }
}

#[tokio::test]
async fn what_operators_alone_list_is_not_called_the_best() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    stage.fixture.remember(0, "Prune juice", "private");
    let page = browser.get("/search?q=after:2001-01-01").await;
    page.shows("“<bdi>after:2001-01-01</bdi>”, the newest first");
    page.hides("Best matches");
    let persona = "/personas?user=ada&limit=5&prompt=after:2001-01-01";
    let page = browser.get(persona).await;
    page.shows("2 of 2 memories: “<bdi>after:2001-01-01</bdi>”, the newest first.");
    page.hides("fit “");
}

#[tokio::test]
async fn a_persona_says_how_its_memories_were_chosen() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    for text in ["Tea, Earl Grey, hot", "Prune juice"] {
        stage.fixture.remember(0, text, "private");
    }
    for (asked, said) in [
        ("limit=all", "2 memories in all."),
        ("limit=1", "1 of 2 memories, those that tell most."),
        (
            "limit=all&prompt=tea",
            "The 2 memories, the best matches for “<bdi>tea</bdi>” first.",
        ),
        (
            "limit=1&prompt=tea",
            "The 1 of 2 memories that fit “<bdi>tea</bdi>” best.",
        ),
    ] {
        let page = browser.get(&format!("/personas?user=ada&{asked}")).await;
        page.shows(said);
    }
}

#[tokio::test]
async fn texts_and_questions_run_in_the_direction_of_their_script() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let text = "אני שותה תה.";
    let memory = stage.fixture.remember(0, text, "private");
    let page = browser.get("/memories").await;
    page.shows(r#"<p class="text short" dir="auto">"#);
    let own = format!("/memories/{}", memory.id);
    for path in [own.clone(), format!("{own}/delete")] {
        let shown = format!(r#"<p class="text full" dir="auto">{text}</p>"#);
        browser.get(&path).await.shows(&shown);
    }
    let page = browser.get("/search?q=%D7%AA%D7%94").await;
    page.shows(r#"type="search" dir="auto" value="תה""#);
    let page = browser.get(&format!("{own}/edit")).await;
    page.shows(r#"rows="8" dir="auto""#);
}

#[tokio::test]
async fn what_fits_not_at_all_is_left_out_unless_all_was_asked_for() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage
        .fixture
        .remember(0, "Water is nothing like tea", "private");
    let page = browser.get("/search?q=tea").await;
    page.shows("Nothing found");
    page.hides("Water");
    stage.fixture.remember(0, "Milk is hardly tea", "private");
    let page = browser.get("/search?q=tea").await;
    page.shows("These come nearest");
    page.shows("Milk");
    page.hides("Water");
    let page = browser.get("/personas?user=ada&prompt=tea").await;
    page.shows("<strong>No match</strong> · 0.00");
    stage
        .fixture
        .remember(0, "Juice is nothing like tea", "private");
    let page = browser.get("/personas?user=ada&prompt=tea&limit=1").await;
    page.shows("Nothing fits “<bdi>tea</bdi>”, out of 3 memories.");
}
