//! One person's browser: what they see, fill in and press.
//!
//! Everything waits for a condition, never for a time. What is not there when
//! patience ends fails the test with what the page says instead.

use std::{sync::Mutex, time::Duration};

use serde_json::json;
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver,
    WebElement,
    extensions::query::{ElementPollerWithTimeout, ElementQueryable as _, ElementWaitable as _},
    stringmatch::StringMatchable as _,
};
use url::Url;

use crate::{
    chromedriver::{Chromedriver, chromium},
    traffic::Traffic,
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(50);

/// Whether pages may run their script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

/// A Chromium with a fresh profile.
pub(crate) struct Browser {
    // Dropped first: ends the session, and with it Chromium.
    pub(crate) driver: WebDriver,
    pub(crate) traffic: Mutex<Traffic>,
    _chromedriver: Chromedriver,
}

impl Browser {
    /// Opens one that runs scripts.
    pub(crate) async fn open() -> Self {
        Self::open_with(Scripts::On).await
    }

    /// Opens one.
    pub(crate) async fn open_with(scripts: Scripts) -> Self {
        // Its client installs the TLS provider that every HTTP client asks for.
        let http = picard_tests::visitor::http();
        let chromedriver = Chromedriver::start();
        let poller = ElementPollerWithTimeout::new(PATIENCE, INTERVAL);
        let driver = WebDriver::builder(&chromedriver.address, capabilities(scripts))
            .client(http)
            .poller(std::sync::Arc::new(poller))
            .await
            .expect("Chromium starts");
        let browser = Self {
            driver,
            traffic: Mutex::default(),
            _chromedriver: chromedriver,
        };
        browser.resize(1280, 900).await;
        browser
    }

    /// Sets the size of the page's window, in CSS pixels.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        // Not `mobile`: that would widen the window to what overflows it.
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Prefers `light` or `dark`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    async fn cdp(&self, method: &str, parameters: serde_json::Value) {
        let sent = self.driver.cdp().send_raw(method, parameters).await;
        sent.unwrap_or_else(|error| panic!("{method}: {error}"));
    }

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
        if page.wait_until().stale().await.is_err() {
            panic!("no other page came: {}", self.page().await);
        }
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

    async fn field(&self, label: &str) -> WebElement {
        // The label may say more, such as that it is optional.
        let text = quoted(label);
        let xpath = format!(
            "//*[@id=//label[normalize-space(text())={text} or normalize-space(.)={text}]/@for]"
        );
        self.find(&xpath, label).await
    }

    async fn find(&self, xpath: &str, what: &str) -> WebElement {
        let query = self.driver.query(By::XPath(xpath)).and_displayed();
        match query.first().await {
            Ok(element) => element,
            Err(_) => panic!("“{what}” is not there: {}", self.page().await),
        }
    }

    /// Waits until the page's heading says this.
    pub(crate) async fn is_at(&self, heading: &str) {
        let query = self
            .driver
            .query(By::Tag("h1"))
            .with_text(heading.to_owned());
        if query.first().await.is_err() {
            panic!("“{heading}” is not the heading: {}", self.page().await);
        }
    }

    /// Waits until the page's content says this.
    pub(crate) async fn sees(&self, words: &str) {
        let words = words.match_partial();
        let query = self.driver.query(By::Tag("main")).with_text(words.clone());
        if query.first().await.is_err() {
            panic!("no {words:?}: {}", self.page().await);
        }
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

    async fn page(&self) -> String {
        let text = match self.driver.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        format!("{}\n{text}", self.address().await)
    }

    /// Closes it, after making sure that it had nothing to complain about and
    /// asked no one but these services.
    pub(crate) async fn close(self, services: &[&str]) {
        self.listen().await;
        let traffic = self.traffic.into_inner().expect("no test panicked in it");
        traffic.assert_clean(services);
        self.driver.quit().await.expect("Chromium ends");
    }

    /// Takes what the browser has logged since the last time.
    pub(crate) async fn listen(&self) {
        let console = self.driver.browser_log().await.expect("a console");
        let network = self.driver.get_log("performance").await;
        let network = network.expect("a log of requests");
        let mut traffic = self.traffic.lock().expect("no test panicked in it");
        traffic.take(console, network);
    }
}

fn capabilities(scripts: Scripts) -> thirtyfour::ChromeCapabilities {
    let mut wanted = DesiredCapabilities::chrome();
    let path = chromium();
    let mut prefs = json!({"credentials_enable_service": false});
    if scripts == Scripts::Off {
        prefs["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    let arguments = [
        "--headless=new",
        "--window-size=1280,900",
        "--lang=en-GB",
        "--force-color-profile=srgb",
        "--hide-scrollbars",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
    ];
    let sandbox = is_root().then_some("--no-sandbox");
    let mut set = wanted.set_binary(path.to_str().expect("a path in UTF-8"));
    for argument in arguments.into_iter().chain(sandbox) {
        set = set.and_then(|()| wanted.add_arg(argument));
    }
    set.and_then(|()| wanted.add_experimental_option("prefs", prefs))
        .and_then(|()| wanted.set_logging_prefs("browser", LoggingPrefsLogLevel::All))
        .and_then(|()| wanted.set_logging_prefs("performance", LoggingPrefsLogLevel::All))
        .expect("the capabilities are plain");
    wanted
}

/// Chromium's sandbox does not work for root.
fn is_root() -> bool {
    let id = std::process::Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// Writes a text as an XPath literal, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "no test needs double quotes");
    format!("\"{text}\"")
}
