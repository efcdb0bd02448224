//! A running Picard, and what everybody does first in it.

use std::path::PathBuf;

use picard_tests::{installation::Installation, process::Up, server::Database};

use crate::browser::{Browser, Scripts};

/// Everybody's password, on both services.
pub(crate) const PASSWORD: &str = "a correct horse, a battery";

/// Both services, new.
pub(crate) struct Picard {
    pub(crate) up: Up,
    /// The data directory.
    pub(crate) data: PathBuf,
    _installation: Installation,
}

impl Picard {
    /// Starts them on SQLite.
    pub(crate) async fn start() -> Self {
        Self::on(Database::Sqlite).await
    }

    /// Starts them.
    pub(crate) async fn on(database: Database) -> Self {
        let installation = Installation::on(database).await;
        let up = installation.start();
        if database == Database::Postgres {
            // This makes the web client known, which `picard up` does by itself.
            installation.register(&up);
        }
        Self {
            up,
            data: installation.data_dir.clone(),
            _installation: installation,
        }
    }

    /// An address of the web client.
    pub(crate) fn web(&self, path: &str) -> String {
        format!("{}{path}", self.up.web)
    }

    /// An address of the server.
    pub(crate) fn server(&self, path: &str) -> String {
        format!("{}{path}", self.up.server)
    }

    /// A fresh browser of somebody who has accounts on both services, and has
    /// connected them.
    pub(crate) async fn member(&self, handle: &str) -> Browser {
        self.member_with(handle, Scripts::On).await
    }

    /// The same, with or without scripts.
    pub(crate) async fn member_with(&self, handle: &str, scripts: Scripts) -> Browser {
        let browser = Browser::open_with(scripts).await;
        browser.register(self, handle).await;
        browser.press("Connect to MCP Server").await;
        browser.sign_up_on_the_way(handle).await;
        browser.press("Allow").await;
        browser.sees(&format!("@{handle}")).await;
        browser
    }

    /// Closes a browser that was only at these services.
    pub(crate) async fn close(&self, browser: Browser) {
        browser.close(&[&self.up.web, &self.up.server]).await;
    }
}

impl Browser {
    /// Makes an account on the web client.
    pub(crate) async fn register(&self, picard: &Picard, username: &str) {
        self.go(&picard.web("/")).await;
        self.follow("Create an account").await;
        self.fill("Username", username).await;
        self.fill("Password", PASSWORD).await;
        self.press("Create account").await;
        self.is_at("Dashboard").await;
    }

    /// Makes an account on the server, where it asks for a log-in.
    pub(crate) async fn sign_up_on_the_way(&self, handle: &str) {
        self.is_at("Log in").await;
        self.follow("Create an account").await;
        self.fill("Handle", handle).await;
        self.fill("Name", &named(handle)).await;
        self.fill("Password", PASSWORD).await;
        self.press("Create the account").await;
    }

    /// Writes a memory; `expiration` as it is typed.
    pub(crate) async fn remember(
        &self,
        picard: &Picard,
        text: &str,
        permission: &str,
        expiration: &str,
    ) {
        self.go(&picard.web("/memories/new")).await;
        self.fill("What should be remembered?", text).await;
        self.choose(permission).await;
        self.fill("Valid until", expiration).await;
        self.press("Remember this").await;
        self.sees("The memory is stored.").await;
        self.sees(text).await;
    }
}

/// `ada` is called Ada.
pub(crate) fn named(handle: &str) -> String {
    let (first, rest) = handle.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}
