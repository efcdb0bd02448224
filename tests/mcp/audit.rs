//! Every tool and every other call that reaches memories leaves a note.

use std::collections::BTreeSet;

use picard_app::{Act, ActivityQuery, Entry, Surface};
use picard_domain::Handle;
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::{Value, json};

use crate::rig::{Peer, json_of, read};

picard_tests::on_both!(every_tool_and_every_other_call_that_reaches_memories_leaves_a_note);

/// A call of each tool that succeeds; a tool that is not here has no test yet.
fn arguments(tool: &str, id: &Value) -> Value {
    match tool {
        "submit_memory" => json!({"text": "Spot is a cat"}),
        "get_memories" => json!({}),
        "update_memory" => json!({"memory_id": id, "text": "Spot is a tomcat"}),
        "modify_permissions" => json!({"memory_id": id, "permission": "public"}),
        "delete_memory" => json!({"memory_id": id}),
        "query_memory" | "search" => json!({"query": "Spot"}),
        "query_user" => json!({"user_id": "ana"}),
        "fetch" => json!({"id": id}),
        other => panic!("say how {other} is called, so that its note can be looked for"),
    }
}

async fn notes(server: &TestServer, surface: Surface) -> BTreeSet<String> {
    let ana: Handle = "ana".parse().expect("a handle");
    let user = server.app.find_user(&ana).await.expect("read");
    let query = ActivityQuery::default();
    let page = server.app.activity(user.expect("ana"), query, 200).await;
    let is_call = |entry: &Entry| entry.act == Act::Called && entry.surface == surface;
    let calls = page.expect("read").entries.into_iter().filter(is_call);
    calls.filter_map(|entry| entry.tool).collect()
}

async fn every_tool_and_every_other_call_that_reaches_memories_leaves_a_note(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    let listed = json_of(&read(ana.modern("tools/list", json!({}))).await);
    let tools = listed["result"]["tools"].as_array().expect("a list");
    let mut tools: Vec<_> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(tools.len(), 9);
    // The sort is stable: what deletes the memory comes last.
    tools.sort_by_key(|tool| *tool == "delete_memory");

    let mut expected = BTreeSet::new();
    let mut id = Value::Null;
    for tool in &tools {
        let answer = ana.call(tool, arguments(tool, &id)).await;
        assert_eq!(answer["isError"], json!(false), "{tool}: {answer}");
        if *tool == "submit_memory" {
            id = answer["structuredContent"]["id"].clone();
        }
        expected.insert((*tool).to_owned());
    }
    for (method, params) in [
        ("resources/list", json!({})),
        ("resources/read", json!({"uri": "memories://recent"})),
        (
            "prompts/get",
            json!({"name": "recall", "arguments": {"about": "cats"}}),
        ),
        (
            "completion/complete",
            json!({
                "ref": {"type": "ref/resource", "uri": "memories://{memory_id}"},
                "argument": {"name": "memory_id", "value": "spot"},
            }),
        ),
    ] {
        let answer = read(ana.modern(method, params)).await;
        assert!(json_of(&answer)["result"].is_object(), "{}", answer.body);
        expected.insert(method.to_owned());
    }
    assert_eq!(notes(&server, Surface::Mcp).await, expected);

    let mut expected = BTreeSet::new();
    for tool in &tools {
        if ["search", "fetch"].contains(tool) {
            continue;
        }
        let data = arguments(tool, &id);
        let (status, answer) = call(&server.base, &ana.tokens.access, tool, data).await;
        assert_eq!(status, 200, "{tool}: {answer}");
        if *tool == "submit_memory" {
            id = answer["id"].clone();
        }
        expected.insert((*tool).to_owned());
    }
    assert_eq!(notes(&server, Surface::Rest).await, expected);
}
