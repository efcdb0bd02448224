//! Several messages at once: who may send them, and what comes back.

use picard_tests::{server::TestServer, table::Table};
use serde_json::json;

use crate::rig::{MODERN, Peer, in_short, json_of, read};

#[tokio::test]
async fn the_version_that_knew_batches_gets_them_answered_and_no_other() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let reader = Peer::with_scope(&server, "data", "memories:read").await;
    let ping = json!({"jsonrpc": "2.0", "id": "ping", "method": "ping"});
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let store = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "submit_memory", "arguments": {"text": "Several at once."},
    }});
    let unknown = json!({"jsonrpc": "2.0", "id": 8, "method": "tools/forget_all"});
    let initialize = json!({"jsonrpc": "2.0", "id": 9, "method": "initialize"});
    let wrong = json!({"jsonrpc": "1.0", "id": 10, "method": "ping"});
    let mut table = Table::new("batches");
    for (id, version, batch, required) in [
        (
            "batch",
            "2025-03-26",
            json!([ping, told, store, unknown]),
            "200",
        ),
        ("told only", "2025-03-26", json!([told, told]), "202"),
        ("empty", "2025-03-26", json!([]), "400 -32600"),
        (
            "too many",
            "2025-03-26",
            json!(vec![&ping; 51]),
            "400 -32600",
        ),
        (
            "initialize",
            "2025-03-26",
            json!([ping, initialize]),
            "400 -32600",
        ),
        (
            "one is wrong",
            "2025-03-26",
            json!([store, wrong]),
            "400 -32600",
        ),
        ("nested", "2025-03-26", json!([[ping]]), "400 -32600"),
        ("June", "2025-06-18", json!([ping]), "400 -32600"),
        ("November", "2025-11-25", json!([ping]), "400 -32600"),
        ("newer", MODERN, json!([ping]), "400 -32600"),
    ] {
        let request = peer
            .post(batch.to_string())
            .header("mcp-protocol-version", version);
        let answer = read(request).await;
        table.row(id, version, required, in_short(&answer));
        if id == "batch" {
            let answers = json_of(&answer);
            let ids: Vec<_> = answers
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| &one["id"])
                .collect();
            let ids = format!("{ids:?}");
            table.row(
                "batch ids",
                "as they came",
                r#"[String("ping"), Number(7), Number(8)]"#,
                ids,
            );
        }
    }
    let request = reader.post(json!([ping, store]).to_string());
    let got = in_short(&read(request).await);
    table.row("scope", "one beyond it", "403 insufficient_scope", got);
    let stored = peer.call("get_memories", json!({})).await["structuredContent"].clone();
    let stored = stored["memories"].as_array().map(Vec::len);
    table.row(
        "all or none",
        "what was stored",
        "Some(1)",
        format!("{stored:?}"),
    );
    table.assert();
}

/// All answers are in memory at once, and one can be many times as long as its question.
#[tokio::test]
async fn a_batch_whose_answers_grow_too_long_is_not_done_to_its_end() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    for _ in 0..20 {
        peer.call("submit_memory", json!({"text": "x".repeat(64 * 1024)}))
            .await;
    }
    let ask = |id: usize| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "get_memories", "arguments": {"limit": 20}}})
    };
    let batch: Vec<_> = (0..50).map(ask).collect();
    let answer = read(peer.post(json!(batch).to_string())).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() < 40 << 20, "{} bytes", answer.body.len());
    let answers = json_of(&answer);
    let answers = answers.as_array().expect("a list");
    let ids: Vec<_> = answers.iter().map(|one| one["id"].as_u64()).collect();
    assert_eq!(ids, (0..50).map(Some).collect::<Vec<_>>());
    assert_eq!(answers[0]["result"]["isError"], false);
    assert_eq!(answers[49]["error"]["code"], -32603);
}
