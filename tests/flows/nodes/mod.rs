//! Two and three nodes on one PostgreSQL: what one of them did, every other one
//! knows in the next request. Each test uses the other nodes just before, so
//! that whatever they keep in memory is there to be wrong.

mod access;
mod memories;
mod outage;
mod people;
mod races;

use picard_testkit::postgres;
use picard_tests::nodes::Nodes;
use serde_json::Value;

/// So many nodes on a fresh database.
async fn nodes(count: usize) -> Nodes {
    Nodes::start(count, postgres::create_database().await)
}

/// The status of a call that asks for the caller's memories.
async fn works(base: &str, token: &str) -> u16 {
    let all = serde_json::json!({});
    picard_tests::application::call(base, token, "get_memories", all)
        .await
        .0
}

/// The texts of a list of memories, sorted.
fn texts(answer: &Value) -> Vec<String> {
    let memories = answer["memories"].as_array().expect("a list");
    let texts = memories.iter().map(|memory| memory["text"].as_str());
    let mut texts: Vec<_> = texts.map(|text| text.expect("a text").to_owned()).collect();
    texts.sort();
    texts
}
