//! What is refused before anything is done: the rows M1 to M28, M36 and M37 of
//! the standard's table, and their neighbours.

use picard_tests::{server::TestServer, table::Table, visitor::Page};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::{LEGACY, MODERN, Peer, body, in_short, json_of, meta, modern_body, read};

fn challenge(answer: &Page) -> String {
    format!("{} {}", answer.status, answer.header("www-authenticate"))
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing_but_the_way_to_one() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let metadata = format!(
        "resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", \
         scope=\"memories:read memories:write\"",
        server.base
    );
    let none = format!("401 Bearer {metadata}");
    let invalid = "401 invalid_token with error=\"invalid_token\"";
    let list = body("tools/list", json!({}));
    let mut table = Table::new("tokens at /mcp");

    for method in [Method::POST, Method::GET, Method::DELETE, Method::PUT] {
        let request = peer.stranger(method.clone(), "/mcp").body(list.clone());
        let got = challenge(&read(request).await);
        table.row(format!("M1 {method}"), "no token", &none, got);
    }
    let slash = peer.stranger(Method::POST, "/mcp/").body(list.clone());
    let got = challenge(&read(slash).await);
    table.row("M1 slash", "no token, at /mcp/", &none, got);

    // {"alg":"none"}, {"alg":"HS256"}, {"alg":"RS256","kid":"../../etc/passwd"}
    let access = peer.tokens.access.as_str();
    for (id, token) in [
        ("M2", "garbage"),
        ("M2 cut", &access[..access.len() - 1]),
        ("M2 refresh token", &*peer.tokens.refresh),
        ("M3 none", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ3b3JmIn0."),
        ("M3 HS256", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3b3JmIn0.c2ln"),
        (
            "M3 kid",
            "eyJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLy4uL2V0Yy9wYXNzd2QifQ.eyJzdWIiOiJ3b3JmIn0.c2ln",
        ),
    ] {
        let request = peer.stranger(Method::POST, "/mcp").bearer_auth(token);
        let answer = read(request.body(list.clone())).await;
        let told = challenge(&answer);
        let told = told.contains("error=\"invalid_token\"") && told.contains(&metadata);
        let got = format!("{} with error=\"invalid_token\"", in_short(&answer));
        table.row(
            id,
            "a token that is none",
            invalid,
            if told { got } else { in_short(&answer) },
        );
    }

    let in_url = format!("/mcp?access_token={access}");
    let request = peer.stranger(Method::POST, &in_url).body(list.clone());
    table.row(
        "M4",
        "?access_token=",
        "401 invalid_token",
        in_short(&read(request).await),
    );
    let request = peer.request(Method::POST, &in_url).body(list.clone());
    table.row(
        "M4 both",
        "and a header",
        "400 invalid_request",
        in_short(&read(request).await),
    );

    let mut person = server.visitor();
    person.log_in("worf", "tea, earl grey, hot").await;
    for path in ["/mcp", "/api/tools"] {
        let request = person
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .body(list.clone());
        let answer = person.send(request).await;
        let got = in_short(&answer);
        table.row(
            format!("M37 {path}"),
            "the person's cookie",
            "401 invalid_token",
            got,
        );
    }

    let session = peer
        .stranger(Method::POST, "/mcp")
        .header("mcp-session-id", "8b1f")
        .body(list.clone());
    table.row(
        "M26",
        "a session, no token",
        "401 invalid_token",
        in_short(&read(session).await),
    );
    let session = peer
        .legacy(LEGACY[0], "tools/list", json!({}))
        .header("mcp-session-id", "8b1f");
    table.row(
        "M26 unknown",
        "a session, a token",
        "404 -32600",
        in_short(&read(session).await),
    );

    server.clock.advance(picard_domain::Span::hours(2));
    let expired = read(peer.modern("tools/list", json!({}))).await;
    table.row(
        "M2 expired",
        "two hours later",
        "401 invalid_token",
        in_short(&expired),
    );
    table.assert();
}

#[tokio::test]
async fn hosts_and_origins_elsewhere_are_turned_away_before_anything_else() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let port = server.base.rsplit(':').next().expect("a port");
    let mut table = Table::new("Host and Origin");
    let ours = [
        ("M6 own", "origin", server.base.clone()),
        ("M6 localhost", "origin", format!("http://localhost:{port}")),
        ("M8 localhost", "host", format!("localhost:{port}")),
        ("M8 address", "host", format!("[::1]:{port}")),
    ];
    for (id, name, value) in ours {
        let request = peer.modern("tools/list", json!({})).header(name, &value);
        table.row(
            id,
            format!("{name}: {value}"),
            "200",
            in_short(&read(request).await),
        );
    }
    let foreign = [
        ("M6", "origin", "https://evil.example".to_owned()),
        ("M6 null", "origin", "null".to_owned()),
        ("M6 other port", "origin", "http://localhost:1".to_owned()),
        ("M6 https", "origin", format!("https://localhost:{port}")),
        (
            "M6 suffix",
            "origin",
            format!("http://127.0.0.1.evil.example:{port}"),
        ),
        ("M8", "host", "evil.example".to_owned()),
        (
            "M8 suffix",
            "host",
            format!("localhost.evil.example:{port}"),
        ),
        ("M8 user", "host", format!("localhost@evil.example:{port}")),
    ];
    for (id, name, value) in foreign {
        let request = peer.modern("tools/list", json!({})).header(name, &value);
        let asked = format!("{name}: {value}");
        table.row(id, &asked, "403 forbidden", in_short(&read(request).await));
        let request = peer.stranger(Method::GET, "/mcp").header(name, &value);
        let got = in_short(&read(request).await);
        table.row(format!("{id}, no token"), &asked, "403 forbidden", got);
    }
    let request = peer
        .request(Method::POST, "/api/tools")
        .header("origin", "https://evil.example")
        .json(&json!({"tool": "get_memories", "data": {}}));
    let got = in_short(&read(request).await);
    table.row("M6 REST", "at /api/tools", "403 forbidden", got);
    // As the web client of another machine calls it (MCP_SERVER_INTERNAL_URL).
    let request = peer
        .request(Method::POST, "/api/tools")
        .header("host", "server.internal:8001")
        .json(&json!({"tool": "get_memories", "data": {}}));
    let got = in_short(&read(request).await);
    table.row("M8 REST", "an inner name at /api/tools", "200", got);
    table.assert();
}

#[tokio::test]
async fn pages_of_allowed_origins_may_call_and_read_even_the_refusal() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let mut table = Table::new("cross-origin sharing");
    for path in [
        "/mcp",
        "/mcp/",
        "/api/tools",
        "/oauth/token",
        "/token",
        "/oauth/revoke",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
    ] {
        let request = peer
            .stranger(Method::OPTIONS, path)
            .header("origin", &server.base)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization, mcp-protocol-version, Mcp-Param-Region, x-evil",
            );
        let answer = read(request).await;
        let allowed = answer.header("access-control-allow-headers");
        let lists = |name: &str| allowed.split(", ").any(|listed| listed == name);
        let held = answer.status == 204
            && answer.header("access-control-allow-origin") == "*"
            && answer
                .header("access-control-allow-methods")
                .contains("POST")
            && answer
                .headers
                .get("access-control-allow-credentials")
                .is_none()
            && [
                "authorization",
                "content-type",
                "mcp-method",
                "mcp-name",
                "mcp-param-region",
            ]
            .into_iter()
            .all(lists)
            && !lists("x-evil");
        let id = format!("trap 16 {path}");
        table.holds(
            id,
            "a preflight without a token",
            "204 and the headers",
            held,
        );
    }
    for path in ["/oauth/authorize", "/authorize", "/login", "/account", "/"] {
        let request = peer
            .stranger(Method::OPTIONS, path)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST");
        let answer = read(request).await;
        let held = answer.headers.get("access-control-allow-origin").is_none();
        let id = format!("trap 16 not {path}");
        table.holds(id, "a preflight of a page", "nothing is shared", held);
    }
    let refused = read(
        peer.stranger(Method::POST, "/mcp")
            .header("origin", &server.base),
    )
    .await;
    let exposed = refused
        .header("access-control-expose-headers")
        .to_ascii_lowercase();
    let held = refused.status == 401
        && refused.header("access-control-allow-origin") == "*"
        && exposed.contains("www-authenticate")
        && exposed.contains("mcp-session-id");
    table.holds("M10", "the 401", "its challenge can be read", held);
    let request = peer
        .stranger(Method::OPTIONS, "/mcp")
        .header("origin", "https://evil.example");
    table.row(
        "M6 preflight",
        "of a foreign page",
        "403 forbidden",
        in_short(&read(request).await),
    );
    table.assert();
}

#[tokio::test]
async fn what_is_no_message_is_told_so() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let mut table = Table::new("messages");
    for (id, sent, required) in [
        ("M11", "{\"jsonrpc\": \"2.0\", ", "400 -32700"),
        ("M11 empty", "", "400 -32700"),
        (
            "M13",
            r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#,
            "400 -32600",
        ),
        (
            "M13 float",
            r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#,
            "400 -32600",
        ),
        (
            "M14",
            r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#,
            "400 -32600",
        ),
        (
            "M14 none",
            r#"{"id":1,"method":"tools/list"}"#,
            "400 -32600",
        ),
        (
            "M14 answer",
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            "400 -32600",
        ),
        (
            "M14 params",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":7}"#,
            "400 -32602",
        ),
        (
            "M12",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            "202",
        ),
    ] {
        table.row(id, sent, required, in_short(&read(peer.post(sent)).await));
    }
    for (id, kind, required) in [
        ("M15", "text/plain", "415 unsupported_media_type"),
        (
            "M15 form",
            "application/x-www-form-urlencoded",
            "415 unsupported_media_type",
        ),
        ("M15 charset", "application/json; charset=utf-8", "200"),
    ] {
        let request = peer
            .request(Method::POST, "/mcp")
            .header("content-type", kind)
            .body(body("tools/list", json!({})));
        table.row(id, kind, required, in_short(&read(request).await));
    }
    for (id, accept, required) in [
        ("M16", "application/json", "200"),
        ("M16 any", "*/*", "200"),
        ("M16 stream", "text/event-stream", "406 not_acceptable"),
        (
            "M16 html",
            "text/html, application/json;q=0",
            "406 not_acceptable",
        ),
    ] {
        let request = peer
            .request(Method::POST, "/mcp")
            .header("content-type", "application/json")
            .header("accept", accept)
            .body(body("tools/list", json!({})));
        table.row(
            id,
            format!("Accept: {accept}"),
            required,
            in_short(&read(request).await),
        );
    }
    let large = json!({"query": "x".repeat(1024 * 1024)});
    let request = peer.modern("tools/call", json!({"name": "search", "arguments": large}));
    table.row(
        "M17",
        "over 1 MiB",
        "413 too_large",
        in_short(&read(request).await),
    );

    for path in ["/mcp", "/mcp/"] {
        for method in [Method::GET, Method::DELETE, Method::PUT] {
            let answer = read(peer.request(method.clone(), path)).await;
            let got = format!("{} Allow: {}", answer.status, answer.header("allow"));
            table.row(
                format!("M24 {method} {path}"),
                "a token",
                "405 Allow: POST",
                got,
            );
        }
    }
    let again = peer
        .request(Method::POST, "/mcp/")
        .header("content-type", "application/json")
        .body(body("tools/list", json!({})));
    table.row(
        "M24 slash",
        "POST /mcp/",
        "200",
        in_short(&read(again).await),
    );
    table.assert();
}

#[tokio::test]
async fn twenty_megabytes_are_refused_without_being_read() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let sent = peer.post("x".repeat(20 * 1024 * 1024)).send().await;
    // Whoever writes on is cut off, and may see that before the answer.
    if let Ok(answer) = sent {
        assert_eq!(answer.status(), 413);
    }
    let after = read(peer.modern("tools/list", json!({}))).await;
    assert_eq!(after.status, 200);
}

#[tokio::test]
async fn the_newer_era_says_in_each_request_what_it_is() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let mut table = Table::new("the newer era");
    let call = json!({"name": "query_memory", "arguments": {"query": "tea"}});
    let headers = |version: &str, method: &str, name: Option<&str>, params: &Value| {
        let mut request = peer.post(modern_body("tools/call", params.clone()));
        for (header, value) in [
            ("mcp-protocol-version", Some(version)),
            ("mcp-method", Some(method)),
            ("mcp-name", name),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                request = request.header(header, value);
            }
        }
        request
    };
    let good = Some("query_memory");
    for (id, version, method, name, required) in [
        ("M18", MODERN, "tools/call", good, "200"),
        (
            "M18 base64",
            MODERN,
            "tools/call",
            Some("=?base64?cXVlcnlfbWVtb3J5?="),
            "200",
        ),
        ("M19", "2025-11-25", "tools/call", good, "400 -32020"),
        ("M19 missing", "", "tools/call", good, "400 -32020"),
        ("M20", MODERN, "tools/list", good, "400 -32020"),
        ("M20 missing", MODERN, "", good, "400 -32020"),
        (
            "M21",
            MODERN,
            "tools/call",
            Some("submit_memory"),
            "400 -32020",
        ),
        ("M21 missing", MODERN, "tools/call", None, "400 -32020"),
        (
            "M21 base64",
            MODERN,
            "tools/call",
            Some("=?base64?%%?="),
            "400 -32020",
        ),
    ] {
        let asked = format!("{version:?}, {method:?}, {name:?}");
        let answer = read(headers(version, method, name, &call)).await;
        table.row(id, asked, required, in_short(&answer));
        if answer.status != 200 {
            let echoed = json_of(&answer)["id"] == 1;
            table.holds(
                format!("{id} id"),
                "the same",
                "the error echoes the id",
                echoed,
            );
        }
    }

    let bare = |meta: Value| {
        let params = json!({"_meta": meta});
        peer.post(body("tools/list", params))
            .header("mcp-protocol-version", MODERN)
            .header("mcp-method", "tools/list")
    };
    let mut incomplete = meta(MODERN);
    let keys = incomplete.as_object_mut().expect("an object");
    keys.remove("io.modelcontextprotocol/clientCapabilities");
    for (id, meta) in [
        ("duty 1", json!({})),
        ("duty 1 capabilities", incomplete),
        ("duty 1 type", json!("2026-07-28")),
    ] {
        let got = in_short(&read(bare(meta.clone())).await);
        table.row(id, format!("_meta: {meta}"), "400 -32602", got);
    }

    let future = peer
        .post(body("tools/list", json!({"_meta": meta("2099-01-01")})))
        .header("mcp-protocol-version", "2099-01-01")
        .header("mcp-method", "tools/list");
    let answer = read(future).await;
    table.row("duty 3", "2099-01-01", "400 -32022", in_short(&answer));
    let data = &json_of(&answer)["error"]["data"];
    let supported: Vec<_> = data["supported"].as_array().into_iter().flatten().collect();
    let held = data["requested"] == "2099-01-01"
        && supported.contains(&&json!(MODERN))
        && LEGACY
            .iter()
            .all(|version| supported.contains(&&json!(version)));
    table.holds(
        "duty 3 data",
        "2099-01-01",
        "names all that is supported",
        held,
    );

    for (id, method, required) in [
        ("M22", "tools/forget_all", "404 -32601"),
        ("M22 ping", "ping", "404 -32601"),
        ("M22 logging", "logging/setLevel", "404 -32601"),
        ("M22 subscribe", "resources/subscribe", "404 -32601"),
        ("M22 initialize", "initialize", "404 -32601"),
        ("M23", "server/discover", "200"),
    ] {
        let params = match method {
            "resources/subscribe" => json!({"uri": "memories://recent"}),
            "logging/setLevel" => json!({"level": "debug"}),
            "initialize" => json!({
                "protocolVersion": MODERN,
                "capabilities": {},
                "clientInfo": {"name": "tests", "version": "1"},
            }),
            _ => json!({}),
        };
        let answer = read(peer.modern(method, params)).await;
        table.row(id, method, required, in_short(&answer));
    }
    let session = peer
        .modern("tools/list", json!({}))
        .header("mcp-session-id", "8b1f");
    table.row(
        "M26 newer",
        "a session",
        "200",
        in_short(&read(session).await),
    );
    table.assert();
}

#[tokio::test]
async fn the_older_era_shakes_hands_and_then_names_its_version() {
    let server = TestServer::start().await;
    let peer = Peer::of(&server, "worf").await;
    let mut table = Table::new("the older era");
    let initialize = |version: &str| {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"},
        });
        peer.post(body("initialize", params))
    };
    for (id, asked, given) in [
        ("trap 24", "2025-11-25", "2025-11-25"),
        ("trap 24 June", "2025-06-18", "2025-06-18"),
        ("trap 24 March", "2025-03-26", "2025-03-26"),
        ("trap 24 old", "2024-11-05", "2025-11-25"),
        ("trap 24 newer", "2026-07-28", "2025-11-25"),
        ("trap 24 unknown", "1999-01-01", "2025-11-25"),
        ("trap 24 no date", "latest", "2025-11-25"),
    ] {
        let answer = read(initialize(asked)).await;
        let got = json_of(&answer)["result"]["protocolVersion"].clone();
        table.row(id, asked, given, got.as_str().unwrap_or_default());
        let held = answer.headers.get("mcp-session-id").is_none();
        table.holds(format!("{id} session"), asked, "no session begins", held);
    }
    for version in LEGACY {
        for (method, required) in [
            ("tools/list", "200"),
            ("ping", "200"),
            ("tools/forget_all", "200 -32601"),
            ("subscriptions/listen", "200 -32601"),
        ] {
            let params = match method {
                "subscriptions/listen" => json!({"notifications": {}}),
                _ => json!({}),
            };
            let answer = read(peer.legacy(version, method, params)).await;
            table.row(
                format!("{version} {method}"),
                method,
                required,
                in_short(&answer),
            );
        }
    }
    for version in ["2024-11-05", "1999-01-01"] {
        let got = in_short(&read(peer.legacy(version, "tools/list", json!({}))).await);
        table.row(
            format!("header {version}"),
            "after the handshake",
            "400 -32022",
            got,
        );
    }
    let none = read(peer.post(body("tools/list", json!({})))).await;
    table.row("no header", "counts as 2025-03-26", "200", in_short(&none));
    table.assert();
}

#[tokio::test]
async fn a_tool_beyond_the_scopes_is_refused_with_all_that_it_needs() {
    let server = TestServer::start().await;
    let reader = Peer::with_scope(&server, "worf", "memories:read").await;
    let mut table = Table::new("scopes");
    let write = json!({"text": "A warrior remembers."});
    let over_mcp = reader.modern(
        "tools/call",
        json!({"name": "submit_memory", "arguments": write}),
    );
    let over_rest = reader
        .request(Method::POST, "/api/tools")
        .json(&json!({"tool": "submit_memory", "data": write}));
    for (id, request) in [("M27", over_mcp), ("M27 REST", over_rest)] {
        let answer = read(request).await;
        table.row(
            id,
            "submit_memory",
            "403 insufficient_scope",
            in_short(&answer),
        );
        let challenge = answer.header("www-authenticate");
        let held = challenge.contains("error=\"insufficient_scope\"")
            && challenge.contains("scope=\"memories:read memories:write\"")
            && challenge.contains("resource_metadata=\"http");
        table.holds(
            format!("{id} challenge"),
            "submit_memory",
            "names all scopes",
            held,
        );
    }
    // A second `method` must not hide what is called.
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call",
        "params":{"name":"submit_memory","arguments":{"text":"a"}}}"#;
    let got = in_short(&read(reader.post(twice)).await);
    table.row(
        "M27 twice",
        "method sent twice",
        "403 insufficient_scope",
        got,
    );
    let list = read(reader.modern("tools/list", json!({}))).await;
    let tools = json_of(&list)["result"]["tools"].as_array().map(Vec::len);
    table.row("M27 list", "tools/list", "Some(9)", format!("{tools:?}"));
    let read_only = read(reader.modern(
        "tools/call",
        json!({"name": "query_memory", "arguments": {"query": "warrior"}}),
    ));
    table.row(
        "M27 read",
        "query_memory",
        "200",
        in_short(&read_only.await),
    );
    table.assert();
}
