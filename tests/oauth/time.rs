//! Lifetimes, to the microsecond, with the clock turned by hand.

use picard_domain::Span;
use picard_sql::sql;
use picard_tests::{
    application::{Application, Tokens, call, parameter, post_form},
    server::{Database, TestServer},
    table::Table,
};
use serde_json::json;

picard_tests::on_both!(
    a_code_lives_for_60_seconds,
    an_access_token_lives_for_an_hour,
    a_read_is_answered_when_its_time_cannot_be_noted,
    a_refresh_token_that_is_not_used_ends_after_30_days_and_a_used_one_after_180
);

async fn exchange_after(database: Database, span: Span) -> u16 {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let back = application.consent(&mut server.person("kira").await).await;
    let code = parameter(&back, "code").expect("a code");
    server.clock.advance(span);
    post_form(
        &format!("{}/oauth/token", server.base),
        &application.exchange(&code),
    )
    .await
    .status
}

async fn a_code_lives_for_60_seconds(database: Database) {
    let mut table = Table::new("T27: how long a code lives");
    for (id, asked, span, required) in [
        ("T27 just", "59.999999 s", Span::micros(59_999_999), "200"),
        ("T27 exact", "60 s", Span::seconds(60), "400"),
        ("T27", "61 s", Span::seconds(61), "400"),
        ("T27 day", "a day", Span::days(1), "400"),
    ] {
        table.row(
            id,
            asked,
            required,
            exchange_after(database, span).await.to_string(),
        );
    }
    table.assert();
}

async fn connected(database: Database) -> (TestServer, Application, Tokens) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let tokens = application.connect(&mut server.person("kira").await).await;
    (server, application, tokens)
}

async fn a_read_is_answered_when_its_time_cannot_be_noted(database: Database) {
    let (server, _, tokens) = connected(database).await;
    let db = server.database().await;
    let refuse = match database {
        Database::Sqlite => sql!(
            "CREATE TRIGGER refuse BEFORE UPDATE ON grants
             BEGIN SELECT RAISE(ABORT, 'no room'); END"
        ),
        Database::Postgres => {
            sql!("ALTER TABLE grants ADD CHECK (last_used_at IS NULL) NOT VALID")
        }
    };
    db.execute(refuse).await.expect("it is set");
    let used = async || {
        let used = sql!("SELECT last_used_at FROM grants");
        db.one::<(Option<i64>,)>(used).await.expect("a row")
    };
    let before = used().await;
    server.clock.advance(Span::minutes(2));
    let (status, answer) = call(&server.base, &tokens.access, "get_memories", json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(used().await, before, "it could not be noted");
    db.close().await;
}

async fn an_access_token_lives_for_an_hour(database: Database) {
    let (server, _, tokens) = connected(database).await;
    let status = || async {
        call(&server.base, &tokens.access, "get_memories", json!({}))
            .await
            .0
    };
    server.clock.advance(Span::micros(3_599_999_999));
    assert_eq!(status().await, 200);
    server.clock.advance(Span::micros(1));
    assert_eq!(status().await, 401);
}

async fn a_refresh_token_that_is_not_used_ends_after_30_days_and_a_used_one_after_180(
    database: Database,
) {
    let (server, application, tokens) = connected(database).await;
    let url = format!("{}/oauth/token", server.base);
    let refresh = |token: String| {
        let (url, form) = (url.clone(), application.refresh(&token));
        async move { post_form(&url, &form).await }
    };
    let mut token = tokens.refresh;
    let step = Span::micros(30 * 86_400 * 1_000_000 - 1);
    for _ in 0..6 {
        server.clock.advance(step);
        token = Tokens::from_page(&refresh(token).await).refresh;
    }
    server.clock.advance(Span::micros(6));
    assert_eq!(refresh(token).await.status, 400);

    let (server, application, tokens) = connected(database).await;
    server.clock.advance(Span::days(30));
    let form = application.refresh(&tokens.refresh);
    assert_eq!(
        post_form(&format!("{}/oauth/token", server.base), &form)
            .await
            .status,
        400
    );
}
