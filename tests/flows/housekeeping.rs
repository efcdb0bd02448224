//! What ended is cleared, and what is in use stays.

use picard_domain::Span;
use picard_tests::{
    application::{call, post_form},
    server::{Database, TestServer},
};
use serde_json::json;

picard_tests::on_both!(
    what_ended_is_cleared_and_what_is_in_use_stays,
    one_node_at_a_time_clears_and_another_takes_over_when_it_is_gone
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
