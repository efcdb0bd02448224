//! The buttons of `/connect` that copy: by mouse and by keyboard, with a result
//! that is seen and heard.

use std::time::{Duration, Instant};

use serde_json::json;
use thirtyfour::{By, Key, WebElement, extensions::query::ElementQueryable as _};

use crate::{browser::Browser, people::Picard};

#[tokio::test]
async fn a_text_is_copied_by_mouse_and_by_keyboard() {
    let picard = Picard::start().await;
    let browser = Browser::open().await;
    browser.go(&picard.server("/connect")).await;
    let mcp = picard.server("/mcp");

    remember_what_is_said(&browser).await;
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

/// Notes in the page what the buttons and the line for those who hear it come to say: it
/// stands there for two seconds only.
async fn remember_what_is_said(browser: &Browser) {
    let script = "
        window.said = [];
        const note = (name, node) => new MutationObserver(
            () => window.said.push(`${name}: ${node.textContent.trim()}`)
        ).observe(node, {childList: true, characterData: true, subtree: true});
        note('status', document.querySelector('[role=status]'));
        for (const button of document.querySelectorAll('button[data-copy]'))
            note(button.dataset.copy, button);";
    let noted = browser.driver.execute(script, Vec::new()).await;
    noted.expect("the script runs");
}

/// Waits until the button says so, and the line for those who hear the page, and begins
/// to note anew.
async fn is_copied(browser: &Browser, of: &str) {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let read = browser
            .driver
            .execute("return window.said;", Vec::new())
            .await;
        let said: Vec<String> = read.expect("what was said").convert().expect("a list");
        let button = format!("{of}: Copied");
        if said.iter().any(|text| text.starts_with(&button))
            && said.iter().any(|text| text == "status: Copied")
        {
            break;
        }
        assert!(Instant::now() < end, "{of}: {said:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let anew = browser.driver.execute("window.said = [];", Vec::new());
    anew.await.expect("the script runs");
}
