//! A refusal that comes before the body of its request did: the connection
//! goes on, or the answer says that it ends. Clients that send head and body
//! in two packets lost their next request otherwise (trap 26).

use picard_tests::server::TestServer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection on which requests are written piece by piece.
struct Wire {
    stream: TcpStream,
    host: String,
}

impl Wire {
    async fn to(server: &TestServer) -> Self {
        let host = server.base.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await.expect("the server listens");
        Self { stream, host }
    }

    async fn head(&mut self, first: &str, more: &str) {
        let head = format!("{first} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", self.host);
        self.write(head.as_bytes()).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("it is open");
    }

    /// Reads one answer, its head in small letters.
    async fn answer(&mut self) -> String {
        let mut read = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                if length.is_none_or(|length| length.parse() == Ok(body.len())) {
                    return head.to_owned();
                }
            }
            let byte = self.stream.read_u8().await.expect("an answer");
            read.push(byte);
        }
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn trap_26_a_connection_goes_on_when_the_body_comes_after_the_refusal_was_ready() {
    let server = TestServer::start().await;
    for path in ["/mcp", "/api/tools"] {
        let mut wire = Wire::to(&server).await;
        for _ in 0..3 {
            let length = format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                CALL.len()
            );
            wire.head(&format!("POST {path}"), &length).await;
            // By the time that another is answered, this one was looked at.
            let other = server.visitor().get("/health").await;
            assert_eq!(other.status, 200);
            wire.write(CALL.as_bytes()).await;
            let refusal = wire.answer().await;
            assert!(refusal.starts_with("http/1.1 401"), "{refusal}");
            assert!(!refusal.contains("connection: close"), "{refusal}");
        }
        wire.head("GET /health", "").await;
        assert!(wire.answer().await.starts_with("http/1.1 200"));
    }
}

#[tokio::test]
async fn trap_26_a_refusal_says_so_when_the_connection_ends_with_it() {
    let server = TestServer::start().await;
    let never_ending = "Content-Type: application/json\r\nContent-Length: 1000000000\r\n";
    let asks_first =
        "Content-Type: application/json\r\nContent-Length: 40\r\nExpect: 100-continue\r\n";
    for (more, body) in [(never_ending, "{"), (asks_first, "")] {
        let mut wire = Wire::to(&server).await;
        wire.head("POST /mcp", more).await;
        wire.write(body.as_bytes()).await;
        let refusal = wire.answer().await;
        assert!(refusal.starts_with("http/1.1 401"), "{refusal}");
        assert!(refusal.contains("connection: close"), "{refusal}");
        let mut rest = Vec::new();
        let ended = wire.stream.read_to_end(&mut rest).await;
        assert!(ended.is_ok() && rest.is_empty(), "{ended:?}");
    }
}
