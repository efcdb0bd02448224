//! The database goes away under a running node, and comes back.

use std::time::{Duration, Instant};

use futures::future::join_all;
use picard_testkit::{Cluster, cluster::Stop};
use picard_tests::{
    application::{Application, call},
    nodes::{Nodes, PASSWORD},
    visitor::{Page, Visitor, http},
};
use reqwest::RequestBuilder;
use serde_json::json;

/// How long a node may take to find its database again on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything that needs the database, from each kind of caller.
fn requests(
    base: &str,
    person: &Visitor,
    csrf: &str,
    application: &Application,
    (access, refresh): (&str, &str),
) -> Vec<(&'static str, RequestBuilder)> {
    let mut person = person.clone();
    base.clone_into(&mut person.base);
    let get = |path: &str| person.request(reqwest::Method::GET, path);
    let post = |path: &str| person.request(reqwest::Method::POST, path);
    let form = |path: &str, fields: &[(&'static str, String)]| {
        http().post(format!("{base}{path}")).form(fields)
    };
    let mut token = vec![("token", access.to_owned())];
    token.extend(application.credentials());
    let log_in = [("csrf", csrf), ("handle", "worf"), ("password", PASSWORD)];
    let sign_up = [
        ("csrf", csrf),
        ("handle", "alexander"),
        ("name", "Alexander"),
        ("password", PASSWORD),
    ];
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let client = json!({
        "client_name": "Holodeck",
        "redirect_uris": ["https://app.example/callback"],
    });
    let to = |path: &str| http().post(format!("{base}{path}"));
    vec![
        (
            "a tool",
            to("/api/tools")
                .bearer_auth(access)
                .json(&json!({"tool": "get_memories", "data": {}})),
        ),
        (
            "MCP",
            to("/mcp")
                .bearer_auth(access)
                .header("accept", "application/json, text/event-stream")
                .json(&list),
        ),
        (
            "a refresh",
            form("/oauth/token", &application.refresh(refresh)),
        ),
        ("an introspection", form("/oauth/introspect", &token)),
        ("a revocation", form("/oauth/revoke", &token)),
        ("a registration", to("/oauth/register").json(&client)),
        (
            "an authorization request",
            get(&Application::address(&application.request())),
        ),
        ("the account page", get("/account")),
        ("a log-in", post("/login").form(&log_in)),
        ("a sign-up", post("/signup").form(&sign_up)),
        ("the readiness", http().get(format!("{base}/health/ready"))),
    ]
}

async fn answer(request: RequestBuilder) -> Page {
    Visitor::new("").send(request).await
}

#[tokio::test]
async fn without_a_database_every_answer_is_503_until_it_is_back() {
    let cluster = Cluster::running();
    let nodes = Nodes::start(2, cluster.create_database("outage"));
    let application = nodes.application(0).await;
    let mut person = nodes.person(0, "worf").await;
    let tokens = application.connect(&mut person).await;
    let csrf = person.get("/account").await.csrf();
    let remember = json!({"text": "Prune juice is a warrior's drink."});
    let works = async |base: &str| {
        let ask = json!({"query": "What do I drink?"});
        call(base, &tokens.access, "query_memory", ask).await
    };
    let (status, _) = call(nodes.at(0), &tokens.access, "submit_memory", remember).await;
    assert_eq!(status, 200);
    for stop in [Stop::Fast, Stop::Immediate] {
        for base in nodes.all() {
            assert_eq!(works(&base).await.0, 200);
        }
        cluster.stop(stop);
        let secrets = (tokens.access.as_str(), tokens.refresh.as_str());
        let all = nodes.all();
        let asked = all
            .iter()
            .flat_map(|base| requests(base, &person, &csrf, &application, secrets));
        // All at once: each of them may wait a while for a connection.
        let asked = asked.map(async |(what, request)| (what, answer(request).await));
        for (what, page) in join_all(asked).await {
            assert_eq!(page.status, 503, "{what}: {}", page.body);
            let seconds: Option<u64> = page.header("retry-after").parse().ok();
            assert!(seconds.is_some(), "{what}: {:?}", page.headers);
            assert!(!page.body.contains("postgres"), "{what}: {}", page.body);
        }
        for base in &all {
            let lives = answer(http().get(format!("{base}/health"))).await;
            assert_eq!(lives.status, 200, "the process itself lives");
        }
        cluster.start();
        let end = Instant::now() + PATIENCE;
        for base in nodes.all() {
            // Nothing else than 503 while it finds its way back.
            let found = loop {
                let (status, answer) = works(&base).await;
                if status == 200 {
                    break answer;
                }
                assert_eq!(status, 503, "{answer}");
                assert!(Instant::now() < end, "it does not recover: {answer}");
            };
            assert_eq!(found["memories"].as_array().map(Vec::len), Some(1));
        }
    }
    // Neither the session nor the refresh token suffered.
    assert_eq!(person.get("/account").await.status, 200);
    let form = application.refresh(&tokens.refresh);
    let url = format!("{}/oauth/token", nodes.at(1));
    let page = picard_tests::application::post_form(&url, &form).await;
    assert_eq!(page.status, 200, "{}", page.body);
}
