//! Changes made at once: one wins, none is lost silently.

use futures::future::join_all;
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::json;

picard_tests::on_both!(
    of_changes_built_on_the_same_state_one_is_done_and_the_others_are_told,
    a_change_without_expectation_is_done_or_told_of_the_conflict
);

async fn of_changes_built_on_the_same_state_one_is_done_and_the_others_are_told(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("odo").await)
        .await
        .access;
    let (_, memory) = call(
        &server.base,
        &token,
        "submit_memory",
        json!({"text": "first"}),
    )
    .await;
    let changes = (0..6).map(|n| {
        let data = json!({
            "memory_id": memory["id"],
            "text": format!("change {n}"),
            "expected_updated_at": memory["updated_at"],
        });
        call(&server.base, &token, "update_memory", data)
    });
    let outcomes = join_all(changes).await;
    let won: Vec<_> = outcomes
        .iter()
        .filter(|(status, _)| *status == 200)
        .collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    for (status, problem) in outcomes.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((*status, &problem["code"]), (409, &json!("conflict")));
    }
    let (_, page) = call(
        &server.base,
        &token,
        "get_memories",
        json!({"memory_id": memory["id"]}),
    )
    .await;
    assert_eq!(page["memories"][0]["text"], won[0].1["text"]);
}

async fn a_change_without_expectation_is_done_or_told_of_the_conflict(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("odo").await)
        .await
        .access;
    let (_, memory) = call(
        &server.base,
        &token,
        "submit_memory",
        json!({"text": "first"}),
    )
    .await;
    let changes = (0..6).map(|n| {
        let data = json!({"memory_id": memory["id"], "text": format!("change {n}")});
        call(&server.base, &token, "update_memory", data)
    });
    let outcomes = join_all(changes).await;
    assert!(
        outcomes
            .iter()
            .all(|(status, _)| [200, 409].contains(status)),
        "{outcomes:?}"
    );
    let (_, page) = call(
        &server.base,
        &token,
        "get_memories",
        json!({"memory_id": memory["id"]}),
    )
    .await;
    let last = &page["memories"][0];
    assert!(
        outcomes
            .iter()
            .any(|(status, answer)| *status == 200 && answer == last)
    );
}
