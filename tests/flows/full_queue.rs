//! More than the model can do at once: who asks too much is told so, the others when
//! to come again.

use std::sync::Arc;

use futures::{StreamExt as _, stream::FuturesUnordered};
use picard_testkit::HeldEmbedder;
use picard_tests::{
    application::call_over_mcp,
    server::{Database, TestServer},
    visitor::{Page, Visitor, http},
};
use serde_json::{Value, json};

picard_tests::on_both!(a_queue_that_is_full_is_told_of_with_the_time_to_come_again);

/// The most calls of one person that wait here: more than their part of the queue.
const CALLS: usize = 8;

/// Lets the model on at the end, also of a test that fails: the runtime waits for it.
struct Held(Arc<HeldEmbedder>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.let_on(usize::MAX);
    }
}

async fn store(base: &str, token: &str, text: &str) -> Page {
    let request = http()
        .post(format!("{base}/api/tools"))
        .bearer_auth(token)
        .json(&json!({"tool": "submit_memory", "data": {"text": text}}));
    Visitor::new("").send(request).await
}

/// The code of a refusal that names the seconds to wait.
fn refusal(page: &Page) -> (u16, Value) {
    let seconds = page.header("retry-after").parse::<u64>();
    assert!(seconds.is_ok_and(|seconds| seconds > 0), "{}", page.body);
    let body: Value = serde_json::from_str(&page.body).expect("JSON");
    (page.status, body["code"].clone())
}

async fn a_queue_that_is_full_is_told_of_with_the_time_to_come_again(database: Database) {
    let model = Arc::new(HeldEmbedder::new(1));
    let held = Held(model.clone());
    let server = TestServer::on(database)
        .await
        .with_embedder(model.clone())
        .await;
    let application = server.application().await;
    let mut tokens = Vec::new();
    for handle in ["troi", "riker", "worf", "data", "picard"] {
        let mut person = server.person(handle).await;
        tokens.push(application.connect(&mut person).await.access);
    }
    let last = tokens.pop().expect("five");

    let much = "x".repeat(64 * 1024);
    let mut waiting = FuturesUnordered::new();
    // The model is at this one, and at no other until it is let on.
    waiting.push(store(&server.base, &last, "first"));
    let begun = tokio::select! {
        begun = model.begun(1) => begun,
        answer = waiting.next() => panic!("{:?}", answer.map(|page| page.body)),
    };
    assert_eq!(begun, ["first"]);
    for token in &tokens {
        for _ in 0..CALLS {
            waiting.push(store(&server.base, token, &much));
        }
        for _ in 4..CALLS {
            let page = waiting.next().await.expect("an answer");
            assert_eq!(refusal(&page), (429, json!("rate_limited")));
        }
    }
    let page = store(&server.base, &last, "more").await;
    assert_eq!(refusal(&page), (503, json!("unavailable")));
    let arguments = json!({"text": "more"});
    for (token, words) in [
        (&tokens[0], "for you; try again in"),
        (&last, "embedded; try again in"),
    ] {
        let refused = call_over_mcp(&server.base, token, "submit_memory", arguments.clone()).await;
        assert_eq!(refused["isError"], true, "{refused}");
        let said = refused.to_string();
        assert!(said.contains(words), "{said}");
    }

    drop(held);
    while let Some(page) = waiting.next().await {
        assert_eq!(page.status, 200, "{}", page.body);
    }
    assert_eq!(store(&server.base, &last, "more").await.status, 200);
}
