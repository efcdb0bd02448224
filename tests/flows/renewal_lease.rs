//! Who embeds again what another model embedded: one node at a time, for as long as it
//! is at work, and another one when it has come to a halt.

use std::sync::Arc;

use picard_app::Renewed;
use picard_domain::Span;
use picard_sql::{Db, sql};
use picard_testkit::HeldEmbedder;
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::json;

picard_tests::on_both!(
    a_node_that_embeds_for_long_keeps_the_work,
    the_work_of_a_node_that_stands_still_is_taken_over_and_it_stops
);

/// More than are read at once.
const MEMORIES: usize = 70;

/// A server with memories of another model than the nodes that are made beside it.
async fn server(database: Database) -> TestServer {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let mut person = server.person("worf").await;
    let token = application.connect(&mut person).await.access;
    for n in 0..MEMORIES {
        let memory = json!({"text": format!("gagh{n}")});
        let (status, answer) = call(&server.base, &token, "submit_memory", memory).await;
        assert_eq!(status, 200, "{answer}");
    }
    server
}

/// A node whose model waits to be let on: the first time to say that it computes.
async fn node(server: &TestServer) -> (TestServer, Arc<HeldEmbedder>) {
    let model = Arc::new(HeldEmbedder::new(1));
    let node = server.with_embedder(model.clone()).await;
    model.let_on(1);
    (node, model)
}

/// Until when somebody has the work, as microseconds of the clock.
async fn lease(db: &Db) -> i64 {
    let lease = sql!("SELECT expires_at FROM leases WHERE name = 'renewal'");
    let (until,): (i64,) = db.one(lease).await.expect("it is taken");
    until
}

async fn renew(node: &TestServer) -> Renewed {
    node.app.renew_vectors().await.expect("it goes through")
}

async fn a_node_that_embeds_for_long_keeps_the_work(database: Database) {
    let server = server(database).await;
    let (node, model) = node(&server).await;
    let db = server.database().await;
    let (other, others) = self::node(&server).await;
    let began = server.app.now();
    let app = node.app.clone();
    let renewing = tokio::spawn(async move { app.renew_vectors().await });
    // Behind the first sixty-four it says again that it is at work.
    model.begun(2).await;
    assert_eq!(lease(&db).await, (began + Span::seconds(30)).micros());
    server.clock.advance(Span::seconds(29));
    model.let_on(64);
    model.begun(1 + 64 + 1).await;
    let kept = began + Span::seconds(29 + 30);
    assert_eq!(lease(&db).await, kept.micros());
    server.clock.advance(Span::seconds(29));
    assert_eq!(renew(&other).await, Renewed::Elsewhere);
    assert_eq!(
        others.begun(1).await.len(),
        1,
        "it only tried its model out"
    );

    // Also amid a memory that takes long: every ten seconds.
    for _ in 0..4_000 {
        if lease(&db).await > kept.micros() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(lease(&db).await, (kept + Span::seconds(29)).micros());
    model.let_on(MEMORIES);
    let renewed = renewing.await.expect("no panic").expect("it goes through");
    assert_eq!(renewed, Renewed::All(MEMORIES));
    assert_eq!(lease(&db).await, server.app.now().micros(), "it let go");
    db.close().await;
}

async fn the_work_of_a_node_that_stands_still_is_taken_over_and_it_stops(database: Database) {
    let server = server(database).await;
    let (node, model) = node(&server).await;
    let (other, others) = self::node(&server).await;
    let app = node.app.clone();
    let renewing = tokio::spawn(async move { app.renew_vectors().await });
    model.begun(2).await;
    server.clock.advance(Span::seconds(30));
    let app = other.app.clone();
    let taking_over = tokio::spawn(async move { app.renew_vectors().await });
    others.begun(2).await;
    // It moves again, and finds that the work is not its own any more.
    model.let_on(MEMORIES);
    let renewed = renewing.await.expect("no panic").expect("it goes through");
    assert_eq!(renewed, Renewed::Elsewhere);
    let begun = model.begun(1).await.len();
    assert!(begun <= 1 + 64, "it went on: {begun}");
    others.let_on(MEMORIES + 1);
    let renewed = taking_over.await.expect("no panic");
    let Renewed::All(second) = renewed.expect("it goes through") else {
        panic!("the other one has it");
    };
    assert!((MEMORIES - 64..=MEMORIES).contains(&second), "{second}");
    assert_eq!(renew(&other).await, Renewed::All(0));
}
