//! A person's partition comes into memory in many stretches, and whatever happens
//! on the way it holds what the person has.

use std::task::Poll;

use futures::{FutureExt as _, poll};
use picard_app::{Access, App, Found, ImportMode, Incoming, ParsedQuery, Read, Recall, Write};
use picard_domain::{MemoryFilter, PageSize, Plaintext};
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::json;

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread")]
    many_memories_are_found_however_often_the_first_question_is_broken_off
);

/// More than a handful of stretches, and the last one not full.
const MEMORIES: usize = 2_700;

async fn owner(app: &App) -> Access {
    let handle = "jean-luc".parse().expect("a handle");
    app.owner_of(&handle).await.expect("the person is known")
}

async fn ask(app: &App, access: &Access, query: &str) -> Vec<Found> {
    let recall = Recall {
        query: ParsedQuery::literal(Plaintext::new(query.to_owned())),
        limit: PageSize::new(1).expect("a page"),
        filter: MemoryFilter::default(),
    };
    let caller = access.clone().authorize::<Read>().expect("it may");
    let answer = app.recall(&caller, recall).await;
    answer.expect("it is answered").memories
}

async fn many_memories_are_found_however_often_the_first_question_is_broken_off(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("jean-luc").await)
        .await
        .access;
    let caller = owner(&server.app).await.authorize::<Write>().expect("may");
    let import = server.app.importer(&caller, ImportMode::Store).await;
    let mut import = import.expect("an import begins");
    let line = |n: usize| {
        let line = format!(r#"{{"text":"deck{n} has the berth{n}","id":"{}"}}"#, id(n));
        let line = Incoming::parse(line.as_bytes(), server.app.now());
        line.expect("taken").expect("a memory")
    };
    let lines: Vec<Incoming> = (0..MEMORIES).map(line).collect();
    for lines in lines.chunks(300) {
        import.take(lines).await.expect("they are stored");
    }

    // Another node has none of them in memory. Whoever asks it first hangs up, each a
    // little later than the one before, and amid that memories change and go.
    let node = server.another_node().await;
    let mut answered = false;
    for patience in 0..400 {
        let access = owner(&node.app).await;
        let mut question = Box::pin(ask(&node.app, &access, "berth7").map(drop));
        for _ in 0..patience {
            answered = poll!(question.as_mut()) == Poll::Ready(());
            if answered {
                break;
            }
            tokio::task::yield_now().await;
        }
        if answered {
            break;
        }
        if patience % 7 == 0 {
            let gone = json!({"memory_id": id(1_500 + patience)});
            let (status, answer) = call(&server.base, &token, "delete_memory", gone).await;
            assert_eq!(status, 200, "{answer}");
            let changed =
                json!({"memory_id": id(1_000 + patience), "text": format!("orlop{patience}")});
            let (status, answer) = call(&server.base, &token, "update_memory", changed).await;
            assert_eq!(status, 200, "{answer}");
        }
    }

    let access = owner(&node.app).await;
    for n in [0, 5, 255, 256, 257, 511, 999, 2_047, MEMORIES - 1] {
        let found = ask(&node.app, &access, &format!("berth{n}")).await;
        let text = found[0].memory.text.expose();
        assert_eq!(text, format!("deck{n} has the berth{n}"));
    }
    let found = ask(&node.app, &access, "orlop0").await;
    assert_eq!(found[0].memory.text.expose(), "orlop0");
    let found = ask(&node.app, &access, "berth1500").await;
    assert_ne!(found[0].memory.text.expose(), "deck1500 has the berth1500");
    // The other node, which was told of each change, finds the same.
    for question in ["berth1500", "orlop0", "berth1000", "deck2699"] {
        let here = ask(&node.app, &access, question).await;
        let there = ask(&server.app, &owner(&server.app).await, question).await;
        assert_eq!(here[0].memory.id, there[0].memory.id, "{question}");
    }
}

fn id(n: usize) -> String {
    format!("0198c0de-0000-7000-8000-{n:012x}")
}
