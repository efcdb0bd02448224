//! Connecting with the server, and all the ways in which that can end.

use axum::http::StatusCode;
use picard_client::Secret;
use picard_domain::{Scope, Scopes, Span};

use crate::{Stage, fixture::Fixture};

#[tokio::test]
async fn connecting_shows_who_one_is_there() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let page = browser.get("/dashboard").await;
    page.shows("Connect to MCP Server");
    page.hides(r#"href="/memories""#);
    let query = stage.consented(&mut browser, Scopes::read_write()).await;
    let page = browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(
        (page.status, page.location()),
        (StatusCode::SEE_OTHER, "/dashboard")
    );
    let page = browser.get("/dashboard").await;
    page.shows("Connected as <bdi>Ada Lovelace</bdi>");
    page.shows("@ada");
    page.shows("00000000-0000-0000-0000-000000000001");
    page.shows(Scope::Write.in_words());
    page.shows("Disconnect");
    page.shows(r#"href="/memories""#);
}

#[tokio::test]
async fn neither_tokens_nor_verifiers_are_on_the_disk() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.consented(&mut browser, Scopes::read_write()).await;
    for _ in 0..2 {
        stage.fixture.clock.turn(Span::minutes(61));
        assert_eq!(browser.get("/memories").await.status, StatusCode::OK);
    }
    assert_eq!(stage.fixture.state().refreshes, 2);
    assert!(stage.disk_holds("Ada Lovelace"), "the search works");
    assert!(!stage.disk_holds("secret-"));
    assert!(!stage.disk_holds("verifier"));
}

#[tokio::test]
async fn a_callback_is_good_once_and_in_the_browser_that_began() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let mut stranger = stage.member("lore").await;
    let query = stage.consented(&mut browser, Scopes::read_write()).await;
    let path = format!("/oauth/callback?{query}");
    let page = stranger.get(&path).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    page.shows("This answer belongs to another request");
    stranger
        .get("/dashboard")
        .await
        .shows("Connect to MCP Server");
    assert_eq!(browser.get(&path).await.location(), "/dashboard");
    assert_eq!(browser.get(&path).await.status, StatusCode::BAD_REQUEST);
    browser
        .get("/dashboard")
        .await
        .shows("Connected as <bdi>Ada Lovelace</bdi>");
}

#[tokio::test]
async fn a_callback_that_takes_too_long_is_refused() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let query = stage.consented(&mut browser, Scopes::read_write()).await;
    stage.fixture.clock.turn(Span::minutes(30));
    let page = browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn each_bad_callback_has_its_own_page_and_a_way_on() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let issuer =
        url::form_urlencoded::byte_serialize(stage.fixture.issuer().as_bytes()).collect::<String>();
    let cases = [
        (
            "code=c&state=forged&iss=ISSUER",
            StatusCode::BAD_REQUEST,
            "This answer belongs to another request",
        ),
        (
            "",
            StatusCode::BAD_REQUEST,
            "This answer belongs to another request",
        ),
        (
            "code=c&state=STATE&iss=https%3A%2F%2Fevil.example",
            StatusCode::BAD_REQUEST,
            "The answer came from another server",
        ),
        (
            "code=c&state=STATE",
            StatusCode::BAD_REQUEST,
            "The answer came from another server",
        ),
        (
            "error=access_denied&state=STATE&iss=ISSUER",
            StatusCode::FORBIDDEN,
            "Access was not allowed",
        ),
        (
            "error=invalid_scope&error_description=%3Cb%3Eno&state=STATE&iss=ISSUER",
            StatusCode::BAD_REQUEST,
            "The server refused to connect",
        ),
        (
            "state=STATE&iss=ISSUER",
            StatusCode::BAD_REQUEST,
            "The answer is incomplete",
        ),
        (
            "code=a&code=b&state=STATE&iss=ISSUER",
            StatusCode::BAD_REQUEST,
            "The answer is incomplete",
        ),
        (
            "code=unknown&state=STATE&iss=ISSUER",
            StatusCode::BAD_REQUEST,
            "That took too long",
        ),
    ];
    for (query, status, words) in cases {
        browser.get("/dashboard").await;
        let page = browser.post("/oauth/connect", &[]).await;
        let url = url::Url::parse(page.location()).expect("an address");
        let state = url
            .query_pairs()
            .find(|(name, _)| name == "state")
            .expect("a state")
            .1;
        let query = query.replace("STATE", &state).replace("ISSUER", &issuer);
        let page = browser.get(&format!("/oauth/callback?{query}")).await;
        assert_eq!(page.status, status, "{query}");
        page.shows(words);
        page.shows(r#"href="/dashboard""#);
        page.hides("<b>");
        browser
            .get("/dashboard")
            .await
            .shows("Connect to MCP Server");
    }
}

#[tokio::test]
async fn what_was_not_granted_is_not_offered_and_refused_with_a_reason() {
    let stage = Stage::set().await;
    let mut browser = stage.reader().await;
    let memory = stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    browser.get("/dashboard").await.hides("/memories/new");
    browser.get("/memories").await.hides("/memories/new");
    let page = browser.get(&format!("/memories/{}", memory.id)).await;
    page.shows("Earl Grey");
    for hidden in ["/edit", "/delete", "/permission"] {
        page.hides(hidden);
    }
    stage.fixture.state().calls.clear();
    for path in [
        "/memories/new".to_owned(),
        format!("/memories/{}/delete", memory.id),
    ] {
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        page.shows("You have not allowed that");
        page.shows("Connect again");
        let page = browser
            .post(&path, &[("text", "x"), ("permission", "private")])
            .await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    assert!(stage.fixture.state().calls.is_empty());
}

#[tokio::test]
async fn what_is_missing_is_asked_for_together_with_what_was_granted() {
    let stage = Stage::set().await;
    let mut browser = stage.reader().await;
    let page = browser.get("/memories/new").await;
    page.shows("Connect again with the scopes memories:read memories:write");
    page.shows(r#"name="scope" value="memories:read memories:write""#);
    let admin = stage
        .reopened(|config| config.oauth_scopes = Scopes::NONE.with(Scope::Read))
        .await;
    browser.moved_to(&admin);
    let page = browser.get("/memories/new").await;
    page.shows("Connect again with the scopes memories:read memories:write");
    let page = browser
        .post("/oauth/connect", &[("scope", "memories:write")])
        .await;
    let url = url::Url::parse(page.location()).expect("the server's address");
    let scope = url.query_pairs().find(|(name, _)| name == "scope");
    assert_eq!(scope.expect("a scope").1, "memories:read memories:write");
    let query = stage.fixture.consent(&url);
    browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(browser.get("/memories/new").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_scope_that_the_server_finds_missing_is_offered_to_be_asked_for() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage
        .fixture
        .narrow_access_to(Scopes::NONE.with(Scope::Read));
    let memory = stage.fixture.remember(0, "Tea, Earl Grey, hot", "private");
    let delete = format!("/memories/{}/delete", memory.id);
    browser.get(&delete).await;
    let page = browser.post(&delete, &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("You have not allowed that");
    page.shows("Connect again with the scopes memories:read memories:write");
}

#[tokio::test]
async fn tokens_are_not_sent_to_another_server_than_their_own() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let other = Fixture::start().await;
    let web = stage
        .reopened(|config| config.mcp_server_url = other.issuer())
        .await;
    browser.moved_to(&web);
    let page = browser.get("/memories").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("Connected with another server");
    let page = browser.get("/dashboard").await;
    page.shows("Connected with another server");
    page.shows(&stage.fixture.issuer());
    page.shows("Connect with this server");
    let page = browser.post("/oauth/disconnect", &[]).await;
    assert_eq!(page.location(), "/dashboard");
    browser
        .get("/dashboard")
        .await
        .shows("the server could not be told");
    let state = other.state();
    assert_eq!(
        (state.calls.len(), state.refreshes, state.revocations),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn after_a_move_one_connects_with_the_new_server_and_the_old_tokens_stay_here() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let other = Fixture::start().await;
    let web = stage
        .reopened(|config| config.mcp_server_url = other.issuer())
        .await;
    browser.moved_to(&web);
    browser.get("/dashboard").await;
    let page = browser.post("/oauth/connect", &[]).await;
    let url = url::Url::parse(page.location()).expect("the server's address");
    let query = other.consent(&url);
    browser.get(&format!("/oauth/callback?{query}")).await;
    browser
        .get("/dashboard")
        .await
        .shows("Connected as <bdi>Ada Lovelace</bdi>");
    assert_eq!(browser.get("/memories").await.status, StatusCode::OK);
    assert_eq!(other.state().revocations, 0);
}

#[tokio::test]
async fn a_flow_that_began_at_another_server_is_not_finished() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    let query = stage.consented(&mut browser, Scopes::read_write()).await;
    let other = Fixture::start().await;
    let web = stage
        .reopened(|config| config.mcp_server_url = other.issuer())
        .await;
    browser.moved_to(&web);
    let page = browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("Connected with another server");
    browser
        .get("/dashboard")
        .await
        .shows("Connect to MCP Server");
}

#[tokio::test]
async fn metadata_that_do_not_fit_send_nobody_away() {
    for spoil in [
        (|state| state.without_s256 = true) as fn(&mut crate::fixture::State),
        |state| state.issuer = "https://evil.example".to_owned(),
    ] {
        let stage = Stage::set().await;
        let mut browser = stage.member("jean-luc").await;
        let config = stage.reopened(|_| ()).await;
        spoil(&mut stage.fixture.state());
        browser.moved_to(&config);
        browser.get("/dashboard").await;
        let page = browser.post("/oauth/connect", &[]).await;
        assert_eq!(page.status, StatusCode::BAD_GATEWAY);
        page.shows("Not what a Picard server says");
    }
}

#[tokio::test]
async fn before_connecting_there_is_nothing_to_see_but_the_way_to_connect() {
    let stage = Stage::set().await;
    let mut browser = stage.member("jean-luc").await;
    for path in ["/memories", "/memories/new", "/search?q=tea", "/personas"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::CONFLICT, "{path}");
        page.shows("Not connected yet");
        page.shows(r#"href="/dashboard""#);
    }
}

#[tokio::test]
async fn a_connection_revoked_elsewhere_is_said_to_have_ended_and_can_be_renewed() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    stage.fixture.revoke_all();
    let page = browser.get("/memories").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("The connection has ended");
    let page = browser.get("/dashboard").await;
    page.shows("Reconnect");
    page.hides(r#"href="/memories""#);
    assert_eq!(browser.get("/memories").await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        stage.fixture.state().refreshes,
        1,
        "a lost connection asks nothing more"
    );
    let query = stage.consented(&mut browser, Scopes::read_write()).await;
    browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(browser.get("/memories").await.status, StatusCode::OK);
}

#[tokio::test]
async fn disconnecting_revokes_at_the_server() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    browser.get("/dashboard").await;
    assert_eq!(
        browser.post("/oauth/disconnect", &[]).await.location(),
        "/dashboard"
    );
    let page = browser.get("/dashboard").await;
    page.shows("The server was told");
    page.shows("Connect to MCP Server");
    assert_eq!(stage.fixture.state().revocations, 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_has_a_page_and_can_be_disconnected_from() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let nowhere = format!("http://{}", free.local_addr().expect("a bound socket"));
    drop(free);
    let web = stage
        .reopened(|config| config.mcp_server_internal_url = Some(nowhere))
        .await;
    browser.moved_to(&web);
    let page = browser.get("/memories").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    page.shows("The Picard server cannot be reached");
    browser
        .get("/dashboard")
        .await
        .shows("Connected as <bdi>Ada Lovelace</bdi>");
    assert_eq!(
        browser.post("/oauth/connect", &[]).await.status,
        StatusCode::BAD_GATEWAY
    );
    browser.get("/dashboard").await;
    browser.post("/oauth/disconnect", &[]).await;
    browser
        .get("/dashboard")
        .await
        .shows("the server could not be told");
}

#[tokio::test]
async fn another_secret_key_costs_the_connection_and_nothing_else() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let other = "another secret, no less than 32 letters".to_owned();
    let web = stage
        .reopened(|config| config.secret_key = Secret::new(other))
        .await;
    browser.moved_to(&web);
    let page = browser.get("/memories").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    page.shows("The connection cannot be used");
    browser.moved_to(&stage.web);
    assert_eq!(
        browser.get("/memories").await.status,
        StatusCode::OK,
        "nothing was overwritten"
    );
}

#[tokio::test]
async fn connecting_again_asks_for_what_was_granted_before_too() {
    let stage = Stage::set().await;
    let mut browser = stage.connected_for(Scopes::all()).await;
    browser.get("/dashboard").await;
    let page = browser.post("/oauth/connect", &[]).await;
    assert!(
        page.location().contains("memories%3Aadmin"),
        "{}",
        page.location()
    );
}

#[tokio::test]
async fn connecting_again_ends_the_former_access_and_not_the_new_one() {
    let stage = Stage::set().await;
    let mut browser = stage.connected().await;
    let query = stage.consented(&mut browser, Scopes::read_write()).await;
    assert_eq!(
        stage.fixture.state().revocations,
        0,
        "while the person decides, all works"
    );
    browser.get(&format!("/oauth/callback?{query}")).await;
    assert_eq!(stage.fixture.state().revocations, 1);
    assert_eq!(browser.get("/memories").await.status, StatusCode::OK);
    assert_eq!(stage.fixture.state().refreshes, 0);
}
