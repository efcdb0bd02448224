//! Clients that are known by a document under their URL: rows R11 to R24 of the
//! table of attacks, and what real clients need (traps 3 to 6 and 9).

use std::time::{Duration, Instant};

use picard_domain::Span;
use picard_oauth::ClientIdentifier;
use picard_tests::{
    application::{Application, Tokens, VERIFIER, parameter, post_form},
    server::{Database, TestServer},
    signer::{Signer, carrying, key_set},
    table::Table,
    visitor::{Page, Visitor},
    web_host::{Answer, INSIDE, PUBLIC, WebHost},
};
use serde_json::{Value, json};
use url::Url;

picard_tests::on_both!(
    r11_to_r18_ids_that_lead_inside_or_nowhere_are_not_even_looked_up,
    r19_to_r22_a_host_with_bad_manners_gets_a_page_within_five_seconds,
    r22_the_address_that_was_checked_is_the_one_that_is_connected_to,
    the_real_rules_do_not_let_a_public_name_lead_to_this_machine,
    little_of_a_bad_document_is_quoted,
    r24_a_logo_is_neither_fetched_nor_shown,
    a_client_is_connected_by_its_url_alone,
    changed_redirect_uris_take_effect_when_the_copy_has_aged,
    trap_03_and_04_chatgpt_keeps_its_redirect_and_signs,
    trap_04_a_client_that_always_signs_has_to,
    trap_05_claude_finds_both_words_that_it_looks_for,
    trap_06_a_redirect_without_a_port_takes_any_and_a_warning_is_shown,
    trap_09_the_last_good_copy_stands_in_for_a_day_and_then_a_page_says_whose_fault_it_is,
    one_address_has_a_hundred_documents_fetched_and_then_copies_only,
    a_document_that_became_a_bad_one_leaves_no_copy_to_stand_in
);

const URL: &str = "https://app.example/client.json";
const CALLBACK: &str = "https://app.example/callback";
const NAMES: [&str; 6] = [
    "app.example",
    "www.app.example",
    "claude.ai",
    "chatgpt.com",
    "vscode.dev",
    "keys.example",
];

fn document() -> Value {
    json!({
        "client_id": URL,
        "client_name": "Tricorder",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
    })
}

fn application(client_id: &str, redirect_uri: &str) -> Application {
    Application {
        client_id: client_id.to_owned(),
        secret: None,
        redirect_uri: redirect_uri.to_owned(),
        scope: "memories:read memories:write".to_owned(),
    }
}

/// The documents of real clients, by their public shape.
fn real(name: &str) -> Value {
    let text = match name {
        "claude" => include_str!("../../crates/oauth/tests/documents/claude.json"),
        "claude-code" => include_str!("../../crates/oauth/tests/documents/claude-code.json"),
        "chatgpt" => include_str!("../../crates/oauth/tests/documents/chatgpt.json"),
        _ => include_str!("../../crates/oauth/tests/documents/vscode.json"),
    };
    serde_json::from_str(text).expect("JSON")
}

fn publish(host: &WebHost, document: &Value) {
    host.publish(document["client_id"].as_str().expect("an id"), document);
}

async fn ask(person: &mut Visitor, application: &Application) -> Page {
    let address = Application::address(&application.request());
    person.get(&address).await
}

fn outcome(page: &Page) -> String {
    if page.status == 200 && page.input("ticket").is_some() {
        return "consent".into();
    }
    format!("page {}", page.status)
}

async fn server_and_host(database: Database) -> (TestServer, WebHost) {
    let host = WebHost::start(&NAMES).await;
    let server = TestServer::fetching(database, host.fetcher()).await;
    (server, host)
}

async fn r11_to_r18_ids_that_lead_inside_or_nowhere_are_not_even_looked_up(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("worf").await;
    let mut table = Table::new("R11-R18: ids that lead inside or nowhere");
    let rows = [
        ("R11", "https://127.0.0.1/client.json"),
        ("R12", "https://169.254.169.254/client.json"),
        ("R13", "https://[::ffff:10.0.0.1]/client.json"),
        ("R13 decimal", "https://2130706433/client.json"),
        ("R14", "http://app.example/client.json"),
        ("R15", "https://app.example"),
        ("R15 slash", "https://app.example/"),
        ("R16", "https://user@app.example/client.json"),
        ("R17", "https://app.example/a/../client.json"),
        ("R17 encoded", "https://app.example/%2e%2e/client.json"),
        ("R18", "https://localhost/client.json"),
        (
            "R18 internal",
            "https://metadata.google.internal/client.json",
        ),
        ("R18 fragment", "https://app.example/client.json#x"),
        ("R18 query", "https://app.example/client.json?x=1"),
        ("R18 port", "https://app.example:22/client.json"),
        ("R18 capitals", "https://APP.example/client.json"),
    ];
    for (id, url) in rows {
        let page = ask(&mut person, &application(url, CALLBACK)).await;
        table.row(id, url, "page 400", outcome(&page));
    }
    table.assert();
    assert_eq!(host.looked_up(), Vec::<String>::new(), "nothing is fetched");
}

async fn r19_to_r22_a_host_with_bad_manners_gets_a_page_within_five_seconds(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("data").await;
    let json = "Content-Type: application/json\r\n";
    let good = document().to_string();
    let with = |changes: Value| {
        let mut document = document();
        for (name, value) in changes.as_object().expect("an object") {
            document[name] = value.clone();
        }
        document.to_string()
    };
    let at = |id: &str| format!("https://app.example/{id}.json");
    let own = |id: &str, text: &str| text.replace(URL, &at(id));
    let raw = |id: &str, status: &str, headers: &str, body: &str| {
        host.respond(&at(id), status, headers, own(id, body).as_bytes());
    };
    let head = format!("HTTP/1.1 200 OK\r\n{json}\r\n");
    raw(
        "R19-302",
        "302 Found",
        &format!("Location: {URL}\r\n{json}"),
        &good,
    );
    raw("R19-204", "204 No Content", json, "");
    raw("R19-201", "201 Created", json, &good);
    raw("R19-html", "200 OK", "Content-Type: text/html\r\n", &good);
    raw("R19-type", "200 OK", "", &good);
    raw(
        "R19-6kB",
        "200 OK",
        json,
        &with(json!({"x": "y".repeat(6 * 1024)})),
    );
    raw(
        "R19-gzip",
        "200 OK",
        &format!("Content-Encoding: gzip\r\n{json}"),
        &good,
    );
    raw("R19-text", "200 OK", json, "<html>");
    host.answer(&at("R19-flood"), Answer::Flood(head.clone().into_bytes()));
    host.answer(&at("R19-slow"), Answer::Drip(head.clone().into_bytes()));
    host.answer(
        &at("R19-slow-head"),
        Answer::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec()),
    );
    host.answer(
        &at("R19-cut"),
        Answer::Raw(format!("{head}{{").into_bytes()),
    );
    raw(
        "R20-other",
        "200 OK",
        json,
        &with(json!({"client_id": "https://app.example/x"})),
    );
    raw(
        "R20-slash",
        "200 OK",
        json,
        &with(json!({"client_id": format!("{URL}/")})),
    );
    raw(
        "R20-none",
        "200 OK",
        json,
        &with(json!({"redirect_uris": []})),
    );
    raw(
        "R20-script",
        "200 OK",
        json,
        &with(json!({"redirect_uris": ["javascript:alert(1)"]})),
    );
    raw("R21", "200 OK", json, &with(json!({"client_secret": "x"})));
    let post = json!({"token_endpoint_auth_method": "client_secret_post"});
    raw("R21-post", "200 OK", json, &with(post));
    raw("R22-fault", "503 Service Unavailable", json, "");
    raw("R22-good", "200 OK", json, &good);
    let mut table = Table::new("R19-R21: hosts with bad manners, documents with bad words");
    let rows = [
        ("R19-302", "page 400"),
        ("R19-204", "page 400"),
        ("R19-201", "page 400"),
        ("R19-404", "page 400"),
        ("R19-html", "page 400"),
        ("R19-type", "page 400"),
        ("R19-6kB", "page 400"),
        ("R19-gzip", "page 400"),
        ("R19-text", "page 400"),
        ("R19-flood", "page 400"),
        ("R19-slow", "page 400"),
        ("R19-slow-head", "page 400"),
        ("R19-cut", "page 400"),
        ("R20-other", "page 400"),
        ("R20-slash", "page 400"),
        ("R20-none", "page 400"),
        ("R20-script", "page 400"),
        ("R21", "page 400"),
        ("R21-post", "page 400"),
    ];
    for (id, required) in rows {
        let began = Instant::now();
        let page = ask(&mut person, &application(&at(id), CALLBACK)).await;
        let got = if began.elapsed() < Duration::from_secs(15) {
            outcome(&page)
        } else {
            format!("{} after {:?}", outcome(&page), began.elapsed())
        };
        table.row(id.replace('-', " "), at(id), required, got);
    }
    table.assert();
    let followed = host.asked().contains(&URL.to_owned());
    assert!(!followed, "a redirect is not followed");
    let asked = host.asked().len();

    // So many bad ones from one host: now it is asked no more for a minute.
    let page = ask(&mut person, &application(&at("R22-good"), CALLBACK)).await;
    assert_eq!(outcome(&page), "consent", "the twentieth of a minute");
    let page = ask(&mut person, &application(&at("R22-fault"), CALLBACK)).await;
    assert_eq!(outcome(&page), "page 503");
    assert!(page.body.contains("this server"), "{}", page.body);
    let blamed = page.body.contains("to mend");
    assert!(!blamed, "the host has no part in it: {}", page.body);
    assert_eq!(host.asked().len(), asked + 1);

    // A document that is known has aged, and can be had again all the same.
    server.clock.advance(Span::minutes(11));
    let page = ask(&mut person, &application(&at("R22-good"), CALLBACK)).await;
    assert_eq!(outcome(&page), "consent");
    assert_eq!(host.asked().len(), asked + 2);
}

async fn r22_the_address_that_was_checked_is_the_one_that_is_connected_to(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("geordi").await;
    publish(&host, &document());
    let asker = application(URL, CALLBACK);

    let mut table = Table::new("R22: names that change what they mean");

    // Public at the first look-up, inside at the second: there is no second.
    host.resolve("app.example", &[&[PUBLIC], &[INSIDE]]);
    let got = outcome(&ask(&mut person, &asker).await);
    table.row("R22", "public, then inside", "consent", got);
    let once = host.looked_up() == ["app.example"] && host.asked() == [URL];
    table.holds("R22 once", "public, then inside", "looked up once", once);

    // Later, when the copy has aged, the name leads inside, alone or beside a good one.
    for (id, answers) in [
        ("R22 inside", &[INSIDE][..]),
        ("R22 both", &[PUBLIC, INSIDE][..]),
    ] {
        server.clock.advance(Span::minutes(2));
        host.resolve("app.example", &[answers]);
        let got = outcome(&ask(&mut person, &asker).await);
        table.row(id, format!("{answers:?}"), "page 502", got);
    }
    let silent = host.asked().len() == 1;
    table.holds(
        "R22 sent",
        "to an address inside",
        "nothing is sent",
        silent,
    );

    // No address at all is an outage, and the copy stands in.
    host.resolve("app.example", &[&[]]);
    let got = outcome(&ask(&mut person, &asker).await);
    table.row("R22 none", "no address", "consent", got);
    table.assert();
}

async fn the_real_rules_do_not_let_a_public_name_lead_to_this_machine(database: Database) {
    let host = WebHost::start(&NAMES).await;
    publish(&host, &document());
    let server = TestServer::fetching(database, host.strict_fetcher()).await;
    let mut person = server.person("deanna").await;
    let page = ask(&mut person, &application(URL, CALLBACK)).await;
    assert_eq!(outcome(&page), "page 502");
    assert_eq!(host.looked_up(), ["app.example"]);
    assert_eq!(host.asked(), Vec::<String>::new());

    // And nobody learns from the page which names lead inside.
    host.resolve("app.example", &[&[]]);
    let nowhere = ask(&mut person, &application(URL, CALLBACK)).await;
    let told = |page: &Page| {
        let at = page.body.find("described by a document");
        at.map(|at| page.body[at..].lines().next().map(str::to_owned))
    };
    assert!(told(&page).is_some(), "{}", page.body);
    assert_eq!((page.status, told(&page)), (nowhere.status, told(&nowhere)));
}

async fn little_of_a_bad_document_is_quoted(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("keiko").await;
    let mut bad = document();
    bad["redirect_uris"] = json!("Dear reader! ".repeat(100));
    publish(&host, &bad);
    let page = ask(&mut person, &application(URL, CALLBACK)).await;
    assert_eq!(outcome(&page), "page 400");
    let quoted = page.body.matches("Dear reader!").count();
    assert!((1..16).contains(&quoted), "{quoted} times: {}", page.body);
}

async fn r24_a_logo_is_neither_fetched_nor_shown(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("guinan").await;
    let mut with_logo = document();
    with_logo["logo_uri"] = json!("https://www.app.example/<script>.svg");
    with_logo["tos_uri"] = json!("https://169.254.169.254/tos");
    publish(&host, &with_logo);
    let page = ask(&mut person, &application(URL, CALLBACK)).await;
    let mut table = Table::new("R24: pictures and pages of strangers");
    let asked = "a logo_uri and a tos_uri";
    table.row("R24 page", asked, "consent", outcome(&page));
    for bad in [
        "www.app.example",
        "169.254.169.254",
        "script>.svg",
        "script&gt;.svg",
    ] {
        let shown = page.body.contains(bad);
        table.holds(format!("R24 {bad}"), bad, "is not shown", !shown);
    }
    let policy = page.header("content-security-policy");
    let closed = policy.contains("default-src 'none'");
    table.holds("R24 policy", policy, "default-src 'none'", closed);
    let fetched = host.asked() == [URL];
    table.holds("R24", asked, "only the document is fetched", fetched);
    table.assert();
}

async fn a_client_is_connected_by_its_url_alone(database: Database) {
    let host = WebHost::start(&NAMES).await;
    publish(&host, &document());
    let server = TestServer::fetching(database, host.fetcher()).await;
    let mut person = server.person("ro").await;
    let asker = application(URL, CALLBACK);
    let page = ask(&mut person, &asker).await;
    for shown in ["Tricorder", "app.example"] {
        assert!(page.body.contains(shown), "{database:?}: {shown}");
    }
    let tokens = asker.connect(&mut person).await;
    assert_eq!(
        host.asked(),
        [URL],
        "the copy is fresh, and the token endpoint asks nobody"
    );

    // An hour later at the token endpoint, too.
    server.clock.advance(Span::hours(1));
    host.fail(URL);
    let endpoint = format!("{}/oauth/token", server.base);
    let renewed = post_form(&endpoint, &asker.refresh(&tokens.refresh)).await;
    assert_eq!(renewed.status, 200, "{database:?}: {}", renewed.body);
    assert_eq!(host.asked().len(), 1);

    // The id inside the server is no name on the wire.
    let id: ClientIdentifier = URL.parse().expect("a URL");
    let inside = application(&id.client_id().to_string(), CALLBACK);
    assert_eq!(outcome(&ask(&mut person, &inside).await), "page 400");
    let mut with_secret = asker.refresh(&Tokens::from_page(&renewed).refresh);
    with_secret.push(("client_secret", "a secret that nobody handed out".into()));
    let page = post_form(&endpoint, &with_secret).await;
    assert_eq!(page.status, 401, "{database:?}: {}", page.body);
}

async fn changed_redirect_uris_take_effect_when_the_copy_has_aged(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("wesley").await;
    publish(&host, &document());
    let (old, new) = (
        application(URL, CALLBACK),
        application(URL, "https://app.example/new"),
    );
    assert_eq!(outcome(&ask(&mut person, &old).await), "consent");
    assert_eq!(outcome(&ask(&mut person, &new).await), "page 400");
    let mut changed = document();
    changed["redirect_uris"] = json!(["https://app.example/new"]);
    publish(&host, &changed);
    assert_eq!(
        outcome(&ask(&mut person, &new).await),
        "page 400",
        "still fresh"
    );
    server.clock.advance(Span::minutes(1));
    assert_eq!(outcome(&ask(&mut person, &new).await), "consent");
    assert_eq!(outcome(&ask(&mut person, &old).await), "page 400");
}

async fn trap_03_and_04_chatgpt_keeps_its_redirect_and_signs(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("jean-luc").await;
    let key = Signer::rs256("2026-11");
    publish(&host, &real("chatgpt"));
    let keys_url = "https://chatgpt.com/oauth/jwks.json";
    host.publish(keys_url, &key_set(&[&key]));
    let id = "https://chatgpt.com/oauth/client.json";
    let chatgpt = application(id, "https://chatgpt.com/connector_platform_oauth_redirect");
    let back = chatgpt.consent(&mut person).await;
    assert_eq!(parameter(&back, "iss").as_deref(), Some(&*server.base));

    let endpoint = format!("{}/oauth/token", server.base);
    let now = server.app.now().seconds();
    let claims = json!({
        "iss": id, "sub": id, "aud": endpoint, "jti": "1", "iat": now, "exp": now + 300,
    });
    let mut form = exchange(&chatgpt, &back);
    form.extend(carrying(key.sign(&claims)));
    let tokens = Tokens::from_page(&post_form(&endpoint, &form).await);
    assert_eq!(host.asked(), [id, keys_url]);

    // Its document offers none, too: without an assertion it is a public client.
    let page = post_form(&endpoint, &chatgpt.refresh(&tokens.refresh)).await;
    let tokens = Tokens::from_page(&page);
    // But one that is there must hold.
    let mut form = chatgpt.refresh(&tokens.refresh);
    form.extend(carrying(Signer::es256("2026-11").sign(&claims)));
    let page = post_form(&endpoint, &form).await;
    assert_eq!(page.status, 401, "{}", page.body);
    assert!(page.body.contains("invalid_client"));
}

async fn trap_04_a_client_that_always_signs_has_to(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("beverly").await;
    let key = Signer::es256("1");
    let mut always = document();
    always["token_endpoint_auth_method"] = json!("private_key_jwt");
    always["jwks"] = key_set(&[&key]);
    publish(&host, &always);
    let asker = application(URL, CALLBACK);
    let back = asker.consent(&mut person).await;
    let endpoint = format!("{}/oauth/token", server.base);
    let page = post_form(&endpoint, &exchange(&asker, &back)).await;
    assert_eq!(page.status, 401, "{}", page.body);
    let now = server.app.now().seconds();
    let claims = json!({"iss": URL, "sub": URL, "aud": server.base, "jti": "1", "exp": now + 60});
    let mut form = exchange(&asker, &back);
    form.extend(carrying(key.sign(&claims)));
    Tokens::from_page(&post_form(&endpoint, &form).await);
}

async fn trap_05_claude_finds_both_words_that_it_looks_for(database: Database) {
    let (server, host) = server_and_host(database).await;
    let metadata = "/.well-known/oauth-authorization-server";
    let page = server.visitor().get(metadata).await;
    let metadata: Value = serde_json::from_str(&page.body).expect("JSON");
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    let methods = &metadata["token_endpoint_auth_methods_supported"];
    let has = |word: &str| {
        methods
            .as_array()
            .is_some_and(|all| all.contains(&json!(word)))
    };
    assert!(has("none") && has("private_key_jwt"), "{methods}");
    assert_eq!(
        metadata["token_endpoint_auth_signing_alg_values_supported"],
        json!(["RS256", "ES256"])
    );

    let mut person = server.person("quark").await;
    publish(&host, &real("claude"));
    let id = "https://claude.ai/oauth/mcp-oauth-client-metadata";
    for callback in [
        "https://claude.ai/api/mcp/auth_callback",
        "https://claude.com/api/mcp/auth_callback",
    ] {
        application(id, callback).connect(&mut person).await;
    }
}

async fn trap_06_a_redirect_without_a_port_takes_any_and_a_warning_is_shown(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("miles").await;
    publish(&host, &real("claude-code"));
    publish(&host, &real("vscode"));
    let code = "https://claude.ai/oauth/claude-code-client-metadata";
    let vscode = "https://vscode.dev/oauth/client-metadata.json";
    for (id, callback) in [
        (code, "http://localhost:52143/callback"),
        (code, "http://127.0.0.1:8765/callback"),
        (vscode, "http://127.0.0.1:33418/"),
        (vscode, "http://127.0.0.1:50505/"),
        (vscode, "https://vscode.dev/redirect"),
    ] {
        let asker = application(id, callback);
        let page = ask(&mut person, &asker).await;
        assert_eq!(outcome(&page), "consent", "{callback}");
        let local = callback.starts_with("http:");
        let host = Url::parse(id).expect("a URL");
        assert!(page.body.contains(host.host_str().expect("a host")));
        assert_eq!(page.body.contains("notice warning"), local, "{callback}");
        asker.connect(&mut person).await;
    }
    let page = ask(&mut person, &application(code, "http://localhost:1/other")).await;
    assert_eq!(outcome(&page), "page 400");
}

async fn trap_09_the_last_good_copy_stands_in_for_a_day_and_then_a_page_says_whose_fault_it_is(
    database: Database,
) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("tasha").await;
    let asker = application(URL, CALLBACK);
    host.fail(URL);
    let page = ask(&mut person, &asker).await;
    assert_eq!(outcome(&page), "page 502");
    assert!(page.body.contains("app.example"), "{}", page.body);

    publish(&host, &document());
    assert_eq!(outcome(&ask(&mut person, &asker).await), "consent");
    let html = "Content-Type: text/html\r\n";
    host.fail(URL);
    server.clock.advance(Span::hours(12));
    assert_eq!(outcome(&ask(&mut person, &asker).await), "consent", "503");
    host.respond(URL, "404 Not Found", html, b"gone for a while");
    assert_eq!(outcome(&ask(&mut person, &asker).await), "consent", "404");
    host.respond(URL, "200 OK", html, b"<h1>We will be back</h1>");
    assert_eq!(
        outcome(&ask(&mut person, &asker).await),
        "consent",
        "a page"
    );
    server.clock.advance(Span::hours(12));
    assert_eq!(
        outcome(&ask(&mut person, &asker).await),
        "consent",
        "the last minute"
    );
    server.clock.advance(Span::minutes(2));
    host.fail(URL);
    assert_eq!(outcome(&ask(&mut person, &asker).await), "page 502");

    publish(&host, &document());
    assert_eq!(outcome(&ask(&mut person, &asker).await), "consent");
}

async fn one_address_has_a_hundred_documents_fetched_and_then_copies_only(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("vash").await;
    publish(&host, &document());
    let asker = application(URL, CALLBACK);
    assert_eq!(outcome(&ask(&mut person, &asker).await), "consent");
    let unheard = |n| application(&format!("https://h{n}.example/x.json"), CALLBACK);
    for n in 1..100 {
        assert_eq!(outcome(&ask(&mut person, &unheard(n)).await), "page 502");
    }
    let looked_up = host.looked_up().len();
    assert_eq!(looked_up, 100);
    assert_eq!(outcome(&ask(&mut person, &unheard(100)).await), "page 429");
    for wait in [Span::ZERO, Span::minutes(2)] {
        server.clock.advance(wait);
        assert_eq!(outcome(&ask(&mut person, &asker).await), "consent");
    }
    assert_eq!(host.looked_up().len(), looked_up);
    server.clock.advance(Span::minutes(14));
    assert_eq!(outcome(&ask(&mut person, &unheard(100)).await), "page 502");
    assert_eq!(host.looked_up().len(), looked_up + 1);
}

async fn a_document_that_became_a_bad_one_leaves_no_copy_to_stand_in(database: Database) {
    let (server, host) = server_and_host(database).await;
    let mut person = server.person("lwaxana").await;
    let asker = application(URL, CALLBACK);
    for withdraw in ["bad", "410"] {
        publish(&host, &document());
        server.clock.advance(Span::minutes(2));
        assert_eq!(outcome(&ask(&mut person, &asker).await), "consent");
        server.clock.advance(Span::minutes(2));
        if withdraw == "bad" {
            host.publish(URL, &json!({"client_id": "https://app.example/other.json"}));
        } else {
            host.respond(URL, "410 Gone", "", b"");
        }
        assert_eq!(
            outcome(&ask(&mut person, &asker).await),
            "page 400",
            "{withdraw}"
        );
        host.fail(URL);
        assert_eq!(
            outcome(&ask(&mut person, &asker).await),
            "page 502",
            "{withdraw}"
        );
    }
}

/// The exchange of the code that an address carries.
fn exchange(application: &Application, back: &Url) -> Vec<(&'static str, String)> {
    let code = parameter(back, "code").expect("a code");
    let form = application.exchange(&code);
    assert!(form.iter().any(|(_, value)| value == VERIFIER));
    form
}
