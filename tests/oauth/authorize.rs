//! Authorization requests that are wrong: a page when the client or the
//! redirect cannot be trusted, an error sent back to the client otherwise.

use picard_tests::{
    application::{Application, STATE, parameter},
    server::{Database, TestServer},
    table::Table,
    visitor::{Page, Visitor},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use url::Url;

picard_tests::on_both!(
    a_request_whose_client_or_redirect_is_wrong_gets_a_page,
    a_request_that_is_wrong_otherwise_goes_back_with_an_error,
    a_duplicated_parameter_gives_no_code,
    loopback_redirects_match_on_any_port,
    prompt_none_never_gives_a_code_silently,
    prompt_login_asks_for_the_password_again_and_a_link_alone_logs_nobody_out,
    success_and_refusal_carry_state_and_issuer_once_each,
    the_authorization_endpoint_has_no_cors,
    whoever_is_not_logged_in_comes_back_to_the_request_after_the_login
);

const PAGE: &str = "page 400";

type Parameters = Vec<(&'static str, String)>;

/// What is changed of a request that is good.
enum Change {
    With(&'static str, String),
    Without(&'static str),
    Twice(&'static str),
    Nothing,
}

use Change::{Nothing, Twice, With, Without};

fn with(name: &'static str, value: impl Into<String>) -> Change {
    With(name, value.into())
}

impl Change {
    fn of(&self, mut request: Parameters) -> Parameters {
        match self {
            With(name, value) => {
                request.retain(|(known, _)| known != name);
                request.push((name, value.clone()));
            }
            Without(name) => request.retain(|(known, _)| known != name),
            Twice(name) => {
                let same = request.iter().find(|(known, _)| known == name);
                request.push(same.cloned().expect("a parameter"));
            }
            Nothing => {}
        }
        request
    }

    fn in_words(&self) -> String {
        match self {
            With(name, value) => format!("{name}={value}"),
            Without(name) => format!("no {name}"),
            Twice(name) => format!("{name} twice"),
            Nothing => "a good request".to_owned(),
        }
    }
}

/// Says in a word what came: `page 400`, `redir(invalid_scope)`, `consent`.
/// A redirect must go to the registered place and carry `iss` once, and the
/// state that was sent, once and byte for byte.
fn outcome(page: &Page, application: &Application, issuer: &str, state: Option<&str>) -> String {
    if !(300..400).contains(&page.status) {
        let consent = page.status == 200 && page.input("ticket").is_some();
        return match (consent, page.status) {
            (true, _) => "consent".to_owned(),
            // 414 is as good an answer to a gigantic query as 400 (row A38).
            (false, 414) => PAGE.to_owned(),
            (false, status) => format!("page {status}"),
        };
    }
    let location = page.location();
    if !location.starts_with(&application.redirect_uri) {
        return format!("redirect to {location}");
    }
    let back = Url::parse(location).expect("an absolute address");
    let all = |name: &str| -> Vec<String> {
        back.query_pairs()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    };
    if all("iss") != [issuer] {
        return format!("redirect without iss: {location}");
    }
    if all("state") != Vec::from_iter(state) {
        return format!("redirect with another state: {location}");
    }
    if !all("code").is_empty() {
        return "code".into();
    }
    format!("redir({})", all("error").join(", "))
}

/// A server with a person and a confidential client.
struct Scene {
    server: TestServer,
    application: Application,
    person: Visitor,
}

impl Scene {
    async fn set(database: Database, confidential: bool) -> Self {
        let server = TestServer::on(database).await;
        let application = if confidential {
            server.application().await
        } else {
            server.public_application().await
        };
        let person = server.person("beverly").await;
        Self {
            server,
            application,
            person,
        }
    }

    async fn ask(&mut self, change: &Change) -> Page {
        let request = change.of(self.application.request());
        self.person.get(&Application::address(&request)).await
    }

    /// Tries one row.
    async fn row(&mut self, table: &mut Table, id: &str, change: Change, required: &str) {
        let page = self.ask(&change).await;
        // A state that is missing, repeated or too long does not come back.
        let state = match &change {
            With("state", _) | Without("state") | Twice("state") => None,
            _ => Some(STATE),
        };
        let got = outcome(&page, &self.application, &self.server.base, state);
        table.row(id, change.in_words(), required, got);
    }
}

async fn a_request_whose_client_or_redirect_is_wrong_gets_a_page(database: Database) {
    let mut scene = Scene::set(database, true).await;
    let uri = scene.application.redirect_uri.clone();
    let id = scene.application.client_id.clone();
    let redirects: Vec<(&str, String)> = [
        ("A1", "https://evil.example/cb".to_owned()),
        ("A1 http", uri.replace("https", "http")),
        ("A1 port", uri.replace("example/", "example:443/")),
        ("A1 sibling", uri.replace("app.", "app2.")),
        ("A1 subdomain", uri.replace("app.", "x.app.")),
        (
            "A1 suffix",
            uri.replace(".example", ".example.evil.example"),
        ),
        (
            "A1 backslash",
            uri.replace(".example/", ".example\\@evil.example/"),
        ),
        ("A1 empty", String::new()),
        ("A1 relative", "/callback".to_owned()),
        ("A1 no scheme", "//app.example/callback".to_owned()),
        ("A3", format!("{uri}?x=1")),
        ("A3 empty query", format!("{uri}?")),
        ("A3 slash", format!("{uri}/")),
        ("A3 below", format!("{uri}/more")),
        ("A3 dot segments", format!("{uri}/../callback")),
        ("A3 case", uri.replace("callback", "Callback")),
        ("A3 host case", uri.replace("app.", "APP.")),
        ("A3 encoded", uri.replace("callback", "%63allback")),
        ("A3 blank", format!("{uri} ")),
        ("A3 line", format!("{uri}\r\nX-Evil: 1")),
        ("A4", "https://127.0.0.1.evil.example/callback".to_owned()),
        (
            "A4 http",
            "http://127.0.0.1.evil.example/callback".to_owned(),
        ),
        (
            "A4 localhost",
            "http://localhost.evil.example/callback".to_owned(),
        ),
        ("A5", "https://user@app.example/callback".to_owned()),
        (
            "A5 evil",
            "https://app.example@evil.example/callback".to_owned(),
        ),
        (
            "A5 password",
            "https://app.example:x@evil.example/callback".to_owned(),
        ),
        ("A5 empty", "https://@app.example/callback".to_owned()),
        ("A7", "javascript:alert(1)".to_owned()),
        ("A7 case", "JavaScript://app.example/%0aalert(1)".to_owned()),
        ("A7 data", "data:text/html,x".to_owned()),
        ("A7 vbscript", "vbscript:x".to_owned()),
        ("A7 file", "file:///callback".to_owned()),
        ("A7 blob", "blob:https://app.example/callback".to_owned()),
        ("A9", format!("{uri}#x")),
        ("A9 empty", format!("{uri}#")),
    ]
    .into();
    let mut table = Table::new("A1-A10: where an answer must not go");
    for (row, redirect) in redirects {
        // An empty parameter counts as absent, and there is one registered URI.
        let required = if redirect.is_empty() { "consent" } else { PAGE };
        let change = with("redirect_uri", redirect);
        scene.row(&mut table, row, change, required).await;
    }
    for (row, client) in [
        ("A10", "6f1b7f5e-0000-4000-8000-000000000000".to_owned()),
        ("A10 word", "nobody".to_owned()),
        ("A10 braces", format!("{{{id}}}")),
        ("A10 quote", format!("{id}' OR '1'='1")),
        ("A10 nul", format!("{id}\0")),
        ("A10 empty", String::new()),
    ] {
        scene
            .row(&mut table, row, with("client_id", client), PAGE)
            .await;
    }
    scene
        .row(&mut table, "A10 none", Without("client_id"), PAGE)
        .await;
    table.assert();
}

async fn a_request_that_is_wrong_otherwise_goes_back_with_an_error(database: Database) {
    let mut scene = Scene::set(database, true).await;
    let base = scene.server.base.clone();
    let mut table = Table::new("A12-A38: what goes back to the client");
    let invalid = "redir(invalid_request)";
    let target = "redir(invalid_target)";
    let kind = "redir(unsupported_response_type)";
    let scope = "redir(invalid_scope)";
    for (id, change, required) in [
        ("A12", Without("code_challenge"), invalid),
        ("A12 empty", with("code_challenge", ""), invalid),
        ("A13", with("code_challenge_method", "plain"), invalid),
        ("A13 case", with("code_challenge_method", "s256"), invalid),
        ("A14", Without("code_challenge_method"), invalid),
        ("A14 short", with("code_challenge", "short"), invalid),
        (
            "A14 padded",
            with("code_challenge", format!("{}=", "A".repeat(43))),
            invalid,
        ),
        ("A16", with("response_type", "token"), kind),
        ("A16 id_token", with("response_type", "id_token"), kind),
        ("A16 hybrid", with("response_type", "code token"), kind),
        ("A16 case", with("response_type", "CODE"), kind),
        ("A16 none", Without("response_type"), invalid),
        ("A16 fragment", with("response_mode", "fragment"), invalid),
        ("A16 form_post", with("response_mode", "form_post"), invalid),
        ("A17", with("scope", "memories:read everything"), scope),
        ("A17 case", with("scope", "Memories:Read"), scope),
        ("A17 wildcard", with("scope", "memories:*"), scope),
        ("A18", with("resource", "https://other.example/mcp"), target),
        (
            "A18 below",
            with("resource", format!("{base}/mcp/admin")),
            target,
        ),
        (
            "A18 prefix",
            with("resource", format!("{base}.evil.example/mcp")),
            target,
        ),
        (
            "A18 userinfo",
            with("resource", base.replace("//", "//x@") + "/mcp"),
            target,
        ),
        ("A19", with("resource", format!("{base}/mcp#x")), target),
        ("A19 relative", with("resource", "/mcp"), target),
        ("A19 urn", with("resource", "urn:mcp"), target),
        ("A26", Without("state"), "consent"),
        (
            "A32 session",
            with("prompt", "none"),
            "redir(interaction_required)",
        ),
        ("A32 and more", with("prompt", "none login"), invalid),
        (
            "A37",
            with("request", "e30.e30."),
            "redir(request_not_supported)",
        ),
        (
            "A37 by reference",
            with("request_uri", "https://app.example/r"),
            "redir(request_uri_not_supported)",
        ),
        (
            "A38 state of 60 kB",
            with("state", "s".repeat(60_000)),
            PAGE,
        ),
        (
            "A38 query of 60 kB",
            with("padding", "p".repeat(60_000)),
            PAGE,
        ),
        (
            "A38 state of 8 kB and 1",
            with("state", "s".repeat(8 * 1024 + 1)),
            invalid,
        ),
        ("good", Nothing, "consent"),
        (
            "good resource",
            with("resource", format!("{base}/mcp")),
            "consent",
        ),
        (
            "good slash",
            with("resource", format!("{base}/mcp/")),
            "consent",
        ),
    ] {
        scene.row(&mut table, id, change, required).await;
    }
    let mut request = scene.application.request();
    request.extend((0..100).map(|_| ("p", "x".to_owned())));
    let page = scene.person.get(&Application::address(&request)).await;
    let got = outcome(&page, &scene.application, &base, Some(STATE));
    table.row("A38 many", "100 parameters", PAGE, got);
    // More than the client library of these tests would send.
    let path = format!(
        "{}&padding={}",
        Application::address(&scene.application.request()),
        "p".repeat(100_000)
    );
    let got = raw_status(&base, &path).await;
    table.row("A38 query of 100 kB", "padding", PAGE, got);
    table.assert();
}

/// Gets a path without a library that would refuse to, and says what came.
async fn raw_status(base: &str, path: &str) -> String {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    // The answer may come, and the connection close, before all is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    match answer.split(' ').nth(1) {
        Some("400" | "414" | "431") => PAGE.to_owned(),
        other => format!("{other:?}"),
    }
}

async fn a_duplicated_parameter_gives_no_code(database: Database) {
    let mut scene = Scene::set(database, true).await;
    let mut table = Table::new("A21: parameters that are there twice");
    let invalid = "redir(invalid_request)";
    for (id, name, required) in [
        ("A21", "client_id", PAGE),
        ("A21 redirect_uri", "redirect_uri", PAGE),
        ("A21 state", "state", invalid),
        ("A21 scope", "scope", invalid),
        ("A21 code_challenge", "code_challenge", invalid),
        ("A21 method", "code_challenge_method", invalid),
        ("A21 response_type", "response_type", invalid),
    ] {
        scene.row(&mut table, id, Twice(name), required).await;
    }
    table.assert();
}

async fn loopback_redirects_match_on_any_port(database: Database) {
    let mut scene = Scene::set(database, false).await;
    let mut table = Table::new("A11: a client on this computer, registered without a port");
    for (id, uri, required) in [
        ("A11", "http://127.0.0.1:51234/callback", "consent"),
        ("A11 itself", "http://127.0.0.1/callback", "consent"),
        ("A11 path", "http://127.0.0.1:51234/other", PAGE),
        ("A11 query", "http://127.0.0.1:51234/callback?x", PAGE),
        ("A11 https", "https://127.0.0.1:51234/callback", PAGE),
        (
            "A11 suffix",
            "http://127.0.0.1.evil.example:51234/callback",
            PAGE,
        ),
        ("A11 localhost", "http://localhost:51234/callback", PAGE),
        ("A11 six", "http://[::1]:51234/callback", PAGE),
        ("A11 other", "http://127.0.0.2:51234/callback", PAGE),
        ("A11 short", "http://127.1:51234/callback", PAGE),
        ("A11 port", "http://127.0.0.1:99999/callback", PAGE),
        (
            "A11 userinfo",
            "http://127.0.0.1:1@evil.example/callback",
            PAGE,
        ),
    ] {
        scene
            .row(&mut table, id, with("redirect_uri", uri), required)
            .await;
    }
    table.assert();
}

async fn prompt_none_never_gives_a_code_silently(database: Database) {
    let mut scene = Scene::set(database, true).await;
    let mut table = Table::new("A32: prompt=none");
    let silently = with("prompt", "none");
    let request = silently.of(scene.application.request());
    let page = scene
        .server
        .visitor()
        .get(&Application::address(&request))
        .await;
    let got = outcome(&page, &scene.application, &scene.server.base, Some(STATE));
    table.row("A32", "without a session", "redir(login_required)", got);
    // Not even to a client that the person has allowed before.
    scene.application.connect(&mut scene.person).await;
    let required = "redir(interaction_required)";
    scene.row(&mut table, "A32 known", silently, required).await;
    let mut local = Scene::set(database, false).await;
    local.application.connect(&mut local.person).await;
    local
        .row(&mut table, "A32 loopback", with("prompt", "none"), required)
        .await;
    local.row(&mut table, "A32 again", Nothing, "consent").await;
    table.assert();
}

async fn prompt_login_asks_for_the_password_again_and_a_link_alone_logs_nobody_out(
    database: Database,
) {
    let mut scene = Scene::set(database, true).await;
    let page = scene.ask(&with("prompt", "login")).await;
    assert_eq!(page.status, 303);
    let form = scene.person.get(page.location()).await;
    assert_eq!(form.status, 200);
    assert_eq!(scene.person.get("/account").await.status, 200);
    let answer = scene.log_in(&form).await;
    let consent = scene.person.follow(answer).await;
    let got = outcome(&consent, &scene.application, &scene.server.base, None);
    assert_eq!(got, "consent");
}

impl Scene {
    /// Fills the log-in form that stands before a request.
    async fn log_in(&mut self, form: &Page) -> Page {
        let next = form.input("next").expect("the form remembers the request");
        let fields = [
            ("csrf", &*form.csrf()),
            ("next", &*next),
            ("handle", "beverly"),
            ("password", "tea, earl grey, hot"),
        ];
        self.person.post("/login", &fields).await
    }
}

async fn success_and_refusal_carry_state_and_issuer_once_each(database: Database) {
    let mut scene = Scene::set(database, true).await;
    let mut table = Table::new("A22, A23, A36: the redirect back");
    let names = |back: &Url| {
        let mut names: Vec<_> = back.query_pairs().map(|(name, _)| name).collect();
        names.sort();
        names.join(" ")
    };
    let back = scene.application.consent(&mut scene.person).await;
    table.row("A22", "the person allows", "code iss state", names(&back));
    let said = |name: &str| parameter(&back, name).unwrap_or_default();
    table.row("A22 state", "byte for byte", STATE, said("state"));
    table.row("A22 iss", "the issuer", &scene.server.base, said("iss"));

    let page = scene.ask(&Nothing).await;
    let answer = Application::decide(&mut scene.person, &page, "deny").await;
    let back = Url::parse(answer.location()).expect("a redirect");
    let said = |name: &str| parameter(&back, name).unwrap_or_default();
    table.row("A36", "the person denies", "access_denied", said("error"));
    let required = "error error_description iss state";
    table.row("A23", "what a refusal carries", required, names(&back));
    table.row("A23 iss", "the issuer", &scene.server.base, said("iss"));
    table.row("A23 state", "byte for byte", STATE, said("state"));

    let page = scene.ask(&Without("state")).await;
    let answer = Application::decide(&mut scene.person, &page, "allow").await;
    let back = Url::parse(answer.location()).expect("a redirect");
    table.row("A26 answer", "no state", "code iss", names(&back));

    let state = "é/+ %".repeat(1_100);
    let page = scene.ask(&with("state", &state)).await;
    let answer = Application::decide(&mut scene.person, &page, "deny").await;
    let back = Url::parse(answer.location()).expect("a redirect");
    let same = parameter(&back, "state") == Some(state);
    table.holds("A38", "a state of 8 kB", "comes back to the byte", same);
    table.assert();
}

async fn the_authorization_endpoint_has_no_cors(database: Database) {
    let scene = Scene::set(database, true).await;
    let good = Application::address(&scene.application.request());
    let mut table = Table::new("A33: CORS on pages");
    for (id, method, path) in [
        ("A33", "OPTIONS", "/oauth/authorize"),
        ("A33 GET", "GET", "/oauth/authorize"),
        ("A33 good", "GET", &*good),
        ("A33 POST", "POST", "/oauth/authorize"),
        ("A33 alias", "OPTIONS", "/authorize"),
        ("A33 login", "OPTIONS", "/login"),
        ("A33 account", "OPTIONS", "/account"),
    ] {
        let request = scene
            .person
            .request(method.parse().expect("a method"), path)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST");
        let page = scene.server.visitor().send(request).await;
        let allowed = page.header("access-control-allow-origin");
        table.row(id, format!("{method} {path}"), "", allowed);
    }
    table.assert();
}

async fn whoever_is_not_logged_in_comes_back_to_the_request_after_the_login(database: Database) {
    let mut scene = Scene::set(database, true).await;
    let mut table = Table::new("A34: redirects after a POST");
    scene.person = scene.server.visitor();
    let page = scene.ask(&Nothing).await;
    table.row(
        "A34 to login",
        "GET without a session",
        "303",
        page.status.to_string(),
    );
    let form = scene.person.get(page.location()).await;
    let answer = scene.log_in(&form).await;
    table.row("A34", "POST /login", "303", answer.status.to_string());
    let consent = scene.person.follow(answer).await;
    let got = outcome(&consent, &scene.application, &scene.server.base, None);
    table.row("A34 back", "GET the request", "consent", got);
    let answer = Application::decide(&mut scene.person, &consent, "allow").await;
    table.row(
        "A34 consent",
        "POST the answer",
        "303",
        answer.status.to_string(),
    );
    table.assert();
}
