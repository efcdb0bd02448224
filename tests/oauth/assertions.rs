//! Clients that sign (`private_key_jwt`, RFC 7523): row T31 of the table of
//! attacks, the keys that change, and how often somebody else is asked for them.

use picard_domain::Span;
use picard_tests::{
    application::{Application, Tokens, post_form},
    server::{Database, TestServer},
    signer::{Signer, carrying, key_set},
    table::Table,
    visitor::{Page, Visitor},
    web_host::WebHost,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    t31_an_assertion_that_proves_nothing_is_refused,
    a_client_that_signs_is_connected_renewed_and_can_end_it,
    an_unknown_key_is_looked_for_once_a_minute_and_an_old_one_dies_within_the_hour,
    keys_stand_in_for_a_day_while_their_host_is_out,
    keys_that_cannot_be_had_are_asked_for_once_a_minute,
    a_document_with_keys_that_cannot_be_had_is_asked_for_once_a_minute,
    an_assertion_is_remembered_for_five_minutes_longer_than_it_is_good,
    keys_inside_the_document_change_with_it
);

const URL: &str = "https://app.example/client.json";
const OTHER: &str = "https://app.example/other.json";
const KEYS: &str = "https://keys.example/jwks.json";
const CALLBACK: &str = "https://app.example/callback";

/// A server, a host, and a client there that always signs.
struct Scene {
    server: TestServer,
    host: WebHost,
    person: Visitor,
    client: Application,
    key: Signer,
}

impl Scene {
    async fn set(database: Database) -> Self {
        let host = WebHost::start(&["app.example", "keys.example"]).await;
        let key = Signer::es256("one");
        host.publish(KEYS, &key_set(&[&key]));
        for id in [URL, OTHER] {
            host.publish(id, &document(id));
        }
        let server = TestServer::fetching(database, host.fetcher()).await;
        let person = server.person("spock").await;
        Self {
            server,
            host,
            person,
            client: application(URL),
            key,
        }
    }

    fn endpoint(&self) -> String {
        format!("{}/oauth/token", self.server.base)
    }

    fn claims(&self, jti: &str) -> Value {
        let now = self.server.app.now().seconds();
        json!({
            "iss": URL, "sub": URL, "aud": self.endpoint(), "jti": jti,
            "iat": now, "exp": now + 300,
        })
    }

    /// Asks about a refresh token, so that only who asks is decided.
    async fn present(&self, assertion: String) -> Page {
        let mut form = self.client.refresh("prt_none");
        form.extend(carrying(assertion));
        post_form(&self.endpoint(), &form).await
    }

    fn keys_fetched(&self) -> usize {
        self.host.asked().iter().filter(|url| *url == KEYS).count()
    }

    /// Makes the client known, by asking the person.
    async fn introduce(&mut self, client: &Application) {
        let address = Application::address(&client.request());
        assert_eq!(self.person.get(&address).await.status, 200);
    }
}

fn document(id: &str) -> Value {
    json!({
        "client_id": id, "client_name": "Vulcan", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": KEYS,
    })
}

fn application(id: &str) -> Application {
    Application {
        client_id: id.to_owned(),
        secret: None,
        redirect_uri: CALLBACK.to_owned(),
        scope: "memories:read".to_owned(),
    }
}

/// `client ok` when the client was believed, and only what it gave was not.
fn outcome(page: &Page) -> String {
    let error: Value = serde_json::from_str(&page.body).expect("JSON");
    match error["error"].as_str() {
        Some("invalid_grant") => "client ok".to_owned(),
        error => format!("{} {}", page.status, error.unwrap_or_default()),
    }
}

fn changed(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().expect("an object") {
        value[name] = change.clone();
    }
    value
}

async fn t31_an_assertion_that_proves_nothing_is_refused(database: Database) {
    let mut scene = Scene::set(database).await;
    let client = scene.client.clone();
    scene.introduce(&client).await;
    scene.introduce(&application(OTHER)).await;
    let mut table = Table::new("T31: assertions of private_key_jwt");
    let now = scene.server.app.now().seconds();
    let other = json!({"iss": OTHER, "sub": OTHER});
    let rows: [(&str, Value, Value); 11] = [
        ("T31 alg none", json!({"alg": "none"}), json!({})),
        ("T31 HS256", json!({"alg": "HS256"}), json!({})),
        (
            "T31 RS256 over an EC key",
            json!({"alg": "RS256"}),
            json!({}),
        ),
        (
            "T31 wrong aud",
            json!({}),
            json!({"aud": "https://evil.example/token"}),
        ),
        (
            "T31 two aud",
            json!({}),
            json!({"aud": [scene.server.base, "https://evil.example"]}),
        ),
        (
            "T31 exp over 10 minutes",
            json!({}),
            json!({"exp": now + 601}),
        ),
        ("T31 expired", json!({}), json!({"exp": now - 31})),
        ("T31 not yet", json!({}), json!({"nbf": now + 31})),
        ("T31 kid traversal", json!({"kid": "../one"}), json!({})),
        ("T31 of another client", json!({}), other),
        ("T31 iss is not sub", json!({}), json!({"iss": OTHER})),
    ];
    for (id, header, claims) in rows {
        let header = changed(scene.key.header(), &header);
        let claims = changed(scene.claims(id), &claims);
        let assertion = scene.key.sign_under(&header, &claims);
        let page = scene.present(assertion).await;
        table.row(id, header.to_string(), "401 invalid_client", outcome(&page));
    }
    let stranger = Signer::es256("one").sign(&scene.claims("stranger"));
    let page = scene.present(stranger).await;
    table.row(
        "T31 key of another",
        "the same kid",
        "401 invalid_client",
        outcome(&page),
    );
    let unsigned = scene.key.sign(&scene.claims("unsigned"));
    let unsigned = unsigned.rsplit_once('.').expect("three parts").0.to_owned() + ".";
    let page = scene.present(unsigned).await;
    table.row(
        "T31 unsigned",
        "no signature",
        "401 invalid_client",
        outcome(&page),
    );

    let good = scene.key.sign(&scene.claims("once"));
    let page = scene.present(good.clone()).await;
    table.row("T31 good", "", "client ok", outcome(&page));
    let page = scene.present(good).await;
    table.row(
        "T31 jti replay",
        "the same again",
        "401 invalid_client",
        outcome(&page),
    );
    let again = changed(scene.claims("once"), &json!({"exp": now + 60}));
    let page = scene.present(scene.key.sign(&again)).await;
    table.row(
        "T31 jti again",
        "another exp",
        "401 invalid_client",
        outcome(&page),
    );

    let mut form = scene.client.refresh("prt_none");
    form.push(("client_secret", "a secret that nobody handed out".into()));
    form.extend(carrying(scene.key.sign(&scene.claims("both"))));
    let page = post_form(&scene.endpoint(), &form).await;
    table.row(
        "T31 two ways",
        "a secret too",
        "400 invalid_request",
        outcome(&page),
    );
    let mut form = scene.client.refresh("prt_none");
    form.extend(carrying(scene.key.sign(&scene.claims("type"))));
    form.retain(|(name, _)| *name != "client_assertion_type");
    let page = post_form(&scene.endpoint(), &form).await;
    table.row("T31 no type", "", "401 invalid_client", outcome(&page));
    table.assert();
}

async fn a_client_that_signs_is_connected_renewed_and_can_end_it(database: Database) {
    let mut scene = Scene::set(database).await;
    let client = scene.client.clone();
    let back = client.consent(&mut scene.person).await;
    let code = picard_tests::application::parameter(&back, "code").expect("a code");
    let mut form = client.exchange(&code);
    form.extend(carrying(scene.key.sign(&scene.claims("1"))));
    let tokens = Tokens::from_page(&post_form(&scene.endpoint(), &form).await);

    let about = |token: &str, jti: &str| {
        let mut form = vec![("token", token.to_owned())];
        form.extend(carrying(scene.key.sign(&scene.claims(jti))));
        form
    };
    let introspect = format!("{}/oauth/introspect", scene.server.base);
    let page = post_form(&introspect, &about(&tokens.access, "2")).await;
    let told: Value = serde_json::from_str(&page.body).expect("JSON");
    assert_eq!(told["active"], true, "{database:?}: {told}");
    assert_eq!(told["client_id"], URL);
    let revoke = format!("{}/oauth/revoke", scene.server.base);
    let page = post_form(&revoke, &about(&tokens.refresh, "3")).await;
    assert_eq!(page.status, 200, "{database:?}: {}", page.body);
    let page = post_form(&introspect, &about(&tokens.access, "4")).await;
    assert!(page.body.contains("false"), "{database:?}: {}", page.body);
    assert_eq!(scene.keys_fetched(), 1, "{database:?}: the keys are kept");
}

async fn an_unknown_key_is_looked_for_once_a_minute_and_an_old_one_dies_within_the_hour(
    database: Database,
) {
    let mut scene = Scene::set(database).await;
    let client = scene.client.clone();
    scene.introduce(&client).await;
    let signed = |scene: &Scene, key: &Signer, jti: &str| key.sign(&scene.claims(jti));
    let page = scene.present(signed(&scene, &scene.key, "1")).await;
    assert_eq!(
        (outcome(&page).as_str(), scene.keys_fetched()),
        ("client ok", 1)
    );

    // A new key: not believed while the set is younger than a minute.
    let newer = Signer::rs256("two");
    scene.host.publish(KEYS, &key_set(&[&newer]));
    for jti in ["2", "3", "4"] {
        let page = scene.present(signed(&scene, &newer, jti)).await;
        assert_eq!(outcome(&page), "401 invalid_client");
    }
    assert_eq!(scene.keys_fetched(), 1);
    scene.server.clock.advance(Span::minutes(1));
    let page = scene.present(signed(&scene, &newer, "5")).await;
    assert_eq!(
        (outcome(&page).as_str(), scene.keys_fetched()),
        ("client ok", 2)
    );
    let page = scene.present(signed(&scene, &scene.key, "6")).await;
    assert_eq!(outcome(&page), "401 invalid_client", "the old key is gone");

    // A key that was withdrawn is forgotten after an hour at most.
    scene.host.publish(KEYS, &key_set(&[&scene.key]));
    scene.server.clock.advance(Span::minutes(59));
    let page = scene.present(signed(&scene, &newer, "7")).await;
    assert_eq!(outcome(&page), "client ok");
    scene.server.clock.advance(Span::minutes(2));
    let page = scene.present(signed(&scene, &newer, "8")).await;
    assert_eq!(outcome(&page), "401 invalid_client");
}

async fn keys_stand_in_for_a_day_while_their_host_is_out(database: Database) {
    let mut scene = Scene::set(database).await;
    let client = scene.client.clone();
    scene.introduce(&client).await;
    scene.host.fail(KEYS);
    let page = scene.present(scene.key.sign(&scene.claims("0"))).await;
    assert_eq!(outcome(&page), "503 temporarily_unavailable");
    scene.host.publish(KEYS, &key_set(&[&scene.key]));
    scene.server.clock.advance(Span::minutes(1));
    let page = scene.present(scene.key.sign(&scene.claims("1"))).await;
    assert_eq!(outcome(&page), "client ok");
    scene.host.fail(KEYS);
    scene.server.clock.advance(Span::hours(24));
    let page = scene.present(scene.key.sign(&scene.claims("2"))).await;
    assert_eq!(outcome(&page), "client ok");
    scene.server.clock.advance(Span::hours(1));
    let page = scene.present(scene.key.sign(&scene.claims("3"))).await;
    assert_eq!(outcome(&page), "503 temporarily_unavailable");
}

async fn keys_that_cannot_be_had_are_asked_for_once_a_minute(database: Database) {
    let mut scene = Scene::set(database).await;
    let client = scene.client.clone();
    scene.introduce(&client).await;
    let stranger = Signer::rs256("two");
    let mut fetched = 0;
    for spoil in ["out", "bad"] {
        match spoil {
            "out" => scene.host.fail(KEYS),
            _ => scene.host.publish(KEYS, &json!({"keys": 1})),
        }
        for n in 0..5 {
            let claims = scene.claims(&format!("{spoil} {n}"));
            let page = scene.present(stranger.sign(&claims)).await;
            assert_eq!(outcome(&page), "503 temporarily_unavailable", "{spoil}");
        }
        fetched += 1;
        assert_eq!(scene.keys_fetched(), fetched, "{spoil}");
        scene.server.clock.advance(Span::minutes(1));
    }

    // With a copy that stands in it is the same, also for a key that is not in it.
    scene.host.publish(KEYS, &key_set(&[&scene.key]));
    let page = scene.present(scene.key.sign(&scene.claims("good"))).await;
    assert_eq!(outcome(&page), "client ok");
    scene.host.fail(KEYS);
    scene.server.clock.advance(Span::hours(2));
    for jti in ["1", "2", "3"] {
        let page = scene.present(stranger.sign(&scene.claims(jti))).await;
        assert_eq!(outcome(&page), "401 invalid_client");
    }
    assert_eq!(scene.keys_fetched(), fetched + 2);
    let page = scene.present(scene.key.sign(&scene.claims("4"))).await;
    assert_eq!(outcome(&page), "client ok");
}

async fn a_document_with_keys_that_cannot_be_had_is_asked_for_once_a_minute(database: Database) {
    let mut scene = Scene::set(database).await;
    scene.host.publish(URL, &inline(&scene.key));
    let client = scene.client.clone();
    scene.introduce(&client).await;
    let stranger = Signer::rs256("two");
    for (spoil, answer) in [
        ("out", "401 invalid_client"),
        ("bad", "503 temporarily_unavailable"),
    ] {
        match spoil {
            "out" => scene.host.fail(URL),
            _ => scene.host.publish(URL, &json!({"client_id": 1})),
        }
        scene.server.clock.advance(Span::minutes(2));
        let asked = scene.host.asked().len();
        for n in 0..5 {
            let claims = scene.claims(&format!("{spoil} {n}"));
            let page = scene.present(stranger.sign(&claims)).await;
            assert_eq!(outcome(&page), answer, "{spoil}");
        }
        assert_eq!(scene.host.asked().len(), asked + 1, "{spoil}");
    }
}

async fn an_assertion_is_remembered_for_five_minutes_longer_than_it_is_good(database: Database) {
    let mut scene = Scene::set(database).await;
    let client = scene.client.clone();
    scene.introduce(&client).await;
    let page = scene.present(scene.key.sign(&scene.claims("1"))).await;
    assert_eq!(outcome(&page), "client ok");
    for (later, forgotten) in [(Span::minutes(7), false), (Span::minutes(10), true)] {
        scene.server.clock.advance(later);
        let cleared = scene.server.app.keep_house().await.expect("it runs");
        let cleared = cleared.expect("the last turn has ended").0;
        let went = cleared.contains(&("assertions", 1));
        assert_eq!(went, forgotten, "{later:?}: {cleared:?}");
    }
}

/// The document with its keys in it.
fn inline(key: &Signer) -> Value {
    let mut document = document(URL);
    document
        .as_object_mut()
        .expect("an object")
        .remove("jwks_uri");
    document["jwks"] = key_set(&[key]);
    document
}

async fn keys_inside_the_document_change_with_it(database: Database) {
    let mut scene = Scene::set(database).await;
    scene.host.publish(URL, &inline(&scene.key));
    let client = scene.client.clone();
    scene.introduce(&client).await;
    let page = scene.present(scene.key.sign(&scene.claims("1"))).await;
    assert_eq!(outcome(&page), "client ok");
    let newer = Signer::rs256("two");
    scene.host.publish(URL, &inline(&newer));
    scene.server.clock.advance(Span::minutes(1));
    // Nobody has to show the new key first for the old one to be dead.
    let page = scene.present(scene.key.sign(&scene.claims("2"))).await;
    assert_eq!(outcome(&page), "401 invalid_client");
    let page = scene.present(newer.sign(&scene.claims("3"))).await;
    assert_eq!(outcome(&page), "client ok");

    // While the document cannot be had, its copy stands in for a day.
    scene.host.fail(URL);
    scene.server.clock.advance(Span::hours(24));
    let page = scene.present(newer.sign(&scene.claims("4"))).await;
    assert_eq!(outcome(&page), "client ok");
    scene.server.clock.advance(Span::minutes(2));
    let page = scene.present(newer.sign(&scene.claims("5"))).await;
    assert_eq!(outcome(&page), "503 temporarily_unavailable");
    assert_eq!(scene.keys_fetched(), 0);
}
