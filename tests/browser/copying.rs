//! The buttons of `/connect` that copy: by mouse and by keyboard, with a result
//! that is seen and heard.

use serde_json::json;
use thirtyfour::{By, Key, WebElement, extensions::query::ElementQueryable as _};

use crate::{browser::Browser, people::Picard};

#[tokio::test]
async fn a_text_is_copied_by_mouse_and_by_keyboard() {
    let picard = Picard::start().await;
    let browser = Browser::open().await;
    browser.go(&picard.server("/connect")).await;
    let mcp = picard.server("/mcp");

    button(&browser, "address")
        .await
        .click()
        .await
        .expect("it can be clicked");
    is_copied(&browser, "address").await;

    browser.unfold("Claude Code Works here").await;
    let command = button(&browser, "claude-code-1").await;
    command
        .send_keys(Key::Enter + "")
        .await
        .expect("it takes keys");
    is_copied(&browser, "claude-code-1").await;
    let name = command.text().await.expect("a button has words");
    assert!(name.contains("for Claude Code"), "{name}");

    // Pages may write the clipboard after a click; to read it, this test needs leave.
    let leave = json!({"permissions": ["clipboardReadWrite"]});
    let given = browser.driver.cdp();
    let given = given.send_raw("Browser.grantPermissions", leave).await;
    given.expect("leave can be given");
    let clipboard = "return navigator.clipboard.readText();";
    let read = browser.driver.execute(clipboard, Vec::new()).await;
    let text: String = read.expect("the clipboard").convert().expect("a text");
    assert_eq!(
        text,
        format!("claude mcp add --transport http --scope user picard {mcp}")
    );
    picard.close(browser).await;
}

async fn button(browser: &Browser, of: &str) -> WebElement {
    let css = format!("button[data-copy='{of}']");
    let query = browser.driver.query(By::Css(css)).and_displayed();
    query.first().await.expect("a button")
}

/// Waits until the button says so, and the line for those who hear the page.
async fn is_copied(browser: &Browser, of: &str) {
    let said = format!("//button[@data-copy='{of}'][starts-with(normalize-space(.), 'Copied')]");
    let heard = "//*[@role='status'][normalize-space(.)='Copied']";
    for xpath in [said.as_str(), heard] {
        let query = browser.driver.query(By::XPath(xpath)).first().await;
        query.unwrap_or_else(|error| panic!("{xpath}: {error}"));
    }
}
