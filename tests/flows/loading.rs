//! A person's partition comes into memory in many stretches, and whatever happens
//! on the way it holds what the person has.

use std::pin::Pin;

use futures::{
    future::{join, join_all},
    poll,
};
use picard_app::{
    Access, App, Error, Found, ImportMode, Incoming, ParsedQuery, Read, Recall, Write,
};
use picard_domain::{MemoryFilter, PageSize, Plaintext};
use picard_metrics::render;
use picard_tests::{
    application::call,
    server::{Database, TestServer},
    visitor::Visitor,
};
use serde_json::json;

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread")]
    many_memories_are_found_however_often_the_first_question_is_broken_off,
    first_questions_at_once_load_a_partition_once_and_all_are_answered,
    what_goes_or_changes_amid_a_load_is_found_as_it_is_afterwards,
    an_account_that_is_deleted_amid_a_load_leaves_nothing_in_memory
);

/// More stretches than are on their way at once, and the last one not full.
const MEMORIES: usize = 4_300;

async fn owner(app: &App) -> Access {
    let handle = "jean-luc".parse().expect("a handle");
    app.owner_of(&handle).await.expect("the person is known")
}

async fn try_ask(app: &App, access: &Access, query: &str) -> Result<Vec<Found>, Error> {
    let recall = Recall {
        query: ParsedQuery::literal(Plaintext::new(query.to_owned())),
        limit: PageSize::new(1).expect("a page"),
        filter: MemoryFilter::default(),
    };
    let caller = access.clone().authorize::<Read>().expect("it may");
    Ok(app.recall(&caller, recall).await?.memories)
}

async fn ask(app: &App, access: &Access, query: &str) -> Vec<Found> {
    try_ask(app, access, query).await.expect("it is answered")
}

/// A server with many memories of one person, and a token of theirs.
async fn with_berths(database: Database) -> (TestServer, String) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let mut person = server.person("jean-luc").await;
    let token = application.connect(&mut person).await.access;
    let berths: Vec<_> = (0..MEMORIES).collect();
    import(&server, &berths).await;
    (server, token)
}

async fn import(server: &TestServer, berths: &[usize]) {
    let caller = owner(&server.app).await.authorize::<Write>().expect("may");
    let import = server.app.importer(&caller, ImportMode::Store).await;
    let mut import = import.expect("an import begins");
    let line = |n: &usize| {
        let line = format!(r#"{{"text":"deck{n} has the berth{n}","id":"{}"}}"#, id(*n));
        let line = Incoming::parse(line.as_bytes(), server.app.now());
        line.expect("taken").expect("a memory")
    };
    let lines: Vec<Incoming> = berths.iter().map(line).collect();
    for lines in lines.chunks(300) {
        import.take(lines).await.expect("they are stored");
    }
}

/// The value of a metric, 0 where nothing was counted yet.
fn metric(app: &App, name: &str) -> f64 {
    let told = render(app.observe());
    let line = told.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.map_or(0.0, |value| value.parse().expect("a number"))
}

const LOADS: &str = "picard_partition_updates_total{kind=\"load\"";
const RESIDENT: &str = "picard_partitions_resident";
const BYTES: &str = "picard_partition_resident_bytes";

/// Polls a first question until so many bytes of the partition are there: what follows
/// happens amid the load, which waits until it is polled again.
async fn poll_until<T>(app: &App, question: &mut Pin<Box<impl Future<Output = T>>>, bytes: f64) {
    for _ in 0..1_000_000 {
        assert!(poll!(question.as_mut()).is_pending(), "it is through");
        if metric(app, BYTES) >= bytes {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("there are never {bytes} bytes");
}

async fn many_memories_are_found_however_often_the_first_question_is_broken_off(
    database: Database,
) {
    let (server, token) = with_berths(database).await;
    ask(&server.app, &owner(&server.app).await, "berth7").await;
    let whole = metric(&server.app, BYTES);
    // Another node has none of them in memory. Whoever asks it first hangs up, each a
    // little later than the one before, and amid that memories change and go.
    let node = server.another_node().await;
    let mut broken_off = 0;
    for round in 0..8 {
        let access = owner(&node.app).await;
        let mut question = Box::pin(ask(&node.app, &access, "berth7"));
        poll_until(&node.app, &mut question, whole * f64::from(round) / 8.0).await;
        drop(question);
        let gone = json!({"memory_id": id(1_500 + round as usize)});
        let (status, answer) = call(&server.base, &token, "delete_memory", gone).await;
        assert_eq!(status, 200, "{answer}");
        let text = format!("the hold has orlop{round}");
        let changed = json!({"memory_id": id(1_000 + round as usize), "text": text});
        let (status, answer) = call(&server.base, &token, "update_memory", changed).await;
        assert_eq!(status, 200, "{answer}");
        broken_off += u64::from(metric(&node.app, LOADS) == 0.0);
    }
    // The last stretches are short: one of the later ones may have been through already.
    assert!(broken_off >= 4, "only {broken_off} hung up amid the load");

    let access = owner(&node.app).await;
    for n in [0, 5, 255, 256, 257, 511, 999, 2_047, MEMORIES - 1] {
        let found = ask(&node.app, &access, &format!("berth{n}")).await;
        let text = found[0].memory.text.expose();
        assert_eq!(text, format!("deck{n} has the berth{n}"));
    }
    let found = ask(&node.app, &access, "orlop0").await;
    assert_eq!(found[0].memory.text.expose(), "the hold has orlop0");
    let found = ask(&node.app, &access, "berth1500").await;
    assert_ne!(found[0].memory.text.expose(), "deck1500 has the berth1500");
    // The other node, which was told of each change, finds the same.
    for question in ["berth1500", "orlop0", "berth1000", "deck2699"] {
        let here = ask(&node.app, &access, question).await;
        let there = ask(&server.app, &owner(&server.app).await, question).await;
        assert_eq!(here[0].memory.id, there[0].memory.id, "{question}");
    }
}

async fn first_questions_at_once_load_a_partition_once_and_all_are_answered(database: Database) {
    let (server, token) = with_berths(database).await;
    let node = server.another_node().await;
    let access = owner(&node.app).await;
    let berths = [7, 300, 2_000, MEMORIES - 1];
    let ask_for = async |n: usize| {
        let found = ask(&node.app, &access, &format!("berth{n}")).await;
        assert_eq!(
            found[0].memory.text.expose(),
            format!("deck{n} has the berth{n}")
        );
    };
    let mut first = Box::pin(ask_for(berths[0]));
    poll_until(&node.app, &mut first, 1.0).await;
    join(first, join_all(berths.map(ask_for))).await;
    let (loads, resident) = (metric(&node.app, LOADS), metric(&node.app, RESIDENT));
    assert_eq!((loads as u64, resident as u64), (1, 1));

    // And a change is taken over, not loaded.
    let changed = json!({"memory_id": id(7), "text": "orlop7"});
    let (status, answer) = call(&server.base, &token, "update_memory", changed).await;
    assert_eq!(status, 200, "{answer}");
    let access = owner(&node.app).await;
    let again = async || ask(&node.app, &access, "orlop7").await;
    for found in join_all([again(), again()]).await {
        assert_eq!(found[0].memory.text.expose(), "orlop7");
    }
    let refreshes = metric(&node.app, "picard_partition_updates_total{kind=\"refresh\"");
    assert_eq!((metric(&node.app, LOADS) as u64, refreshes as u64), (1, 1));
}

async fn what_goes_or_changes_amid_a_load_is_found_as_it_is_afterwards(database: Database) {
    let (server, token) = with_berths(database).await;
    ask(&server.app, &owner(&server.app).await, "berth7").await;
    let whole = metric(&server.app, BYTES);
    let tell = async |tool: &str, data| {
        let (status, answer) = call(&server.base, &token, tool, data).await;
        assert_eq!(status, 200, "{answer}");
    };
    for round in 0..6 {
        let node = server.another_node().await;
        let access = owner(&node.app).await;
        let mut question = Box::pin(ask(&node.app, &access, "berth7"));
        poll_until(&node.app, &mut question, whole * round as f64 / 8.0).await;
        // Of what is in the partition by then, and of what is not.
        let (early, late) = (100 + 10 * round, 2_600 + 10 * round);
        for n in [early, late] {
            tell("delete_memory", json!({"memory_id": id(n)})).await;
            tell("delete_memory", json!({"memory_id": id(n + 1)})).await;
            let text = format!("the hold has orlop{n}");
            let changed = json!({"memory_id": id(n + 2), "text": text});
            tell("update_memory", changed).await;
        }
        // One that was deleted comes back under its id.
        import(&server, &[early + 1, late + 1]).await;
        let found = question.await;
        assert_eq!(found[0].memory.text.expose(), "deck7 has the berth7");

        let access = owner(&node.app).await;
        let best = async |query: String| ask(&node.app, &access, &query).await.remove(0).memory;
        for n in [early, late] {
            let (gone, back) = (best(format!("berth{n}")), best(format!("berth{}", n + 1)));
            assert_ne!(gone.await.id.to_string(), id(n), "{round}");
            assert_eq!(back.await.id.to_string(), id(n + 1), "{round}");
            let changed = best(format!("orlop{n}")).await;
            assert_eq!(changed.id.to_string(), id(n + 2), "{round}");
        }
        assert_eq!(metric(&node.app, LOADS) as u64, 1, "{round}");
        // Nothing is in it twice: it takes what the same takes elsewhere.
        let fresh = server.another_node().await;
        ask(&fresh.app, &owner(&fresh.app).await, "berth7").await;
        let (here, there) = (metric(&node.app, BYTES), metric(&fresh.app, BYTES));
        assert!((here - there).abs() < there / 4.0, "{here} and {there}");
    }
}

async fn an_account_that_is_deleted_amid_a_load_leaves_nothing_in_memory(database: Database) {
    let (server, _) = with_berths(database).await;
    ask(&server.app, &owner(&server.app).await, "berth7").await;
    let whole = metric(&server.app, BYTES);
    // It is deleted at the node that loads, or at another one.
    for is_here in [true, false] {
        let node = server.another_node().await;
        let other = server.another_node().await;
        let access = owner(&node.app).await;
        let mut question = Box::pin(try_ask(&node.app, &access, "berth7"));
        poll_until(&node.app, &mut question, whole / 20.0).await;
        let at = if is_here { &node } else { &other };
        let mut person = Visitor::new(&at.base);
        let password = "tea, earl grey, hot";
        assert_eq!(person.log_in("jean-luc", password).await.status, 303);
        let fields = [("password", password)];
        let page = person
            .fill("/account/delete", "/account/delete", &fields)
            .await;
        assert_eq!(page.status, 303, "{}", page.body);
        let answer = question.await;
        assert!(
            matches!(answer, Err(Error::NotFound(_))),
            "nothing is found"
        );
        assert_eq!(
            (metric(&node.app, RESIDENT), metric(&node.app, BYTES)),
            (0.0, 0.0)
        );
        // Nor by who is called the same, or asks with what they were given before.
        assert!(try_ask(&node.app, &access, "berth8").await.is_err());
        assert_eq!(metric(&node.app, RESIDENT) as u64, 0);
        Visitor::new(&node.base).sign_up("jean-luc", password).await;
        let found = ask(&node.app, &owner(&node.app).await, "berth7").await;
        assert!(found.is_empty());
        let berths: Vec<_> = (0..MEMORIES).collect();
        import(&server, &berths).await;
    }
}

fn id(n: usize) -> String {
    format!("0198c0de-0000-7000-8000-{n:012x}")
}
