//! Master keys are replaced, and rotations are killed in the middle, while people
//! write, read and arrive: nothing fails and nothing is lost. On PostgreSQL the
//! people are spread over two nodes that read one keyring.

use std::{
    collections::BTreeSet,
    fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use picard_crypto::{DataKey, Keyring, Wrapped, dummy_hash};
use picard_domain::UserId;
use picard_sql::{Db, Options, sql};
use picard_store::users;
use picard_testkit::SeededEntropy;
use picard_tests::{
    application::{Application, call},
    installation::{Installation, said, succeeded},
    process::Up,
    server::Database,
    visitor::Visitor,
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    nothing_fails_and_nothing_is_lost_while_master_keys_are_replaced
);

/// People who are there and do nothing, so that a rotation takes a while.
const OTHERS: usize = 1_500;

/// How many the server lets sign up from one address within an hour, less some.
const ARRIVALS: usize = 40;

/// Somebody's token, and every text of theirs that was acknowledged.
struct Written {
    token: String,
    texts: Vec<String>,
}

/// Texts that a person has, by their token.
async fn texts(node: &str, token: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut cursor = Value::Null;
    loop {
        let page = match &cursor {
            Value::Null => json!({"limit": 100}),
            cursor => json!({"limit": 100, "cursor": cursor}),
        };
        let (status, page) = call(node, token, "get_memories", page).await;
        assert_eq!(status, 200, "{page}");
        let memories = page["memories"].as_array().expect("a list").iter();
        found.extend(memories.map(|memory| memory["text"].as_str().expect("a text").to_owned()));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            return found;
        }
    }
}

/// Writes on one node what the next one must show at once, until told to stop.
async fn work(nodes: Vec<String>, token: String, stop: Arc<AtomicBool>) -> Written {
    let mut texts = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = texts.len();
        let text = format!("entry {number}");
        let at = &nodes[number % nodes.len()];
        let next = &nodes[(number + 1) % nodes.len()];
        let (status, memory) = call(at, &token, "submit_memory", json!({"text": text})).await;
        assert_eq!(status, 200, "{memory}");
        texts.push(text);
        let (status, newest) = call(next, &token, "get_memories", json!({"limit": 1})).await;
        assert_eq!(status, 200, "{newest}");
        assert_eq!(newest["memories"][0]["text"], memory["text"]);
        let ask = json!({"query": format!("entry {number}"), "limit": 3});
        let (status, found) = call(next, &token, "query_memory", ask).await;
        assert_eq!(status, 200, "{found}");
    }
    Written { token, texts }
}

/// New people arrive, connect an application and write.
async fn arrive(
    nodes: Vec<String>,
    application: Application,
    stop: Arc<AtomicBool>,
) -> Vec<Written> {
    let mut arrived = Vec::new();
    while !stop.load(Ordering::Relaxed) && arrived.len() < ARRIVALS {
        let number = arrived.len();
        let node = &nodes[number % nodes.len()];
        let mut person = Visitor::new(node);
        person
            .sign_up(&format!("new-{number}"), "tea, earl grey, hot")
            .await;
        let token = application.connect(&mut person).await.access;
        let next = &nodes[(number + 1) % nodes.len()];
        let text = format!("new here, {number}");
        let (status, memory) = call(next, &token, "submit_memory", json!({"text": text})).await;
        assert_eq!(status, 200, "{memory}");
        arrived.push(Written {
            token,
            texts: vec![text],
        });
    }
    arrived
}

/// What is kept of the others: whose data key it is, and the key.
async fn add_others(db: &Db, keyring: &Keyring) -> Vec<(UserId, DataKey)> {
    let entropy = SeededEntropy::new(47);
    let mut others = Vec::new();
    for number in 0..OTHERS {
        let id = UserId::random(&entropy);
        let key = DataKey::generate(&entropy);
        let wrapped = keyring.wrap(&entropy, &key, id.uuid().as_bytes());
        let insert = sql!(
            "INSERT INTO users (id, handle, name, password_hash, key_id, wrapped_key, version,
                                is_admin, disabled_at, created_at, updated_at)
             VALUES ($1, $2, $2, $3, $4, $5, 0, $6, NULL, $7, $7)",
            id,
            format!("other-{number}"),
            dummy_hash(),
            wrapped.key_id.to_string(),
            wrapped.bytes,
            false,
            0_i64,
        );
        db.execute(insert).await.expect("they move in");
        others.push((id, key));
    }
    others
}

/// Data keys by the name of the master key that wraps them.
async fn in_use(db: &Db) -> Vec<(String, i64)> {
    users::key_counts(db).await.expect("they are counted")
}

/// How many data keys another master key than the keyring's first one wraps.
async fn left(db: &Db, active: &str) -> i64 {
    let counts = in_use(db).await;
    let others = counts.iter().filter(|(id, _)| id != active);
    others.map(|(_, count)| count).sum()
}

/// Starts a command and kills it (`kill -9`) when some, and not all, of what was to be
/// wrapped anew is. `before` says how much that is.
async fn kill_in_the_middle(installation: &Installation, arguments: &[&str], db: &Db, before: i64) {
    let keyring = installation.data_dir.join("server/keyring");
    let mut child = installation
        .picard(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let end = Instant::now() + Duration::from_mins(2);
    let remaining = loop {
        let text = fs::read_to_string(&keyring).expect("a keyring");
        let active = Keyring::parse(&text).expect("keys").active().to_string();
        let remaining = left(db, &active).await;
        if remaining > 0 && remaining < before {
            break remaining;
        }
        let ended = child.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "it ended before it was killed: {ended:?}");
        assert!(Instant::now() < end, "it does nothing");
        tokio::task::yield_now().await;
    };
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(remaining > 0);
}

/// The names of the keys in the keyring's file.
fn keyring(installation: &Installation) -> Keyring {
    let file = installation.data_dir.join("server/keyring");
    let text = fs::read_to_string(file).expect("a keyring");
    Keyring::parse(&text).expect("keys")
}

/// Replaces the master key: twice killed in the middle and finished, then once in peace.
async fn replace_keys(installation: &Installation, db: &Db, rotate: &[&str]) {
    let retire = ["key", "rotate", "--retire"];
    let all: i64 = in_use(db).await.iter().map(|(_, count)| count).sum();
    kill_in_the_middle(installation, rotate, db, all).await;
    assert_eq!(keyring(installation).key_ids().len(), 2);
    let remaining = left(db, &keyring(installation).active().to_string()).await;
    kill_in_the_middle(installation, &retire, db, remaining).await;
    assert_eq!(
        keyring(installation).key_ids().len(),
        2,
        "nothing leaves before nothing needs it"
    );
    let finished = installation.run(rotate, "");
    succeeded(&finished);
    assert!(
        !said(&finished).contains("new master key"),
        "{}",
        said(&finished)
    );
    succeeded(&installation.run(&retire, ""));
    assert_eq!(keyring(installation).key_ids().len(), 1);

    succeeded(&installation.run(rotate, ""));
    succeeded(&installation.run(&retire, ""));
    assert_eq!(keyring(installation).key_ids().len(), 1);
}

async fn nothing_fails_and_nothing_is_lost_while_master_keys_are_replaced(database: Database) {
    let installation = Installation::on(database)
        .await
        .setting("PICARD_CALLS_PER_SECOND", "1000000");
    let up = installation.start();
    let application = installation.register(&up);
    let second = (database == Database::Postgres).then(|| installation.another_server(&up));
    let rotate: &[&str] = match database {
        Database::Sqlite => &["key", "rotate"],
        Database::Postgres => &["key", "rotate", "--shared"],
    };
    let nodes: Vec<_> = [Some(&up), second.as_ref()]
        .into_iter()
        .flatten()
        .map(|node| node.server.clone())
        .collect();
    let mut tokens = Vec::new();
    for handle in ["picard", "riker", "troi"] {
        let mut person = Visitor::new(&up.server);
        person.sign_up(handle, "tea, earl grey, hot").await;
        tokens.push(application.connect(&mut person).await.access);
    }
    let address = installation.server_address();
    let db = Db::open(&address, &Options::default()).await;
    let db = db.expect("the database opens");
    let others = add_others(&db, &keyring(&installation)).await;
    let first = keyring(&installation).active();

    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<JoinHandle<Written>> = tokens
        .into_iter()
        .map(|token| tokio::spawn(work(nodes.clone(), token, stop.clone())))
        .collect();
    let arrivals = tokio::spawn(arrive(nodes.clone(), application, stop.clone()));
    replace_keys(&installation, &db, rotate).await;
    stop.store(true, Ordering::Relaxed);
    let mut written = arrivals.await.expect("nothing failed for who arrived");
    assert!(!written.is_empty(), "nobody arrived");
    for worker in workers {
        let worked = worker.await.expect("nothing failed for who worked");
        assert!(!worked.texts.is_empty(), "nothing was written");
        written.push(worked);
    }

    let last = keyring(&installation);
    assert_ne!(last.active(), first);
    let again = installation.restart_after(up, |up| {
        drop(second);
        Up::kill(up);
    });
    for person in &written {
        let expected: BTreeSet<_> = person.texts.iter().cloned().collect();
        assert_eq!(texts(&again.server, &person.token).await, expected);
    }
    let counts = in_use(&db).await;
    let people = (others.len() + written.len() + 1) as i64;
    assert_eq!(counts, [(last.active().to_string(), people)]);
    let rows = users::keys_to_rewrap(&db, "", UserId::from_uuid(Uuid::nil()), 10_000).await;
    let rows = rows.expect("they are read");
    for (id, key) in others {
        let row = rows.iter().find(|row| row.id == id).expect("a row");
        let wrapped = Wrapped {
            key_id: row.key_id.parse().expect("a key id"),
            bytes: row.wrapped_key.clone(),
        };
        let opened = last.unwrap(&wrapped, id.uuid().as_bytes());
        let opened = opened.expect("the last key opens it");
        assert_eq!(*opened.to_fernet_key(), *key.to_fernet_key());
    }
    db.close().await;
    assert!(again.stop().success());
}
