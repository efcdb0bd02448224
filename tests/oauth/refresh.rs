//! Refresh tokens: rotated at each use, given again for a moment, and a sign
//! of theft after that (`standards/oauth.md`, trap 7).

use futures::future::join_all;
use picard_domain::Span;
use picard_tests::{
    application::{Application, Tokens, call, post_form},
    server::TestServer,
    visitor::Page,
};
use serde_json::{Value, json};

async fn connected() -> (TestServer, Application, Tokens) {
    let server = TestServer::start().await;
    let application = server.public_application().await;
    let tokens = application
        .connect(&mut server.person("guinan").await)
        .await;
    (server, application, tokens)
}

async fn refresh(server: &TestServer, application: &Application, token: &str) -> Page {
    post_form(
        &format!("{}/oauth/token", server.base),
        &application.refresh(token),
    )
    .await
}

async fn works(server: &TestServer, tokens: &Tokens) -> bool {
    call(&server.base, &tokens.access, "get_memories", json!({}))
        .await
        .0
        == 200
}

fn error(page: &Page) -> String {
    let body: Value = serde_json::from_str(&page.body).expect("JSON");
    body["error"].as_str().unwrap_or_default().to_owned()
}

/// Row T16 and T21.
#[tokio::test]
async fn a_refresh_gives_a_new_pair_without_resource_or_scope() {
    let (server, application, first) = connected().await;
    let second = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    assert_ne!(second.access, first.access);
    assert_ne!(second.refresh, first.refresh);
    assert!(works(&server, &second).await);
}

#[tokio::test]
async fn a_client_that_missed_the_answer_gets_the_same_one_again() {
    let (server, application, first) = connected().await;
    let second = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    server.clock.advance(Span::seconds(59));
    let again = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    assert_eq!(
        (&again.access, &again.refresh),
        (&second.access, &second.refresh)
    );
    assert_eq!(again.response["expires_in"], 3600 - 59);
    assert!(works(&server, &second).await);
}

#[tokio::test]
async fn a_burst_of_refreshes_gives_every_caller_the_same_pair() {
    let (server, application, first) = connected().await;
    let burst = (0..8).map(|_| refresh(&server, &application, &first.refresh));
    let pages = join_all(burst).await;
    let pairs: Vec<_> = pages.iter().map(Tokens::from_page).collect();
    for pair in &pairs {
        assert_eq!(
            (&pair.access, &pair.refresh),
            (&pairs[0].access, &pairs[0].refresh)
        );
    }
    assert!(works(&server, &pairs[0]).await);
}

/// Row T17.
#[tokio::test]
async fn reuse_after_the_successor_was_used_ends_the_family() {
    let (server, application, first) = connected().await;
    let second = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    let third = Tokens::from_page(&refresh(&server, &application, &second.refresh).await);
    assert_eq!(
        error(&refresh(&server, &application, &first.refresh).await),
        "invalid_grant"
    );
    assert!(!works(&server, &third).await);
    assert_eq!(
        error(&refresh(&server, &application, &third.refresh).await),
        "invalid_grant"
    );
}

#[tokio::test]
async fn reuse_after_the_grace_ends_the_family() {
    let (server, application, first) = connected().await;
    let second = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    server.clock.advance(Span::micros(60_000_001));
    assert_eq!(
        error(&refresh(&server, &application, &first.refresh).await),
        "invalid_grant"
    );
    assert!(!works(&server, &second).await);
}

/// Row T19.
#[tokio::test]
async fn scopes_may_shrink_and_grow_back_but_not_over_what_was_granted() {
    let (server, application, first) = connected().await;
    let url = format!("{}/oauth/token", server.base);
    let ask = |token: &str, scope: &str| {
        let mut form = application.refresh(token);
        form.push(("scope", scope.to_owned()));
        let url = url.clone();
        async move { post_form(&url, &form).await }
    };
    assert_eq!(
        error(&ask(&first.refresh, "memories:admin").await),
        "invalid_scope"
    );
    let narrow = Tokens::from_page(&ask(&first.refresh, "memories:read").await);
    assert_eq!(narrow.response["scope"], "memories:read");
    let data = json!({"text": "a"});
    assert_eq!(
        call(&server.base, &narrow.access, "submit_memory", data)
            .await
            .0,
        403
    );
    let wide = Tokens::from_page(&refresh(&server, &application, &narrow.refresh).await);
    assert_eq!(wide.response["scope"], "memories:read memories:write");
}

/// Row T20.
#[tokio::test]
async fn another_clients_refresh_token_is_refused_and_unharmed() {
    let (server, application, tokens) = connected().await;
    let other = server.application().await;
    assert_eq!(
        error(&refresh(&server, &other, &tokens.refresh).await),
        "invalid_grant"
    );
    assert_eq!(
        refresh(&server, &application, &tokens.refresh).await.status,
        200
    );
}
