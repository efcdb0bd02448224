//! One person's Chromium: its window and what it logs. What the person does in
//! it is in `acts`.

use std::{sync::Mutex, time::Duration};

use serde_json::json;
use thirtyfour::{
    ChromiumLikeCapabilities as _, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver,
    extensions::query::ElementPollerWithTimeout,
};

use crate::{
    chromedriver::{Chromedriver, chromium},
    traffic::Traffic,
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
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
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            // Pictures are not to be taken in the middle of a change of colours.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.cdp("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    async fn cdp(&self, method: &str, parameters: serde_json::Value) {
        let sent = self.driver.cdp().send_raw(method, parameters).await;
        sent.unwrap_or_else(|error| panic!("{method}: {error}"));
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
