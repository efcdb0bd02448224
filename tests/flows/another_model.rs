//! A change of the model: memories are embedded again, and found by meaning as before.

use std::{path::Path, sync::Arc};

use picard_app::Renewed;
use picard_domain::Span;
use picard_embed::{E5, Embedder};
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::json;

picard_tests::on_both!(
    what_another_model_embedded_is_embedded_again_and_found_by_meaning,
    an_assistant_leaves_what_another_model_embedded_to_a_server_that_may_come_back,
);

async fn what_another_model_embedded_is_embedded_again_and_found_by_meaning(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("lwaxana").await)
        .await
        .access;
    for text in [
        "Every morning I drink a hot cup of Earl Grey.",
        "My aunt has a house by the sea.",
    ] {
        assert_eq!(
            call(&server.base, &token, "submit_memory", json!({"text": text}))
                .await
                .0,
            200
        );
    }
    let ask = json!({"query": "Which beverage is my favourite?", "limit": 1});
    let other = server.with_embedder(e5()).await;
    for left in [2, 0] {
        let renewed = other.app.renew_vectors().await.expect("it goes through");
        assert_eq!(renewed, Renewed::All(left));
    }
    let (status, found) = call(&other.base, &token, "query_memory", ask).await;
    assert_eq!(status, 200, "{found}");
    let text = found["memories"][0]["text"].as_str().unwrap_or_default();
    assert!(text.contains("Earl Grey"), "{text}");
    assert_eq!(
        found["memories"][0]["created_at"],
        found["memories"][0]["updated_at"]
    );
}

async fn an_assistant_leaves_what_another_model_embedded_to_a_server_that_may_come_back(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("lwaxana").await)
        .await
        .access;
    let memory = json!({"text": "My aunt has a house by the sea."});
    let (status, _) = call(&server.base, &token, "submit_memory", memory).await;
    assert_eq!(status, 200);
    server.app.announce_server().await.expect("said");
    let assistant = server.with_embedder(e5()).await;
    let renew = async || {
        let renewed = assistant.app.renew_vectors_without_server().await;
        renewed.expect("it goes through")
    };
    assert_eq!(renew().await, Renewed::Elsewhere, "the server runs");
    server.clock.advance(Span::days(30));
    assert_eq!(renew().await, Renewed::All(0), "it may come back");
    server.clock.advance(Span::minutes(3));
    assert_eq!(renew().await, Renewed::All(1), "there is none any more");
}

fn e5() -> Arc<dyn Embedder> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/multilingual-e5-small");
    Arc::new(E5::from_dir(&folder).expect("the model loads"))
}
