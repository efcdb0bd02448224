//! Subscriptions: what is told, to whom, and until when.

use std::{sync::Arc, time::Duration};

use picard_domain::Span;
use picard_testkit::HashEmbedder;
use picard_tests::{
    application::post_form,
    server::{Database, TestServer},
    table::Table,
};
use reqwest::Response;
use serde_json::{Value, json};

use crate::rig::{LEGACY, Peer, in_short, json_of, read};

picard_tests::on_both!(
    what_was_asked_for_and_is_served_is_acknowledged_and_told,
    only_what_was_asked_for_is_told,
    another_person_s_changes_are_not_told,
    what_another_node_writes_is_told,
    a_stream_does_not_outlive_the_access_that_opened_it,
    a_server_that_stops_ends_the_stream_with_its_result,
    one_person_holds_so_many_streams_and_others_are_not_touched_by_that,
    nothing_to_listen_to_is_acknowledged_as_nothing,
    the_older_era_is_not_offered_what_it_cannot_have
);

/// How long a message may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Streams that one person may hold.
const MOST: usize = 16;

/// An open subscription.
struct Stream {
    response: Response,
    unread: String,
}

impl Stream {
    /// Opens one, and reads the acknowledgement.
    async fn open(peer: &Peer, notifications: Value) -> (Self, Value) {
        let response = listen(peer, notifications).send().await;
        let response = response.expect("the server answers");
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        let mut stream = Self {
            response,
            unread: String::new(),
        };
        let first = stream.next().await.expect("an acknowledgement");
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(tag(&first), &json!(1));
        (stream, first["params"]["notifications"].clone())
    }

    /// The next message; `None` when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let event: String = self.unread.drain(..end + 2).collect();
                let data = event.lines().find_map(|line| line.strip_prefix("data:"));
                let message = data.map(|data| serde_json::from_str(data).expect("JSON"));
                match message {
                    Some(message) => return Some(message),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk
                .expect("something comes")
                .expect("the stream is sound")?;
            self.unread.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// The next notification: its method, and the address that it names.
    async fn told(&mut self) -> (String, Value) {
        let message = self.next().await.expect("a notification");
        assert_eq!(tag(&message), &json!(1), "{message}");
        let method = message["method"].as_str().expect("a notification");
        (method.to_owned(), message["params"]["uri"].clone())
    }

    /// Reads to the end, which must be the result of the request.
    async fn ends(self) {
        assert_eq!(self.last_words().await, "a result, and the end");
    }

    /// Reads to the end, and says what came.
    async fn last_words(mut self) -> String {
        let Some(last) = self.next().await else {
            return "the end".to_owned();
        };
        if last["id"] != 1 || last["result"]["resultType"] != "complete" {
            return last.to_string();
        }
        match self.next().await {
            None => "a result, and the end".to_owned(),
            Some(more) => format!("a result, and {more}"),
        }
    }
}

/// The subscription that a message belongs to.
fn tag(message: &Value) -> &Value {
    &message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"]
}

fn listen(peer: &Peer, notifications: Value) -> reqwest::RequestBuilder {
    peer.modern(
        "subscriptions/listen",
        json!({"notifications": notifications}),
    )
}

async fn stored(peer: &Peer, text: &str) -> String {
    let result = peer.call("submit_memory", json!({"text": text})).await;
    result["structuredContent"]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

fn updated(uri: &str) -> (String, Value) {
    ("notifications/resources/updated".to_owned(), json!(uri))
}

fn list_changed() -> (String, Value) {
    (
        "notifications/resources/list_changed".to_owned(),
        Value::Null,
    )
}

const RECENT: &str = "memories://recent";

async fn what_was_asked_for_and_is_served_is_acknowledged_and_told(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    let uri = format!("memories://{}", stored(&ana, "I take my tea cold.").await);
    let asked = json!({
        "toolsListChanged": true,
        "promptsListChanged": true,
        "resourcesListChanged": true,
        "resourceSubscriptions": [uri, RECENT, "users://ana/memories", "file:///etc/passwd"],
    });
    let (mut stream, accepted) = Stream::open(&ana, asked).await;
    let served = json!({"resourcesListChanged": true, "resourceSubscriptions": [uri, RECENT]});
    assert_eq!(accepted, served);
    let id = uri.trim_start_matches("memories://");
    ana.call(
        "update_memory",
        json!({"memory_id": id, "text": "I take my tea hot."}),
    )
    .await;
    for expected in [updated(&uri), updated(RECENT), list_changed()] {
        assert_eq!(stream.told().await, expected);
    }
    stored(&ana, "My cat is called Spot.").await;
    for expected in [updated(RECENT), list_changed()] {
        assert_eq!(stream.told().await, expected);
    }
    ana.call("delete_memory", json!({"memory_id": id})).await;
    for expected in [updated(&uri), updated(RECENT), list_changed()] {
        assert_eq!(stream.told().await, expected);
    }
}

async fn only_what_was_asked_for_is_told(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    let uri = format!("memories://{}", stored(&ana, "I take my tea cold.").await);
    let (mut stream, _) = Stream::open(&ana, json!({"resourceSubscriptions": [uri]})).await;
    stored(&ana, "Something else.").await;
    let id = uri.trim_start_matches("memories://");
    ana.call(
        "update_memory",
        json!({"memory_id": id, "text": "I take my tea hot."}),
    )
    .await;
    assert_eq!(stream.told().await, updated(&uri));
    server.app.end_watches();
    stream.ends().await;
}

async fn another_person_s_changes_are_not_told(database: Database) {
    let server = TestServer::on(database).await;
    let (ana, bob) = (
        Peer::of(&server, "ana").await,
        Peer::of(&server, "bob").await,
    );
    let id = stored(&bob, "A secret.").await;
    let asked = json!({"resourceSubscriptions": [format!("memories://{id}"), RECENT]});
    let (mut stream, _) = Stream::open(&ana, asked).await;
    bob.call(
        "update_memory",
        json!({"memory_id": id, "text": "Another one."}),
    )
    .await;
    stored(&ana, "Mine.").await;
    assert_eq!(stream.told().await, updated(RECENT));
    server.app.end_watches();
    stream.ends().await;
}

async fn what_another_node_writes_is_told(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    let other = server
        .with_embedder(Arc::new(HashEmbedder::default()))
        .await;
    let (mut stream, _) = Stream::open(&ana, json!({"resourcesListChanged": true})).await;
    let mut there = ana;
    there.base.clone_from(&other.base);
    stored(&there, "Written elsewhere.").await;
    assert_eq!(stream.told().await, list_changed());
}

/// Opens a stream, lets something happen, and says what came to its end.
async fn last_words_after(database: Database, id: &str) -> String {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let mut person = server.person("ana").await;
    let mut ana = Peer::of(&server, "somebody").await;
    ana.tokens = application.connect(&mut person).await;
    let (stream, _) = Stream::open(&ana, json!({"resourcesListChanged": true})).await;
    match id {
        "M31" => {
            let mut form = application.credentials();
            form.push(("token", ana.tokens.refresh.clone()));
            let revoked = post_form(&format!("{}/oauth/revoke", server.base), &form).await;
            assert_eq!(revoked.status, 200);
        }
        "M31 expired" => server.clock.advance(Span::hours(2)),
        "M31 password" => {
            let changed = server
                .app
                .set_password("ana", "make it so, number one")
                .await;
            changed.expect("it is changed");
        }
        "M31 account page" => {
            let account = person.get("/account").await;
            let (_, rest) = account
                .body
                .split_once("/account/applications/")
                .expect("one");
            let (grant, _) = rest.split_once('/').expect("its id");
            let action = format!("/account/applications/{grant}/revoke");
            assert_eq!(person.fill("/account", &action, &[]).await.status, 303);
        }
        _ => {
            let password = [("password", "tea, earl grey, hot")];
            let deleted = person
                .fill("/account/delete", "/account/delete", &password)
                .await;
            assert!(deleted.status < 400, "{}", deleted.body);
        }
    }
    stream.last_words().await
}

/// The token is looked at every few seconds, so the rows wait side by side.
async fn a_stream_does_not_outlive_the_access_that_opened_it(database: Database) {
    let mut table = Table::new("M31: what ends an open stream");
    let rows = [
        ("M31", "the token is revoked"),
        ("M31 expired", "the token's time is over"),
        ("M31 password", "the person's password is changed"),
        ("M31 account page", "the person takes the access away"),
        ("M31 deleted", "the account is deleted"),
    ];
    let ends = futures::future::join_all(rows.map(|(id, _)| last_words_after(database, id))).await;
    for ((id, event), end) in rows.into_iter().zip(ends) {
        table.row(id, event, "a result, and the end", end);
    }
    table.assert();
}

async fn a_server_that_stops_ends_the_stream_with_its_result(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    let (stream, _) = Stream::open(&ana, json!({"resourcesListChanged": true})).await;
    server.app.end_watches();
    stream.ends().await;
    let (late, _) = Stream::open(&ana, json!({"resourcesListChanged": true})).await;
    late.ends().await;
}

async fn one_person_holds_so_many_streams_and_others_are_not_touched_by_that(database: Database) {
    let server = TestServer::on(database).await;
    let (ana, bob) = (
        Peer::of(&server, "ana").await,
        Peer::of(&server, "bob").await,
    );
    let asked = json!({"resourcesListChanged": true});
    let mut streams = Vec::new();
    for _ in 0..MOST {
        streams.push(Stream::open(&ana, asked.clone()).await.0);
    }
    let refused = read(listen(&ana, asked.clone())).await;
    assert_eq!(in_short(&refused), "429 rate_limited", "{}", refused.body);
    assert!(!refused.header("retry-after").is_empty());
    Stream::open(&bob, asked.clone()).await;
    drop(streams.pop());
    // The server learns of it when the connection is gone.
    let end = std::time::Instant::now() + PATIENCE;
    while listen(&ana, asked.clone())
        .send()
        .await
        .expect("it answers")
        .status()
        != 200
    {
        assert!(
            std::time::Instant::now() < end,
            "the place is not given back"
        );
        tokio::task::yield_now().await;
    }
}

async fn nothing_to_listen_to_is_acknowledged_as_nothing(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    let (stream, accepted) = Stream::open(&ana, json!({"toolsListChanged": true})).await;
    assert_eq!(accepted, json!({}));
    server.app.end_watches();
    stream.ends().await;
}

/// The older era would tell changes on a stream of its own, which is not served.
async fn the_older_era_is_not_offered_what_it_cannot_have(database: Database) {
    let server = TestServer::on(database).await;
    let ana = Peer::of(&server, "ana").await;
    for version in LEGACY {
        let hello = json!({
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"}});
        let answer = read(ana.legacy(version, "initialize", hello)).await;
        let capabilities = &json_of(&answer)["result"]["capabilities"];
        assert_eq!(
            capabilities["resources"],
            json!({}),
            "{version}: {}",
            answer.body
        );
        for (method, params) in [
            ("subscriptions/listen", json!({"notifications": {}})),
            ("resources/subscribe", json!({"uri": RECENT})),
        ] {
            let answer = read(ana.legacy(version, method, params)).await;
            assert_eq!(
                json_of(&answer)["error"]["code"],
                -32601,
                "{version}: {}",
                answer.body
            );
        }
    }
    let discovered = read(ana.modern("server/discover", json!({}))).await;
    let capabilities = &json_of(&discovered)["result"]["capabilities"];
    assert_eq!(
        capabilities["resources"],
        json!({"subscribe": true, "listChanged": true})
    );
}
