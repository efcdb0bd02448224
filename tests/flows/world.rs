//! An installation that people use, so that one can tell whether it is the same
//! after it was moved or put back; and big ones, made without a model.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use picard_sql::{Db, Options, Schema, sql, transaction};
use picard_tests::{
    application::{Application, Tokens, call},
    installation::{Installation, said, succeeded},
    process::Up,
    visitor::Visitor,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "tea, earl grey, hot";
const MEMORIES: [&str; 3] = [
    "The captain plays the flute in his quarters.",
    "The cat is called Spot and likes feline supplement 74.",
    "Warp engines are maintained every Tuesday.",
];

/// One person with memories, an application, and both services in two browsers.
pub(crate) struct World {
    pub(crate) tokens: Tokens,
    person: Visitor,
    browser: Visitor,
}

impl World {
    pub(crate) async fn made(home: &Installation, up: &Up) -> Self {
        let application = home.register(up);
        let mut person = Visitor::new(&up.server);
        person.sign_up("data", PASSWORD).await;
        let tokens = application.connect(&mut person).await;
        for text in MEMORIES {
            remember(&up.server, &tokens.access, text).await;
        }
        let browser = web_account(up, "lore", &mut person).await;
        Self {
            tokens,
            person,
            browser,
        }
    }

    /// Everything that was good is good: tokens, sessions, the password, what is
    /// found by meaning, what the web client sealed.
    pub(crate) async fn is_well(&mut self, up: &Up) {
        let texts = texts(&up.server, &self.tokens.access).await;
        for text in MEMORIES {
            assert!(texts.iter().any(|found| found == text), "{text} is missing");
        }
        let ask = json!({"query": "Which musical instrument does he play?", "limit": 1});
        let (status, found) = call(&up.server, &self.tokens.access, "query_memory", ask).await;
        assert_eq!(status, 200, "{found}");
        assert_eq!(found["memories"][0]["text"], MEMORIES[0]);
        let account = self.person.get("/account").await;
        assert_eq!(account.status, 200, "the session is over");
        let page = Visitor::new(&up.server).log_in("data", PASSWORD).await;
        assert_eq!(page.status, 303, "{}", page.body);
        let found = self.browser.get("/search?q=What+does+the+cat+eat").await;
        assert!(found.body.contains("feline supplement"), "{}", found.body);
    }
}

/// Makes an account of the web client and connects it with a person of the server, who is
/// called `data`; returns its browser.
pub(crate) async fn web_account(up: &Up, username: &str, person: &mut Visitor) -> Visitor {
    let mut browser = Visitor::new(&up.web);
    let account = [("username", username), ("password", PASSWORD)];
    let page = browser.fill("/register", "/register", &account).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let asked = browser.fill("/dashboard", "/oauth/connect", &[]).await;
    let consent = person.get(asked.location()).await;
    let answer = Application::decide(person, &consent, "allow").await;
    let back = browser.get(answer.location()).await;
    let dashboard = browser.follow(back).await;
    assert!(dashboard.body.contains("@data"), "{}", dashboard.body);
    browser
}

/// Stores a memory.
pub(crate) async fn remember(server: &str, token: &str, text: &str) {
    let (status, answer) = call(server, token, "submit_memory", json!({"text": text})).await;
    assert_eq!(status, 200, "{answer}");
}

/// All memories of the person whose token this is.
pub(crate) async fn texts(server: &str, token: &str) -> Vec<String> {
    let (status, all) = call(server, token, "query_user", json!({"user_id": "data"})).await;
    assert_eq!(status, 200, "{all}");
    let all = all["memories"].as_array().expect("a list").iter();
    all.map(|memory| memory["text"].as_str().expect("a text").to_owned())
        .collect()
}

/// The flags that let services listen where others did.
pub(crate) fn same_addresses(server: &str, web: &str) -> [String; 4] {
    let address = |url: &str| url.replace("http://localhost", "127.0.0.1");
    let (server, web) = (address(server), address(web));
    ["--listen".into(), server, "--web-listen".into(), web]
}

/// Starts the services where they listened before.
pub(crate) fn start_at(home: &Installation, (server, web): &(String, String)) -> Up {
    let flags = same_addresses(server, web);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    home.start_with("info", &flags)
}

/// Gives an installation the keys of another.
pub(crate) fn give_keys(from: &Installation, to: &Installation) {
    for service in ["server", "web"] {
        let folder = to.data_dir.join(service);
        fs::create_dir_all(&folder).expect("a folder");
        // A copy has the mode of what was copied.
        fs::copy(
            from.data_dir.join(service).join("keyring"),
            folder.join("keyring"),
        )
        .expect("a keyring");
    }
}

/// Runs a command that is about both databases.
pub(crate) fn both(home: &Installation, arguments: &[&str]) -> Output {
    let mut command = home.picard(arguments);
    if let Some(url) = home.web_database() {
        command.env("PICARD_WEB_DATABASE_URL", url);
    }
    command.output().expect("the binary starts")
}

/// A place for a backup, where nothing is yet.
pub(crate) fn place(home: &Installation, name: &str) -> PathBuf {
    home.data_dir.with_file_name(name)
}

/// Makes a backup and returns its manifest.
pub(crate) fn back_up(home: &Installation, to: &Path, more: &[&str]) -> Value {
    let to = to.to_str().expect("a path");
    let made = both(home, &[&["backup", "--json", "--to", to], more].concat());
    succeeded(&made);
    serde_json::from_slice(&made.stdout).expect("a manifest")
}

/// Rows and digests of every table of a service, as a new backup tells them.
pub(crate) fn digests(home: &Installation, name: &str, service: &str) -> Value {
    let manifest = back_up(home, &place(home, name), &["--of", service]);
    manifest["services"][service]["tables"].clone()
}

/// Fails unless a command refused, and said so in these words.
pub(crate) fn refused(output: &Output, words: &str) {
    let told = said(output);
    assert!(!output.status.success(), "it did not refuse: {told}");
    assert!(told.contains(words), "it did not say {words:?}: {told}");
}

/// Opens a server's database with its tables.
pub(crate) async fn server_tables(address: &str) -> Db {
    let path = picard_sql::sqlite_path(address).expect("an address");
    if let Some(folder) = path.and_then(Path::parent) {
        fs::create_dir_all(folder).expect("a folder");
    }
    let db = Db::open(address, &Options::default()).await;
    let db = db.expect("opened");
    picard_store::migrate(&db).await.expect("migrated");
    db
}

/// Makes a server's tables as they were first, with something in them.
pub(crate) async fn first_tables(address: &str) {
    let first = Schema {
        name: picard_store::SCHEMA.name,
        migrations: &picard_store::SCHEMA.migrations[..1],
    };
    let path = picard_sql::sqlite_path(address).expect("an address");
    if let Some(folder) = path.and_then(Path::parent) {
        fs::create_dir_all(folder).expect("a folder");
    }
    let db = Db::open(address, &Options::default()).await;
    let db = db.expect("opened");
    picard_sql::migrate(&db, &first).await.expect("migrated");
    let insert = sql!("INSERT INTO attempts (key, failures, window_start) VALUES ('old', 1, 1)");
    db.execute(insert).await.expect("inserted");
    db.close().await;
}

/// Stores rows that no person wrote, from one number to another.
pub(crate) async fn fill(db: &Db, from: u32, to: u32) {
    let filled: Result<(), picard_sql::Error> = transaction!(db, |tx| {
        for n in from..to {
            let insert = sql!(
                "INSERT INTO memories (user_id, id, permission, created_at, updated_at,
                                       revision, ciphertext)
                 VALUES ($1, $2, 'private', 1, 1, $3, $4)",
                Uuid::from_u128(1),
                Uuid::from_u128(u128::from(n)),
                i64::from(n),
                "c".repeat(400),
            );
            tx.execute(insert).await?;
        }
    });
    filled.expect("filled");
}

/// Counts the memories in a database, 0 while it has no such table.
pub(crate) async fn count(db: &Db) -> i64 {
    let counted: Result<(i64,), _> = db.one(sql!("SELECT count(*) FROM memories")).await;
    counted.map_or(0, |(count,)| count)
}
