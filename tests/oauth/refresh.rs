//! Refresh tokens: rotated at each use, given again for a moment, and a sign
//! of theft after that (`standards/oauth.md`, trap 7).

use futures::future::join_all;
use picard_domain::Span;
use picard_tests::{
    application::{Application, Tokens, call, post_form},
    server::{Database, TestServer},
    table::Table,
    visitor::Page,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    a_refresh_gives_a_new_pair_without_resource_or_scope,
    a_client_that_missed_the_answer_gets_the_same_one_again,
    a_burst_of_refreshes_gives_every_caller_the_same_pair,
    reuse_after_the_successor_was_used_ends_the_family,
    reuse_after_the_grace_ends_the_family,
    scopes_may_shrink_and_grow_back_but_not_over_what_was_granted,
    another_clients_refresh_token_is_refused_and_unharmed
);

async fn connected(database: Database) -> (TestServer, Application, Tokens) {
    let server = TestServer::on(database).await;
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

async fn a_refresh_gives_a_new_pair_without_resource_or_scope(database: Database) {
    let (server, application, first) = connected(database).await;
    let page = refresh(&server, &application, &first.refresh).await;
    let second = Tokens::from_page(&page);
    let mut table = Table::new("T16, T21: a refresh");
    table.row(
        "T21",
        "neither resource nor scope",
        "200",
        page.status.to_string(),
    );
    let fresh = second.access != first.access && second.refresh != first.refresh;
    table.holds("T16", "both tokens", "are new", fresh);
    table.holds(
        "T16 use",
        "the new one",
        "works",
        works(&server, &second).await,
    );
    table.row(
        "T16 cache",
        "Cache-Control",
        "no-store",
        page.header("cache-control"),
    );
    let mut form = application.refresh(&second.refresh);
    form.push(("resource", "https://other.example/mcp".to_owned()));
    let page = post_form(&format!("{}/oauth/token", server.base), &form).await;
    table.row(
        "T21 foreign",
        "a foreign resource",
        "invalid_target",
        error(&page),
    );
    table.assert();
}

async fn a_client_that_missed_the_answer_gets_the_same_one_again(database: Database) {
    let (server, application, first) = connected(database).await;
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

async fn a_burst_of_refreshes_gives_every_caller_the_same_pair(database: Database) {
    let (server, application, first) = connected(database).await;
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

async fn reuse_after_the_successor_was_used_ends_the_family(database: Database) {
    let (server, application, first) = connected(database).await;
    let second = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    let third = Tokens::from_page(&refresh(&server, &application, &second.refresh).await);
    let mut table = Table::new("T17: reuse of a refresh token");
    let answer = error(&refresh(&server, &application, &first.refresh).await);
    table.row(
        "T17",
        "the first, after the second was used",
        "invalid_grant",
        answer,
    );
    let dead = !works(&server, &third).await;
    table.holds("T17 access", "the newest access token", "is dead", dead);
    let answer = error(&refresh(&server, &application, &third.refresh).await);
    table.row(
        "T17 family",
        "the newest refresh token",
        "invalid_grant",
        answer,
    );
    table.assert();
}

async fn reuse_after_the_grace_ends_the_family(database: Database) {
    let (server, application, first) = connected(database).await;
    let second = Tokens::from_page(&refresh(&server, &application, &first.refresh).await);
    server.clock.advance(Span::micros(60_000_001));
    assert_eq!(
        error(&refresh(&server, &application, &first.refresh).await),
        "invalid_grant"
    );
    assert!(!works(&server, &second).await);
}

async fn scopes_may_shrink_and_grow_back_but_not_over_what_was_granted(database: Database) {
    let (server, application, first) = connected(database).await;
    let url = format!("{}/oauth/token", server.base);
    let ask = |token: &str, scope: &str| {
        let mut form = application.refresh(token);
        form.push(("scope", scope.to_owned()));
        let url = url.clone();
        async move { post_form(&url, &form).await }
    };
    let mut table = Table::new("T19: the scope of a refresh");
    for (id, scope) in [
        ("T19", "memories:admin"),
        ("T19 and", "memories:read memories:admin"),
        ("T19 unknown", "everything"),
    ] {
        table.row(
            id,
            scope,
            "invalid_scope",
            error(&ask(&first.refresh, scope).await),
        );
    }
    let narrow = Tokens::from_page(&ask(&first.refresh, "memories:read").await);
    let said = |tokens: &Tokens| {
        tokens.response["scope"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    table.row("T19 less", "memories:read", "memories:read", said(&narrow));
    let data = json!({"text": "a"});
    let status = call(&server.base, &narrow.access, "submit_memory", data)
        .await
        .0;
    table.row("T19 use", "a write with it", "403", status.to_string());
    let wide = Tokens::from_page(&refresh(&server, &application, &narrow.refresh).await);
    table.row(
        "T19 back",
        "no scope",
        "memories:read memories:write",
        said(&wide),
    );
    table.assert();
}

async fn another_clients_refresh_token_is_refused_and_unharmed(database: Database) {
    let (server, application, tokens) = connected(database).await;
    let other = server.application().await;
    let mut table = Table::new("T20, T22: what is no refresh token of this client");
    let answer = error(&refresh(&server, &other, &tokens.refresh).await);
    table.row(
        "T20",
        "another client's refresh token",
        "invalid_grant",
        answer,
    );
    let answer = error(&refresh(&server, &application, &tokens.access).await);
    table.row(
        "T22",
        "an access token as refresh token",
        "invalid_grant",
        answer,
    );
    let answer = error(&refresh(&server, &application, "prt_nonsense").await);
    table.row("T22 nonsense", "no token at all", "invalid_grant", answer);
    let status = refresh(&server, &application, &tokens.refresh).await.status;
    table.row(
        "T20 owner",
        "the owner, after that",
        "200",
        status.to_string(),
    );
    table.assert();
}
