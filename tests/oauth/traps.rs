//! The traps of real clients (`standards/oauth.md`): what others stumbled over
//! in public issue threads, each as a test named after it. The traps of
//! registration and of client documents are beside those attacks.

use std::time::{Duration, Instant};

use futures::future::join_all;
use picard_domain::Span;
use picard_tests::{
    application::{Application, Tokens, parameter, post_form},
    server::{Database, TestServer},
    visitor::{Page, Visitor, http},
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

picard_tests::on_both!(
    trap_01_the_resource_is_the_exact_address_with_its_path,
    trap_02_resource_metadata_are_public_json_at_the_root_and_under_the_path,
    trap_07_refreshes_at_once_all_get_the_same_pair_and_kill_nothing,
    trap_08_refresh_tokens_come_unasked_and_offline_access_is_listed_at_the_server_only,
    trap_10_a_refresh_without_resource_and_scope_inherits_both,
    trap_11_the_first_challenge_asks_for_all_that_is_needed_and_never_for_admin,
    trap_13_no_form_action_in_the_policy_of_login_and_consent_pages,
    trap_14_get_mcp_is_a_quick_405_with_a_token_and_a_401_without,
    trap_15_mcp_is_served_with_and_without_its_slash_and_addresses_come_from_the_settings,
    trap_16_a_browser_may_call_and_read_the_challenge_and_cookies_count_for_nothing,
    trap_17_the_issuer_is_one_string_everywhere_and_has_no_slash_at_its_end,
    trap_18_iss_is_promised_and_sent_with_every_answer,
    trap_23_no_client_is_turned_away_for_its_name_and_discovery_is_quick,
    trap_24_initialize_with_an_unknown_version_is_answered_with_a_known_one,
    trap_25_names_of_tools_are_short_and_of_letters_digits_and_underscores,
    trap_26_the_body_of_a_refused_call_is_never_read_as_the_next_request,
    trap_26_a_connection_that_is_kept_goes_on_after_a_refusal,
    trap_27_a_challenge_has_absolute_addresses_and_comes_with_a_401_once
);

/// What the older era is called in its header.
const VERSION: &str = "2025-06-18";

async fn send(request: RequestBuilder) -> Page {
    Visitor::new("").send(request).await
}

/// A message to `/mcp`, in the older era.
fn message(url: &str, token: Option<&str>, method: &str, params: Value) -> RequestBuilder {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let request = http()
        .post(url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", VERSION)
        .json(&body);
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

fn json_of(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{} {}", page.status, page.body))
}

async fn document(server: &TestServer, path: &str) -> Value {
    let page = server.visitor().get(path).await;
    assert_eq!(page.status, 200, "{path}");
    assert_eq!(page.header("content-type"), "application/json", "{path}");
    json_of(&page)
}

/// A server, an application and its tokens.
async fn connected(database: Database, confidential: bool) -> (TestServer, Application, Tokens) {
    let server = TestServer::on(database).await;
    let application = if confidential {
        server.application().await
    } else {
        server.public_application().await
    };
    let tokens = application.connect(&mut server.person("seven").await).await;
    (server, application, tokens)
}

/// The value of a parameter in a challenge.
fn challenged(page: &Page, name: &str) -> Option<String> {
    let challenge = page.header("www-authenticate");
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(str::to_owned)
}

async fn trap_01_the_resource_is_the_exact_address_with_its_path(database: Database) {
    let (server, application, tokens) = connected(database, true).await;
    let mcp = format!("{}/mcp", server.base);
    let refused = send(message(&mcp, None, "ping", json!({}))).await;
    let metadata = challenged(&refused, "resource_metadata").expect("where to look");
    let metadata = json_of(&send(http().get(metadata)).await);
    assert_eq!(metadata["resource"], json!(mcp));
    let mut form = application.refresh(&tokens.refresh);
    form.push(("resource", mcp.clone()));
    let page = post_form(&format!("{}/oauth/token", server.base), &form).await;
    let tokens = Tokens::from_page(&page);
    let answer = send(message(&mcp, Some(&tokens.access), "ping", json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn trap_02_resource_metadata_are_public_json_at_the_root_and_under_the_path(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let paths = ["", "/mcp"].map(|end| format!("/.well-known/oauth-protected-resource{end}"));
    assert_eq!(
        document(&server, &paths[0]).await,
        document(&server, &paths[1]).await
    );
    let url = format!("{}{}", server.base, paths[0]);
    let with_a_bad_token = send(http().get(url).bearer_auth("garbage")).await;
    assert_eq!(with_a_bad_token.status, 200);
    for elsewhere in ["/.well-known/x", "/.well-known/openid-configuration"] {
        let page = server.visitor().get(elsewhere).await;
        assert_eq!(page.status, 404, "{elsewhere}");
        assert!(page.header("content-type").contains("json"), "{elsewhere}");
    }
}

async fn trap_07_refreshes_at_once_all_get_the_same_pair_and_kill_nothing(database: Database) {
    let (server, application, first) = connected(database, false).await;
    let url = format!("{}/oauth/token", server.base);
    let form = application.refresh(&first.refresh);
    let pages = join_all((0..8).map(|_| post_form(&url, &form))).await;
    let pairs: Vec<_> = pages.iter().map(Tokens::from_page).collect();
    for pair in &pairs {
        assert_eq!(
            (&pair.access, &pair.refresh),
            (&pairs[0].access, &pairs[0].refresh)
        );
    }
    let mcp = format!("{}/mcp", server.base);
    let ping = || message(&mcp, Some(&pairs[0].access), "ping", json!({}));
    assert_eq!(send(ping()).await.status, 200);
    // After the moment of grace the same is a theft.
    server.clock.advance(Span::minutes(2));
    assert_eq!(post_form(&url, &form).await.status, 400);
    assert_eq!(send(ping()).await.status, 401);
}

async fn trap_08_refresh_tokens_come_unasked_and_offline_access_is_listed_at_the_server_only(
    database: Database,
) {
    let (server, mut application, tokens) = connected(database, false).await;
    assert!(!tokens.refresh.is_empty());
    "memories:read offline_access".clone_into(&mut application.scope);
    let tokens = application.connect(&mut server.person("icheb").await).await;
    assert!(!tokens.refresh.is_empty());
    assert_eq!(tokens.response["scope"], "memories:read");
    let scopes = |document: &Value| document["scopes_supported"].to_string();
    let server_says = document(&server, "/.well-known/oauth-authorization-server").await;
    assert!(scopes(&server_says).contains("offline_access"));
    let resource_says = document(&server, "/.well-known/oauth-protected-resource").await;
    assert!(!scopes(&resource_says).contains("offline_access"));
    let refused = server.visitor().get("/mcp").await;
    assert!(!refused.header("www-authenticate").contains("offline"));
}

async fn trap_10_a_refresh_without_resource_and_scope_inherits_both(database: Database) {
    let (server, application, first) = connected(database, false).await;
    let form = application.refresh(&first.refresh);
    let names: Vec<_> = form.iter().map(|(name, _)| *name).collect();
    assert!(!names.contains(&"resource") && !names.contains(&"scope"));
    let page = post_form(&format!("{}/oauth/token", server.base), &form).await;
    let second = Tokens::from_page(&page);
    assert_eq!(second.response["scope"], first.response["scope"]);
    let mcp = format!("{}/mcp", server.base);
    let answer = send(message(&mcp, Some(&second.access), "ping", json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn trap_11_the_first_challenge_asks_for_all_that_is_needed_and_never_for_admin(
    database: Database,
) {
    let (server, mut application, _) = connected(database, true).await;
    let mcp = format!("{}/mcp", server.base);
    let refused = send(message(&mcp, None, "ping", json!({}))).await;
    let scope = challenged(&refused, "scope");
    assert_eq!(scope.as_deref(), Some("memories:read memories:write"));
    "memories:read".clone_into(&mut application.scope);
    let reader = application.connect(&mut server.person("naomi").await).await;
    let params = json!({"name": "submit_memory", "arguments": {"text": "a"}});
    let refused = send(message(&mcp, Some(&reader.access), "tools/call", params)).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    let scope = challenged(&refused, "scope").expect("the scopes that it takes");
    assert!(
        scope.contains("memories:write") && !scope.contains("admin"),
        "{scope}"
    );
    assert!(challenged(&refused, "resource_metadata").is_some());
}

async fn trap_13_no_form_action_in_the_policy_of_login_and_consent_pages(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let address = Application::address(&application.request());
    let login = server.visitor().get("/login").await;
    let consent = server.person("kes").await.get(&address).await;
    for page in [login, consent] {
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert!(!policy.contains("form-action"), "{policy}");
    }
}

async fn trap_14_get_mcp_is_a_quick_405_with_a_token_and_a_401_without(database: Database) {
    let (server, _, tokens) = connected(database, true).await;
    for path in ["/mcp", "/mcp/"] {
        let url = format!("{}{path}", server.base);
        for method in ["GET", "DELETE", "PUT"] {
            let ask = || http().request(method.parse().expect("a method"), &url);
            let sse = ask()
                .header("accept", "text/event-stream")
                .timeout(Duration::from_secs(20));
            let answer = send(sse.bearer_auth(&tokens.access)).await;
            assert_eq!(
                (answer.status, answer.header("allow")),
                (405, "POST"),
                "{method} {path}"
            );
            assert_eq!(send(ask()).await.status, 401, "{method} {path}");
        }
    }
}

async fn trap_15_mcp_is_served_with_and_without_its_slash_and_addresses_come_from_the_settings(
    database: Database,
) {
    let (server, _, tokens) = connected(database, true).await;
    for path in ["/mcp", "/mcp/"] {
        let url = format!("{}{path}", server.base);
        let answer = send(message(&url, Some(&tokens.access), "ping", json!({}))).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let forwarded = message(&url, None, "ping", json!({}))
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "host=evil.example;proto=https");
        let refused = send(forwarded).await;
        assert_eq!(refused.status, 401);
        let metadata = challenged(&refused, "resource_metadata").expect("where to look");
        assert!(metadata.starts_with(&server.base), "{metadata}");
        let rebound = message(&url, None, "ping", json!({})).header("host", "evil.example");
        assert!([403, 421].contains(&send(rebound).await.status));
    }
    let url = format!("{}/.well-known/oauth-authorization-server", server.base);
    let elsewhere = http()
        .get(url)
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example");
    assert!(!send(elsewhere).await.body.contains("evil.example"));
}

async fn trap_16_a_browser_may_call_and_read_the_challenge_and_cookies_count_for_nothing(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let mcp = format!("{}/mcp", server.base);
    let preflight = http()
        .request("OPTIONS".parse().expect("a method"), &mcp)
        .header("origin", &server.base)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization, mcp-param-query",
        );
    let answer = send(preflight).await;
    assert_eq!(answer.status / 100, 2, "{}", answer.body);
    let allowed = answer
        .header("access-control-allow-headers")
        .to_ascii_lowercase();
    for name in [
        "authorization",
        "content-type",
        "accept",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-session-id",
        "last-event-id",
        "mcp-param-query",
    ] {
        assert!(allowed.contains(name), "{name} is not in {allowed}");
    }
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("POST")
    );
    assert_eq!(answer.header("access-control-allow-credentials"), "");

    let person = server.person("tuvok").await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let with_cookies = person.request("POST".parse().expect("a method"), "/mcp");
    let refused = send(with_cookies.header("origin", &server.base).json(&body)).await;
    assert_eq!(refused.status, 401);
    assert!(["*", &*server.base].contains(&refused.header("access-control-allow-origin")));
    let exposed = refused
        .header("access-control-expose-headers")
        .to_ascii_lowercase();
    assert!(exposed.contains("www-authenticate") && exposed.contains("mcp-session-id"));
    assert_eq!(refused.header("set-cookie"), "");
}

async fn trap_17_the_issuer_is_one_string_everywhere_and_has_no_slash_at_its_end(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let back = application
        .consent(&mut server.person("chakotay").await)
        .await;
    let iss = parameter(&back, "iss").expect("an issuer");
    assert!(!iss.ends_with('/'));
    for end in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-authorization-server{end}");
        let metadata = document(&server, &path).await;
        assert_eq!(metadata["issuer"], json!(iss), "{path}");
        let path = format!("/.well-known/oauth-protected-resource{end}");
        let metadata = document(&server, &path).await;
        assert_eq!(metadata["authorization_servers"], json!([iss]), "{path}");
        let said = metadata.to_string();
        assert!(!said.contains(&format!("{iss}/\"")), "{said}");
    }
}

async fn trap_18_iss_is_promised_and_sent_with_every_answer(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let metadata = document(&server, "/.well-known/oauth-authorization-server").await;
    let promised = &metadata["authorization_response_iss_parameter_supported"];
    assert_eq!(promised, &json!(true));
    let mut person = server.person("neelix").await;
    let page = person
        .get(&Application::address(&application.request()))
        .await;
    let denied = Application::decide(&mut person, &page, "deny").await;
    let denied = denied.location().parse().expect("an address");
    for back in [application.consent(&mut person).await, denied] {
        assert_eq!(
            parameter(&back, "iss").as_deref(),
            Some(&*server.base),
            "{back}"
        );
    }
}

async fn trap_23_no_client_is_turned_away_for_its_name_and_discovery_is_quick(database: Database) {
    let server = TestServer::on(database).await;
    for agent in [
        "",
        "Claude-User",
        "python-httpx/0.28.1",
        "node",
        "curl/8",
        "Bot",
    ] {
        for path in [
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-authorization-server",
        ] {
            let start = Instant::now();
            let request = http()
                .get(format!("{}{path}", server.base))
                .header("user-agent", agent);
            assert_eq!(send(request).await.status, 200, "{agent:?}");
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        let request = message(&format!("{}/mcp", server.base), None, "ping", json!({}));
        let refused = send(request.header("user-agent", agent)).await;
        assert_eq!(refused.status, 401, "{agent:?}");
    }
}

async fn trap_24_initialize_with_an_unknown_version_is_answered_with_a_known_one(
    database: Database,
) {
    let (server, _, tokens) = connected(database, true).await;
    let mcp = format!("{}/mcp", server.base);
    for asked in [
        "1999-01-01",
        "2099-12-31",
        "nonsense",
        "2025-11-25",
        "2025-03-26",
    ] {
        let params = json!({
            "protocolVersion": asked,
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        });
        let request = http()
            .post(&mcp)
            .bearer_auth(&tokens.access)
            .header("accept", "application/json, text/event-stream")
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}));
        let page = send(request).await;
        assert_eq!(page.status, 200, "{asked}: {}", page.body);
        let answer = json_of(&page);
        let version = answer["result"]["protocolVersion"]
            .as_str()
            .unwrap_or_default();
        let known = ["2025-03-26", "2025-06-18", "2025-11-25"];
        assert!(known.contains(&version), "{asked}: {answer}");
        assert!(!known.contains(&asked) || version == asked, "{answer}");
    }
    // Only afterwards is a header that names an unknown version an error.
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let request = http()
        .post(&mcp)
        .bearer_auth(&tokens.access)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "nonsense");
    assert_eq!(send(request.json(&body)).await.status, 400);
}

async fn trap_25_names_of_tools_are_short_and_of_letters_digits_and_underscores(
    database: Database,
) {
    let (server, _, tokens) = connected(database, true).await;
    let mcp = format!("{}/mcp", server.base);
    let page = send(message(&mcp, Some(&tokens.access), "tools/list", json!({}))).await;
    let tools = json_of(&page)["result"]["tools"].take();
    let tools = tools.as_array().expect("a list");
    assert!(tools.len() >= 7, "{}", page.body);
    for tool in tools {
        let name = tool["name"].as_str().expect("a name");
        assert!((1..=40).contains(&name.len()), "{name}");
        assert!(
            name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
            "{name}"
        );
    }
}

/// Reads one answer off a connection: its status and body.
async fn answer(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<(u16, Vec<u8>)> {
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |length| length.trim().parse().expect("a length"));
            if read.len() >= end + 4 + length {
                let status = head
                    .split(' ')
                    .nth(1)
                    .and_then(|status| status.parse().ok());
                let body = read[end + 4..end + 4 + length].to_vec();
                read.drain(..end + 4 + length);
                return Some((status.expect("a status"), body));
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => read.extend_from_slice(&chunk[..n]),
        }
    }
}

/// The refusal comes before the body was read. What is left of it must not be
/// taken for the next request: here it looks like one.
async fn trap_26_the_body_of_a_refused_call_is_never_read_as_the_next_request(database: Database) {
    let server = TestServer::on(database).await;
    let host = server.base.trim_start_matches("http://").to_owned();
    let hidden = format!("DELETE /hidden HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let next = format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (kind, size) in [("small", 1), ("large", 20_000)] {
        for path in ["/mcp", "/api/tools"] {
            let body = hidden.repeat(size);
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                body.len()
            );
            let stream = TcpStream::connect(&host).await.expect("the server listens");
            let (mut reading, mut writing) = stream.into_split();
            let all = [head.as_bytes(), body.as_bytes(), next.as_bytes()].concat();
            // The server may close the connection instead of reading on.
            let sent = tokio::spawn(async move { writing.write_all(&all).await });
            let mut everything = Vec::new();
            let mut chunk = [0; 4096];
            let mut bodies = 0;
            while let Ok(Ok(n)) =
                tokio::time::timeout(Duration::from_secs(20), reading.read(&mut chunk)).await
            {
                everything.extend_from_slice(&chunk[..n]);
                bodies = String::from_utf8_lossy(&everything)
                    .matches("HTTP/1.1 ")
                    .count();
                if n == 0 || bodies == 2 {
                    break;
                }
            }
            sent.abort();
            let said = String::from_utf8_lossy(&everything);
            let statuses: Vec<_> = said
                .split("HTTP/1.1 ")
                .skip(1)
                .map(|answer| &answer[..3])
                .collect();
            assert!(
                statuses == ["401", "200"] || statuses == ["401"],
                "{kind} {path}: {bodies} answers, {statuses:?}"
            );
        }
    }
}

async fn trap_26_a_connection_that_is_kept_goes_on_after_a_refusal(database: Database) {
    let server = TestServer::on(database).await;
    let host = server.base.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host).await.expect("the server listens");
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let mut read = Vec::new();
    for _ in 0..3 {
        let call = format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(call.as_bytes()).await.expect("it is open");
        let (status, _) = answer(&mut stream, &mut read).await.expect("an answer");
        assert_eq!(status, 401);
    }
    let last = format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(last.as_bytes()).await.expect("it is open");
    let (status, _) = answer(&mut stream, &mut read).await.expect("an answer");
    assert_eq!((status, read.len()), (200, 0));
}

async fn trap_27_a_challenge_has_absolute_addresses_and_comes_with_a_401_once(database: Database) {
    let (server, _, tokens) = connected(database, true).await;
    let mcp = format!("{}/mcp", server.base);
    let count = |page: &Page| page.headers.get_all("www-authenticate").iter().count();
    for token in [None, Some("garbage")] {
        let refused = send(message(&mcp, token, "ping", json!({}))).await;
        assert_eq!((refused.status, count(&refused)), (401, 1));
        let metadata = challenged(&refused, "resource_metadata").expect("where to look");
        let absolute = reqwest::Url::parse(&metadata).expect("an absolute address");
        assert_eq!(absolute.path(), "/.well-known/oauth-protected-resource/mcp");
    }
    let good = send(message(&mcp, Some(&tokens.access), "ping", json!({}))).await;
    assert_eq!((good.status, count(&good)), (200, 0));
}
