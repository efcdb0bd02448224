//! Our client, asked by the suite, which plays a server and its authorization
//! server: `crates/client/examples/conformance.rs`.

use std::path::PathBuf;

use picard_tests::{process::built, table::Table};

use super::suite::{Known, Run, conformance, required};

/// Runs what a revision requires of clients, against ours.
async fn run(revision: &str, known: &Known) -> Run {
    let client = built(
        "examples/conformance",
        "-p picard-client --example conformance",
    );
    let mut command = conformance(&["client", "--requirements", revision]);
    command.arg("--command").arg(client);
    command.arg("--expected-failures").arg(&known.file);
    Run::of("client", command).await
}

/// What the client under test does not do is listed beside it.
fn known() -> Known {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/client/examples");
    Known::at(PathBuf::from(examples).join("conformance.yml"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_does_what_revision_2026_07_28_requires_of_it() {
    let known = known();
    let run = run("2026-07-28", &known).await;
    let scenarios = required("2026-07-28", "client");
    assert_eq!(scenarios.len(), 32);
    let mut table = Table::new("Client, revision 2026-07-28");
    run.note(&mut table, &scenarios, &known);
    table.assert();
    run.assert_success();
}

/// Of the older revision, what it requires of authorization; the rest is about
/// sessions, which a client of memories has no use for.
#[tokio::test(flavor = "multi_thread")]
async fn the_client_authorizes_as_revision_2025_11_25_requires() {
    let known = known();
    let run = run("2025-11-25", &known).await;
    let mut scenarios = required("2025-11-25", "client");
    scenarios.retain(|name| name.starts_with("auth/"));
    assert_eq!(scenarios.len(), 14);
    let mut table = Table::new("Client, authorization, revision 2025-11-25");
    run.note(&mut table, &scenarios, &known);
    table.assert();
}
