//! The token, revocation and introspection endpoints under attack.

use picard_domain::Span;
use picard_tests::{
    application::{Application, Tokens, VERIFIER, call, challenge, parameter, post_form},
    server::{Database, TestServer},
    table::Table,
    visitor::{Page, Visitor, http},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    wrong_exchanges_of_a_code_give_no_tokens,
    a_verifier_never_goes_with_a_code_that_had_no_challenge,
    the_token_endpoint_takes_forms_by_post_and_nothing_else,
    success_is_a_bearer_token_of_an_hour_that_nobody_caches,
    a_client_may_authenticate_by_basic_as_well,
    a_failed_basic_is_answered_with_a_basic_challenge,
    a_replayed_code_gives_nothing_and_kills_the_tokens_of_the_first_use,
    revoking_a_refresh_token_ends_everything_that_came_of_it,
    an_access_token_can_be_revoked_alone_and_only_by_its_own_client,
    introspection_tells_a_client_about_its_own_tokens_only,
    scopes_are_normalised_or_refused,
    a_password_a_grant_and_an_account_take_every_access_with_them,
    only_an_access_token_in_the_header_opens_the_api
);

type Form = Vec<(&'static str, String)>;

fn with(mut form: Form, name: &'static str, value: &str) -> Form {
    form.retain(|(known, _)| *known != name);
    form.push((name, value.to_owned()));
    form
}

fn without(mut form: Form, name: &str) -> Form {
    form.retain(|(known, _)| *known != name);
    form
}

/// Says what came: `200`, or status and error code, as `400 invalid_grant`.
fn outcome(page: &Page) -> String {
    if page.status == 200 {
        return "200".into();
    }
    let body: Value = serde_json::from_str(&page.body).unwrap_or_default();
    let code = body["error"]
        .as_str()
        .or(body["code"].as_str())
        .unwrap_or("no JSON");
    format!("{} {code}", page.status)
}

/// A server, an application with a secret, a person, and fresh codes on demand.
struct Scene {
    server: TestServer,
    application: Application,
    person: Visitor,
}

impl Scene {
    async fn set(database: Database) -> Self {
        let server = TestServer::on(database).await;
        let application = server.application().await;
        let person = server.person("geordi").await;
        Self {
            server,
            application,
            person,
        }
    }

    async fn code(&mut self) -> String {
        let back = self.application.consent(&mut self.person).await;
        parameter(&back, "code").expect("a code")
    }

    async fn post(&self, path: &str, form: &Form) -> Page {
        post_form(&format!("{}{path}", self.server.base), form).await
    }

    async fn token(&self, form: &Form) -> Page {
        self.post("/oauth/token", form).await
    }

    async fn status(&self, access: &str) -> u16 {
        call(&self.server.base, access, "get_memories", json!({}))
            .await
            .0
    }
}

async fn wrong_exchanges_of_a_code_give_no_tokens(database: Database) {
    let mut scene = Scene::set(database).await;
    let other = scene.server.application().await;
    let public = scene.server.public_application().await;
    let mut table = Table::new("T3-T10, T30: exchanges of a code");
    let (grant, request, client) = (
        "400 invalid_grant",
        "400 invalid_request",
        "401 invalid_client",
    );
    let wrong = VERIFIER.replace('d', "e");
    let kind = "400 unsupported_grant_type";
    let target = "400 invalid_target";
    for (id, name, value, required) in [
        ("T3", "code_verifier", &*wrong, grant),
        ("T3 short", "code_verifier", "short", grant),
        ("T3 challenge", "code_verifier", &challenge(VERIFIER), grant),
        ("T4 empty", "code_verifier", "", request),
        ("T5", "redirect_uri", "https://app.example/other", grant),
        (
            "T5 slash",
            "redirect_uri",
            "https://app.example/callback/",
            grant,
        ),
        (
            "T5 case",
            "redirect_uri",
            "https://app.example/Callback",
            grant,
        ),
        ("T7", "client_id", &other.client_id, grant),
        (
            "T8",
            "client_id",
            "6f1b7f5e-0000-4000-8000-000000000000",
            client,
        ),
        ("T8 word", "client_id", "nobody", client),
        ("T9", "grant_type", "password", kind),
        ("T9 client", "grant_type", "client_credentials", kind),
        ("T9 implicit", "grant_type", "implicit", kind),
        (
            "T30 wrong",
            "client_secret",
            "a wrong secret of 32 characters!",
            client,
        ),
        ("T30 empty", "client_secret", "", client),
        (
            "T18 target",
            "resource",
            "https://other.example/mcp",
            target,
        ),
        ("T3 code", "code", "pac_nonsense", grant),
        ("T22 refresh", "code", "prt_nonsense", grant),
    ] {
        let code = scene.code().await;
        let form = with(scene.application.exchange(&code), name, value);
        let got = outcome(&scene.token(&form).await);
        table.row(id, format!("{name}={value}"), required, got);
    }
    for (id, name, required) in [
        ("T4", "code_verifier", request),
        ("T8 none", "client_id", client),
        ("T10", "grant_type", request),
        ("T30", "client_secret", client),
        ("T10 code", "code", request),
        // OAuth 2.1 (draft 13, section 10.2) does without it: PKCE binds the code.
        ("T5 none", "redirect_uri", "200"),
    ] {
        let code = scene.code().await;
        let form = without(scene.application.exchange(&code), name);
        let got = outcome(&scene.token(&form).await);
        table.row(id, format!("no {name}"), required, got);
    }
    for name in [
        "code",
        "client_id",
        "grant_type",
        "code_verifier",
        "redirect_uri",
    ] {
        let code = scene.code().await;
        let mut form = scene.application.exchange(&code);
        form.extend(form.iter().find(|(known, _)| *known == name).cloned());
        let got = outcome(&scene.token(&form).await);
        table.row(
            format!("T10 twice {name}"),
            format!("{name} twice"),
            request,
            got,
        );
    }
    let code = scene.code().await;
    let got = outcome(&scene.token(&public.exchange(&code)).await);
    table.row("T7 public", "another client's code", grant, got);
    let form = scene.application.exchange(&code);
    let got = outcome(&scene.token(&form).await);
    table.row("T7 burnt", "its owner, after that", grant, got);
    let code = scene.code().await;
    let got = outcome(&scene.token(&scene.application.exchange(&code)).await);
    table.row("good", "a good exchange", "200", got);
    table.assert();
}

/// A code always has a challenge, so that a verifier never meets one without.
async fn a_verifier_never_goes_with_a_code_that_had_no_challenge(database: Database) {
    let mut scene = Scene::set(database).await;
    let mut table = Table::new("T28: a downgrade of PKCE");
    let request = without(scene.application.request(), "code_challenge");
    for (id, request) in [
        ("T28 none", request.clone()),
        ("T28 both", without(request, "code_challenge_method")),
    ] {
        let page = scene.person.get(&Application::address(&request)).await;
        let back = url::Url::parse(page.location()).expect("a redirect");
        let got = parameter(&back, "error").unwrap_or_default();
        table.row(id, "no challenge", "invalid_request", got);
    }
    // Another flow's verifier is as good as none.
    let code = scene.code().await;
    let foreign = "another-verifier-of-43-to-128-characters-0123456789";
    let form = with(scene.application.exchange(&code), "code_verifier", foreign);
    let got = outcome(&scene.token(&form).await);
    table.row(
        "T28",
        "the verifier of no challenge",
        "400 invalid_grant",
        got,
    );
    table.assert();
}

async fn the_token_endpoint_takes_forms_by_post_and_nothing_else(database: Database) {
    let mut scene = Scene::set(database).await;
    let code = scene.code().await;
    let form = scene.application.exchange(&code);
    let url = format!("{}/oauth/token", scene.server.base);
    let mut anyone = Visitor::new("");
    let mut table = Table::new("T11-T14, T30, T35: what the token endpoint takes");
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form)
        .finish();
    let request = "400 invalid_request";
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let asked = http().request(method.parse().expect("a method"), format!("{url}?{query}"));
        let got = anyone.send(asked).await.status.to_string();
        let id = if method == "GET" {
            "T11".to_owned()
        } else {
            format!("T11 {method}")
        };
        table.row(id, method, "405", got);
    }
    let pairs: serde_json::Map<String, Value> = form
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let got = outcome(&anyone.send(http().post(&url).json(&pairs)).await);
    table.row("T12", "the same as JSON", request, got);
    let plain = http().post(&url).header("content-type", "text/plain");
    let got = outcome(&anyone.send(plain.body(query.clone())).await);
    table.row("T12 text", "the form as text/plain", request, got);
    let got = outcome(&anyone.send(http().post(&url).body(query.clone())).await);
    table.row("T12 none", "the form without a type", request, got);
    let got = outcome(
        &anyone
            .send(http().post(format!("{url}?{query}")).form(&form))
            .await,
    );
    table.row("T14", "in the query too", request, got);
    let got = outcome(&anyone.send(http().post(format!("{url}?{query}"))).await);
    table.row("T14 only", "in the query alone", request, got);
    let secret = format!("{url}?client_secret=x");
    let got = outcome(&anyone.send(http().post(secret).form(&form)).await);
    table.row("T14 secret", "the secret in the query", request, got);
    let basic = http()
        .post(&url)
        .basic_auth(&scene.application.client_id, Some("x"))
        .form(&form);
    table.row(
        "T30 two",
        "Basic and post",
        request,
        outcome(&anyone.send(basic).await),
    );
    let bearer = http().post(&url).bearer_auth("x").form(&form);
    table.row(
        "T30 bearer",
        "Bearer and post",
        request,
        outcome(&anyone.send(bearer).await),
    );
    let big = with(form.clone(), "padding", &"x".repeat(1_000_000));
    table.row(
        "T35",
        "1 MB",
        "413 too_large",
        outcome(&scene.token(&big).await),
    );
    let mut many = form.clone();
    many.extend((0..10_000).map(|_| ("p", "x".to_owned())));
    table.row(
        "T35 many",
        "10,000 parameters",
        request,
        outcome(&scene.token(&many).await),
    );
    let long = with(form.clone(), &"n".repeat(40_000).leak()[..], "x");
    table.row(
        "T35 name",
        "a name of 40 kB",
        request,
        outcome(&scene.token(&long).await),
    );
    let bytes = http()
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(vec![b'a', b'=', 0xff, 0xfe]);
    table.row(
        "T35 bytes",
        "no UTF-8",
        request,
        outcome(&anyone.send(bytes).await),
    );
    table.row(
        "good",
        "the form, after all that",
        "200",
        outcome(&scene.token(&form).await),
    );
    table.assert();
}

async fn success_is_a_bearer_token_of_an_hour_that_nobody_caches(database: Database) {
    let mut scene = Scene::set(database).await;
    let code = scene.code().await;
    let page = scene.token(&scene.application.exchange(&code)).await;
    let tokens = Tokens::from_page(&page);
    let mut table = Table::new("T15: tokens");
    let response = &tokens.response;
    table.row(
        "T15",
        "Cache-Control",
        "no-store",
        page.header("cache-control"),
    );
    table.row(
        "T15 type",
        "token_type",
        "\"Bearer\"",
        response["token_type"].to_string(),
    );
    table.row(
        "T15 lifetime",
        "expires_in",
        "3600",
        response["expires_in"].to_string(),
    );
    let granted = "\"memories:read memories:write\"";
    table.row("T15 scope", "scope", granted, response["scope"].to_string());
    let status = scene.status(&tokens.access).await;
    table.row("T15 use", "a call with it", "200", status.to_string());
    table.assert();
}

async fn a_client_may_authenticate_by_basic_as_well(database: Database) {
    let mut scene = Scene::set(database).await;
    let code = scene.code().await;
    let form = without(
        without(scene.application.exchange(&code), "client_id"),
        "client_secret",
    );
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let secret = scene.application.secret.clone().expect("a secret");
    let request = http()
        .post(format!("{}/oauth/token", scene.server.base))
        .basic_auth(encode(&scene.application.client_id), Some(encode(&secret)))
        .form(&form);
    assert_eq!(Visitor::new("").send(request).await.status, 200);
}

async fn a_failed_basic_is_answered_with_a_basic_challenge(database: Database) {
    let scene = Scene::set(database).await;
    let request = http()
        .post(format!("{}/oauth/token", scene.server.base))
        .basic_auth(&scene.application.client_id, Some("wrong"))
        .form(&[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    let page = Visitor::new("").send(request).await;
    assert_eq!(page.status, 401);
    assert!(page.header("www-authenticate").starts_with("Basic"));
}

async fn a_replayed_code_gives_nothing_and_kills_the_tokens_of_the_first_use(database: Database) {
    let mut scene = Scene::set(database).await;
    let code = scene.code().await;
    let form = scene.application.exchange(&code);
    let tokens = Tokens::from_page(&scene.token(&form).await);
    let mut table = Table::new("T1: a code that comes twice");
    let grant = "400 invalid_grant";
    table.row(
        "T1 before",
        "a call",
        "200",
        scene.status(&tokens.access).await.to_string(),
    );
    table.row(
        "T1",
        "the code again",
        grant,
        outcome(&scene.token(&form).await),
    );
    table.row(
        "T1 access",
        "a call after that",
        "401",
        scene.status(&tokens.access).await.to_string(),
    );
    let refresh = scene.application.refresh(&tokens.refresh);
    table.row(
        "T1 refresh",
        "a refresh after that",
        grant,
        outcome(&scene.token(&refresh).await),
    );
    // Of two at once, one may win; then the other takes its tokens away.
    let code = scene.code().await;
    let form = scene.application.exchange(&code);
    let both = futures::future::join(scene.token(&form), scene.token(&form)).await;
    let won = [&both.0, &both.1]
        .into_iter()
        .filter(|page| page.status == 200);
    let won: Vec<_> = won.map(Tokens::from_page).collect();
    table.holds("T1 race", "two at once", "at most one wins", won.len() <= 1);
    for tokens in won {
        let status = scene.status(&tokens.access).await;
        table.row(
            "T1 winner",
            "a call of the winner",
            "401",
            status.to_string(),
        );
    }
    table.assert();
}

async fn revoking_a_refresh_token_ends_everything_that_came_of_it(database: Database) {
    let mut scene = Scene::set(database).await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let mut table = Table::new("T24, T25: revocation");
    let mut form = scene.application.credentials();
    form.push(("token", tokens.refresh.clone()));
    let stranger: Form = vec![("token", tokens.refresh.clone())];
    let got = outcome(&scene.post("/oauth/revoke", &stranger).await);
    table.row("T24 stranger", "nobody's", "401 invalid_client", got);
    let got = outcome(&scene.post("/oauth/revoke", &form).await);
    table.row("T24", "a refresh token", "200", got);
    table.row(
        "T24 access",
        "a call",
        "401",
        scene.status(&tokens.access).await.to_string(),
    );
    let refresh = scene.application.refresh(&tokens.refresh);
    let got = outcome(&scene.token(&refresh).await);
    table.row("T24 grant", "a refresh", "400 invalid_grant", got);
    for (id, token) in [("T25", "prt_nonsense"), ("T25 again", &*tokens.refresh)] {
        let form = with(form.clone(), "token", token);
        table.row(
            id,
            token,
            "200",
            outcome(&scene.post("/oauth/revoke", &form).await),
        );
    }
    let got = outcome(&scene.post("/oauth/revoke", &without(form, "token")).await);
    table.row("T25 none", "no token", "400 invalid_request", got);
    table.assert();
}

async fn an_access_token_can_be_revoked_alone_and_only_by_its_own_client(database: Database) {
    let mut scene = Scene::set(database).await;
    let other = scene.server.public_application().await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let token = ("token", tokens.access.clone());
    let mut foreign = other.credentials();
    foreign.push(token.clone());
    assert_eq!(scene.post("/oauth/revoke", &foreign).await.status, 200);
    assert_eq!(scene.status(&tokens.access).await, 200);
    let mut own = scene.application.credentials();
    own.push(token);
    assert_eq!(scene.post("/oauth/revoke", &own).await.status, 200);
    assert_eq!(scene.status(&tokens.access).await, 401);
    assert_eq!(
        outcome(
            &scene
                .token(&scene.application.refresh(&tokens.refresh))
                .await
        ),
        "200"
    );
}

async fn introspection_tells_a_client_about_its_own_tokens_only(database: Database) {
    let mut scene = Scene::set(database).await;
    let other = scene.server.application().await;
    let public = scene.server.public_application().await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let mut table = Table::new("T32: introspection");
    let client = "401 invalid_client";
    let inactive = r#"{"active":false}"#;
    for (id, who, credentials) in [
        ("T32", "nobody", Vec::new()),
        ("T32 public", "a public client", public.credentials()),
        (
            "T32 secret",
            "a wrong secret",
            with(other.credentials(), "client_secret", "x"),
        ),
    ] {
        let form = with(credentials, "token", &tokens.access);
        let got = outcome(&scene.post("/oauth/introspect", &form).await);
        table.row(id, who, client, got);
    }
    for (id, client, token) in [
        ("T32 foreign", &other, &*tokens.access),
        ("T32 foreign refresh", &other, &*tokens.refresh),
        ("T32 unknown", &scene.application, "pat_nonsense"),
        ("T32 jwt", &scene.application, "e30.e30."),
    ] {
        let form = with(client.credentials(), "token", token);
        let got = scene.post("/oauth/introspect", &form).await.body;
        table.row(id, token, inactive, got);
    }
    let form = with(scene.application.credentials(), "token", &tokens.access);
    let answer: Value =
        serde_json::from_str(&scene.post("/oauth/introspect", &form).await.body).expect("JSON");
    let got = format!("{} {}", answer["active"], answer["username"]);
    table.row("T32 own", "its own", r#"true "geordi""#, got);
    scene.server.clock.advance(Span::hours(1));
    let got = scene.post("/oauth/introspect", &form).await.body;
    table.row("T32 expired", "its own, expired", inactive, got);
    table.assert();
}

async fn scopes_are_normalised_or_refused(database: Database) {
    let mut scene = Scene::set(database).await;
    let mut table = Table::new("T36: scopes");
    for (id, scope, required) in [
        ("T36", "", "memories:read memories:write"),
        ("T36 twice", "memories:read memories:read", "memories:read"),
        ("T36 blanks", "  memories:read  ", "memories:read"),
        (
            "T36 offline",
            "memories:read offline_access",
            "memories:read",
        ),
        (
            "T36 only offline",
            "offline_access",
            "memories:read memories:write",
        ),
        ("T36 tab", "memories:read\tmemories:write", "refused"),
        ("T36 line", "memories:read\nmemories:write", "refused"),
        ("T36 other letters", "memories:r\u{e9}ad", "refused"),
        (
            "T36 no-break",
            "memories:read\u{a0}memories:write",
            "refused",
        ),
        ("T36 nul", "memories:read\0", "refused"),
        ("T36 quote", "memories:read\"", "refused"),
    ] {
        scene.application.scope = scope.to_owned();
        let address = Application::address(&scene.application.request());
        let mut page = scene.person.get(&address).await;
        if page.status == 200 {
            page = Application::decide(&mut scene.person, &page, "allow").await;
        }
        let back = url::Url::parse(page.location()).expect("a redirect");
        let got = match parameter(&back, "code") {
            None => parameter(&back, "error").map_or_else(String::new, |_| "refused".into()),
            Some(code) => {
                let page = scene.token(&scene.application.exchange(&code)).await;
                let scope = Tokens::from_page(&page).response["scope"].take();
                scope.as_str().unwrap_or_default().to_owned()
            }
        };
        table.row(id, scope, required, got);
    }
    table.assert();
}

impl Scene {
    /// Notes that neither token of a connection is good any more.
    async fn dead(&self, table: &mut Table, id: &str, after: &str, tokens: &Tokens) {
        let status = self.status(&tokens.access).await.to_string();
        table.row(format!("{id} access"), after, "401", status);
        let form = self.application.refresh(&tokens.refresh);
        let got = outcome(&self.token(&form).await);
        table.row(id, after, "400 invalid_grant", got);
    }
}

async fn a_password_a_grant_and_an_account_take_every_access_with_them(database: Database) {
    let mut scene = Scene::set(database).await;
    let mut table = Table::new("T34: what ends every access");
    let tokens = scene.application.connect(&mut scene.person).await;
    let fields = [
        ("current_password", "tea, earl grey, hot"),
        ("new_password", "darjeeling, cold"),
    ];
    let page = scene
        .person
        .fill("/account", "/account/password", &fields)
        .await;
    assert_eq!(page.status, 303, "{}", page.body);
    scene
        .dead(&mut table, "T34", "a new password", &tokens)
        .await;

    let tokens = scene.application.connect(&mut scene.person).await;
    let account = scene.person.get("/account").await;
    assert!(account.body.contains("Holodeck"));
    let action = account
        .body
        .split("action=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|action| action.ends_with("/revoke"))
        .expect("a form to revoke")
        .to_owned();
    let page = scene.person.fill("/account", &action, &[]).await;
    assert_eq!(page.status, 303, "{}", page.body);
    scene
        .dead(&mut table, "T34 grant", "a grant taken away", &tokens)
        .await;

    let code = scene.code().await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let fields = [("password", "darjeeling, cold"), ("confirm", "geordi")];
    let page = scene
        .person
        .fill("/account/delete", "/account/delete", &fields)
        .await;
    assert_eq!(page.status, 303, "{}", page.body);
    scene
        .dead(&mut table, "T34 account", "the account deleted", &tokens)
        .await;
    let form = scene.application.exchange(&code);
    let got = outcome(&scene.token(&form).await);
    table.row("T34 code", "the account deleted", "400 invalid_grant", got);
    table.assert();
}

async fn only_an_access_token_in_the_header_opens_the_api(database: Database) {
    let mut scene = Scene::set(database).await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let url = format!("{}/api/tools", scene.server.base);
    let body = json!({"tool": "get_memories", "data": {}});
    let mut table = Table::new("T22, M4, M37: what does not open the tools");
    let cookie = scene
        .person
        .request("POST".parse().expect("a method"), "/api/tools");
    let status = scene.person.send(cookie.json(&body)).await.status;
    table.row("M37 tools", "a session's cookie", "401", status.to_string());
    let query = http()
        .post(format!("{url}?access_token={}", tokens.access))
        .json(&body);
    let status = Visitor::new("").send(query).await.status;
    table.row(
        "M4 tools",
        "the token in the query",
        "401",
        status.to_string(),
    );
    let basic = http()
        .post(&url)
        .basic_auth("x", Some(&tokens.access))
        .json(&body);
    let status = Visitor::new("").send(basic).await.status;
    table.row("M4 basic", "the token as Basic", "401", status.to_string());
    let form = http().post(&url).form(&[("access_token", &tokens.access)]);
    let status = Visitor::new("").send(form).await.status;
    table.row(
        "M4 form",
        "the token in the body",
        "401",
        status.to_string(),
    );
    let status = scene.status(&tokens.refresh).await;
    table.row("T22 use", "a refresh token", "401", status.to_string());
    table.assert();
}
