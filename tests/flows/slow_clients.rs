//! Clients that send half a request and fall silent do not hold a connection for ever.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use picard_tests::{
    process::{Up, register},
    visitor::Visitor,
};

/// Sends a beginning and reads what comes back until the server closes.
fn half_sent(address: &str, beginning: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    // Far beyond the server's patience: a server without any fails here.
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .expect("a socket has a time-out");
    stream.write_all(beginning.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server closes the connection");
    answer
}

#[tokio::test]
async fn a_request_that_stays_half_sent_is_ended_and_others_are_served() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    std::fs::create_dir(&data_dir).expect("a folder");
    let up = Up::start_with(&data_dir, &["--request-timeout=1"]);
    for service in [&up.server, &up.web] {
        let address = service.replace("http://localhost", "127.0.0.1");
        let open = TcpStream::connect(&address).expect("it listens");
        let head = "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\n";
        half_sent(&address, head);
        let silent_body = format!(
            "{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: 10\r\n\r\na="
        );
        let answer = half_sent(&address, &silent_body);
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        assert_eq!(Visitor::new(service).get("/health").await.status, 200);
        drop(open);
    }
}

/// Subscriptions end at the signal; a call has as long as any other request.
#[tokio::test]
async fn a_call_of_mcp_that_is_under_way_is_answered_before_the_server_stops() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    std::fs::create_dir(&data_dir).expect("a folder");
    let mut up = Up::start(&data_dir);
    let application = register(&data_dir, &up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let token = application.connect(&mut person).await.access;
    let address = up.server.replace("http://localhost", "127.0.0.1");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer \
         {token}\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("it wants the body");
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    up.signal("-TERM");
    std::thread::sleep(Duration::from_secs(3));
    stream.write_all(body.as_bytes()).expect("it still reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(up.ended().success());
}
