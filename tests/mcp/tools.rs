//! The tools as a model meets them.

use std::collections::BTreeSet;

use picard_tests::{
    server::{Database, TestServer},
    table::Table,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::{LEGACY, Peer, in_short, json_of, read};

picard_tests::on_both!(
    the_list_is_the_same_each_time_and_for_everybody,
    all_tools_together_cost_a_model_less_than_three_thousand_tokens,
    a_result_is_structured_and_the_same_in_text_and_over_rest,
    a_model_can_mend_its_call,
    search_and_fetch_have_the_form_that_connectors_expect,
    a_peer_of_march_2025_gets_no_content_that_it_does_not_know,
    who_serves_and_how_memories_are_used_well_is_told_in_both_eras
);

/// The most that all tools together may cost a model.
const TOKENS: usize = 3000;

async fn listed(peer: &Peer) -> Value {
    let answer = read(peer.modern("tools/list", json!({}))).await;
    json_of(&answer)["result"].clone()
}

async fn the_list_is_the_same_each_time_and_for_everybody(database: Database) {
    let server = TestServer::on(database).await;
    let worf = Peer::of(&server, "worf").await;
    let data = Peer::with_scope(&server, "data", "memories:read").await;
    let list = listed(&worf).await;
    assert_eq!(list, listed(&worf).await);
    assert_eq!(list, listed(&data).await);
    assert_eq!(list["resultType"], "complete");
    assert_eq!(
        (&list["cacheScope"], &list["ttlMs"]),
        (&json!("public"), &json!(3_600_000))
    );
    let names: Vec<_> = list["tools"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "submit_memory",
            "get_memories",
            "update_memory",
            "modify_permissions",
            "delete_memory",
            "query_memory",
            "query_user",
            "search",
            "fetch",
        ]
    );
    for version in LEGACY {
        let older = read(worf.legacy(version, "tools/list", json!({}))).await;
        let older = json_of(&older)["result"].clone();
        assert_eq!(older["tools"], list["tools"], "{version}");
        assert!(older.get("ttlMs").is_none() && older.get("resultType").is_none());
    }
}

/// Counted with `o200k_base`, the tokenizer of the GPT-4o family, which the
/// crate carries with it. Others count a few percent more or less.
async fn all_tools_together_cost_a_model_less_than_three_thousand_tokens(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    let list = listed(&peer).await;
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    let count = |text: &str| tokenizer.encode_ordinary(text).len();
    let mut table = Table::new("tokens of the tools");
    for tool in list["tools"].as_array().expect("a list") {
        let name = tool["name"].as_str().expect("a name");
        let tokens = count(&tool.to_string());
        table.holds(
            name,
            format!("{tokens} tokens"),
            "less than 600",
            tokens < 600,
        );
    }
    let all = count(&list["tools"].to_string());
    table.holds(
        "all",
        format!("{all} tokens"),
        "less than 3000",
        all < TOKENS,
    );
    table.assert();
}

async fn a_result_is_structured_and_the_same_in_text_and_over_rest(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    let schemas = listed(&peer).await;
    let stored = peer
        .call(
            "submit_memory",
            json!({"text": "Prune juice is a warrior's drink."}),
        )
        .await;
    let id = stored["structuredContent"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(stored["content"][1]["type"], "resource_link");
    assert_eq!(stored["content"][1]["uri"], format!("memories://{id}"));
    assert_eq!(
        (&stored["isError"], &stored["resultType"]),
        (&json!(false), &json!("complete"))
    );

    for (tool, arguments) in [
        ("get_memories", json!({})),
        ("query_memory", json!({"query": "prune juice"})),
        ("query_user", json!({"user_id": "worf"})),
        (
            "modify_permissions",
            json!({"memory_id": id, "permission": "public"}),
        ),
        (
            "update_memory",
            json!({"memory_id": id, "text": "Bloodwine, too."}),
        ),
        ("search", json!({"query": "bloodwine"})),
        ("fetch", json!({"id": id})),
        ("delete_memory", json!({"memory_id": id})),
    ] {
        let rest = peer
            .request(Method::POST, "/api/tools")
            .json(&json!({"tool": tool, "data": arguments}));
        let reads = ["get_memories", "query_memory", "query_user"].contains(&tool);
        let rest = if reads {
            Some(json_of(&read(rest).await))
        } else {
            None
        };
        let result = peer.call(tool, arguments).await;
        let text = result["content"][0]["text"].as_str().expect("a text");
        let structured = &result["structuredContent"];
        assert_eq!(
            &serde_json::from_str::<Value>(text).expect("JSON"),
            structured,
            "{tool}"
        );
        assert!(
            rest.is_none_or(|rest| rest == *structured),
            "{tool} differs over REST"
        );
        let known = schemas["tools"].as_array().expect("a list");
        let known = known
            .iter()
            .find(|known| known["name"] == tool)
            .expect("listed");
        fits(&known["outputSchema"], structured, tool);
    }
}

/// Checks the names and types that a schema of ours can ask for.
fn fits(schema: &Value, value: &Value, at: &str) {
    let types: Vec<_> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fitting = types.contains(&is) || (is == "integer" && types.contains(&"number"));
    assert!(
        types.is_empty() || fitting,
        "{at}: {is} is none of {types:?}"
    );
    if let Value::Object(object) = value {
        let names = |of: &Value| -> BTreeSet<String> {
            let names = of
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        };
        let present: BTreeSet<_> = object.keys().cloned().collect();
        assert!(
            names(&schema["required"]).is_subset(&present),
            "{at} lacks a member"
        );
        for (name, value) in object {
            let schema = &schema["properties"][name];
            assert!(schema.is_object(), "{at}.{name} is not described");
            fits(schema, value, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], item, &format!("{at}[]"));
    }
}

async fn a_model_can_mend_its_call(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    let absent = "0198c0de-0000-7000-8000-000000000000";
    let mut table = Table::new("what a model reads of its mistakes");
    for (id, tool, arguments, words) in [
        ("missing", "submit_memory", json!({}), "text is missing"),
        (
            "unknown",
            "submit_memory",
            json!({"text": "a", "colour": 1}),
            "colour is not a field",
        ),
        (
            "type",
            "submit_memory",
            json!({"text": 7}),
            "text must be a string",
        ),
        (
            "range",
            "query_memory",
            json!({"query": "a", "limit": 0}),
            "limit must be from 1 to 100",
        ),
        (
            "word",
            "get_memories",
            json!({"permission": "secret"}),
            "permission",
        ),
        (
            "date",
            "submit_memory",
            json!({"text": "a", "expiration_date": "soon"}),
            "ISO 8601",
        ),
        (
            "absent",
            "fetch",
            json!({"id": absent}),
            "there is no such memory",
        ),
        (
            "uuid",
            "delete_memory",
            json!({"memory_id": "7"}),
            "memory_id",
        ),
        (
            "person",
            "query_user",
            json!({"user_id": "no one"}),
            "user_id is neither",
        ),
        (
            "cursor",
            "get_memories",
            json!({"cursor": "AAAA"}),
            "cursor does not belong",
        ),
        ("empty", "search", json!({"query": ""}), "query"),
    ] {
        let result = peer.call(tool, arguments.clone()).await;
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        let told = result["isError"] == true && text.contains(words);
        let got = if told { words } else { text };
        table.row(id, format!("{tool} {arguments}"), words, got);
    }
    for (id, params) in [
        ("no tool", json!({"name": "drop_table", "arguments": {}})),
        (
            "REST's alias",
            json!({"name": "retrieve_memories", "arguments": {}}),
        ),
        ("no name", json!({"arguments": {}})),
        ("arguments", json!({"name": "search", "arguments": [1]})),
    ] {
        let asked = params.to_string();
        let answer = read(peer.legacy(LEGACY[0], "tools/call", params)).await;
        table.row(id, asked, "200 -32602", in_short(&answer));
    }
    let cursor = read(peer.modern("tools/list", json!({"cursor": "AAAA"}))).await;
    table.row("list cursor", "tools/list", "200 -32602", in_short(&cursor));
    table.assert();
}

async fn search_and_fetch_have_the_form_that_connectors_expect(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    let long = format!("Gagh is best served live. {}", "It wriggles. ".repeat(20));
    let stored = peer.call("submit_memory", json!({"text": long})).await;
    let id = &stored["structuredContent"]["id"];
    let found = peer.call("search", json!({"query": "gagh"})).await["structuredContent"].clone();
    let first = &found["results"][0];
    assert_eq!(&first["id"], id);
    assert_eq!(
        first["url"],
        format!("memories://{}", id.as_str().expect("an id"))
    );
    let title = first["title"].as_str().expect("a title");
    assert!(
        title.starts_with("Gagh is best") && title.ends_with('…'),
        "{title}"
    );
    assert!(title.chars().count() <= 81);
    let document = peer.call("fetch", json!({"id": id})).await["structuredContent"].clone();
    assert_eq!((&document["id"], &document["text"]), (id, &json!(long)));
    assert_eq!(document["title"], first["title"]);
    assert_eq!(document["metadata"]["permission"], "private");

    let other = Peer::of(&server, "data").await;
    let found = other.call("search", json!({"query": "gagh"})).await;
    assert_eq!(found["structuredContent"], json!({"results": []}));
    let foreign = other.call("fetch", json!({"id": id})).await;
    assert_eq!(foreign["isError"], true);
}

async fn a_peer_of_march_2025_gets_no_content_that_it_does_not_know(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    for (version, blocks) in [("2025-11-25", 2), ("2025-06-18", 2), ("2025-03-26", 1)] {
        let params = json!({"name": "submit_memory", "arguments": {"text": "Qapla'!"}});
        let answer = json_of(&read(peer.legacy(version, "tools/call", params)).await);
        let content = answer["result"]["content"].as_array().expect("content");
        assert_eq!(content.len(), blocks, "{version}");
    }
}

async fn who_serves_and_how_memories_are_used_well_is_told_in_both_eras(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    let discovered = json_of(&read(peer.modern("server/discover", json!({}))).await);
    let discovered = &discovered["result"];
    assert_eq!(
        discovered["supportedVersions"].as_array().map(Vec::len),
        Some(4)
    );
    assert_eq!(discovered["cacheScope"], "public");
    let info = &discovered["_meta"]["io.modelcontextprotocol/serverInfo"];
    let params = json!({
        "protocolVersion": LEGACY[0],
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    });
    let initialized = read(peer.post(crate::rig::body("initialize", params))).await;
    let initialized = json_of(&initialized)["result"].clone();
    assert_eq!(&initialized["serverInfo"], info);
    assert_eq!(initialized["instructions"], discovered["instructions"]);
    assert_eq!(
        (&info["name"], &info["title"]),
        (&json!("picard"), &json!("Picard"))
    );
    let icon = info["icons"][0]["src"].as_str().expect("an icon");
    assert!(icon.starts_with("data:image/svg+xml;base64,"));
    let words = discovered["instructions"].as_str().expect("instructions");
    assert!(
        words.contains("query_memory") && words.len() < 1000,
        "{}",
        words.len()
    );
}
