//! The token, revocation and introspection endpoints under attack.

use picard_tests::{
    application::{Application, Tokens, VERIFIER, call, parameter, post_form},
    server::TestServer,
    visitor::{Page, Visitor, http},
};
use serde_json::{Value, json};

use crate::table::Table;

type Form = Vec<(&'static str, String)>;
type Change = Box<dyn Fn(Form) -> Form>;

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
    async fn set() -> Self {
        let server = TestServer::start().await;
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

#[tokio::test]
async fn wrong_exchanges_of_a_code_give_no_tokens() {
    let mut scene = Scene::set().await;
    let other = scene.server.application().await;
    let public = scene.server.public_application().await;
    let mut table = Table::default();
    let other_id = other.client_id.clone();
    let rows: Vec<(&str, &str, Change)> = vec![
        (
            "T3",
            "400 invalid_grant",
            Box::new(|form| with(form, "code_verifier", &VERIFIER.replace('d', "e"))),
        ),
        (
            "T3b",
            "400 invalid_grant",
            Box::new(|form| with(form, "code_verifier", "short")),
        ),
        (
            "T4",
            "400 invalid_request",
            Box::new(|form| without(form, "code_verifier")),
        ),
        (
            "T5",
            "400 invalid_grant",
            Box::new(|form| with(form, "redirect_uri", "https://app.example/other")),
        ),
        (
            "T7",
            "400 invalid_grant",
            Box::new(move |form| with(form, "client_id", &other_id)),
        ),
        (
            "T8",
            "401 invalid_client",
            Box::new(|form| with(form, "client_id", "6f1b7f5e-0000-4000-8000-000000000000")),
        ),
        (
            "T8b",
            "401 invalid_client",
            Box::new(|form| without(without(form, "client_id"), "client_secret")),
        ),
        (
            "T9",
            "400 unsupported_grant_type",
            Box::new(|form| with(form, "grant_type", "password")),
        ),
        (
            "T10",
            "400 invalid_request",
            Box::new(|form| without(form, "grant_type")),
        ),
        (
            "T30",
            "401 invalid_client",
            Box::new(|form| without(form, "client_secret")),
        ),
        (
            "T30b",
            "401 invalid_client",
            Box::new(|form| with(form, "client_secret", "a wrong secret of 32 characters!")),
        ),
        (
            "T31",
            "401 invalid_client",
            Box::new(|form| with(form, "client_assertion", "e30.e30.")),
        ),
        (
            "target",
            "400 invalid_target",
            Box::new(|form| with(form, "resource", "https://other.example/mcp")),
        ),
        (
            "code",
            "400 invalid_grant",
            Box::new(|form| with(form, "code", "pac_nonsense")),
        ),
        (
            "twice",
            "400 invalid_request",
            Box::new(|mut form| {
                form.push(("code", "x".into()));
                form
            }),
        ),
        ("good", "200", Box::new(|form| form)),
    ];
    let count = rows.len();
    for (id, required, change) in rows {
        let code = scene.code().await;
        let form = change(scene.application.exchange(&code));
        table.row(id, required, &outcome(&scene.token(&form).await));
    }
    let code = scene.code().await;
    let foreign = public.exchange(&code);
    table.row(
        "T7b",
        "400 invalid_grant",
        &outcome(&scene.token(&foreign).await),
    );
    let burnt = scene.application.exchange(&code);
    table.row(
        "T7 burnt",
        "400 invalid_grant",
        &outcome(&scene.token(&burnt).await),
    );
    table.assert(count + 2);
}

#[tokio::test]
async fn the_token_endpoint_takes_forms_by_post_and_nothing_else() {
    let mut scene = Scene::set().await;
    let code = scene.code().await;
    let form = scene.application.exchange(&code);
    let url = format!("{}/oauth/token", scene.server.base);
    let mut anyone = Visitor::new("");
    let mut table = Table::default();
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form)
        .finish();
    let got = anyone.send(http().get(format!("{url}?{query}"))).await;
    table.row("T11", "405", &got.status.to_string());
    let got = anyone
        .send(
            http()
                .post(&url)
                .json(&json!({"grant_type": "authorization_code"})),
        )
        .await;
    table.row("T12", "400 invalid_request", &outcome(&got));
    let got = anyone
        .send(http().post(format!("{url}?{query}")).form(&form))
        .await;
    table.row("T14", "400 invalid_request", &outcome(&got));
    let basic = http()
        .post(&url)
        .basic_auth(&scene.application.client_id, Some("x"))
        .form(&form);
    table.row(
        "T30 two",
        "400 invalid_request",
        &outcome(&anyone.send(basic).await),
    );
    let big = with(form.clone(), "padding", &"x".repeat(1_000_000));
    table.row("T35", "413 too_large", &outcome(&scene.token(&big).await));
    let mut many = form.clone();
    many.extend((0..10_000).map(|_| ("p", "x".to_owned())));
    table.row(
        "T35b",
        "400 invalid_request",
        &outcome(&scene.token(&many).await),
    );
    let not_text = http()
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded");
    let got = anyone
        .send(not_text.body(vec![b'a', b'=', 0xff, 0xfe]))
        .await;
    table.row("bytes", "400 invalid_request", &outcome(&got));
    table.row("still", "200", &outcome(&scene.token(&form).await));
    table.assert(8);
}

/// Row T15.
#[tokio::test]
async fn success_is_a_bearer_token_of_an_hour_that_nobody_caches() {
    let mut scene = Scene::set().await;
    let code = scene.code().await;
    let page = scene.token(&scene.application.exchange(&code)).await;
    let tokens = Tokens::from_page(&page);
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(tokens.response["token_type"], "Bearer");
    assert_eq!(tokens.response["expires_in"], 3600);
    assert_eq!(tokens.response["scope"], "memories:read memories:write");
    assert_eq!(scene.status(&tokens.access).await, 200);
}

#[tokio::test]
async fn a_client_may_authenticate_by_basic_as_well() {
    let mut scene = Scene::set().await;
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

#[tokio::test]
async fn a_failed_basic_is_answered_with_a_basic_challenge() {
    let scene = Scene::set().await;
    let request = http()
        .post(format!("{}/oauth/token", scene.server.base))
        .basic_auth(&scene.application.client_id, Some("wrong"))
        .form(&[("grant_type", "refresh_token"), ("refresh_token", "x")]);
    let page = Visitor::new("").send(request).await;
    assert_eq!(page.status, 401);
    assert!(page.header("www-authenticate").starts_with("Basic"));
}

/// Row T1.
#[tokio::test]
async fn a_replayed_code_gives_nothing_and_kills_the_tokens_of_the_first_use() {
    let mut scene = Scene::set().await;
    let code = scene.code().await;
    let form = scene.application.exchange(&code);
    let tokens = Tokens::from_page(&scene.token(&form).await);
    assert_eq!(scene.status(&tokens.access).await, 200);
    assert_eq!(outcome(&scene.token(&form).await), "400 invalid_grant");
    assert_eq!(scene.status(&tokens.access).await, 401);
    let refresh = scene
        .token(&scene.application.refresh(&tokens.refresh))
        .await;
    assert_eq!(outcome(&refresh), "400 invalid_grant");
}

/// Row T24 and T25.
#[tokio::test]
async fn revoking_a_refresh_token_ends_everything_that_came_of_it() {
    let mut scene = Scene::set().await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let mut form = scene.application.credentials();
    form.push(("token", tokens.refresh.clone()));
    assert_eq!(scene.post("/oauth/revoke", &form).await.status, 200);
    assert_eq!(scene.status(&tokens.access).await, 401);
    let refresh = scene
        .token(&scene.application.refresh(&tokens.refresh))
        .await;
    assert_eq!(outcome(&refresh), "400 invalid_grant");
    let unknown = with(form, "token", "prt_nonsense");
    assert_eq!(scene.post("/oauth/revoke", &unknown).await.status, 200);
}

#[tokio::test]
async fn an_access_token_can_be_revoked_alone_and_only_by_its_own_client() {
    let mut scene = Scene::set().await;
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

/// Row T32.
#[tokio::test]
async fn introspection_tells_a_client_about_its_own_tokens_only() {
    let mut scene = Scene::set().await;
    let other = scene.server.application().await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let token = ("token", tokens.access.clone());
    let page = scene.post("/oauth/introspect", &vec![token.clone()]).await;
    assert_eq!(outcome(&page), "401 invalid_client");
    for (client, value) in [
        (&other, tokens.access.as_str()),
        (&scene.application, "pat_nonsense"),
    ] {
        let mut form = client.credentials();
        form.push(("token", value.to_owned()));
        assert_eq!(
            scene.post("/oauth/introspect", &form).await.body,
            r#"{"active":false}"#
        );
    }
    let mut form = scene.application.credentials();
    form.push(token);
    let answer: Value =
        serde_json::from_str(&scene.post("/oauth/introspect", &form).await.body).expect("JSON");
    assert_eq!(
        (&answer["active"], &answer["username"]),
        (&json!(true), &json!("geordi"))
    );
}

/// Row T36.
#[tokio::test]
async fn scopes_are_normalised_or_refused() {
    let mut scene = Scene::set().await;
    let mut table = Table::default();
    for (scope, required) in [
        ("", "memories:read memories:write"),
        ("memories:read memories:read", "memories:read"),
        ("  memories:read  ", "memories:read"),
        ("memories:read offline_access", "memories:read"),
        ("memories:read\tmemories:write", "refused"),
        ("memories:réad", "refused"),
    ] {
        scene.application.scope = scope.to_owned();
        let back = {
            let page = scene
                .person
                .get(&Application::address(&scene.application.request()))
                .await;
            if page.status == 303 {
                page
            } else {
                Application::decide(&mut scene.person, &page, "allow").await
            }
        };
        let back = url::Url::parse(back.location()).expect("a redirect");
        let got = match parameter(&back, "code") {
            None => parameter(&back, "error").map_or_else(String::new, |_| "refused".into()),
            Some(code) => {
                let page = scene.token(&scene.application.exchange(&code)).await;
                Tokens::from_page(&page).response["scope"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            }
        };
        table.row(&format!("T36 {scope:?}"), required, &got);
    }
    table.assert(6);
}

/// Row T34.
#[tokio::test]
async fn a_new_password_ends_every_access() {
    let mut scene = Scene::set().await;
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
    assert_eq!(scene.status(&tokens.access).await, 401);
    let refresh = scene
        .token(&scene.application.refresh(&tokens.refresh))
        .await;
    assert_eq!(outcome(&refresh), "400 invalid_grant");
}

/// Row T34.
#[tokio::test]
async fn a_person_can_take_an_applications_access_away() {
    let mut scene = Scene::set().await;
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
    assert_eq!(
        scene.person.fill("/account", &action, &[]).await.status,
        303
    );
    assert_eq!(scene.status(&tokens.access).await, 401);
}

/// Row M37, T22 and M4: what is no access token does not open the API.
#[tokio::test]
async fn only_an_access_token_in_the_header_opens_the_api() {
    let mut scene = Scene::set().await;
    let tokens = scene.application.connect(&mut scene.person).await;
    let url = format!("{}/api/tools", scene.server.base);
    let body = json!({"tool": "get_memories", "data": {}});
    let cookie = scene
        .person
        .request("POST".parse().expect("a method"), "/api/tools");
    assert_eq!(scene.person.send(cookie.json(&body)).await.status, 401);
    let query = http()
        .post(format!("{url}?access_token={}", tokens.access))
        .json(&body);
    assert_eq!(Visitor::new("").send(query).await.status, 401);
    assert_eq!(scene.status(&tokens.refresh).await, 401);
    let refresh = scene
        .token(&scene.application.refresh(&tokens.access))
        .await;
    assert_eq!(outcome(&refresh), "400 invalid_grant");
}
