//! The MCP Inspector on the command line, in both eras.

use std::{path::Path, process::Command};

use picard_testkit::free_port;
use picard_tests::{
    node::{node, package},
    server::TestServer,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Callback, Client, HANDLE};

const CLI: &str = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";

/// Somebody's Inspector, which keeps its log-in in a folder.
struct Inspector {
    server: TestServer,
    era: &'static str,
    home: TempDir,
    callback: String,
}

impl Inspector {
    async fn new(era: &'static str) -> Self {
        let server = TestServer::start().await;
        server.person(HANDLE).await;
        Self {
            server,
            era,
            home: tempfile::tempdir().expect("a temporary folder"),
            callback: format!("http://127.0.0.1:{}/oauth/callback", free_port()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let home: &Path = self.home.path();
        let mut command = node();
        command
            .arg(package("interop", CLI))
            .args([
                "--cli",
                "--server-url",
                &format!("{}/mcp", self.server.base),
            ])
            .args(["--protocol-era", self.era, "--callback-url", &self.callback])
            .args(["--format", "json"])
            .args(arguments)
            .env("HOME", home)
            .env("MCP_STORAGE_DIR", home)
            .env("MCP_INSPECTOR_SECRET_STORE", "file")
            // Nobody sits at a terminal, and yet somebody will log in; the
            // browser that it opens for them is no browser.
            .env("MCP_AUTO_OPEN_ENABLED", "true")
            .env("BROWSER", "true")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Starts it and logs in when it asks for that.
    async fn log_in(&self, arguments: &[&str]) -> String {
        let mut client = Client::start("inspector", self.command(arguments));
        let authorize = format!("{}/oauth/authorize?", self.server.base);
        let named = |line: &str| {
            let word = line
                .split_whitespace()
                .find(|word| word.starts_with(&authorize));
            word.map(str::to_owned)
        };
        let address = client.wait_for(named).await;
        client
            .consent(&self.server, &address, Callback::Listens)
            .await;
        client.end().await
    }

    /// Runs it with the log-in that it kept; returns the JSON that it prints.
    async fn run(&self, arguments: &[&str]) -> Value {
        let mut command = self.command(arguments);
        command.arg("--stored-auth-only");
        let said = Client::start("inspector", command).end().await;
        json(&said)
    }
}

/// The object on the last line that is one.
fn json(said: &str) -> Value {
    let mut objects = said
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str(line).ok());
    objects
        .next_back()
        .unwrap_or_else(|| panic!("no JSON in:\n{said}"))
}

async fn whole_way(era: &'static str) {
    let inspector = Inspector::new(era).await;
    // Strict: it fails when a tool's schema is one that not every client takes.
    let said = inspector
        .log_in(&["--method", "tools/list", "--strict"])
        .await;
    let listed = json(&said);
    let tools = &listed["result"]["tools"];
    assert!(
        tools.as_array().is_some_and(|tools| tools.len() >= 7),
        "{said}"
    );

    let call = |tool: &'static str, argument: &'static str| {
        [
            "--method",
            "tools/call",
            "--tool-name",
            tool,
            "--tool-arg",
            argument,
        ]
    };
    let stored = inspector
        .run(&call(
            "submit_memory",
            "text=The replicator makes Earl Grey tea.",
        ))
        .await;
    let found = inspector
        .run(&call(
            "query_memory",
            "query=Which tea does the replicator make?",
        ))
        .await;
    let id = &stored["result"]["structuredContent"]["id"];
    assert!(id.is_string(), "{stored}");
    let first = &found["result"]["structuredContent"]["memories"][0]["id"];
    assert_eq!(first, id, "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_is_content_in_the_era_of_the_handshake() {
    whole_way("legacy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_is_content_in_the_era_without_one() {
    whole_way("modern").await;
}
