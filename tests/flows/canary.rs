//! Nothing readable is on the disk: after people have used everything, no file
//! under the data directory and no log holds a text, a token or a password.

use std::{fs, path::Path};

use picard_tests::{
    application::{Tokens, call, parameter, post_form},
    process::{ADMIN_PASSWORD, Up, register},
    visitor::Visitor,
};
use serde_json::json;

const TEXT: &str = "canary-text: the captain hides a flute in his desk";
const CHANGED: &str = "canary-changed: the flute is from the planet Kataan";
const QUERY: &str = "canary-query: which instrument is hidden";
const PASSWORD: &str = "canary-password-tea-earl-grey";
const WEB_PASSWORD: &str = "canary-web-password-darjeeling";

/// Every file in the folder, and in its folders, that holds one of the secrets.
fn leaks(path: &Path, secrets: &[String], found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder can be read") {
            leaks(&entry.expect("an entry").path(), secrets, found);
        }
        return;
    }
    let bytes = fs::read(path).expect("a file can be read");
    if let Some(kind) = token_in(&bytes) {
        found.push(format!("a token {kind}… in {}", path.display()));
    }
    for secret in secrets {
        if bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes())
        {
            let shown: String = secret.chars().take(18).collect();
            found.push(format!("{shown}… in {}", path.display()));
        }
    }
}

/// Finds what looks like a token of any kind, known to the test or not: the
/// web client's own tokens never leave it.
fn token_in(bytes: &[u8]) -> Option<&'static str> {
    let in_token = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    ["pat_", "prt_", "pac_", "pss_", "pcs_", "pwt_", "pct_"]
        .into_iter()
        .find(|kind| {
            bytes.windows(4 + 48).any(|window| {
                window.starts_with(kind.as_bytes()) && window[4..].iter().all(in_token)
            })
        })
}

#[test]
fn a_token_is_recognised_by_its_looks() {
    let token = format!("…prt_{}…", "aB3-_".repeat(10));
    assert_eq!(token_in(token.as_bytes()), Some("prt_"));
    assert_eq!(
        token_in(b"prt_short, and pat_ with words behind it that are no token at all"),
        None
    );
}

#[tokio::test]
async fn no_file_and_no_log_holds_a_text_a_token_or_a_password() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    let up = Up::start(&data_dir);
    let application = register(&data_dir, &up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", PASSWORD).await;
    let session = person.cookies.values().cloned().collect::<Vec<_>>();
    let back = application.consent(&mut person).await;
    let code = parameter(&back, "code").expect("a code");
    let url = format!("{}/oauth/token", up.server);
    let first = Tokens::from_page(&post_form(&url, &application.exchange(&code)).await);
    let second = Tokens::from_page(&post_form(&url, &application.refresh(&first.refresh)).await);
    let (_, memory) = call(
        &up.server,
        &second.access,
        "submit_memory",
        json!({"text": TEXT}),
    )
    .await;
    let change = json!({"memory_id": memory["id"], "text": CHANGED});
    assert_eq!(
        call(&up.server, &second.access, "update_memory", change)
            .await
            .0,
        200
    );
    let query = json!({"query": QUERY});
    assert_eq!(
        call(&up.server, &second.access, "query_memory", query)
            .await
            .0,
        200
    );
    let persona = json!({"user_id": "jean-luc", "prompt": QUERY});
    assert_eq!(
        call(&up.server, &second.access, "query_user", persona)
            .await
            .0,
        200
    );
    let wrong = json!({"text": TEXT, "permission": TEXT});
    assert_eq!(
        call(&up.server, &second.access, "submit_memory", wrong)
            .await
            .0,
        400
    );
    let mut secrets = web_walk(&up, &mut person).await;
    secrets
        .extend([TEXT, CHANGED, QUERY, PASSWORD, WEB_PASSWORD, ADMIN_PASSWORD].map(str::to_owned));
    secrets.extend(session);
    secrets.extend([
        code,
        first.access,
        first.refresh,
        second.access,
        second.refresh,
    ]);
    secrets.extend(application.secret.clone());

    let log = up.log.clone();
    let mut found = Vec::new();
    leaks(&data_dir, &secrets, &mut found);
    assert!(found.is_empty(), "while it runs: {found:?}");
    assert!(up.stop().success());
    leaks(&data_dir, &secrets, &mut found);
    leaks(&log, &secrets, &mut found);
    assert!(found.is_empty(), "after it stopped: {found:?}");
    assert!(
        fs::metadata(&log).expect("a log").len() > 0,
        "the log is empty; nothing was checked"
    );
}

/// Uses the web client the same way, and returns what must not be found of it.
async fn web_walk(up: &Up, person: &mut Visitor) -> Vec<String> {
    let mut web = Visitor::new(&up.web);
    let account = [("username", "locutus"), ("password", WEB_PASSWORD)];
    let page = web.fill("/register", "/register", &account).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let page = web.fill("/dashboard", "/oauth/connect", &[]).await;
    let asked = page.location().to_owned();
    let consent = person.get(&asked).await;
    let answer = picard_tests::application::Application::decide(person, &consent, "allow").await;
    let callback = answer.location().to_owned();
    let code = parameter(&callback.parse().expect("an address"), "code").expect("a code");
    let done = web.get(&callback).await;
    let done = web.follow(done).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let memory = [
        ("text", TEXT),
        ("permission", "private"),
        ("expiration", ""),
    ];
    let page = web.fill("/memories/new", "/memories/new", &memory).await;
    assert_eq!(page.status, 303, "{}", page.body);
    let search = web
        .get("/search?q=canary-query%3A+which+instrument+is+hidden")
        .await;
    assert!(search.body.contains("canary-text"), "{}", search.body);
    let mut secrets: Vec<_> = web.cookies.values().cloned().collect();
    secrets.push(code);
    secrets
}
