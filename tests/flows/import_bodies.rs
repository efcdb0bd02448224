//! Bodies of `POST /api/import` as bad lines and bad senders make them: empty, in drops,
//! cut off. Whole lines are stored, half of one never.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use serde_json::{Value, json};

use crate::bulk::{connected, count, json_of, numbered, send, until};

picard_tests::on_both!(
    a_body_of_newlines_alone_stores_nothing_and_is_no_error,
    a_body_that_comes_byte_by_byte_is_read_as_a_whole_one,
    wherever_a_body_ends_only_whole_lines_are_stored,
    a_connection_that_breaks_amid_a_line_is_told_and_leaves_whole_lines
);

async fn texts(server: &TestServer, token: &str) -> BTreeSet<String> {
    let all = json!({"limit": 200});
    let (status, list) = call(&server.base, token, "get_memories", all).await;
    assert_eq!(status, 200, "{list}");
    let memories = list["memories"].as_array().expect("a list").iter();
    let texts: Vec<String> = memories
        .map(|memory| memory["text"].as_str().expect("a text").to_owned())
        .collect();
    let count = texts.len();
    let texts: BTreeSet<String> = texts.into_iter().collect();
    assert_eq!(texts.len(), count, "none is stored twice");
    texts
}

/// A sender that puts the bytes of a request on the wire itself.
struct Sender(TcpStream);

impl Sender {
    /// Begins a request whose body is framed in this way.
    fn begin(server: &TestServer, token: &str, framing: &str) -> Self {
        let address = server.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_nodelay(true).expect("bytes go at once");
        let head = format!(
            "POST /api/import HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ncontent-type: application/x-ndjson\r\n\
             {framing}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        Self(stream)
    }

    fn chunked(server: &TestServer, token: &str) -> Self {
        Self::begin(server, token, "transfer-encoding: chunked")
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("it reads");
    }

    /// Sends each byte as a chunk of its own.
    fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write(&[b"1\r\n", &[*byte][..], b"\r\n"].concat());
        }
    }

    /// Waits for the answer: its status and its document.
    async fn answer(mut self) -> (u16, Value) {
        let read = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            self.0.read_to_string(&mut answer).expect("an answer");
            answer
        });
        let answer = read.await.expect("no panic");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
        let status = head.split(' ').nth(1).expect("a status");
        let document = serde_json::from_str(body).expect("JSON");
        (status.parse().expect("a number"), document)
    }
}

async fn a_body_of_newlines_alone_stores_nothing_and_is_no_error(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "data").await;
    let many = "\n".repeat(100_000);
    for body in ["\n", "\r\n", "\n\r\n \t\n\n", &many] {
        let page = send(&server.base, &token, "", body.to_owned()).await;
        let report = json_of(&page);
        assert_eq!(page.status, 200, "{report}");
        assert_eq!(
            (&report["imported"], &report["refused"], &report["errors"]),
            (&json!(0), &json!(0), &json!([]))
        );
    }
    // They count as lines all the same, so that one finds what is wrong.
    let report = json_of(&send(&server.base, &token, "", many + "half a line").await);
    assert_eq!(report["errors"][0]["line"], 100_001, "{report}");
    assert_eq!(count(&server.base, &token).await, 0);
}

async fn a_body_that_comes_byte_by_byte_is_read_as_a_whole_one(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "data").await;
    let mut sender = Sender::chunked(&server, &token);
    let umlauts = "{\"text\":\"Über die Brücke, 船长\"}\r\n\n";
    sender.drip(umlauts.as_bytes());
    // Sixty-four are stored at once, while the sender goes on.
    sender.drip(numbered(0..63).as_bytes());
    until(&server, &token, 64).await;
    let (last, end) = ("{\"text\":\"the last", "\"}");
    sender.drip(last.as_bytes());
    assert_eq!(count(&server.base, &token).await, 64);
    sender.drip(end.as_bytes());
    sender.write(b"0\r\n\r\n");
    let (status, report) = sender.answer().await;
    assert_eq!(
        (status, &report["imported"], &report["refused"]),
        (200, &json!(65), &json!(0)),
        "{report}"
    );
    let texts = texts(&server, &token).await;
    assert!(texts.contains("Über die Brücke, 船长") && texts.contains("the last"));
}

async fn wherever_a_body_ends_only_whole_lines_are_stored(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "data").await;
    let body = "{\"text\":\"Brücke\"}\n{\"text\":\"warp\"}\n";
    let lines: Vec<_> = body.lines().map(str::len).collect();
    for end in 0..body.len() {
        let report =
            json_of(&send(&server.base, &token, "", body.as_bytes()[..end].to_vec()).await);
        let (first, second) = (end >= lines[0], end > lines[0] + lines[1]);
        let is_half = end > 0 && !first || end > lines[0] + 1 && !second;
        assert_eq!(report["refused"], u8::from(is_half), "{end}: {report}");
        if is_half {
            let line = if first { 2 } else { 1 };
            assert_eq!(report["errors"][0]["line"], line, "{end}: {report}");
            let reason = report["errors"][0]["reason"].as_str().unwrap_or_default();
            assert!(
                ["JSON", "UTF-8"].iter().any(|what| reason.contains(what)),
                "{reason}"
            );
        }
        let stored = texts(&server, &token).await;
        let expected = ["Brücke", "warp"][..usize::from(first) + usize::from(second)].iter();
        assert_eq!(
            stored,
            expected.map(|text| (*text).to_owned()).collect(),
            "{end}"
        );
    }
}

async fn a_connection_that_breaks_amid_a_line_is_told_and_leaves_whole_lines(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "data").await;
    let whole = numbered(0..70);
    for (framing, before) in [
        ("content-length: 100000", 0),
        ("transfer-encoding: chunked", 64),
    ] {
        let mut sender = Sender::begin(&server, &token, framing);
        let half = format!("{whole}{{\"text\":\"half of");
        if framing.ends_with("chunked") {
            sender.write(format!("{:x}\r\n{half}\r\n", half.len()).as_bytes());
        } else {
            sender.write(half.as_bytes());
        }
        if before == 0 {
            until(&server, &token, 64).await;
        }
        sender.0.shutdown(Shutdown::Write).expect("it can be shut");
        let (status, problem) = sender.answer().await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")));
        assert!(detail.contains("did not arrive whole"), "{problem}");
        // What was read in a batch is there, nothing else, and nothing is held.
        assert_eq!(texts(&server, &token).await.len(), 64);
    }
    let again = json_of(&send(&server.base, &token, "", whole).await);
    assert_eq!(
        (&again["imported"], &again["duplicates"]["count"]),
        (&json!(6), &json!(64)),
        "{again}"
    );
    let expected = (0..70).map(|n| format!("memory number {n}")).collect();
    assert_eq!(texts(&server, &token).await, expected);
}
