//! What a person does in a browser, in their own words: see, fill in, press.
//!
//! Everything waits for a condition, never for a time. What is not there when
//! patience ends fails the test with what the page says instead.

use thirtyfour::{
    By, WebElement,
    extensions::query::{ElementQueryable as _, ElementWaitable as _},
    stringmatch::StringMatchable as _,
};
use url::Url;

use crate::browser::Browser;

impl Browser {
    /// Goes to an address.
    pub(crate) async fn go(&self, address: &str) {
        self.driver.goto(address).await.expect("the page loads");
    }

    /// The address of the page that is shown.
    pub(crate) async fn address(&self) -> Url {
        self.driver.current_url().await.expect("an address")
    }

    /// Follows the link with these words.
    pub(crate) async fn follow(&self, words: &str) {
        let xpath = format!("//a[normalize-space(.)={}]", quoted(words));
        self.leave_by(&self.find(&xpath, words).await).await;
    }

    /// Opens the memory whose text begins like this.
    pub(crate) async fn open_memory(&self, text: &str) {
        let quoted = quoted(text);
        let xpath = format!("//*[@class='memories']//a[starts-with(normalize-space(.), {quoted})]");
        self.leave_by(&self.find(&xpath, text).await).await;
    }

    /// Presses the button with these words, which sends its form.
    pub(crate) async fn press(&self, words: &str) {
        let xpath = format!("//button[normalize-space(.)={}]", quoted(words));
        self.leave_by(&self.find(&xpath, words).await).await;
    }

    /// Clicks and waits until the next page is there.
    async fn leave_by(&self, element: &WebElement) {
        let page = self.driver.find(By::Tag("html")).await.expect("a page");
        element.click().await.expect("it can be clicked");
        let left = page.wait_until().stale().await.is_ok();
        let told = self.told(left).await;
        assert!(left, "no other page came: {told}");
    }

    /// Unfolds what is under these words.
    pub(crate) async fn unfold(&self, words: &str) {
        let xpath = format!("//summary[normalize-space(.)={}]", quoted(words));
        let summary = self.find(&xpath, words).await;
        summary.click().await.expect("it can be clicked");
    }

    /// Writes into the field with this label.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.expect("a field can be emptied");
        field.send_keys(text).await.expect("a field takes text");
    }

    /// Selects from the list with this label.
    pub(crate) async fn select(&self, label: &str, words: &str) {
        let field = self.field(label).await;
        let xpath = format!("./option[normalize-space(.)={}]", quoted(words));
        let option = field.find(By::XPath(xpath)).await;
        let option = option.unwrap_or_else(|_| panic!("{label} has no {words}"));
        option.click().await.expect("an option can be chosen");
    }

    /// Chooses the option with these words out of several.
    pub(crate) async fn choose(&self, words: &str) {
        let xpath = format!("//label[span/span[normalize-space(.)={}]]", quoted(words));
        let option = self.find(&xpath, words).await;
        option.click().await.expect("an option can be chosen");
    }

    /// What the field with this label holds.
    pub(crate) async fn value(&self, label: &str) -> String {
        let value = self.field(label).await.prop("value").await;
        value.expect("a field has a value").unwrap_or_default()
    }

    /// The field with this label.
    pub(crate) async fn field(&self, label: &str) -> WebElement {
        // The label may say more, such as that it is optional.
        let text = quoted(label);
        let xpath = format!(
            "//*[@id=//label[normalize-space(text())={text} or normalize-space(.)={text}]/@for]"
        );
        self.find(&xpath, label).await
    }

    async fn find(&self, xpath: &str, what: &str) -> WebElement {
        let query = self.driver.query(By::XPath(xpath)).and_displayed();
        let found = query.first().await.ok();
        let told = self.told(found.is_some()).await;
        found.unwrap_or_else(|| panic!("“{what}” is not there: {told}"))
    }

    /// Waits until the page's heading says this.
    pub(crate) async fn is_at(&self, heading: &str) {
        let query = self
            .driver
            .query(By::Tag("h1"))
            .with_text(heading.to_owned());
        let found = query.first().await.is_ok();
        let told = self.told(found).await;
        assert!(found, "“{heading}” is not the heading: {told}");
    }

    /// Waits until the page's content says this.
    pub(crate) async fn sees(&self, words: &str) {
        let query = self.driver.query(By::Tag("main"));
        let found = query.with_text(words.match_partial()).first().await.is_ok();
        let told = self.told(found).await;
        assert!(found, "“{words}” is not in: {told}");
    }

    /// Makes sure that the page, which is complete, does not say this.
    pub(crate) async fn misses(&self, words: &str) {
        let text = self.text().await;
        assert!(!text.contains(words), "“{words}” is in: {text}");
    }

    /// What one reads in the page's content.
    pub(crate) async fn text(&self) -> String {
        let main = self.driver.query(By::Tag("main")).first().await;
        let text = main.expect("a page has content").text().await;
        text.expect("content has text")
    }

    /// The texts of the memories in a list, in its order.
    pub(crate) async fn memories(&self) -> Vec<String> {
        let found = self.driver.find_all(By::Css(".memory .text")).await;
        let mut texts = Vec::new();
        for memory in found.expect("the page can be searched") {
            texts.push(memory.text().await.expect("a memory has a text"));
        }
        texts
    }

    /// What the page says, unless all went well.
    async fn told(&self, well: bool) -> String {
        if well {
            return String::new();
        }
        let text = match self.driver.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        format!("{}\n{text}", self.address().await)
    }
}

/// Writes a text as an `XPath` literal, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "no test needs double quotes");
    format!("\"{text}\"")
}
