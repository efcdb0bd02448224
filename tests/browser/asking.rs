//! Questions in the query language, on the pages that take them: what explains it, what
//! it finds, and what is said when something in it is wrong.

use thirtyfour::{By, Key, WebElement, extensions::query::ElementQueryable as _};

use crate::{browser::Browser, people::Picard};

const TEA: &str = "Every morning I drink Earl Grey, hot.";
const LATE: &str = "In the evening I drink hot milk, and no Earl Grey.";
const BATH: &str = "The water of the bath is to be hot.";

const FOLD: &str = "Exact words, dates and more";
const EXPLAINED: &str = "these words, next to each other";

#[tokio::test]
async fn a_search_is_explained_asked_and_mended() {
    let picard = Picard::start().await;
    let ada = picard.member("ada").await;
    for text in [TEA, LATE, BATH] {
        ada.remember(&picard, text, "Private", "").await;
    }
    ada.go(&picard.web("/search")).await;
    let fold = summary(&ada, FOLD).await;
    for key in [Key::Enter, Key::Space] {
        ada.misses(EXPLAINED).await;
        let pressed = fold.send_keys(key.clone() + "").await;
        pressed.expect("it takes keys");
        ada.sees(EXPLAINED).await;
        fold.send_keys(key + "").await.expect("it takes keys");
        folded(&ada, FOLD).await;
    }
    ada.misses(EXPLAINED).await;
    // With a tab from the field, without a mouse.
    ada.field("What are you looking for?")
        .await
        .send_keys(Key::Tab + "")
        .await
        .expect("it takes keys");
    let focused = ada.driver.active_element().await.expect("there is a focus");
    assert_eq!(focused.text().await.expect("a text"), FOLD);

    let field = "What are you looking for?";
    let search = async |query: &str| {
        ada.fill(field, query).await;
        ada.press("Search").await;
    };
    search("\"earl grey, hot\" before:2999-01-01").await;
    ada.sees(TEA).await;
    assert_eq!(ada.memories().await, [TEA]);
    assert_eq!(
        ada.value(field).await,
        "\"earl grey, hot\" before:2999-01-01"
    );
    search("what is hot -\"earl grey\"").await;
    ada.sees(BATH).await;
    ada.misses(TEA).await;
    search("hot before:2001-01-01").await;
    ada.sees("Nothing found").await;
    ada.sees("No memory meets the conditions").await;

    // What is wrong is said at its field, and all that was typed stays.
    ada.unfold("Filters").await;
    ada.fill("Expires from", "2020-01-01").await;
    ada.select("At most", "25").await;
    search("\"earl grey\" before:yesterday").await;
    ada.sees("before: \"yesterday\" is not a date; write before:2025-01-31")
        .await;
    assert!(ada.memories().await.is_empty());
    assert_eq!(ada.value(field).await, "\"earl grey\" before:yesterday");
    assert_eq!(ada.value("Expires from").await, "2020-01-01");
    assert_eq!(ada.value("At most").await, "25");
    ada.assert_sound(1280).await;
    ada.fill("Expires from", "").await;
    search("\"earl grey\" before:2999-01-01").await;
    ada.sees(TEA).await;
    assert_eq!(ada.memories().await.len(), 2);
    picard.close(ada).await;
}

#[tokio::test]
async fn a_persona_is_asked_in_the_same_language_and_says_how_much_there_is() {
    let picard = Picard::start().await;
    let ada = picard.member("ada").await;
    for text in [TEA, LATE, BATH] {
        ada.remember(&picard, text, "Public", "").await;
    }
    let (who, prompt) = ("Whose persona?", "What do you want to know?");
    for n in 1..=4 {
        ada.remember(
            &picard,
            &format!("Log entry {n}: nothing happened."),
            "Public",
            "",
        )
        .await;
    }
    ada.go(&picard.web("/personas")).await;
    ada.fill(who, "ada").await;
    ada.fill(prompt, "what do you drink").await;
    ada.select("At most", "5").await;
    ada.press("Ask").await;
    // The limit has room for the log, which fits not at all.
    ada.sees("The 3 of 7 memories that fit “what do you drink” best")
        .await;
    assert_eq!(ada.memories().await.len(), 3);
    ada.fill(prompt, "\"earl grey\" before:2999-01-01").await;
    ada.press("Ask").await;
    ada.sees(TEA).await;
    let mut exact = ada.memories().await;
    exact.sort_unstable();
    assert_eq!(exact, [TEA, LATE]);
    ada.fill(prompt, "hot after:tomorrow").await;
    ada.press("Ask").await;
    ada.sees("after: \"tomorrow\" is not a date; write after:2025-01-31")
        .await;
    let kept = [
        (who, "ada"),
        (prompt, "hot after:tomorrow"),
        ("At most", "5"),
    ];
    for (label, value) in kept {
        assert_eq!(ada.value(label).await, value, "{label}");
    }
    ada.assert_sound(1280).await;
    // Without a question the most telling ones, out of all.
    ada.fill(prompt, "").await;
    ada.press("Ask").await;
    ada.sees("5 of 7 memories").await;
    picard.close(ada).await;
}

async fn summary(browser: &Browser, words: &str) -> WebElement {
    let xpath = format!("//summary[normalize-space(.)=\"{words}\"]");
    let query = browser.driver.query(By::XPath(xpath)).and_displayed();
    query.first().await.expect("it can be unfolded")
}

/// Waits until what is under these words is folded away.
async fn folded(browser: &Browser, words: &str) {
    let xpath = format!("//details[not(@open)]/summary[normalize-space(.)=\"{words}\"]");
    let found = browser.driver.query(By::XPath(xpath)).first().await;
    assert!(found.is_ok(), "“{words}” is still unfolded");
}
