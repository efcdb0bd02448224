//! The libraries: the SDKs, `FastMCP`, and a strict implementation of OAuth.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use picard_tests::{
    node::{node, package},
    server::{Database, TestServer},
};
use serde_json::Value;

use crate::client::{Callback, Client, HANDLE};

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread")]
    the_typescript_sdk_of_the_first_generation_connects,
    the_typescript_sdk_of_the_second_generation_connects_in_both_eras,
    the_python_sdk_connects_in_both_eras,
    fastmcp_connects_with_a_callback_of_its_own,
    oauth4webapi_accepts_every_answer_of_the_authorization_server
);

fn folder(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("interop")
        .join(language)
}

/// A script for Node. It runs from a copy beside the packages, which is where
/// Node looks for them.
fn script(name: &str) -> Command {
    let packages = package("interop", "..");
    for file in ["person.mjs", name] {
        let copied = packages.join(file);
        let text = std::fs::read(folder("node").join(file)).expect("the script");
        if std::fs::read(&copied).ok().as_ref() != Some(&text) {
            // Put in place in one step: another test may be starting it.
            let fresh = packages.join(format!("{file}.{name}.new"));
            std::fs::write(&fresh, text).expect("the script is copied");
            std::fs::rename(fresh, copied).expect("the script is put in place");
        }
    }
    let mut command = node();
    command.arg(packages.join(name));
    command
}

/// A script for Python.
fn python(name: &str) -> Command {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let python = target.join("test-interop/bin/python");
    assert!(
        python.exists(),
        "{} is missing; run scripts/test-packages",
        python.display()
    );
    let mut command = Command::new(python);
    command
        .arg(folder("python").join(name))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Lets a client go the whole way; returns what it says of itself before the
/// end, and what the tools answered.
async fn whole_way(
    database: Database,
    name: &str,
    mut command: Command,
    era: &[&str],
    callback: Callback,
) -> Went {
    let server = TestServer::on(database).await;
    server.person(HANDLE).await;
    command.arg(format!("{}/mcp", server.base)).args(era);
    let mut client = Client::start(name, command);
    let address = client.wait_for_member("visit").await;
    let address = address.as_str().expect("an address");
    assert!(address.starts_with(&format!("{}/oauth/authorize?", server.base)));
    client.consent(&server, address, callback).await;
    let done = client.wait_for_member("done").await;
    let said = client.end().await;

    let stored = &done["stored"]["structuredContent"];
    let found = &done["found"]["structuredContent"];
    assert_eq!(found["memories"][0]["id"], stored["id"], "{name}: {done}");
    assert!(stored["id"].is_string(), "{name}: {done}");
    let version = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|line| line["version"].as_str().map(str::to_owned));
    Went { version, done }
}

struct Went {
    /// The revision of MCP that was spoken, if the client says it.
    version: Option<String>,
    done: Value,
}

impl Went {
    fn assert_version(&self, version: &str) {
        assert_eq!(self.version.as_deref(), Some(version));
    }
}

async fn the_typescript_sdk_of_the_first_generation_connects(database: Database) {
    let went = whole_way(database, "sdk 1", script("sdk_v1.mjs"), &[], Callback::Told).await;
    went.assert_version("2025-11-25");
}

async fn the_typescript_sdk_of_the_second_generation_connects_in_both_eras(database: Database) {
    for (era, version) in [
        ("legacy", "2025-11-25"),
        ("auto", "2026-07-28"),
        ("2026-07-28", "2026-07-28"),
    ] {
        let went = whole_way(
            database,
            "sdk 2",
            script("sdk_v2.mjs"),
            &[era],
            Callback::Told,
        )
        .await;
        went.assert_version(version);
    }
}

async fn the_python_sdk_connects_in_both_eras(database: Database) {
    for (era, version) in [
        ("legacy", "2025-11-25"),
        ("auto", "2026-07-28"),
        ("2026-07-28", "2026-07-28"),
    ] {
        let went = whole_way(
            database,
            "python sdk",
            python("sdk.py"),
            &[era],
            Callback::Told,
        )
        .await;
        went.assert_version(version);
    }
}

async fn fastmcp_connects_with_a_callback_of_its_own(database: Database) {
    for (era, version) in [("legacy", "2025-11-25"), ("auto", "2026-07-28")] {
        let command = python("fastmcp_client.py");
        let went = whole_way(database, "fastmcp", command, &[era], Callback::Listens).await;
        went.assert_version(version);
    }
}

/// The library checks each answer against the RFCs; a token that was revoked is
/// refused with the challenge that they want.
async fn oauth4webapi_accepts_every_answer_of_the_authorization_server(database: Database) {
    let went = whole_way(
        database,
        "oauth4webapi",
        script("oauth.mjs"),
        &[],
        Callback::Told,
    )
    .await;
    assert_eq!(went.done["after_revocation"], "invalid_token");
}
