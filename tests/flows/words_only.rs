//! A model that does not load, or does not compute: nothing is lost, memories are
//! found by their words, and everything says so until it is back.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use picard_app::Renewed;
use picard_domain::Span;
use picard_testkit::MoodyEmbedder;
use picard_tests::{
    application::{call, call_over_mcp},
    installation::Installation,
    process::Up,
    server::{Database, TestServer},
    visitor::{Visitor, http},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    a_damaged_model_costs_meaning_and_nothing_else_until_it_is_mended,
    a_model_that_fails_for_a_while_owes_what_was_stored_meanwhile
);

const TEXT: &str = "Every morning I drink a hot cup of Earl Grey.";

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/embed/tests/fixtures/tiny")
}

fn codes(answer: &Value) -> Vec<&str> {
    let notices = answer["notices"].as_array().into_iter().flatten();
    notices
        .filter_map(|notice| notice["code"].as_str())
        .collect()
}

async fn readiness(server: &str) -> (u16, Value) {
    let answer = Visitor::new("")
        .send(http().get(format!("{server}/health/ready")))
        .await;
    (
        answer.status,
        serde_json::from_str(&answer.body).expect("JSON"),
    )
}

/// Waits until the model is as it should be, for a minute at most.
async fn until_model_is(up: &Up, wanted: &str) {
    for _ in 0..600 {
        let (status, body) = readiness(&up.server).await;
        assert_eq!(status, 200, "{body}");
        if body["checks"]["model"] == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "the model is never {wanted}: {}",
        fs::read_to_string(&up.log).unwrap_or_default()
    );
}

/// Waits until the log has a word, for a minute at most.
async fn until_log_says(up: &Up, word: &str, times: usize) {
    for _ in 0..600 {
        if fs::read_to_string(&up.log).is_ok_and(|log| log.matches(word).count() >= times) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the log never says {word}");
}

async fn a_damaged_model_costs_meaning_and_nothing_else_until_it_is_mended(database: Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::copy(tiny().join("tokenizer.json"), file("tokenizer.json")).expect("copied");
    fs::write(file("model.onnx"), "half of a graph").expect("written");
    let path = folder.path().to_str().expect("a plain path");
    let installation = Installation::on(database)
        .await
        .setting("PICARD_MODEL_DIR", path);
    let up = installation.start();

    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let token = application.connect(&mut person).await.access;
    let (status, stored) = call(&up.server, &token, "submit_memory", json!({"text": TEXT})).await;
    assert_eq!(status, 200, "{stored}");
    let question = json!({"query": "Who likes Earl Grey?"});
    let (status, found) = call(&up.server, &token, "query_memory", question.clone()).await;
    assert_eq!(
        (status, codes(&found)),
        (200, vec!["words_only"]),
        "{found}"
    );
    assert_eq!(found["memories"][0]["text"], TEXT);
    let over_mcp = call_over_mcp(&up.server, &token, "query_memory", question.clone()).await;
    assert_eq!(codes(&over_mcp["structuredContent"]), ["words_only"]);
    let persona = json!({"user_id": "jean-luc", "prompt": "Earl Grey"});
    let (_, persona) = call(&up.server, &token, "query_user", persona).await;
    assert_eq!(codes(&persona), ["words_only"]);
    let (_, all) = call(
        &up.server,
        &token,
        "query_user",
        json!({"user_id": "jean-luc"}),
    )
    .await;
    assert_eq!(codes(&all), Vec::<&str>::new(), "nothing was searched");
    let (status, body) = readiness(&up.server).await;
    assert_eq!(
        (status, &body["status"]),
        (200, &json!("degraded")),
        "{body}"
    );
    assert_eq!(body["checks"]["model"], "failing");
    let log = fs::read_to_string(&up.log).expect("a log");
    assert!(log.contains("no model can be loaded from"), "{log}");
    let doctor = installation.run(&["doctor", "--of", "server"], "");
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        !doctor.status.success() && said.contains("no model can be loaded"),
        "{said}"
    );

    // Mended under the running server: it is loaded, and what lacks vectors gets them.
    fs::copy(tiny().join("model.onnx"), file("model.onnx")).expect("copied");
    until_log_says(&up, "by the present model", 1).await;
    until_model_is(&up, "ok").await;
    // The tiny model knows few words, and these mean the same to it.
    let kitten = json!({"text": "the kitten running"});
    let (status, stored) = call(&up.server, &token, "submit_memory", kitten).await;
    assert_eq!(status, 200, "{stored}");
    let cat = json!({"query": "a cat runs", "limit": 1});
    let (_, found) = call(&up.server, &token, "query_memory", cat).await;
    assert_eq!(
        (codes(&found), &found["memories"][0]["text"]),
        (vec![], &json!("the kitten running"))
    );

    // With the model inside the binary, the first one is found by its meaning.
    let installation = installation.setting("PICARD_MODEL_DIR", "");
    let up = installation.restart_after(up, |up| assert!(up.stop().success()));
    until_log_says(&up, "memories were embedded by the present model", 2).await;
    let meant = json!({"query": "What do I have for breakfast?", "limit": 1});
    let (status, found) = call(&up.server, &token, "query_memory", meant).await;
    assert_eq!((status, codes(&found)), (200, vec![]), "{found}");
    assert_eq!(found["memories"][0]["text"], TEXT);
    assert!(up.stop().success());
}

async fn a_model_that_fails_for_a_while_owes_what_was_stored_meanwhile(database: Database) {
    let model = Arc::new(MoodyEmbedder::default());
    let server = TestServer::on(database)
        .await
        .with_embedder(model.clone())
        .await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("worf").await)
        .await
        .access;
    let tool = async |tool, data| {
        let (status, answer) = call(&server.base, &token, tool, data).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let stored = tool("submit_memory", json!({"text": "Prune juice"})).await;
    assert_eq!(
        server.app.renew_vectors().await.expect("it works"),
        Renewed::All(0)
    );

    model.fail(true);
    let changed = json!({"memory_id": stored["id"], "text": "Bloodwine"});
    tool("update_memory", changed).await;
    tool("submit_memory", json!({"text": "Gagh, fresh"})).await;
    let found = tool("query_memory", json!({"query": "bloodwine"})).await;
    assert_eq!(codes(&found), ["words_only"]);
    assert_eq!(found["memories"][0]["text"], "Bloodwine");
    server.app.vectors_owed().await;
    let other = server.another_node().await;
    assert!(!other.app.is_help_wanted().await.expect("it is known"));
    assert!(matches!(
        server.app.renew_vectors().await,
        Err(picard_app::Error::Unavailable(_))
    ));
    assert!(other.app.is_help_wanted().await.expect("it is known"));
    server.clock.advance(Span::minutes(3));
    assert!(!other.app.is_help_wanted().await.expect("it is known"));

    model.fail(false);
    let found = tool("query_memory", json!({"query": "bloodwine and gagh"})).await;
    assert_eq!(
        codes(&found),
        Vec::<&str>::new(),
        "the question is embedded"
    );
    assert_eq!(
        server.app.renew_vectors().await.expect("it works"),
        Renewed::All(2)
    );
    assert_eq!(
        server.app.renew_vectors().await.expect("nothing is left"),
        Renewed::All(0)
    );
}
