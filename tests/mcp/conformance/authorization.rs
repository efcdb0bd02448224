//! The authorization server, asked by the suite; a person of ours answers the
//! consent that it waits for.

use std::io::{BufRead as _, BufReader};

use picard_testkit::free_port;
use picard_tests::{application::allow, server::TestServer, table::Table, visitor::Visitor};
use tokio::sync::oneshot;

use super::suite::{Known, Run, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn the_authorization_server_does_what_the_suite_asks_of_one() {
    let server = TestServer::start().await;
    let application = server.public_application().await;
    server.person("troi").await;
    let (port, resource) = (free_port(), format!("{}/mcp", server.base));
    let mut command = conformance(&["authorization", "--url", &server.base]);
    command.args(["--client-id", &application.client_id]);
    command.args(["--resource", &resource, "--port", &port.to_string()]);

    let (say, heard) = oneshot::channel();
    let issuer = server.base.clone();
    let browser = async {
        let address: String = heard.await.expect("the suite says where to log in");
        let mut person = server.visitor();
        let back = allow(&mut person, &address, "troi", "tea, earl grey, hot").await;
        let page = Visitor::new("").get(back.as_str()).await;
        assert_eq!(page.status, 200, "{}", page.body);
    };
    let suite = Run::heard("authorization-server", command, move |output| {
        let mut say = Some(say);
        let mut all = String::new();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.starts_with(&format!("{issuer}/oauth/authorize?"))
                && let Some(say) = say.take()
            {
                // Nobody listens when the browser has failed already.
                let _ = say.send(line.clone());
            }
            all.push_str(&line);
            all.push('\n');
        }
        all
    });
    let ((), run) = tokio::join!(browser, suite);

    let scenarios = [
        "authorization-server-metadata-endpoint",
        "authorization-code-grant",
    ]
    .map(str::to_owned);
    let known = Known::read("authorization");
    let mut table = Table::new("Authorization server");
    run.note(&mut table, &scenarios, &known);
    table.assert();
    run.assert_success();
}
