//! What a person and their applications do, told so that every part of both
//! services is used. Returned is what nobody may find afterwards.

use picard_tests::{
    application::{Application, Tokens, call, parameter, post_form},
    process::{ADMIN_PASSWORD, register},
    visitor::{Visitor, http},
};
use serde_json::json;

pub(crate) const TEXT: &str = "canary-text: the captain hides a flute in his desk";
pub(crate) const QUERY: &str = "canary-query: which instrument is hidden";
const PASSWORD: &str = "canary-password-tea-earl-grey";
const WRONG_PASSWORD: &str = "canary-wrong-password-coffee";
const TYPED_HANDLE: &str = "canary-handle";
const WEB_PASSWORD: &str = "canary-web-password-darjeeling";
const IN_PATH: &str = "canary-in-a-path";
const IN_HEADER: &str = "canary-in-a-header";

/// Tells it; `server` and `web` are the addresses of the services.
pub(crate) async fn tell(data_dir: &std::path::Path, server: &str, web: &str) -> Vec<String> {
    let application = register(data_dir, server);
    let mut person = Visitor::new(server);
    person.sign_up("jean-luc", PASSWORD).await;
    let mut secrets: Vec<_> = person.cookies.values().cloned().collect();
    let back = application.consent(&mut person).await;
    let code = parameter(&back, "code").expect("a code");
    let url = format!("{server}/oauth/token");
    let first = Tokens::from_page(&post_form(&url, &application.exchange(&code)).await);
    let second = Tokens::from_page(&post_form(&url, &application.refresh(&first.refresh)).await);
    let token = &second.access;
    let (_, memory) = call(server, token, "submit_memory", json!({"text": TEXT})).await;
    for (tool, data, status) in [
        ("query_memory", json!({"query": QUERY}), 200),
        ("query_memory", json!({"query": QUERY}), 200),
        (
            "query_user",
            json!({"user_id": "jean-luc", "prompt": QUERY}),
            200,
        ),
        ("get_memories", json!({"memory_id": memory["id"]}), 200),
        (
            "update_memory",
            json!({"memory_id": memory["id"], "text": TEXT}),
            200,
        ),
        (
            "submit_memory",
            json!({"text": TEXT, "permission": TEXT}),
            400,
        ),
        ("delete_memory", json!({"memory_id": TEXT}), 400),
    ] {
        let (answer, body) = call(server, token, tool, data).await;
        assert_eq!(answer, status, "{tool}: {body}");
    }
    over_mcp(server, token).await;
    strangers(server).await;
    // A code that comes twice ends the grant.
    let again = post_form(&url, &application.exchange(&code)).await;
    assert_eq!(again.status, 400);
    secrets.extend(in_the_web_client(web, &mut person).await);
    let words = [
        TEXT,
        QUERY,
        PASSWORD,
        WRONG_PASSWORD,
        TYPED_HANDLE,
        WEB_PASSWORD,
        ADMIN_PASSWORD,
        IN_PATH,
        IN_HEADER,
    ];
    secrets.extend(words.map(str::to_owned));
    secrets.extend([
        code,
        first.access,
        first.refresh,
        second.access,
        second.refresh,
    ]);
    secrets.extend(application.secret.clone());
    secrets
}

async fn over_mcp(server: &str, token: &str) {
    for (tool, arguments) in [
        ("query_memory", json!({"query": QUERY})),
        ("submit_memory", json!({"text": TEXT})),
        ("submit_memory", json!({"text": TEXT, "permission": TEXT})),
    ] {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        });
        let answer = http()
            .post(format!("{server}/mcp"))
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-06-18")
            .json(&body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{tool}");
    }
}

/// What people do who do not belong here, or type something wrong.
async fn strangers(server: &str) {
    let mut stranger = Visitor::new(server);
    for handle in [TYPED_HANDLE, "jean-luc"] {
        let page = stranger.log_in(handle, WRONG_PASSWORD).await;
        assert_ne!(page.status, 303, "{}", page.body);
    }
    let nowhere = stranger.get(&format!("/{IN_PATH}?q={IN_PATH}")).await;
    assert_eq!(nowhere.status, 404);
    let request = http()
        .get(format!("{server}/health?q={IN_PATH}"))
        .header("x-request-id", IN_HEADER)
        .header("traceparent", IN_HEADER)
        .header("cookie", IN_HEADER)
        .bearer_auth(IN_HEADER);
    let answer = stranger.send(request).await;
    assert_ne!(answer.header("x-request-id"), IN_HEADER);
    let odd = http().request("CANARY".parse().expect("a word"), server);
    assert_eq!(stranger.send(odd).await.status, 405);
}

async fn in_the_web_client(base: &str, person: &mut Visitor) -> Vec<String> {
    let mut web = Visitor::new(base);
    let wrong = [("username", TYPED_HANDLE), ("password", WRONG_PASSWORD)];
    let page = web.fill("/login", "/login", &wrong).await;
    assert_ne!(page.status, 303, "{}", page.body);
    let account = [("username", "locutus"), ("password", WEB_PASSWORD)];
    let page = web.fill("/register", "/register", &account).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let page = web.fill("/dashboard", "/oauth/connect", &[]).await;
    let consent = person.get(page.location()).await;
    let answer = Application::decide(person, &consent, "allow").await;
    let callback = answer.location().to_owned();
    let code = parameter(&callback.parse().expect("an address"), "code").expect("a code");
    let done = web.get(&callback).await;
    let done = web.follow(done).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let search = web
        .get("/search?q=canary-query%3A+which+instrument+is+hidden")
        .await;
    assert!(search.body.contains("canary-text"), "{}", search.body);
    let mut secrets: Vec<_> = web.cookies.values().cloned().collect();
    secrets.push(code);
    secrets
}
