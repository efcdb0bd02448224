//! What a browser asked for and what it complained about.

use serde_json::Value;
use thirtyfour::BrowserLogEntry;
use url::Url;

/// All of one browser, from its start.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// The addresses that it asked for, in order, redirects included.
    pub(crate) requests: Vec<Url>,
    complaints: Vec<String>,
}

impl Traffic {
    /// Takes what Chromium's logs say.
    pub(crate) fn take(&mut self, console: Vec<BrowserLogEntry>, network: Vec<BrowserLogEntry>) {
        for entry in network {
            let event: Value = serde_json::from_str(&entry.message).expect("an event is JSON");
            let (method, event) = (&event["message"]["method"], &event["message"]["params"]);
            match method.as_str() {
                Some("Network.requestWillBeSent") => self.asked(&event["request"]["url"]),
                Some("Network.responseReceived") => self.answered(event),
                _ => {}
            }
        }
        // That a page answers with 4xx is said here too; `answered` knows of what kind it is.
        let is_answer = |message: &str| message.contains("Failed to load resource: the server");
        let said = console.into_iter().map(|entry| entry.message);
        self.complaints
            .extend(said.filter(|message| !is_answer(message)));
    }

    fn asked(&mut self, address: &Value) {
        let address = address.as_str().expect("a request has an address");
        let url = Url::parse(address).expect("a request has an address");
        if matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            self.requests.push(url);
        }
    }

    /// A page may say what is wrong; its parts may not be missing.
    fn answered(&mut self, event: &Value) {
        let status = event["response"]["status"].as_u64().unwrap_or_default();
        let is_page = event["type"] == "Document";
        if status >= 500 || (status >= 400 && !is_page) {
            let url = &event["response"]["url"];
            self.complaints.push(format!("{status} for {url}"));
        }
    }

    /// Finds the last request for a path at a service that had parameters.
    pub(crate) fn last(&self, service: &str, path: &str) -> Url {
        let address = format!("{service}{path}");
        let found = self.requests.iter().rev().find(|url| {
            let parts = url.as_str().split_once('?');
            parts.is_some_and(|(bare, _)| bare == address)
        });
        found
            .unwrap_or_else(|| panic!("{address} was not asked for: {:#?}", self.requests))
            .clone()
    }

    /// Fails if there was a complaint, or a request for anybody else.
    pub(crate) fn assert_clean(&self, services: &[&str]) {
        assert!(self.complaints.is_empty(), "{:#?}", self.complaints);
        assert!(!self.requests.is_empty(), "nothing was asked for");
        let origins: Vec<_> = services
            .iter()
            .map(|service| Url::parse(service).expect("an address").origin())
            .collect();
        for url in &self.requests {
            assert!(origins.contains(&url.origin()), "asked for {url}");
        }
    }
}
