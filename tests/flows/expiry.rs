//! Expiry, to the microsecond, with the clock turned by hand.

use picard_domain::{Clock as _, Span};
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::{Value, json};

picard_tests::on_both!(a_memory_is_expired_from_its_instant_on_and_can_be_renewed);

async fn a_memory_is_expired_from_its_instant_on_and_can_be_renewed(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("q-continuum").await)
        .await
        .access;
    let tool = async |name: &str, data: Value| {
        let (status, answer) = call(&server.base, &token, name, data).await;
        assert_eq!(status, 200, "{name}: {answer}");
        answer
    };
    let end = server.clock.now() + Span::minutes(5);
    let data = json!({"text": "All good things", "expiration_date": end.to_string(), "permission": "public"});
    let id = tool("submit_memory", data).await["id"].clone();
    let seen = async || {
        let found = tool("query_memory", json!({"query": "good things"})).await;
        let persona = tool("query_user", json!({"user_id": "q-continuum"})).await;
        let asked = tool(
            "query_user",
            json!({"user_id": "q-continuum", "prompt": "good", "limit": 9}),
        )
        .await;
        let listed = tool("get_memories", json!({})).await;
        let only = tool("get_memories", json!({"expired": "only"})).await;
        let counts = [&found, &persona, &asked, &listed, &only]
            .map(|answer| answer["memories"].as_array().expect("a list").len());
        assert_eq!(persona["total"], json!(counts[1]));
        counts
    };
    server.clock.set(end - Span::micros(1));
    assert_eq!(seen().await, [1, 1, 1, 1, 0]);
    server.clock.set(end);
    assert_eq!(seen().await, [0, 0, 0, 0, 1]);
    let shown = tool("get_memories", json!({"memory_id": id})).await;
    assert_eq!(shown["memories"][0]["expired"], json!(true));
    tool(
        "update_memory",
        json!({"memory_id": id, "expiration_date": null}),
    )
    .await;
    assert_eq!(seen().await, [1, 1, 1, 1, 0]);
    let past = json!({"memory_id": id, "expiration_date": "2001-01-01T00:00:00Z"});
    assert_eq!(tool("update_memory", past).await["expired"], json!(true));
    assert_eq!(seen().await, [0, 0, 0, 0, 1]);
}
