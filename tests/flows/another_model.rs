//! A change of the model: memories are embedded again, and found by meaning as before,
//! also until that is done and whatever happens meanwhile.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use picard_app::{LoadModel, Renewed};
use picard_domain::Span;
use picard_embed::{E5, Embedder, OnnxModel, load_dir};
use picard_sql::{Db, Options};
use picard_store::outdated;
use picard_tests::{
    application::{Tokens, call, call_over_mcp},
    installation::{Installation, said},
    process::Up,
    server::{Database, TestServer},
    visitor::{Visitor, http},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    what_another_model_embedded_is_embedded_again_and_found_by_meaning,
    an_assistant_leaves_what_another_model_embedded_to_a_server_that_may_come_back,
    until_all_are_embedded_again_both_models_are_asked,
    where_the_model_before_is_not_at_hand_answers_say_so,
    a_kill_amid_it_loses_nothing_and_all_is_found_before_and_after
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

/// The tiny model knows few words: to it these two mean the same. They share none.
const KITTEN: &str = "the scarlet kitten";
const CAT: &str = "a red cat";

const TEA: &str = "Every morning I drink a hot cup of Earl Grey.";

async fn tool(server: &str, token: &str, tool: &str, data: Value) -> Value {
    let (status, answer) = call(server, token, tool, data).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn texts(answer: &Value) -> Vec<&str> {
    let memories = answer["memories"].as_array().into_iter().flatten();
    memories
        .filter_map(|memory| memory["text"].as_str())
        .collect()
}

fn codes(answer: &Value) -> Vec<&str> {
    let notices = answer["notices"].as_array().into_iter().flatten();
    notices
        .filter_map(|notice| notice["code"].as_str())
        .collect()
}

/// A server with the tiny model and three memories of one person.
async fn with_the_tiny_model(database: Database) -> (TestServer, String) {
    let server = TestServer::on(database).await.with_embedder(tiny()).await;
    let application = server.application().await;
    let mut person = server.person("spot").await;
    let token = application.connect(&mut person).await.access;
    for text in ["the crimson hound", KITTEN, "the scarlet puppy"] {
        tool(&server.base, &token, "submit_memory", json!({"text": text})).await;
    }
    (server, token)
}

async fn until_all_are_embedded_again_both_models_are_asked(database: Database) {
    let (server, token) = with_the_tiny_model(database).await;
    let server = server.with_models(e5(), previous).await;
    let (base, app) = (&server.base, &server.app);
    let ask = async |tool_name, data| {
        let answer = tool(base, &token, tool_name, data).await;
        assert_eq!(codes(&answer), Vec::<&str>::new(), "{answer}");
        answer
    };
    ask("submit_memory", json!({"text": TEA})).await;
    let both = async || {
        // No word of the second is known to the tiny model, which then means nothing by
        // how close it finds something.
        for (query, text, limit) in [
            (CAT, KITTEN, 1),
            ("Which beverage is my favourite?", TEA, 2),
        ] {
            let best = json!({"query": query, "limit": limit});
            assert!(texts(&ask("query_memory", best).await).contains(&text));
            let best = json!({"user_id": "spot", "prompt": query, "limit": limit});
            assert!(texts(&ask("query_user", best).await).contains(&text));
        }
        let all = ask("query_memory", json!({"query": CAT, "limit": 10})).await;
        let found: BTreeSet<_> = texts(&all).into_iter().map(str::to_owned).collect();
        assert_eq!((texts(&all).len(), found.len()), (4, 4), "{all}");
        let scores: Vec<_> = all["memories"].as_array().expect("a list").iter().collect();
        let scores = scores.iter().map(|memory| memory["score"].as_f64());
        assert!(scores.is_sorted_by(|a, b| a >= b), "{all}");
    };
    both().await;
    let over_mcp = json!({"query": CAT, "limit": 1});
    let over_mcp = call_over_mcp(base, &token, "query_memory", over_mcp).await;
    assert_eq!(texts(&over_mcp["structuredContent"]), [KITTEN]);
    let telling = ask("query_user", json!({"user_id": "spot", "limit": 3})).await;
    assert_eq!((texts(&telling).len(), &telling["total"]), (3, &json!(4)));

    // What only texts can tell, and what changes meanwhile.
    for (query, expected) in [
        ("\"scarlet kitten\"", vec![KITTEN]),
        ("\"cup of\"", vec![TEA]),
    ] {
        let exact = ask("query_memory", json!({"query": query})).await;
        assert_eq!(texts(&exact), expected);
    }
    let without = ask("query_memory", json!({"query": "cat -kitten"})).await;
    assert!(texts(&without).len() == 3 && !texts(&without).contains(&KITTEN));
    let hound = ask("query_memory", json!({"query": "\"crimson hound\""})).await;
    let hound = &hound["memories"][0]["id"];
    let ship = json!({"memory_id": hound, "text": "Our starship is the Enterprise."});
    ask("update_memory", ship).await;
    let vessel = json!({"query": "What is the name of the vessel?", "limit": 2});
    let vessel = ask("query_memory", vessel).await;
    assert!(texts(&vessel).contains(&"Our starship is the Enterprise."));
    both().await;
    let puppy = ask("query_memory", json!({"query": "\"scarlet puppy\""})).await;
    let puppy = json!({"memory_id": puppy["memories"][0]["id"]});
    ask("delete_memory", puppy).await;
    let found = ask("query_memory", json!({"query": "a crimson dog"})).await;
    assert_eq!(texts(&found).len(), 3, "{found}");
    assert!(!texts(&found).contains(&"the scarlet puppy"));
    ask("submit_memory", json!({"text": "the puppy"})).await;

    let renewed = app.renew_vectors().await.expect("it goes through");
    assert_eq!(renewed, Renewed::All(1), "only the kitten was left");
    both().await;
    let again = app.renew_vectors().await.expect("nothing is left");
    assert_eq!(again, Renewed::All(0));
}

async fn where_the_model_before_is_not_at_hand_answers_say_so(database: Database) {
    let (server, token) = with_the_tiny_model(database).await;
    let server = server.with_embedder(e5()).await;
    let ask = async |name, data| tool(&server.base, &token, name, data).await;
    let words = json!({"query": "kitten", "limit": 1});
    let found = ask("query_memory", words.clone()).await;
    assert_eq!(
        (texts(&found), codes(&found)),
        (vec![KITTEN], vec!["reembedding"])
    );
    let persona = json!({"user_id": "spot", "prompt": "kitten"});
    assert_eq!(codes(&ask("query_user", persona).await), ["reembedding"]);
    let all = ask("query_user", json!({"user_id": "spot"})).await;
    assert_eq!(codes(&all), Vec::<&str>::new(), "nothing was searched");
    let renewed = server.app.renew_vectors().await.expect("it goes through");
    assert_eq!(renewed, Renewed::All(3));
    let found = ask("query_memory", words).await;
    assert_eq!((texts(&found), codes(&found)), (vec![KITTEN], vec![]));
}

/// Enough that the model in the binary needs a while for them.
const LOG_ENTRIES: usize = 300;

/// How many memories are left with vectors of the tiny model, and how many have others.
async fn left_and_done(db: &Db) -> (u64, u64) {
    let models = outdated::models(db).await.expect("they are counted");
    let (left, done): (Vec<_>, Vec<_>) = models
        .into_iter()
        .partition(|(name, _)| name.starts_with("tiny/"));
    let sum = |of: Vec<(String, u64)>| of.iter().map(|(_, count)| count).sum();
    (sum(left), sum(done))
}

/// Waits until it is so, for five minutes at most.
async fn until(db: &Db, is_so: impl Fn(u64, u64) -> bool) {
    for _ in 0..6_000 {
        let (left, done) = left_and_done(db).await;
        if is_so(left, done) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never comes to that");
}

async fn finds_the_kitten(up: &Up, tokens: &Tokens) {
    let cat = json!({"query": CAT, "limit": 1});
    let found = tool(&up.server, &tokens.access, "query_memory", cat).await;
    assert_eq!((texts(&found), codes(&found)), (vec![KITTEN], vec![]));
}

async fn every_text(up: &Up, tokens: &Tokens) -> Vec<String> {
    let persona = json!({"user_id": "data"});
    let all = tool(&up.server, &tokens.access, "query_user", persona).await;
    let mut all: Vec<String> = texts(&all).into_iter().map(str::to_owned).collect();
    all.sort_unstable();
    all
}

async fn a_kill_amid_it_loses_nothing_and_all_is_found_before_and_after(database: Database) {
    let folder = tiny_folder();
    let folder = folder.to_str().expect("a plain path");
    let installation = Installation::on(database)
        .await
        .setting("PICARD_MODEL_DIR", folder);
    let up = installation.start();
    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("data", "tea, earl grey, hot").await;
    let tokens = application.connect(&mut person).await;
    let entry = |n: usize| {
        let more = "the crew looked after the engines and the shields held ".repeat(6);
        json!({"text": format!("Log entry {n}: {more}")}).to_string()
    };
    // The last to have its turn.
    let lines = (0..LOG_ENTRIES).map(entry);
    let lines = lines.chain([json!({"text": KITTEN}).to_string()]);
    let import = http()
        .post(format!("{}/api/import", up.server))
        .bearer_auth(&tokens.access)
        .header("content-type", "application/x-ndjson")
        .body(lines.collect::<Vec<_>>().join("\n"));
    let imported = import.send().await.expect("an answer");
    assert_eq!(imported.status(), 200);
    finds_the_kitten(&up, &tokens).await;
    let all = every_text(&up, &tokens).await;
    assert_eq!(all.len(), LOG_ENTRIES + 1);

    // Another model, with the one before at hand.
    let installation = installation
        .setting("PICARD_MODEL_DIR", "")
        .setting("PICARD_PREVIOUS_MODEL_DIR", folder);
    let up = installation.restart_after(up, |up| assert!(up.stop().success()));
    let db = Db::open(&installation.server_address(), &Options::default()).await;
    let db = db.expect("the database opens beside it");
    until(&db, |left, done| left > 0 && done > 0).await;
    finds_the_kitten(&up, &tokens).await;

    let up = installation.restart_after(up, Up::kill);
    // Nobody goes on as long as the lease of the one that was killed lasts.
    let (left, done) = left_and_done(&db).await;
    assert!(
        left > 0 && done > 0,
        "it was killed amid it: {left}, {done}"
    );
    finds_the_kitten(&up, &tokens).await;
    assert_eq!(every_text(&up, &tokens).await, all);
    let doctor = said(&installation.run(&["doctor", "--of", "server"], ""));
    assert!(
        doctor.contains(" left (") && doctor.contains(" by tiny/"),
        "{doctor}"
    );

    until(&db, |left, _| left == 0).await;
    finds_the_kitten(&up, &tokens).await;
    assert_eq!(every_text(&up, &tokens).await, all);
    let doctor = said(&installation.run(&["doctor", "--of", "server"], ""));
    let counted = format!("{} by the model, none left", LOG_ENTRIES + 1);
    assert!(doctor.contains(&counted), "{doctor}");
    db.close().await;
    assert!(up.stop().success());
}

fn tiny_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/embed/tests/fixtures/tiny")
}

fn tiny() -> Arc<dyn Embedder> {
    Arc::new(OnnxModel::from_dir(&tiny_folder()).expect("the model loads"))
}

fn previous() -> Vec<LoadModel> {
    let load = || load_dir(&tiny_folder()).map_err(|error| error.to_string());
    vec![Box::new(load)]
}

fn e5() -> Arc<dyn Embedder> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/multilingual-e5-small");
    Arc::new(E5::from_dir(&folder).expect("the model loads"))
}
