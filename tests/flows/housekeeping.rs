//! What ended is cleared, and what is in use stays.

use std::task::Poll;

use futures::poll;
use picard_domain::Span;
use picard_sql::{Db, sql, transaction};
use picard_tests::{
    application::{call, post_form},
    server::{Database, TestServer},
};
use serde_json::json;

picard_tests::on_both!(
    what_ended_is_cleared_and_what_is_in_use_stays,
    one_node_at_a_time_clears_and_another_takes_over_when_it_is_gone,
    a_node_that_clears_for_long_keeps_its_turn,
    a_node_whose_turn_lapsed_amid_clearing_leaves_the_rest_to_the_next
);

/// Leaves behind one of each kind: a connection that is used no more, with its
/// code, tokens, consent page and session, and a failed log-in.
async fn used_once(server: &TestServer) {
    let application = server.application().await;
    let mut kira = server.person("kira").await;
    let tokens = application.connect(&mut kira).await;
    let url = format!("{}/oauth/token", server.base);
    let renewed = post_form(&url, &application.refresh(&tokens.refresh)).await;
    assert_eq!(renewed.status, 200);
    let mut stranger = server.visitor();
    stranger.log_in("kira", "not the password").await;
}

async fn what_ended_is_cleared_and_what_is_in_use_stays(database: Database) {
    let server = TestServer::on(database).await;
    used_once(&server).await;
    let application = server.application().await;
    let odo = application.connect(&mut server.person("odo").await).await;
    let list = || call(&server.base, &odo.access, "get_memories", json!({}));
    assert_eq!(list().await.0, 200);
    let nothing = server.app.keep_house().await.expect("it runs");
    assert_eq!(nothing.expect("it is free").0, []);
    assert_eq!(list().await.0, 200, "what is in use stays");

    server.clock.advance(Span::days(40));
    let cleared = server.app.keep_house().await.expect("it runs");
    let cleared = cleared.expect("the last turn has ended").0;
    let kinds: Vec<_> = cleared.iter().map(|(what, _)| *what).collect();
    assert_eq!(
        kinds,
        [
            "codes",
            "access tokens",
            "refresh tokens",
            "sessions",
            "consent pages",
            "counters of guesses",
            "dead grants",
        ]
    );
    assert!(cleared.contains(&("dead grants", 2)), "{cleared:?}");
    server.clock.advance(Span::hours(1));
    let again = server.app.keep_house().await.expect("it runs");
    assert_eq!(again.expect("it is free").0, [], "nothing is left");
}

async fn one_node_at_a_time_clears_and_another_takes_over_when_it_is_gone(database: Database) {
    let server = TestServer::on(database).await;
    let other = server.another_node().await;
    let clears = async |node: &TestServer| node.app.keep_house().await.expect("it runs").is_some();
    assert!(clears(&server).await);
    assert!(!clears(&other).await);
    // The next turn is ten minutes after the beginning of the last one.
    server.clock.advance(Span::seconds(599));
    assert!(
        clears(&server).await,
        "a node alone clears in each of its turns"
    );
    server.clock.advance(Span::seconds(599));
    assert!(!clears(&other).await);
    server.clock.advance(Span::seconds(1));
    assert!(clears(&other).await);
    assert!(!clears(&server).await);
}

/// Several batches.
const ATTEMPTS: i64 = 2_700;

/// Puts in counters of guesses that ended long ago.
async fn many_attempts(db: &Db) {
    let filled: Result<_, picard_sql::Error> = transaction!(db, |tx| {
        for n in 0..ATTEMPTS {
            let insert = sql!(
                "INSERT INTO attempts (key, failures, window_start) VALUES ($1, 1, 1)",
                n.to_string(),
            );
            tx.execute(insert).await?;
        }
    });
    filled.expect("filled");
}

async fn attempts_left(db: &Db) -> i64 {
    let (left,): (i64,) = db
        .one(sql!("SELECT count(*) FROM attempts"))
        .await
        .expect("counted");
    left
}

/// Until when somebody keeps house, as microseconds of the clock.
async fn lease(db: &Db) -> i64 {
    let lease = sql!("SELECT expires_at FROM leases WHERE name = 'housekeeping'");
    let (until,): (i64,) = db.one(lease).await.expect("it is taken");
    until
}

/// Clears as the node whose turn it is; returns how many rows.
async fn clear(node: &TestServer) -> u64 {
    let cleared = node.app.keep_house().await.expect("it runs");
    let cleared = cleared.expect("it is its turn").0;
    cleared.iter().map(|(_, rows)| rows).sum()
}

/// Lets a node go on until something is so: what follows happens amid its work, which
/// waits until it is polled again.
async fn poll_until(work: &mut (impl Future<Output = u64> + Unpin), is_so: impl AsyncFn() -> bool) {
    for _ in 0..1_000_000 {
        if is_so().await {
            return;
        }
        assert_eq!(poll!(&mut *work), Poll::Pending, "it is through");
        tokio::task::yield_now().await;
    }
    panic!("it is never so");
}

async fn a_node_that_clears_for_long_keeps_its_turn(database: Database) {
    let server = TestServer::on(database).await;
    let other = server.another_node().await;
    let db = server.database().await;
    many_attempts(&db).await;
    let mut clearing = Box::pin(clear(&server));
    for batches in 1..=4 {
        let below = ATTEMPTS - batches * 500;
        poll_until(&mut clearing, async || attempts_left(&db).await <= below).await;
        // Four of them take longer than a turn.
        server.clock.advance(Span::minutes(4));
        let left = other.app.keep_house().await.expect("it runs");
        assert_eq!(left, None, "its turn goes on: {batches}");
    }
    assert_eq!(clearing.await, ATTEMPTS as u64);
    let ends = (server.app.now() + Span::minutes(10)).micros();
    assert_eq!((attempts_left(&db).await, lease(&db).await), (0, ends));
    db.close().await;
}

async fn a_node_whose_turn_lapsed_amid_clearing_leaves_the_rest_to_the_next(database: Database) {
    let server = TestServer::on(database).await;
    let other = server.another_node().await;
    let db = server.database().await;
    many_attempts(&db).await;
    let mut clearing = Box::pin(clear(&server));
    poll_until(&mut clearing, async || attempts_left(&db).await < ATTEMPTS).await;
    // It stood still for as long as its turn lasts, and the next one began.
    server.clock.advance(Span::minutes(10));
    let ends = (server.app.now() + Span::minutes(10)).micros();
    let mut next = Box::pin(clear(&other));
    poll_until(&mut next, async || lease(&db).await == ends).await;
    let first = clearing.await;
    assert!(
        attempts_left(&db).await > 0,
        "the rest is not its own any more"
    );
    assert_eq!(first + next.await, ATTEMPTS as u64);
    assert_eq!(attempts_left(&db).await, 0);
    db.close().await;
}
