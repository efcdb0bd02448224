//! Nobody's applications take the whole server (row M36).

use std::num::NonZeroU32;

use picard_domain::Span;
use picard_server::Config;
use picard_tests::{
    server::{Database, TestServer},
    table::Table,
};
use reqwest::Method;
use serde_json::json;

use crate::rig::{Peer, in_short, json_of, read};

picard_tests::on_both!(
    calls_are_let_through_in_bursts_and_then_at_their_pace,
    the_harness_of_the_other_tests_is_not_paced
);

/// How often a call passes until the first that does not; and that one.
async fn until_refused(peer: &Peer, over_rest: bool) -> (usize, picard_tests::visitor::Page) {
    for passed in 0..1000 {
        let request = if over_rest {
            peer.request(Method::POST, "/api/tools")
                .json(&json!({"tool": "get_memories", "data": {}}))
        } else {
            peer.modern(
                "tools/call",
                json!({"name": "get_memories", "arguments": {}}),
            )
        };
        let answer = read(request).await;
        if answer.status != 200 {
            return (passed, answer);
        }
    }
    panic!("nothing is refused");
}

async fn calls_are_let_through_in_bursts_and_then_at_their_pace(database: Database) {
    let server = TestServer::configured_on(database, |config| Config {
        calls_per_second: NonZeroU32::new(10).expect("not zero"),
        ..config
    })
    .await;
    let (peer, other) = (
        Peer::of(&server, "worf").await,
        Peer::of(&server, "data").await,
    );
    let mut table = Table::new("M36: ten calls a second, forty at once");

    let (passed, refused) = until_refused(&peer, false).await;
    table.row(
        "M36",
        "calls at once",
        "40 passed",
        format!("{passed} passed"),
    );
    table.row(
        "M36 status",
        "the next",
        "429 rate_limited",
        in_short(&refused),
    );
    table.row(
        "M36 retry",
        "Retry-After",
        "1",
        refused.header("retry-after"),
    );
    let rest = peer
        .request(Method::POST, "/api/tools")
        .json(&json!({"tool": "get_memories", "data": {}}));
    let got = in_short(&read(rest).await);
    table.row("M36 REST", "by the other way", "429 rate_limited", got);
    let uri = json!({"uri": "memories://recent"});
    let got = in_short(&read(peer.modern("resources/read", uri)).await);
    table.row(
        "M36 resources",
        "reading a resource",
        "429 rate_limited",
        got,
    );
    let list = in_short(&read(peer.modern("tools/list", json!({}))).await);
    table.row("M36 lists", "what is nobody's", "200", list);
    let (passed, _) = until_refused(&other, true).await;
    table.row(
        "M36 other",
        "another person",
        "40 passed",
        format!("{passed} passed"),
    );

    server.clock.advance(Span::seconds(2));
    let (passed, _) = until_refused(&peer, true).await;
    table.row(
        "M36 later",
        "two seconds later",
        "20 passed",
        format!("{passed} passed"),
    );
    table.assert();
}

async fn the_harness_of_the_other_tests_is_not_paced(database: Database) {
    let server = TestServer::on(database).await;
    let peer = Peer::of(&server, "worf").await;
    for _ in 0..300 {
        let answer = read(peer.modern("prompts/list", json!({}))).await;
        assert_eq!(answer.status, 200);
    }
    let answer = read(peer.modern("tools/call", json!({"name": "get_memories"}))).await;
    assert_eq!(json_of(&answer)["result"]["isError"], false);
}
