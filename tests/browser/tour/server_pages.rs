//! The server's pages.

use super::{PASSWORD, Tour};

#[tokio::test]
async fn every_page_of_the_server_is_sound() {
    let tour = Tour::start("server").await;
    let browser = &tour.browser;
    tour.server("/", "landing", "Your memories, in any assistant you allow.")
        .await;
    tour.server("/docs", "docs", "API").await;
    tour.server("/connect", "connect", "Connect an assistant")
        .await;
    for assistant in ["Claude Needs a public address", "VS Code Works here"] {
        browser.unfold(assistant).await;
    }
    tour.stop("connect-unfolded", "Connect an assistant").await;
    browser.press("Test this connection").await;
    browser
        .sees("Everything works, for programs on this computer.")
        .await;
    tour.stop("connect-tested", "Connect an assistant").await;
    tour.server("/nowhere", "not-found", "Page not found").await;
    tour.server("/login", "login", "Log in").await;
    browser.fill("Handle", "ada").await;
    browser.fill("Password", "not the password").await;
    browser.press("Log in").await;
    tour.stop("login-wrong", "Log in").await;
    tour.server(
        "/oauth/authorize?client_id=nobody",
        "authorize-refused",
        REFUSED,
    )
    .await;

    browser.register(&tour.picard, "ada").await;
    browser.press("Connect to MCP Server").await;
    tour.stop("login-on-the-way", "Log in").await;
    browser.follow("Create an account").await;
    tour.stop("signup", "Create an account").await;
    browser.fill("Handle", "ada lovelace").await;
    browser.fill("Name", "Ada Lovelace").await;
    browser.fill("Password", "passwords").await;
    browser.press("Create the account").await;
    tour.stop("signup-wrong", "Create an account").await;
    browser.fill("Handle", "ada").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Create the account").await;
    tour.stop("consent", "Allow Picard web client to use your memories?")
        .await;
    browser.press("Allow").await;
    browser.is_at("Dashboard").await;

    tour.server(
        "/",
        "landing-member",
        "Your memories, in any assistant you allow.",
    )
    .await;
    tour.server("/account", "account", "Account").await;
    browser.fill("Current password", "not the password").await;
    browser.fill("New password", PASSWORD).await;
    browser.press("Change the password").await;
    tour.stop("account-wrong-password", "Account").await;
    tour.server("/account/activity", "activity", "Activity")
        .await;
    tour.server("/account", "account-again", "Account").await;
    browser.press("Revoke Picard web client").await;
    tour.stop("account-revoked", "Account").await;
    tour.server("/account/delete", "delete", "Delete your account?")
        .await;
    browser.fill("Your password", PASSWORD).await;
    browser.press("Delete everything").await;
    tour.stop("deleted", "Your memories, in any assistant you allow.")
        .await;
    tour.end().await;
}

const REFUSED: &str = "This application cannot be connected";
