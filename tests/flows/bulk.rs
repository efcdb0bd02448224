//! Many memories at once over `POST /api/import`.

use std::io::{Read as _, Write as _};

use picard_sql::Query;
use picard_tests::{
    application::{call, post_form},
    installation::Installation,
    server::{Database, TestServer},
    table::Table,
    visitor::{Page, Visitor, http},
};
use serde_json::{Value, json};

use crate::world::PASSWORD;

picard_tests::on_both!(
    lines_become_memories_once_however_often_they_are_sent,
    whoever_may_not_import_is_refused_and_stores_nothing,
    an_import_that_is_not_whole_is_told_and_goes_on_where_it_stopped,
    a_token_that_is_revoked_amid_an_import_ends_it,
    each_part_of_an_import_reads_what_changed_since_the_one_before,
    the_binary_takes_what_the_client_sends
);

const LINES: &str = concat!(
    "{\"text\":\"I take my tea hot.\",\"permission\":\"public\"}\n",
    "\n",
    "{\"text\":\"My fish is called Livingston.\",\"created_at\":\"2020-01-01\"}\r\n",
    "{\"text\":\"\"}\n",
    "not JSON\n",
    "{\"text\":\"I take my tea hot.\",\"permission\":\"public\"}\n",
    "{\"text\":\"The cat is called Spot.\",\"id\":\"0198c0de-0000-7000-8000-000000000001\"}",
);

pub(crate) async fn send(
    base: &str,
    token: &str,
    query: &str,
    body: impl Into<reqwest::Body>,
) -> Page {
    let request = http()
        .post(format!("{base}/api/import{query}"))
        .bearer_auth(token)
        .header("content-type", "application/x-ndjson")
        .body(body);
    Visitor::new("").send(request).await
}

pub(crate) fn json_of(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}: {}", page.status, page.body))
}

pub(crate) async fn count(base: &str, token: &str) -> usize {
    let everything = json!({"expired": "include", "limit": 200});
    let (status, list) = call(base, token, "get_memories", everything).await;
    assert_eq!(status, 200, "{list}");
    list["memories"].as_array().expect("a list").len()
}

pub(crate) async fn connected(server: &TestServer, handle: &str) -> String {
    let application = server.application().await;
    application
        .connect(&mut server.person(handle).await)
        .await
        .access
}

async fn lines_become_memories_once_however_often_they_are_sent(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "guinan").await;
    let report = |dry_run: bool, imported: usize, known: &[usize]| {
        json!({
            "dry_run": dry_run,
            "imported": imported,
            "duplicates": {"count": known.len(), "lines": known},
            "differing": {"count": 0, "lines": []},
            "refused": 2,
            "errors": [
                {"line": 4, "field": "text", "reason": "is empty; write at least one character"},
                {"line": 5, "field": null, "reason": "is not a JSON object"},
            ],
        })
    };
    let dry = send(&server.base, &token, "?dry_run=true", LINES).await;
    assert_eq!((dry.status, json_of(&dry)), (200, report(true, 3, &[6])));
    assert_eq!(count(&server.base, &token).await, 0);
    let first = send(&server.base, &token, "", LINES).await;
    assert_eq!(
        (first.status, json_of(&first)),
        (200, report(false, 3, &[6]))
    );
    let again = send(&server.base, &token, "", LINES).await;
    let known = [1, 3, 6, 7];
    assert_eq!(
        (again.status, json_of(&again)),
        (200, report(false, 0, &known))
    );
    assert_eq!(count(&server.base, &token).await, 3);

    // They are found at once, on every node, and one that was changed stays.
    let node = server.another_node().await;
    for base in [&server.base, &node.base] {
        let ask = json!({"query": "What is the cat called?", "limit": 1});
        let (_, found) = call(base, &token, "query_memory", ask).await;
        assert_eq!(found["memories"][0]["text"], "The cat is called Spot.");
    }
    let id = "0198c0de-0000-7000-8000-000000000001";
    let change = json!({"memory_id": id, "text": "The cat is called Neelix."});
    call(&server.base, &token, "update_memory", change).await;
    let later = json_of(&send(&server.base, &token, "", LINES).await);
    assert_eq!(later["differing"], json!({"count": 1, "lines": [7]}));
    // Whose lines they are is whose token it is.
    let other = connected(&server, "soren").await;
    let page = send(&server.base, &other, "", LINES).await;
    assert_eq!(json_of(&page)["imported"], 3);
    assert_eq!(count(&server.base, &token).await, 3);
}

async fn whoever_may_not_import_is_refused_and_stores_nothing(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "riker").await;
    let mut reader = server.application().await;
    "memories:read".clone_into(&mut reader.scope);
    let mut person = server.person("thomas").await;
    let read_only = reader.connect(&mut person).await.access;
    let mut table = Table::new("POST /api/import");
    let url = format!("{}/api/import", server.base);
    let line = "{\"text\":\"a\"}\n";
    let large = line.repeat(16 * 1024 * 1024 / line.len() + 1);
    let ndjson = "application/x-ndjson";
    let post = |url: &str, kind: &str, body: reqwest::Body| {
        http().post(url).header("content-type", kind).body(body)
    };
    let whole = |body: &str| reqwest::Body::from(body.to_owned());
    let rows = [
        (
            "no token",
            post(&url, ndjson, whole(line)),
            "401 invalid_token",
        ),
        (
            "a token in the URL",
            post(&format!("{url}?access_token={token}"), ndjson, whole(line)),
            "401 invalid_token",
        ),
        (
            "an unknown token",
            post(&url, ndjson, whole(line)).bearer_auth("nonsense"),
            "401 invalid_token",
        ),
        (
            "a token that only reads",
            post(&url, ndjson, whole(line)).bearer_auth(&read_only),
            "403 insufficient_scope",
        ),
        (
            "JSON",
            post(&url, "application/json", whole(line)).bearer_auth(&token),
            "415 unsupported_media_type",
        ),
        (
            "a form",
            post(&url, "application/x-www-form-urlencoded", whole("text=a")).bearer_auth(&token),
            "415 unsupported_media_type",
        ),
        (
            "over 16 MiB, announced",
            post(&url, ndjson, whole(&large)).bearer_auth(&token),
            "413 too_large",
        ),
        (
            "an unknown parameter",
            post(&format!("{url}?dry-run=true"), ndjson, whole(line)).bearer_auth(&token),
            "400 invalid_request",
        ),
        (
            "a parameter of another value",
            post(&format!("{url}?dry_run=yes"), ndjson, whole(line)).bearer_auth(&token),
            "400 invalid_request",
        ),
        (
            "GET",
            http().get(&url).bearer_auth(&token),
            "405 method_not_allowed",
        ),
        (
            "a page of somebody else",
            post(&url, ndjson, whole(line))
                .bearer_auth(&token)
                .header("origin", "https://evil.example"),
            "403 forbidden",
        ),
    ];
    for (what, request, required) in rows {
        let page = Visitor::new("").send(request).await;
        let code = json_of(&page)["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        table.row(what, what, required, format!("{} {code}", page.status));
    }
    let bytes = b"{\"text\":\"\xff\xfe\"}\n{\"text\":\"caf\xe9\"}\n".to_vec();
    let page = json_of(&send(&server.base, &token, "", bytes).await);
    table.row(
        "no UTF-8",
        "two lines",
        "2 0",
        format!("{} {}", page["refused"], page["imported"]),
    );
    let long = format!("{{\"text\":\"{}\"}}\n", "x".repeat(1024 * 1024));
    let page = json_of(&send(&server.base, &token, "", long).await);
    let reason = page["errors"][0]["reason"].as_str().unwrap_or_default();
    table.row("a long line", "1 MiB", "is longer than 1 MiB", reason);
    let page = json_of(&send(&server.base, &token, "", "").await);
    table.row("nothing", "no byte", "0", page["imported"].to_string());
    table.assert();
    assert_eq!(count(&server.base, &token).await, 0);
}

/// Begins an import by hand, announcing more than is sent.
fn half_sent(
    server: &TestServer,
    token: &str,
    announced: usize,
    sent: &str,
) -> std::net::TcpStream {
    let address = server.base.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /api/import HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {announced}\r\n\r\n{sent}"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    stream
}

/// Sends pieces without announcing how long they are; returns the status line's beginning.
async fn chunked(server: &TestServer, token: &str, pieces: [String; 2]) -> String {
    let address = server.base.trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /api/import HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let sent = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        stream.write_all(head.as_bytes()).expect("it reads");
        for piece in pieces {
            let size = format!("{:x}\r\n", piece.len());
            // A server that has answered may close before it has read everything.
            let written = stream
                .write_all(size.as_bytes())
                .and_then(|()| stream.write_all(piece.as_bytes()))
                .and_then(|()| stream.write_all(b"\r\n"));
            if written.is_err() {
                break;
            }
        }
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    });
    sent.await.expect("no panic")
}

/// Lines of JSON with these numbers.
pub(crate) fn numbered(lines: std::ops::Range<usize>) -> String {
    let lines = lines.map(|n| format!("{{\"text\":\"memory number {n}\"}}"));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Waits until so many memories are there.
pub(crate) async fn until(server: &TestServer, token: &str, wanted: usize) {
    for _ in 0..10_000 {
        if count(&server.base, token).await == wanted {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("there are not {wanted} memories");
}

async fn an_import_that_is_not_whole_is_told_and_goes_on_where_it_stopped(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "data").await;
    // Two whole batches arrive, and a piece; then the sender falls silent.
    let lines = numbered(0..70);
    let silent = half_sent(&server, &token, lines.len() + 10, &lines);
    until(&server, &token, 64).await;
    // A second import of the same person waits for the first.
    let second = send(&server.base, &token, "", numbered(0..1)).await;
    assert_eq!(
        (second.status, json_of(&second)["code"].clone()),
        (429, json!("rate_limited"))
    );
    assert!(second.headers.contains_key("retry-after"));
    drop(silent);
    // The connection is gone, and what was stored stays.
    let again = loop {
        let again = send(&server.base, &token, "", lines.clone()).await;
        if again.status != 429 {
            break json_of(&again);
        }
    };
    assert_eq!(
        (&again["imported"], &again["duplicates"]["count"]),
        (&json!(6), &json!(64))
    );

    // Too large, and not announced: what came before stays.
    let more = [
        numbered(100..164),
        format!("{}\n", " ".repeat(1024 * 1024)).repeat(17),
    ];
    let status = chunked(&server, &token, more).await;
    assert_eq!(status, "HTTP/1.1 413");
    assert_eq!(count(&server.base, &token).await, 70 + 64);
}

async fn a_token_that_is_revoked_amid_an_import_ends_it(database: Database) {
    // Also when fewer lines follow than are stored at once.
    for behind in [130, 1] {
        revoked_amid_an_import(database, behind).await;
    }
}

async fn revoked_amid_an_import(database: Database, behind: usize) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let mut person = server.person("lore").await;
    let tokens = application.connect(&mut person).await;
    let other = application.connect(&mut person).await.access;
    let lines = numbered(0..70);
    let more = numbered(70..70 + behind);
    let mut stream = half_sent(&server, &tokens.access, lines.len() + more.len(), &lines);
    until(&server, &other, 64).await;
    let mut form = application.credentials();
    form.push(("token", tokens.access.clone()));
    let revoked = post_form(&format!("{}/oauth/revoke", server.base), &form).await;
    assert_eq!(revoked.status, 200);
    stream.write_all(more.as_bytes()).expect("it reads");
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).map(|()| answer)
    });
    let answer = answer.await.expect("no panic").expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 401");
    assert_eq!(count(&server.base, &other).await, 64);
}

async fn each_part_of_an_import_reads_what_changed_since_the_one_before(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "hoshi").await;
    // What a part has stored itself, the next one still reads.
    for (imported, known) in [(3, 0), (0, 3)] {
        let part = json_of(&send(&server.base, &token, "", numbered(0..3)).await);
        assert_eq!(part["imported"], imported, "{part}");
        assert_eq!(part["duplicates"]["count"], known, "{part}");
    }
    let (_, list) = call(&server.base, &token, "get_memories", json!({})).await;
    let id = |text: &str| {
        let mut memories = list["memories"].as_array().expect("a list").iter();
        let found = memories.find(|memory| memory["text"] == text);
        found.expect("it is there")["id"].clone()
    };
    for (tool, data) in [
        ("delete_memory", json!({"memory_id": id("memory number 1")})),
        (
            "update_memory",
            json!({"memory_id": id("memory number 2"), "text": "another"}),
        ),
        ("submit_memory", json!({"text": "memory number 3"})),
    ] {
        let (status, answer) = call(&server.base, &token, tool, data).await;
        assert_eq!(status, 200, "{answer}");
    }
    // What did not change is not looked at again: it could not be read any more.
    let oldest = "UPDATE memories SET ciphertext = 'x'
                  WHERE revision = (SELECT min(revision) FROM memories)";
    let db = server.database().await;
    assert_eq!(db.execute(Query::new(oldest)).await.expect("changed"), 1);
    let second = json_of(&send(&server.base, &token, "", numbered(0..4)).await);
    assert_eq!(second["imported"], 1, "{second}");
    assert_eq!(second["duplicates"]["lines"], json!([1, 4]));
    assert_eq!(second["differing"]["lines"], json!([3]));
    // A node that knows nothing yet has to read everything.
    let node = server.another_node().await;
    let third = send(&node.base, &token, "", numbered(0..4)).await;
    assert_eq!(third.status, 500, "{}", third.body);
}

async fn the_binary_takes_what_the_client_sends(database: Database) {
    let home = Installation::on(database).await;
    let up = home.start();
    let application = home.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", PASSWORD).await;
    let tokens = application.connect(&mut person).await;
    let lines = concat!(
        "{\"text\":\"The captain plays the flute in his quarters.\"}\n",
        "{\"text\":\"Warp engines are maintained every Tuesday.\",\"expiration_date\":\"2999-01-01\"}\n",
    );
    for (imported, known) in [(2, 0), (0, 2)] {
        let report = json_of(&send(&up.server, &tokens.access, "", lines).await);
        assert_eq!(report["imported"], imported, "{report}");
        assert_eq!(report["duplicates"]["count"], known, "{report}");
    }
    let ask = json!({"query": "Which musical instrument does he play?", "limit": 1});
    let (status, found) = call(&up.server, &tokens.access, "query_memory", ask).await;
    assert_eq!(status, 200, "{found}");
    let text = found["memories"][0]["text"].as_str().unwrap_or_default();
    assert!(text.contains("flute"), "{found}");
}
