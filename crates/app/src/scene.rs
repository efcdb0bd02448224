//! What tests of this crate begin with: a server on an empty database, and its one person.

use std::sync::Arc;

use picard_crypto::Keyring;
use picard_domain::{Instant, MemoryFilter, Plaintext, UserId};
use picard_embed::Embedder;
use picard_testkit::{FakeClock, HashEmbedder, SeededEntropy, TestDatabase};
use serde_json::Value;

use crate::{
    Access, App, Authorized, ImportMode, Incoming, Settings, Write,
    partitions::{Choice, Question},
};

/// A server with a clock that stands still, and a model that knows no meanings.
pub(crate) async fn open(database: &TestDatabase) -> App {
    open_with(database, Arc::new(HashEmbedder::default())).await
}

/// The same with another model; on the same database, another node of it.
pub(crate) async fn open_with(database: &TestDatabase, embedder: Arc<dyn Embedder>) -> App {
    let entropy = Arc::new(SeededEntropy::new(53));
    let settings = Settings {
        database: database.url().to_owned().into(),
        keyring: Keyring::generate(&*entropy),
        embedder,
        clock: Arc::new(FakeClock::default()),
        entropy,
        partition_bytes: usize::MAX,
    };
    App::open(settings).await.expect("the server opens")
}

/// The one person, as their memories are now.
pub(crate) async fn caller(app: &App) -> Access {
    let handle = "ana".parse().expect("a handle");
    let access = app.local_access(None, &handle).await;
    access.expect("there is one account")
}

pub(crate) async fn writer(app: &App) -> Authorized<Write> {
    caller(app).await.authorize().expect("allowed")
}

/// Imports lines, all at once.
pub(crate) async fn import(app: &App, lines: impl Iterator<Item = Value>) {
    let line = |json: Value| {
        let line = Incoming::parse(json.to_string().as_bytes(), app.now());
        line.expect("taken").expect("a memory")
    };
    let lines: Vec<_> = lines.map(line).collect();
    let caller = writer(app).await;
    let importer = app.importer(&caller, ImportMode::Store).await;
    let taken = importer.expect("it begins").take(&lines).await;
    taken.expect("stored");
}

/// Asks somebody's memories for the best ten.
pub(crate) fn question(who: UserId, text: String) -> Question {
    Question {
        who,
        text: Plaintext::new(text),
        vector: Arc::default(),
        earlier: None,
        filter: MemoryFilter::default(),
        conditions: Arc::default(),
        now: Instant::from_micros(0),
        choice: Choice::Best,
        limit: 10,
    }
}
