//! A memory that was written at one node, as the others see it.

use std::sync::atomic::{AtomicUsize, Ordering};

use picard_tests::{
    application::{Tokens, call, call_over_mcp},
    nodes::Nodes,
};
use serde_json::{Value, json};

use super::{nodes, texts};

/// A writer and a reader, both at every node.
struct Two {
    nodes: Nodes,
    writer: Tokens,
    reader: Tokens,
}

/// What there is to be seen of the writer's memories at a node.
#[derive(Debug, PartialEq)]
struct View {
    /// By its owner, in each of the ways that there are to ask.
    own: Vec<String>,
    /// By another person.
    others: Vec<String>,
}

fn view(own: &[&str], others: &[&str]) -> View {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    View {
        own: owned(own),
        others: owned(others),
    }
}

impl Two {
    async fn at(count: usize) -> Self {
        let nodes = nodes(count).await;
        let application = nodes.application(0).await;
        let mut writer = nodes.person(0, "data").await;
        let writer = application.connect(&mut writer).await;
        let mut reader = nodes.person(1, "geordi").await;
        let reader = application.connect(&mut reader).await;
        Self {
            nodes,
            writer,
            reader,
        }
    }

    /// Writes at a node.
    async fn write(&self, node: usize, tool: &str, data: Value) -> Value {
        let (status, answer) = call(self.nodes.at(node), &self.writer.access, tool, data).await;
        assert_eq!(status, 200, "{tool}: {answer}");
        answer
    }

    /// Asks a node in every way, which have to agree.
    async fn seen(&self, node: usize) -> View {
        let base = self.nodes.at(node);
        let ask = async |token: &str, tool: &str, data: Value| {
            let (status, answer) = call(base, token, tool, data).await;
            assert_eq!(status, 200, "{tool}: {answer}");
            texts(&answer)
        };
        let query = "What does the cat eat?";
        let own = &self.writer.access;
        // The search comes first: the others do not bring the partition up to date.
        let found = ask(own, "query_memory", json!({"query": query})).await;
        let over_mcp = texts(&over_mcp(base, own, json!({"query": query})).await);
        let persona = json!({"user_id": "data", "prompt": query});
        for (what, texts) in [
            ("over MCP", over_mcp),
            ("persona", ask(own, "query_user", persona.clone()).await),
            ("list", ask(own, "get_memories", json!({})).await),
        ] {
            assert_eq!(texts, found, "{what}");
        }
        let other = &self.reader.access;
        let others = ask(other, "query_user", persona).await;
        let data = json!({"user_id": "data"});
        for (what, tool) in [("everything", "query_user"), ("list", "get_memories")] {
            assert_eq!(ask(other, tool, data.clone()).await, others, "{what}");
        }
        View { own: found, others }
    }

    /// Every other node has it in the next request.
    async fn everywhere_but(&self, writer: usize, expected: &View) {
        for node in (0..self.nodes.all().len()).filter(|node| *node != writer) {
            assert_eq!(
                &self.seen(node).await,
                expected,
                "written at {writer}, seen at {node}"
            );
        }
    }
}

/// Calls `query_memory` over MCP.
async fn over_mcp(base: &str, token: &str, arguments: Value) -> Value {
    let result = call_over_mcp(base, token, "query_memory", arguments).await;
    let result = &result["structuredContent"];
    assert!(result.is_object(), "{result}");
    result.clone()
}

/// The whole life of a memory, each step at another node than the one before.
#[tokio::test]
async fn a_change_at_one_node_is_in_the_next_answer_of_every_other() {
    for count in [2, 3] {
        let two = Two::at(count).await;
        let nothing = view(&[], &[]);
        two.everywhere_but(count, &nothing).await;
        for at in 0..count {
            let next = (at + 1) % count;
            let submit = json!({"text": "My cat Spot eats tuna."});
            let memory = two.write(at, "submit_memory", submit).await;
            let id = &memory["id"];
            let private = view(&["My cat Spot eats tuna."], &[]);
            two.everywhere_but(at, &private).await;

            let permit = |permission: &str| json!({"memory_id": id, "permission": permission});
            two.write(next, "modify_permissions", permit("public"))
                .await;
            let public = view(&["My cat Spot eats tuna."], &["My cat Spot eats tuna."]);
            two.everywhere_but(next, &public).await;

            let change = json!({"memory_id": id, "text": "My cat Spot eats salmon."});
            two.write(at, "update_memory", change).await;
            let changed = view(&["My cat Spot eats salmon."], &["My cat Spot eats salmon."]);
            two.everywhere_but(at, &changed).await;

            two.write(next, "modify_permissions", permit("private"))
                .await;
            let hidden = view(&["My cat Spot eats salmon."], &[]);
            two.everywhere_but(next, &hidden).await;

            two.write(at, "delete_memory", json!({"memory_id": id}))
                .await;
            two.everywhere_but(at, &nothing).await;
        }
    }
}

#[tokio::test]
async fn an_expiry_that_one_node_sets_and_clears_counts_at_the_other() {
    let two = Two::at(2).await;
    let submit = json!({"text": "Dinner for the cat is at eight.", "permission": "public"});
    let memory = two.write(0, "submit_memory", submit).await;
    let there = view(
        &["Dinner for the cat is at eight."],
        &["Dinner for the cat is at eight."],
    );
    two.everywhere_but(0, &there).await;
    let expire = |end: Value| json!({"memory_id": memory["id"], "expiration_date": end});
    two.write(0, "update_memory", expire(json!("2020-01-01")))
        .await;
    two.everywhere_but(0, &view(&[], &[])).await;
    two.write(1, "update_memory", expire(json!("2999-01-01")))
        .await;
    two.everywhere_but(1, &there).await;
    two.write(0, "update_memory", expire(json!(null))).await;
    two.everywhere_but(0, &there).await;
}

#[tokio::test]
async fn what_a_command_imports_beside_the_nodes_is_found_on_each() {
    let two = Two::at(2).await;
    let imported = view(
        &["Spot eats feline supplement 74.", "Spot is orange."],
        &["Spot is orange."],
    );
    two.everywhere_but(2, &view(&[], &[])).await;
    let lines = "{\"text\": \"Spot eats feline supplement 74.\"}\n\
         {\"text\": \"Spot is orange.\", \"permission\": \"public\"}\n";
    let import = || {
        let done = two
            .nodes
            .shared
            .run(&["import", "--user", "data", "-"], lines);
        done.expect("imported");
    };
    import();
    two.everywhere_but(2, &imported).await;

    // A memory that comes back under its own id is there again where it was forgotten.
    let exported = two.nodes.shared.run(&["export", "--user", "data"], "");
    let (_, list) = call(
        two.nodes.at(0),
        &two.writer.access,
        "get_memories",
        json!({"permission": "private"}),
    )
    .await;
    let id = &list["memories"][0]["id"];
    two.write(0, "delete_memory", json!({"memory_id": id}))
        .await;
    two.everywhere_but(0, &view(&["Spot is orange."], &["Spot is orange."]))
        .await;
    let back = two.nodes.shared.run(
        &["import", "--user", "data", "-"],
        &exported.expect("exported"),
    );
    back.expect("imported again");
    two.everywhere_but(2, &imported).await;
}

#[tokio::test]
async fn a_list_that_one_node_began_is_continued_by_another() {
    let two = Two::at(3).await;
    for n in 0..6 {
        two.write(
            n,
            "submit_memory",
            json!({"text": format!("Entry {n} of the log")}),
        )
        .await;
    }
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    for node in 0..3 {
        let page = two
            .write(node, "get_memories", json!({"limit": 2, "cursor": cursor}))
            .await;
        seen.extend(texts(&page));
        cursor = page["next_cursor"].clone();
    }
    assert!(cursor.is_null());
    seen.sort();
    let all: Vec<_> = (0..6).map(|n| format!("Entry {n} of the log")).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn of_changes_at_several_nodes_at_once_each_is_done_or_told_of_the_conflict() {
    let two = Two::at(3).await;
    let memory = two
        .write(0, "submit_memory", json!({"text": "take 0"}))
        .await;
    for round in 0..5 {
        let changes = (0..6).map(|n| {
            let text = format!("round {round}, take {n}");
            let data = json!({"memory_id": memory["id"], "text": text});
            call(two.nodes.at(n), &two.writer.access, "update_memory", data)
        });
        let outcomes = futures::future::join_all(changes).await;
        let done: Vec<_> = outcomes
            .iter()
            .filter(|(status, _)| *status == 200)
            .map(|(_, memory)| memory["text"].as_str().expect("a text").to_owned())
            .collect();
        assert!(
            outcomes
                .iter()
                .all(|(status, _)| [200, 409].contains(status)),
            "{outcomes:?}"
        );
        let last = two.seen(0).await;
        assert!(done.contains(&last.own[0]), "{last:?}, {done:?}");
        two.everywhere_but(0, &last).await;
    }
}

/// Whoever counts first and then takes so many loses the oldest to one that is written meanwhile.
#[tokio::test]
async fn a_persona_that_is_asked_for_while_its_owner_writes_lacks_nothing() {
    let two = Two::at(2).await;
    let submit = |n: usize| json!({"text": format!("Entry {n}"), "permission": "public"});
    two.write(0, "submit_memory", submit(0)).await;
    let written = AtomicUsize::new(1);
    let writing = async {
        for n in 1..60 {
            two.write(0, "submit_memory", submit(n)).await;
            written.fetch_add(1, Ordering::SeqCst);
        }
    };
    let asking = async {
        while written.load(Ordering::SeqCst) < 60 {
            for prompt in [Value::Null, json!("the first entry")] {
                let before = written.load(Ordering::SeqCst);
                let ask = json!({"user_id": "data", "prompt": prompt});
                let (status, found) =
                    call(two.nodes.at(1), &two.reader.access, "query_user", ask).await;
                assert_eq!(status, 200, "{found}");
                let texts = texts(&found);
                assert_eq!(found["total"], json!(texts.len()));
                for n in 0..before {
                    let entry = format!("Entry {n}");
                    assert!(texts.contains(&entry), "{entry} of {before} is missing");
                }
            }
        }
    };
    futures::join!(writing, asking);
}
