//! Applications that register themselves: rows R1 to R10 and R25, and the traps
//! of real clients that are about registration.

use std::net::IpAddr;

use picard_domain::Span;
use picard_server::Config;
use picard_tests::{
    application::{Application, VERIFIER, call, parameter, post_form},
    server::{Database, TestServer},
    table::Table,
    visitor::{Page, Visitor, http},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    what_may_be_registered,
    a_registration_is_answered_as_the_rfc_says,
    who_registered_itself_connects_and_calls,
    consent_tells_that_nobody_checked_the_name_and_where_the_answer_goes,
    a_name_that_nobody_checked_is_no_part_of_the_question,
    the_account_page_tells_which_applications_registered_themselves,
    trap_12_cursor_registers_private_and_loopback_addresses_as_web,
    trap_19_old_clients_find_the_endpoints_at_the_root,
    trap_20_a_client_that_registers_again_gets_the_same_id,
    trap_20_clients_that_nobody_used_are_forgotten_and_no_other,
    trap_21_a_deleted_client_is_told_so,
    trap_22_a_secret_may_come_either_way_whatever_was_registered,
    a_client_with_credentials_does_not_get_by_without_them,
    r25_a_flood_of_registrations_is_stopped_and_live_clients_do_not_notice,
    behind_a_trusted_proxy_people_are_told_apart
);

async fn post(server: &TestServer, path: &str, body: String) -> Page {
    let request = http()
        .post(format!("{}{path}", server.base))
        .header("content-type", "application/json")
        .body(body);
    Visitor::new("").send(request).await
}

async fn register(server: &TestServer, body: &Value) -> Page {
    post(server, "/oauth/register", body.to_string()).await
}

fn json_of(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{} {}", page.status, page.body))
}

/// Says what came: `201`, or status and error code.
fn outcome(page: &Page) -> String {
    let error = json_of(page)["error"].as_str().map(str::to_owned);
    error.map_or(page.status.to_string(), |error| {
        format!("{} {error}", page.status)
    })
}

fn client(name: &str, redirect_uris: &[&str]) -> Value {
    json!({
        "client_name": name,
        "redirect_uris": redirect_uris,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    })
}

/// The application that an answer made.
fn application(answer: &Page) -> Application {
    assert_eq!(answer.status, 201, "{}", answer.body);
    let registered = json_of(answer);
    let text = |name: &str| registered[name].as_str().map(str::to_owned);
    Application {
        client_id: text("client_id").expect("an id"),
        secret: text("client_secret"),
        redirect_uri: registered["redirect_uris"][0]
            .as_str()
            .expect("a URI")
            .into(),
        scope: text("scope").expect("a scope"),
    }
}

/// A client that registered itself, where `body` says how.
async fn registered(server: &TestServer, body: &Value) -> Application {
    application(&register(server, body).await)
}

async fn what_may_be_registered(database: Database) {
    let server = TestServer::on(database).await;
    let mut table = Table::new("R: what may be registered");
    let many: Vec<String> = (0..33)
        .map(|n| format!("https://app.example/{n}"))
        .collect();
    let uris = |uris: &[&str]| client("Holodeck", uris);
    let redirect = "400 invalid_redirect_uri";
    let metadata = "400 invalid_client_metadata";
    for (id, asked, body, required) in [
        (
            "R1",
            "no redirect_uris",
            json!({"client_name": "x"}),
            redirect,
        ),
        ("R1 empty", "an empty list", uris(&[]), redirect),
        (
            "R1 many",
            "33 of them",
            json!({"redirect_uris": many}),
            redirect,
        ),
        (
            "R2",
            "http elsewhere",
            uris(&["http://app.example/cb"]),
            redirect,
        ),
        (
            "R2 alike",
            "http://127.0.0.1.app.example",
            uris(&["http://127.0.0.1.app.example/"]),
            redirect,
        ),
        (
            "R3",
            "javascript:",
            uris(&["javascript:alert(1)"]),
            redirect,
        ),
        (
            "R4",
            "a fragment",
            uris(&["https://app.example/cb#x"]),
            redirect,
        ),
        (
            "R4 user",
            "a user in front",
            uris(&["https://app.example@evil.example/"]),
            redirect,
        ),
        (
            "R5",
            "a wildcard",
            uris(&["https://*.app.example/cb"]),
            redirect,
        ),
        ("R6", "data:", uris(&["data:text/html,x"]), redirect),
        (
            "R6 among",
            "data: after a good one",
            uris(&["https://app.example/cb", "data:x"]),
            redirect,
        ),
        (
            "R7",
            "a method that is not offered",
            json!({"redirect_uris": ["https://app.example/cb"],
                "token_endpoint_auth_method": "tls_client_auth"}),
            metadata,
        ),
        (
            "R8",
            "a name of 100 kB",
            client(&"n".repeat(100_000), &["https://app.example/cb"]),
            metadata,
        ),
        (
            "R8 short",
            "a name of 81 letters",
            client(&"n".repeat(81), &["https://app.example/cb"]),
            metadata,
        ),
        (
            "R8 turned",
            "a name that is written backwards",
            client("a\u{202e}b", &["https://app.example/cb"]),
            metadata,
        ),
        (
            "R9",
            "cursor: and localhost, as web",
            json!({"redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback",
                                  "http://localhost:8787/callback"],
                "application_type": "web", "token_endpoint_auth_method": "none"}),
            "201",
        ),
        (
            "R10",
            "what a client usually sends",
            uris(&["https://app.example/cb"]),
            "201",
        ),
    ] {
        table.row(
            id,
            asked,
            required,
            outcome(&register(&server, &body).await),
        );
    }
    for (id, body) in [
        ("R8 body", " ".repeat(100_000)),
        ("R10 form", "redirect_uris=x".into()),
    ] {
        let page = post(&server, "/oauth/register", body).await;
        table.row(id, "no JSON, or too much of it", metadata, outcome(&page));
    }
    table.assert();
}

async fn a_registration_is_answered_as_the_rfc_says(database: Database) {
    let server = TestServer::on(database).await;
    let public = register(&server, &client("Holodeck", &["https://app.example/cb"])).await;
    assert_eq!(public.status, 201);
    assert_eq!(public.header("content-type"), "application/json");
    assert_eq!(public.header("cache-control"), "no-store");
    let told = json_of(&public);
    let id = told["client_id"].as_str().expect("an id");
    assert_eq!((id.len(), id.matches('-').count()), (36, 4), "a UUID: {id}");
    assert_eq!(told.get("client_secret"), None, "R10");
    assert_eq!(told.get("client_secret_expires_at"), None);
    assert!(told["client_id_issued_at"].is_i64());
    for (member, value) in [
        ("client_name", json!("Holodeck")),
        ("redirect_uris", json!(["https://app.example/cb"])),
        ("token_endpoint_auth_method", json!("none")),
        (
            "grant_types",
            json!(["authorization_code", "refresh_token"]),
        ),
        ("response_types", json!(["code"])),
        ("scope", json!("memories:read memories:write")),
        ("application_type", json!("web")),
    ] {
        assert_eq!(told[member], value, "{member}");
    }
    let secret = register(
        &server,
        &json!({"redirect_uris": ["https://app.example/cb"]}),
    )
    .await;
    let told = json_of(&secret);
    assert_eq!(
        told["token_endpoint_auth_method"],
        json!("client_secret_basic")
    );
    assert_eq!(told["client_secret_expires_at"], json!(0));
    assert!(
        told["client_secret"]
            .as_str()
            .is_some_and(|secret| secret.len() >= 43)
    );
    let get = server.visitor().get("/oauth/register").await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"));
}

async fn who_registered_itself_connects_and_calls(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    for method in ["none", "client_secret_post"] {
        let body = json!({
            "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": method,
        });
        let tokens = registered(&server, &body).await.connect(&mut person).await;
        let (status, _) = call(&server.base, &tokens.access, "get_memories", json!({})).await;
        assert_eq!(status, 200, "{method}");
    }
}

/// What the consent page says of a client, in the order of the page.
async fn asked(server: &TestServer, person: &mut Visitor, body: &Value) -> String {
    let application = registered(server, body).await;
    let page = person
        .get(&Application::address(&application.request()))
        .await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.body
}

async fn consent_tells_that_nobody_checked_the_name_and_where_the_answer_goes(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    let said = |page: &str, words: &str| page.contains(words);
    let site = asked(
        &server,
        &mut person,
        &client("<b>Holodeck</b>", &["https://app.example/cb"]),
    )
    .await;
    assert!(said(&site, "nobody has checked its name") && said(&site, "app.example"));
    assert!(
        !said(&site, "<b>Holodeck") && !said(&site, "notice warning"),
        "{site}"
    );
    let here = asked(
        &server,
        &mut person,
        &client("Holodeck", &["http://localhost:5/cb"]),
    )
    .await;
    assert!(
        said(&here, "localhost:5</strong>, on this computer"),
        "{here}"
    );
    assert!(
        said(&here, "notice warning") && said(&here, "any program there"),
        "{here}"
    );
    let scheme = asked(
        &server,
        &mut person,
        &client("Holodeck", &["app://oauth/cb"]),
    )
    .await;
    assert!(
        said(&scheme, "<strong>app:</strong>") && said(&scheme, "notice warning"),
        "{scheme}"
    );
    // A secret that anybody is given proves nothing about the name.
    let secret = json!({"client_name": "Holodeck", "redirect_uris": ["http://localhost:5/cb"]});
    let secret = asked(&server, &mut person, &secret).await;
    assert!(said(&secret, "notice warning"), "{secret}");
}

async fn a_name_that_nobody_checked_is_no_part_of_the_question(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    let heading = |page: &str| {
        let (_, rest) = page.split_once("<h1>").expect("a heading");
        rest.split("</h1>").next().map(str::to_owned)
    };
    let name = "Claude” (checked by this server) “";
    let page = asked(
        &server,
        &mut person,
        &client(name, &["https://app.example/cb"]),
    )
    .await;
    assert_eq!(
        heading(&page).as_deref(),
        Some("Allow this application to use your memories?")
    );
    let row = format!("<dt>It calls itself</dt><dd><bdi>{name}</bdi></dd>");
    assert!(page.contains(&row), "{page}");
    let request = server.application().await.request();
    let page = person.get(&Application::address(&request)).await.body;
    assert_eq!(
        heading(&page).as_deref(),
        Some("Allow Holodeck to use your memories?"),
        "an administrator vouches for it"
    );
    assert!(!page.contains("It calls itself"), "{page}");
}

async fn the_account_page_tells_which_applications_registered_themselves(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    server.application().await.connect(&mut person).await;
    let account = person.get("/account").await.body;
    assert!(!account.contains("Registered itself"), "{account}");
    let body = client("Sickbay", &["https://sickbay.example/cb"]);
    registered(&server, &body).await.connect(&mut person).await;
    let account = person.get("/account").await.body;
    assert!(
        account.contains("Sickbay") && account.contains("Registered itself"),
        "{account}"
    );
}

async fn trap_12_cursor_registers_private_and_loopback_addresses_as_web(database: Database) {
    let server = TestServer::on(database).await;
    let mut body = client(
        "Cursor",
        &[
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "http://localhost:8787/callback",
        ],
    );
    body["application_type"] = json!("web");
    let answer = register(&server, &body).await;
    assert_eq!(json_of(&answer)["application_type"], json!("native"));
    let application = application(&answer);
    let mut person = server.person("tasha").await;
    let back = application.consent(&mut person).await;
    assert!(
        back.as_str()
            .starts_with("cursor://anysphere.cursor-mcp/oauth/callback?code="),
        "{back}"
    );
}

async fn trap_19_old_clients_find_the_endpoints_at_the_root(database: Database) {
    let server = TestServer::on(database).await;
    let body = client("Holodeck", &["https://app.example/cb"]);
    let application = application(&post(&server, "/register", body.to_string()).await);
    let mut person = server.person("tasha").await;
    let address = Application::address(&application.request());
    let page = person
        .get(&address.replace("/oauth/authorize", "/authorize"))
        .await;
    let answer = Application::decide(&mut person, &page, "allow").await;
    let back = url::Url::parse(answer.location()).expect("a redirect");
    let code = parameter(&back, "code").expect("a code");
    let tokens = post_form(
        &format!("{}/token", server.base),
        &application.exchange(&code),
    )
    .await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
}

/// Trap 20, first half: the same public client again is the same client.
async fn trap_20_a_client_that_registers_again_gets_the_same_id(database: Database) {
    let server = TestServer::on(database).await;
    let body = client("Claude", &["https://claude.ai/api/mcp/auth_callback"]);
    let first = registered(&server, &body).await;
    server.clock.advance(Span::hours(47));
    let second = registered(&server, &body).await;
    assert_eq!(first.client_id, second.client_id);
    server.clock.advance(Span::hours(47));
    let other = registered(&server, &client("Claude", &["https://other.example/cb"])).await;
    assert_ne!(first.client_id, other.client_id);
    // The second registration kept it alive, and people may use it at once.
    let mut tasha = server.person("tasha").await;
    let mut worf = server.person("worf").await;
    first.connect(&mut tasha).await;
    second.connect(&mut worf).await;
    let secret = json!({"redirect_uris": ["https://app.example/cb"]});
    let (one, two) = (
        registered(&server, &secret).await,
        registered(&server, &secret).await,
    );
    assert_ne!(one.client_id, two.client_id, "who has a secret is somebody");
    assert_ne!(one.secret, two.secret);
}

/// Trap 20, second half; and no client with access is ever forgotten (trap 21).
async fn trap_20_clients_that_nobody_used_are_forgotten_and_no_other(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    let unused = registered(&server, &client("Unused", &["https://app.example/a"])).await;
    let used = registered(&server, &client("Used", &["https://app.example/b"])).await;
    let tokens = used.connect(&mut person).await;
    let allowed = registered(&server, &client("Allowed", &["https://app.example/c"])).await;
    allowed.consent(&mut person).await;
    server.clock.advance(Span::hours(49));
    registered(&server, &client("Another", &["https://app.example/d"])).await;
    let status = async |person: &mut Visitor, application: &Application| {
        person
            .get(&Application::address(&application.request()))
            .await
            .status
    };
    assert_eq!(status(&mut person, &unused).await, 400, "it is gone");
    assert_eq!(status(&mut person, &used).await, 200);
    assert_eq!(
        status(&mut person, &allowed).await,
        200,
        "consent is use enough"
    );
    let form = used.refresh(&tokens.refresh);
    let refreshed = post_form(&format!("{}/oauth/token", server.base), &form).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
}

async fn trap_21_a_deleted_client_is_told_so(database: Database) {
    let server = TestServer::on(database).await;
    let application = registered(&server, &client("Gone", &["https://app.example/cb"])).await;
    let tokens = application.connect(&mut server.person("tasha").await).await;
    let id = application.client_id.parse().expect("a UUID");
    assert!(server.app.delete_client(id).await.expect("deleted"));
    let (status, _) = call(&server.base, &tokens.access, "get_memories", json!({})).await;
    assert_eq!(status, 401);
    let url = format!("{}/oauth/token", server.base);
    let refused = post_form(&url, &application.refresh(&tokens.refresh)).await;
    assert_eq!(outcome(&refused), "401 invalid_client");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh.as_str()),
    ];
    let basic = http()
        .post(&url)
        .basic_auth(&application.client_id, Some("x"))
        .form(&form);
    let refused = Visitor::new("").send(basic).await;
    assert_eq!(outcome(&refused), "401 invalid_client");
    assert!(refused.header("www-authenticate").starts_with("Basic"));
    // Who registers anew is not given the access of the one that was deleted.
    let again = registered(&server, &client("Gone", &["https://app.example/cb"])).await;
    assert_ne!(again.client_id, application.client_id);
}

async fn trap_22_a_secret_may_come_either_way_whatever_was_registered(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    let url = format!("{}/oauth/token", server.base);
    for method in ["client_secret_basic", "client_secret_post"] {
        let body = json!({
            "redirect_uris": ["https://app.example/cb"],
            "token_endpoint_auth_method": method,
        });
        let application = registered(&server, &body).await;
        let tokens = application.connect(&mut person).await;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
        ];
        let secret = application.secret.clone();
        let basic = http()
            .post(&url)
            .basic_auth(&application.client_id, secret)
            .form(&form);
        assert_eq!(Visitor::new("").send(basic).await.status, 200, "{method}");
    }
    let public = registered(&server, &client("Public", &["https://app.example/cb"])).await;
    public.connect(&mut person).await;
    let unsaid = http().post(format!("{}/oauth/register", server.base));
    let body = client("Public", &["https://app.example/cb"]).to_string();
    let unsaid = Visitor::new("").send(unsaid.body(body)).await;
    assert_eq!(unsaid.status, 201, "JSON that is not called JSON");
}

/// T30, for clients that registered themselves.
async fn a_client_with_credentials_does_not_get_by_without_them(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("tasha").await;
    let mut table = Table::new("T30: clients that registered themselves");
    let secret = json!({"redirect_uris": ["https://app.example/cb"]});
    let key = json!({
        "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": []},
    });
    for (id, body) in [("T30 secret", secret), ("T30 key", key)] {
        let mut application = registered(&server, &body).await;
        let code = async |person: &mut Visitor, application: &Application| {
            let back = application.consent(person).await;
            parameter(&back, "code").expect("a code")
        };
        application.secret = None;
        let form = application.exchange(&code(&mut person, &application).await);
        let url = format!("{}/oauth/token", server.base);
        let got = outcome(&post_form(&url, &form).await);
        table.row(id, "no credentials", "401 invalid_client", got);
        application.secret = Some("a secret that nobody gave it".to_owned());
        let form = application.exchange(&code(&mut person, &application).await);
        let got = outcome(&post_form(&url, &form).await);
        table.row(
            format!("{id} wrong"),
            "wrong ones",
            "401 invalid_client",
            got,
        );
        assert!(
            form.iter().any(|(_, value)| value == VERIFIER),
            "all else was right"
        );
    }
    table.assert();
}

async fn r25_a_flood_of_registrations_is_stopped_and_live_clients_do_not_notice(
    database: Database,
) {
    let server = TestServer::configured_on(database, |config| Config {
        trusted_proxies: vec!["127.0.0.1".parse().expect("a network")],
        ..config
    })
    .await;
    let mut table = Table::new("R25: a flood of registrations");
    let mut person = server.person("tasha").await;
    let live = registered(&server, &client("Live", &["https://app.example/live"])).await;
    let tokens = live.connect(&mut person).await;
    let from = async |ip: &str, n: usize| {
        let body = client("Flood", &[&format!("https://app.example/{n}")]);
        let url = format!("{}/oauth/register", server.base);
        let request = http()
            .post(url)
            .header("x-forwarded-for", ip)
            .body(body.to_string());
        Visitor::new("").send(request).await
    };
    let mut refused = None;
    for n in 0..101 {
        let page = from("203.0.113.9", n).await;
        if page.status != 201 {
            refused = Some((n, page));
            break;
        }
    }
    let (n, page) = refused.expect("a hundred are enough");
    table.row(
        "R25",
        "101 from one address",
        "429 temporarily_unavailable",
        outcome(&page),
    );
    table.holds("R25 most", "100 of them", "let in", n == 100);
    let wait: i64 = page.header("retry-after").parse().expect("seconds");
    table.holds(
        "R25 wait",
        "Retry-After",
        "a quarter of an hour at most",
        (1..=901).contains(&wait),
    );
    let other = from("203.0.113.10", 0).await.status;
    table.row("R25 other", "another address", "201", other.to_string());
    let forged = from("203.0.113.10, 203.0.113.9", 1).await.status;
    table.row(
        "R25 forged",
        "a forged entry before the real one",
        "429",
        forged.to_string(),
    );
    for n in 0..150 {
        let page = from("160.79.104.10", n).await;
        assert_eq!(
            page.status, 201,
            "many people share this one: {}",
            page.body
        );
    }
    let url = format!("{}/oauth/token", server.base);
    let refreshed = post_form(&url, &live.refresh(&tokens.refresh)).await.status;
    table.row(
        "R25 live",
        "a live client refreshes",
        "200",
        refreshed.to_string(),
    );
    live.connect(&mut person).await;
    server.clock.advance(Span::seconds(wait));
    let later = from("203.0.113.9", 1000).await.status;
    table.row("R25 later", "after that time", "201", later.to_string());
    table.assert();
}

/// Guesses at passwords are counted by the address that a trusted proxy names,
/// and nobody else's word counts.
async fn behind_a_trusted_proxy_people_are_told_apart(database: Database) {
    let trusting = TestServer::configured_on(database, |config| Config {
        trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")],
        ..config
    })
    .await;
    let plain = TestServer::on(database).await;
    let guess = async |server: &TestServer, ip: &str| {
        let mut visitor = server.visitor();
        let csrf = visitor.get("/login").await.csrf();
        let fields = [
            ("csrf", csrf.as_str()),
            ("handle", "tasha"),
            ("password", "wrong"),
        ];
        let request = visitor.request("POST".parse().expect("a method"), "/login");
        let request = request.header("x-forwarded-for", ip).form(&fields);
        visitor.send(request).await.status
    };
    for (server, shared) in [(&trusting, false), (&plain, true)] {
        server.person("tasha").await;
        for _ in 0..10 {
            guess(server, "203.0.113.9").await;
        }
        assert_eq!(guess(server, "203.0.113.9").await, 429);
        let other: IpAddr = "203.0.113.10".parse().expect("an address");
        let status = guess(server, &other.to_string()).await;
        assert_eq!(status == 429, shared, "{status}");
    }
}
