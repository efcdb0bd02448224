//! The pages of the web client, asked by a browser of a few lines and backed by
//! a server of the public API in memory (the fixture of the client's tests).
//! The suite drives the same pages with a real browser and the real server.

#![allow(
    unreachable_pub,
    reason = "the fixture is made for several test crates"
)]

mod accounts;
mod browser;
mod connecting;
#[path = "../../../client/tests/fixture/mod.rs"]
mod fixture;
mod memories;
mod others;
mod questions;

use std::sync::Arc;

use browser::Browser;
use fixture::{CLIENT_ID, CLIENT_SECRET, Counting, Fixture, REDIRECT_URI};
use picard_client::Secret;
use picard_domain::{Scope, Scopes};
use picard_web::{Config, Web};

const PASSWORD: &str = "make it so, number one";

/// A web client with a database of its own, and a server.
struct Stage {
    fixture: Fixture,
    web: Web,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let fixture = Fixture::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let web = open(&fixture, config(&fixture, &folder)).await;
        Self {
            fixture,
            web,
            folder,
        }
    }

    /// The same database behind other settings, as after a restart.
    async fn reopened(&self, change: impl FnOnce(&mut Config)) -> Web {
        let mut config = config(&self.fixture, &self.folder);
        change(&mut config);
        open(&self.fixture, config).await
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.web)
    }

    /// A browser whose person has registered.
    async fn member(&self, username: &str) -> Browser {
        let mut browser = self.browser();
        browser.get("/register").await;
        let fields = [("username", username), ("password", PASSWORD)];
        let page = browser.post("/register", &fields).await;
        assert_eq!(page.location(), "/dashboard", "{}", page.body);
        browser
    }

    /// A browser whose person has connected with the server.
    async fn connected(&self) -> Browser {
        self.connected_for(Scopes::read_write()).await
    }

    async fn reader(&self) -> Browser {
        self.connected_for(Scopes::NONE.with(Scope::Read)).await
    }

    async fn connected_for(&self, scopes: Scopes) -> Browser {
        let mut browser = self.member("jean-luc").await;
        let query = self.consented(&mut browser, scopes).await;
        let page = browser.get(&format!("/oauth/callback?{query}")).await;
        assert_eq!(page.location(), "/dashboard", "{}", page.body);
        browser
    }

    /// Goes to the server and consents; returns the query to come back with.
    async fn consented(&self, browser: &mut Browser, scopes: Scopes) -> String {
        browser.get("/dashboard").await;
        let page = browser.post("/oauth/connect", &[]).await;
        let url = url::Url::parse(page.location()).expect("the server's address");
        self.fixture.consent_to(&url, scopes)
    }

    /// Everything that lies in the web client's folder.
    fn disk(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        let paths = files.map(|entry| entry.expect("an entry").path());
        paths
            .flat_map(|path| std::fs::read(path).expect("a file"))
            .collect()
    }

    fn disk_holds(&self, text: &str) -> bool {
        self.disk()
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}

fn config(fixture: &Fixture, folder: &tempfile::TempDir) -> Config {
    Config {
        public_url: "http://localhost:8000".to_owned(),
        mcp_server_url: fixture.issuer(),
        mcp_server_internal_url: None,
        oauth_client_id: CLIENT_ID.parse().expect("a UUID"),
        oauth_client_secret: Secret::new(CLIENT_SECRET.to_owned()),
        oauth_redirect_uri: REDIRECT_URI.to_owned(),
        oauth_scopes: Scopes::read_write(),
        secret_key: Secret::new("django-insecure-key-for-development-only".to_owned()),
        database: format!("sqlite:{}", folder.path().join("web.db").display()).into(),
        trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        debug: false,
    }
}

async fn open(fixture: &Fixture, config: Config) -> Web {
    let entropy = Arc::new(Counting::seeded());
    let web = Web::open(config, fixture.clock.clone(), entropy)
        .await
        .expect("a web client");
    web.migrate().await.expect("tables");
    web
}
