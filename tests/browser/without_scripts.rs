//! The same way with JavaScript turned off: scripts only make it smoother.

use thirtyfour::By;

use crate::{browser::Scripts, people::Picard};

const TEXT: &str = "The bicycle is at the workshop until Friday.";

#[tokio::test]
async fn everything_works_without_javascript() {
    let picard = Picard::start().await;
    let browser = picard.member_with("ada", Scripts::Off).await;
    // With a script there would be a button that copies.
    let button = browser.driver.find(By::Css("button[data-copy]")).await;
    let button = button.expect("the button is in the page");
    assert!(
        !button.is_displayed().await.expect("it can be asked"),
        "JavaScript is on; this test shows nothing"
    );

    browser
        .remember(&picard, TEXT, "Private", "2999-12-31")
        .await;
    browser.go(&picard.web("/memories")).await;
    browser.unfold("Filters").await;
    browser.select("Permission", "Private").await;
    browser.press("Filter").await;
    browser.sees(TEXT).await;
    browser.go(&picard.web("/search")).await;
    browser
        .fill("What are you looking for?", "where did I leave my bike?")
        .await;
    browser.press("Search").await;
    browser.sees(TEXT).await;
    browser.open_memory(TEXT).await;
    browser.press("Make public").await;
    browser.sees("The memory is public now").await;
    browser.follow("Delete").await;
    browser.press("Delete for good").await;
    browser.sees("Nothing here yet").await;
    browser.go(&picard.web("/dashboard")).await;
    browser.press("Disconnect").await;
    browser.sees("Connect with the Picard server").await;
    picard.close(browser).await;
}
