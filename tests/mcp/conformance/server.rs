//! The server, asked by the suite what each revision requires.

use picard_tests::{proxy::Gate, server::TestServer, table::Table};

use super::suite::{Known, Run, conformance, required};

/// A server that shows the suite's fixtures, and a gate to it for a person who
/// connected an application by our own OAuth.
struct Ready {
    #[expect(dead_code, reason = "held for its end")]
    server: TestServer,
    gate: Gate,
}

impl Ready {
    async fn start() -> Self {
        let server = TestServer::changed(picard_server::Server::with_fixtures).await;
        let mut person = server.person("data").await;
        let tokens = server.application().await.connect(&mut person).await;
        let gate = Gate::open(&server.base, &tokens.access).await;
        Self { server, gate }
    }

    /// Runs all that a revision requires, and what the suite runs beside it.
    async fn run(&self, revision: &str, known: &Known) -> Run {
        let url = format!("{}/mcp", self.gate.base);
        let mut command = conformance(&["server", "--url", &url, "--requirements", revision]);
        command.arg("--expected-failures").arg(&known.file);
        Run::of("server", command).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_does_all_that_revision_2026_07_28_requires() {
    let (ready, known) = (Ready::start().await, Known::read("server-2026-07-28"));
    let run = ready.run("2026-07-28", &known).await;
    let mut scenarios = required("2026-07-28", "server");
    assert_eq!(scenarios.len(), 37);
    // Not required, since the suite's own example does not pass them.
    scenarios.extend(
        [
            "http-header-validation",
            "http-custom-header-server-validation",
            "json-schema-2020-12",
        ]
        .map(str::to_owned),
    );
    let mut table = Table::new("Server, revision 2026-07-28");
    run.note(&mut table, &scenarios, &known);
    table.assert();
    run.assert_success();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_does_what_revision_2025_11_25_requires_without_sessions() {
    let (ready, known) = (Ready::start().await, Known::read("server-2025-11-25"));
    let run = ready.run("2025-11-25", &known).await;
    let scenarios = required("2025-11-25", "server");
    assert_eq!(scenarios.len(), 30);
    let mut table = Table::new("Server, revision 2025-11-25");
    run.note(&mut table, &scenarios, &known);
    table.assert();
    run.assert_success();
}
