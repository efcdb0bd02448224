//! Access that is refused, revoked, or gone with its account: each has its own
//! page and a way on.

use crate::{
    browser::Browser,
    people::{PASSWORD, Picard},
};

const TEXT: &str = "The spare key is under the third flower pot.";

#[tokio::test]
async fn access_that_is_refused_can_be_given_later() {
    let picard = Picard::start().await;
    let browser = Browser::open().await;
    browser.register(&picard, "ada").await;
    browser.press("Connect to MCP Server").await;
    browser.sign_up_on_the_way("ada").await;
    browser.press("Cancel").await;
    browser.is_at("Access was not allowed").await;
    browser.follow("Connect again").await;
    browser.press("Connect to MCP Server").await;
    browser.press("Allow").await;
    browser.sees("Connected as Ada @ada").await;
    picard.close(browser).await;
}

#[tokio::test]
async fn access_that_is_revoked_at_the_server_ends_with_a_way_back() {
    let picard = Picard::start().await;
    let browser = picard.member("ada").await;
    browser.remember(&picard, TEXT, "Private", "").await;

    browser.go(&picard.server("/account")).await;
    browser.sees("Connected applications").await;
    browser.sees("Last used").await;
    browser.press("Revoke Picard web client").await;
    browser.sees("no longer has access to your memories").await;

    browser.go(&picard.web("/memories")).await;
    browser.is_at("The connection has ended").await;
    browser.misses(TEXT).await;
    browser.follow("Connect again").await;
    browser.sees("You were connected as").await;
    browser.press("Reconnect").await;
    browser.press("Allow").await;
    browser.go(&picard.web("/memories")).await;
    assert_eq!(browser.memories().await, [TEXT]);
    picard.close(browser).await;
}

#[tokio::test]
async fn an_account_that_is_deleted_takes_its_memories_and_its_connection_along() {
    let picard = Picard::start().await;
    let browser = picard.member("ada").await;
    browser.remember(&picard, TEXT, "Public", "").await;

    browser.go(&picard.server("/account")).await;
    browser.follow("Delete the account…").await;
    browser.sees("one memory").await;
    browser.fill("Your password", "not the password").await;
    browser.press("Delete everything").await;
    browser.sees("This is not your password.").await;
    browser.fill("Your password", PASSWORD).await;
    browser.press("Delete everything").await;
    browser
        .sees("Your account and everything in it are gone.")
        .await;

    browser.go(&picard.web("/memories")).await;
    browser.is_at("The connection has ended").await;
    let other = picard.member("grace").await;
    other.go(&picard.web("/personas?user=ada")).await;
    other.sees("There is nobody with this handle").await;
    picard.close(other).await;
    picard.close(browser).await;
}
