//! Row M40: what must be in no log, error, address or header that others see.
//! The canary of `flows` looks into every file; here the log is as talkative
//! as it can be, and mistakes are made with real secrets.

use std::fs;

use picard_tests::{
    application::{Tokens, VERIFIER, parameter, post_form},
    process::{Up, register},
    table::Table,
    visitor::{Page, Visitor, http},
};
use serde_json::json;

/// Everything of an answer that a program might keep: address, headers, body.
fn everything(page: &Page) -> String {
    format!("{:?} {}", page.headers, page.body)
}

#[tokio::test]
async fn no_log_error_or_address_holds_a_token_a_code_or_a_verifier() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    let up = Up::start_logging(&data_dir, "trace", &[]);
    let application = register(&data_dir, &up.server);
    let token = format!("{}/oauth/token", up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("odo", "a bucket is a bed").await;

    let back = application.consent(&mut person).await;
    let code = parameter(&back, "code").expect("a code");
    let form = application.exchange(&code);
    let tokens = Tokens::from_page(&post_form(&token, &form).await);
    let replayed = post_form(&token, &form).await;
    let mut table = Table::new("M40: secrets where they do not belong");
    let mut secrets = vec![
        ("the code", code),
        ("the verifier", VERIFIER.to_owned()),
        ("the access token", tokens.access.clone()),
        ("the refresh token", tokens.refresh.clone()),
        (
            "the client's secret",
            application.secret.clone().expect("a secret"),
        ),
    ];
    let tokens = application.connect(&mut person).await;
    secrets.push(("another access token", tokens.access.clone()));
    secrets.push(("another refresh token", tokens.refresh.clone()));

    let api = format!("{}/api/tools", up.server);
    let mcp = format!("{}/mcp", up.server);
    let broken = format!("{{\"text\": \"{}\"", tokens.access);
    let unknown = json!({"tool": tokens.access, "data": {tokens.refresh.as_str(): 1}});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": tokens.refresh});
    let wrong_scope = [
        &application.refresh(&tokens.refresh)[..],
        &[("scope", "x".into())],
    ]
    .concat();
    let in_query = format!("{mcp}?access_token={}", tokens.access);
    let send = |request| async { Visitor::new("").send(request).await };
    let mistakes = [
        ("a replayed code", replayed),
        ("a wrong scope", post_form(&token, &wrong_scope).await),
        ("a token in the query", send(http().post(in_query)).await),
        (
            "a refresh token as bearer",
            send(http().post(&api).bearer_auth(&tokens.refresh)).await,
        ),
        (
            "a token with a blank in it",
            send(
                http()
                    .post(&api)
                    .header("authorization", format!("Bearer {} x", tokens.access)),
            )
            .await,
        ),
        (
            "the verifier as grant type",
            post_form(&token, &[("grant_type", VERIFIER.to_owned())]).await,
        ),
        (
            "broken JSON",
            send(
                http()
                    .post(&api)
                    .bearer_auth(&tokens.access)
                    .header("content-type", "application/json")
                    .body(broken),
            )
            .await,
        ),
        (
            "an authorization with a secret",
            person
                .get(&format!("/oauth/authorize?client_id={}", tokens.access))
                .await,
        ),
    ];
    for (index, (name, page)) in mistakes.iter().enumerate() {
        let said = everything(page);
        let leaked: Vec<_> = secrets
            .iter()
            .filter(|(_, secret)| said.contains(secret))
            .collect();
        let got = if leaked.is_empty() {
            "nothing"
        } else {
            leaked[0].0
        };
        table.row(format!("M40 answer {index}"), *name, "nothing", got);
        let policy = page.header("referrer-policy");
        table.holds(
            format!("M40 referrer {index}"),
            *name,
            "no page that sends a Referer",
            policy == "no-referrer" || page.header("content-type").contains("json"),
        );
    }
    // Names that a caller makes up come back to that caller only.
    for body in [unknown, message] {
        send(http().post(&api).bearer_auth(&tokens.access).json(&body)).await;
        send(http().post(&mcp).bearer_auth(&tokens.access).json(&body)).await;
    }

    let log = up.log.clone();
    assert!(up.stop().success());
    let log = String::from_utf8_lossy(&fs::read(log).expect("a log")).into_owned();
    assert!(
        log.contains("/oauth/token"),
        "the log holds no request: {log}"
    );
    for (index, (name, secret)) in secrets.iter().enumerate() {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        let id = if index == 0 {
            "M40".to_owned()
        } else {
            format!("M40 log {index}")
        };
        table.row(
            id,
            *name,
            "not in the log",
            line.unwrap_or("not in the log"),
        );
    }
    let cookies: Vec<_> = person.cookies.values().cloned().collect();
    let leaked = cookies.iter().any(|cookie| log.contains(cookie.as_str()));
    table.holds(
        "M40 cookie",
        "the session's cookies",
        "not in the log",
        !leaked,
    );
    table.assert();
}
