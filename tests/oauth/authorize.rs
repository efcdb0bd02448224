//! Authorization requests that are wrong: a page when the client or the
//! redirect cannot be trusted, an error sent back to the client otherwise.

use picard_tests::{
    application::{Application, parameter},
    server::TestServer,
    visitor::{Page, Visitor},
};
use url::Url;

use crate::table::Table;

type Parameters = Vec<(&'static str, String)>;

fn with(mut request: Parameters, name: &'static str, value: &str) -> Parameters {
    request.retain(|(known, _)| *known != name);
    request.push((name, value.to_owned()));
    request
}

fn without(mut request: Parameters, name: &str) -> Parameters {
    request.retain(|(known, _)| *known != name);
    request
}

/// Says in a word what came: `page 400`, `redir(invalid_scope)`, `consent`.
/// A redirect must go to the registered place and carry `iss` and `state` once.
fn outcome(page: &Page, application: &Application, issuer: &str) -> String {
    if !(300..400).contains(&page.status) {
        let consent = page.status == 200 && page.input("ticket").is_some();
        return if consent {
            "consent".into()
        } else {
            format!("page {}", page.status)
        };
    }
    let location = page.location();
    if !location.starts_with(&application.redirect_uri) {
        return format!("redirect to {location}");
    }
    let back = Url::parse(location).expect("an absolute address");
    let count = |name: &str| {
        back.query_pairs()
            .filter(|(found, _)| found == name)
            .count()
    };
    if parameter(&back, "iss").as_deref() != Some(issuer) || count("iss") != 1 {
        return format!("redirect without iss: {location}");
    }
    if count("code") > 0 {
        return "code".into();
    }
    format!("redir({})", parameter(&back, "error").unwrap_or_default())
}

async fn ask(person: &mut Visitor, request: &Parameters) -> Page {
    person.get(&Application::address(request)).await
}

#[tokio::test]
async fn wrong_requests_get_a_page_or_an_error_but_never_a_code() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let mut person = server.person("beverly").await;
    let good = application.request();
    let uri = application.redirect_uri.clone();
    let long = "s".repeat(60_000);
    let rows: Vec<(&str, &str, Parameters)> = vec![
        (
            "A1",
            "page 400",
            with(good.clone(), "redirect_uri", "https://evil.example/cb"),
        ),
        (
            "A3",
            "page 400",
            with(good.clone(), "redirect_uri", &format!("{uri}?x=1")),
        ),
        (
            "A3b",
            "page 400",
            with(good.clone(), "redirect_uri", &format!("{uri}/")),
        ),
        (
            "A4",
            "page 400",
            with(
                good.clone(),
                "redirect_uri",
                "https://127.0.0.1.evil.example/callback",
            ),
        ),
        (
            "A5",
            "page 400",
            with(
                good.clone(),
                "redirect_uri",
                "https://user@app.example/callback",
            ),
        ),
        (
            "A7",
            "page 400",
            with(good.clone(), "redirect_uri", "javascript:alert(1)"),
        ),
        (
            "A7b",
            "page 400",
            with(good.clone(), "redirect_uri", "data:text/html,x"),
        ),
        (
            "A9",
            "page 400",
            with(good.clone(), "redirect_uri", &format!("{uri}#x")),
        ),
        (
            "A10",
            "page 400",
            with(
                good.clone(),
                "client_id",
                "6f1b7f5e-0000-4000-8000-000000000000",
            ),
        ),
        (
            "A10b",
            "page 400",
            with(good.clone(), "client_id", "nobody"),
        ),
        ("A10c", "page 400", without(good.clone(), "client_id")),
        (
            "A12",
            "redir(invalid_request)",
            without(good.clone(), "code_challenge"),
        ),
        (
            "A13",
            "redir(invalid_request)",
            with(good.clone(), "code_challenge_method", "plain"),
        ),
        (
            "A14",
            "redir(invalid_request)",
            without(good.clone(), "code_challenge_method"),
        ),
        (
            "A14b",
            "redir(invalid_request)",
            with(good.clone(), "code_challenge", "short"),
        ),
        (
            "A16",
            "redir(unsupported_response_type)",
            with(good.clone(), "response_type", "token"),
        ),
        (
            "A16b",
            "redir(unsupported_response_type)",
            with(good.clone(), "response_type", "id_token"),
        ),
        (
            "A16c",
            "redir(unsupported_response_type)",
            with(good.clone(), "response_type", "code token"),
        ),
        (
            "A16d",
            "redir(invalid_request)",
            without(good.clone(), "response_type"),
        ),
        (
            "A17",
            "redir(invalid_scope)",
            with(good.clone(), "scope", "memories:read everything"),
        ),
        (
            "A18",
            "redir(invalid_target)",
            with(good.clone(), "resource", "https://other.example/mcp"),
        ),
        (
            "A19",
            "redir(invalid_target)",
            with(good.clone(), "resource", &format!("{}/mcp#x", server.base)),
        ),
        (
            "A19b",
            "redir(invalid_target)",
            with(good.clone(), "resource", "/mcp"),
        ),
        (
            "A32b",
            "redir(interaction_required)",
            with(good.clone(), "prompt", "none"),
        ),
        (
            "A37",
            "redir(request_not_supported)",
            with(good.clone(), "request", "e30.e30."),
        ),
        (
            "A37b",
            "redir(request_uri_not_supported)",
            with(good.clone(), "request_uri", "https://app.example/r"),
        ),
        ("A38", "page 400", with(good.clone(), "state", &long)),
        ("A26", "consent", without(good.clone(), "state")),
        ("good", "consent", good.clone()),
        (
            "resource",
            "consent",
            with(good.clone(), "resource", &format!("{}/mcp", server.base)),
        ),
    ];
    let mut table = Table::default();
    let count = rows.len();
    for (id, required, request) in rows {
        let page = ask(&mut person, &request).await;
        // 414 is as good an answer to a gigantic query as 400 (row A38).
        let got = outcome(&page, &application, &server.base).replace("page 414", "page 400");
        table.row(id, required, &got);
    }
    table.assert(count);
}

#[tokio::test]
async fn a_duplicated_parameter_gives_no_code() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let mut person = server.person("beverly").await;
    let mut table = Table::default();
    for name in [
        "client_id",
        "state",
        "redirect_uri",
        "scope",
        "code_challenge",
    ] {
        let mut request = application.request();
        let again = request
            .iter()
            .find(|(known, _)| *known == name)
            .cloned()
            .expect("a parameter");
        request.push(again);
        let got = outcome(
            &ask(&mut person, &request).await,
            &application,
            &server.base,
        );
        let required = match name {
            "client_id" | "redirect_uri" => "page 400",
            _ => "redir(invalid_request)",
        };
        table.row(&format!("A21 {name}"), required, &got);
    }
    table.assert(5);
}

#[tokio::test]
async fn loopback_redirects_match_on_any_port() {
    let server = TestServer::start().await;
    let application = server.public_application().await;
    let mut person = server.person("beverly").await;
    let mut table = Table::default();
    for (id, uri, required) in [
        ("A11", "http://127.0.0.1:51234/callback", "consent"),
        ("A11b", "http://127.0.0.1:51234/other", "page 400"),
        ("A11c", "https://127.0.0.1:51234/callback", "page 400"),
        (
            "A11d",
            "http://127.0.0.1.evil.example:51234/callback",
            "page 400",
        ),
        ("A11e", "http://localhost:51234/callback", "page 400"),
    ] {
        let page = ask(
            &mut person,
            &with(application.request(), "redirect_uri", uri),
        )
        .await;
        table.row(id, required, &outcome(&page, &application, &server.base));
    }
    table.assert(5);
}

#[tokio::test]
async fn prompt_none_without_a_session_asks_for_a_login_and_never_gives_a_code() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let request = with(application.request(), "prompt", "none");
    let page = ask(&mut server.visitor(), &request).await;
    assert_eq!(
        outcome(&page, &application, &server.base),
        "redir(login_required)"
    );
}

#[tokio::test]
async fn prompt_login_asks_for_the_password_again_and_a_link_alone_logs_nobody_out() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let mut person = server.person("beverly").await;
    let page = ask(&mut person, &with(application.request(), "prompt", "login")).await;
    assert_eq!(page.status, 303);
    let form = person.get(page.location()).await;
    assert_eq!(form.status, 200);
    assert_eq!(person.get("/account").await.status, 200);
    let next = form.input("next").expect("the form remembers the request");
    let fields = [
        ("csrf", &*form.csrf()),
        ("next", &*next),
        ("handle", "beverly"),
        ("password", "tea, earl grey, hot"),
    ];
    let answer = person.post("/login", &fields).await;
    let consent = person.follow(answer).await;
    assert_eq!(outcome(&consent, &application, &server.base), "consent");
}

#[tokio::test]
async fn success_gives_the_code_the_same_state_and_the_issuer_once_each() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let back = application
        .consent(&mut server.person("beverly").await)
        .await;
    let names: Vec<_> = back
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(sorted, ["code", "iss", "state"]);
    assert_eq!(parameter(&back, "state").as_deref(), Some("s t&a=te%20/+"));
    assert_eq!(
        parameter(&back, "iss").as_deref(),
        Some(server.base.as_str())
    );
}

#[tokio::test]
async fn without_a_state_none_comes_back() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let mut person = server.person("beverly").await;
    let page = ask(&mut person, &without(application.request(), "state")).await;
    let answer = Application::decide(&mut person, &page, "allow").await;
    let back = Url::parse(answer.location()).expect("a redirect");
    assert_eq!(parameter(&back, "state"), None);
    assert!(parameter(&back, "code").is_some());
}

#[tokio::test]
async fn a_state_of_8_kb_comes_back_to_the_byte() {
    let server = TestServer::start().await;
    let application = server.application().await;
    let mut person = server.person("beverly").await;
    let state = "é/+ %".repeat(1_100);
    let page = ask(&mut person, &with(application.request(), "state", &state)).await;
    let answer = Application::decide(&mut person, &page, "deny").await;
    let back = Url::parse(answer.location()).expect("a redirect");
    assert_eq!(parameter(&back, "state"), Some(state));
}

#[tokio::test]
async fn the_authorization_endpoint_has_no_cors() {
    let server = TestServer::start().await;
    let mut visitor = server.visitor();
    for method in ["OPTIONS", "GET"] {
        let method = method.parse().expect("a method");
        let request = visitor
            .request(method, "/oauth/authorize")
            .header("origin", "https://evil.example");
        let page = visitor.send(request).await;
        assert_eq!(page.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn whoever_is_not_logged_in_comes_back_to_the_request_after_the_login() {
    let server = TestServer::start().await;
    let application = server.application().await;
    server.person("beverly").await;
    let mut visitor = server.visitor();
    let page = ask(&mut visitor, &application.request()).await;
    assert_eq!(page.status, 303);
    let form = visitor.get(page.location()).await;
    let next = form.input("next").expect("the form remembers the request");
    let fields = [
        ("csrf", &*form.csrf()),
        ("next", &*next),
        ("handle", "beverly"),
        ("password", "tea, earl grey, hot"),
    ];
    let answer = visitor.post("/login", &fields).await;
    assert_eq!(answer.status, 303);
    let consent = visitor.follow(answer).await;
    assert_eq!(outcome(&consent, &application, &server.base), "consent");
}
