//! Logging in: what guessing learns, and how long it may go on.

use std::time::{Duration, Instant};

use picard_domain::{Clock as _, Span};
use picard_tests::{
    server::{Database, TestServer},
    table::Table,
};

picard_tests::on_both!(
    an_unknown_handle_and_a_wrong_password_get_the_same_answer,
    guessing_is_slowed_down_and_the_account_is_not_locked_for_good,
    a_cookie_set_before_the_login_is_not_the_session_after_it,
    credentials_posted_from_another_site_are_refused,
    a_log_out_ends_the_session_at_the_server,
    a_session_ends_by_itself
);

const PASSWORD: &str = "tea, earl grey, hot";

/// That both cost the same work is a test of `crypto` (`dummy_hash`), and here
/// of the median of some attempts: a log-in that skipped the hash would take a
/// hundredth of the other's time.
async fn an_unknown_handle_and_a_wrong_password_get_the_same_answer(database: Database) {
    let server = TestServer::on(database).await;
    server.person("data").await;
    let wrong = server.visitor().log_in("data", "not the password").await;
    let unknown = server.visitor().log_in("lore", "not the password").await;
    let neutral = |body: &str, csrf: &str, handle: &str| body.replace(csrf, "").replace(handle, "");
    let same = neutral(&wrong.body, &wrong.csrf(), "data")
        == neutral(&unknown.body, &unknown.csrf(), "lore");
    let mut table = Table::new("A39: what a log-in tells about handles");
    table.row("A39", "a wrong password", "401", wrong.status.to_string());
    table.row(
        "A39 unknown",
        "an unknown handle",
        "401",
        unknown.status.to_string(),
    );
    table.holds("A39 body", "both", "one body", same);
    // The quickest of several: what else runs on the machine only makes answers slower. A
    // tenth wrong password would be refused without a look.
    let (mut known, mut absent) = (Duration::MAX, Duration::MAX);
    for _ in 0..8 {
        known = known.min(attempt(&server, "data").await);
        absent = absent.min(attempt(&server, "lore").await);
    }
    let alike = absent * 2 > known && known * 2 > absent;
    table.holds("A39 time", "both", "within a factor of two", alike);
    table.assert();
}

/// How long the answer to a wrong password takes, without the page before it.
async fn attempt(server: &TestServer, handle: &str) -> Duration {
    let mut visitor = server.visitor();
    let csrf = visitor.get("/login").await.csrf();
    let fields = [
        ("csrf", &*csrf),
        ("handle", handle),
        ("password", "wrong one"),
    ];
    let start = Instant::now();
    assert_eq!(visitor.post("/login", &fields).await.status, 401);
    start.elapsed()
}

async fn guessing_is_slowed_down_and_the_account_is_not_locked_for_good(database: Database) {
    let server = TestServer::on(database).await;
    server.person("data").await;
    let mut guesser = server.visitor();
    let csrf = guesser.get("/login").await.csrf();
    let (mut looked_at, mut refused) = (0, None);
    for _ in 0..1000 {
        let fields = [
            ("csrf", &*csrf),
            ("handle", "data"),
            ("password", "guess guess"),
        ];
        let page = guesser.post("/login", &fields).await;
        match page.status {
            401 => looked_at += 1,
            status => {
                assert_eq!(status, 429);
                refused = Some(page);
            }
        }
    }
    let refused = refused.expect("guessing is refused at some point");
    let wait: i64 = refused.header("retry-after").parse().unwrap_or_default();
    let mut table = Table::new("A40: a thousand guesses");
    table.row("A40", "1000 guesses", "429", refused.status.to_string());
    table.holds(
        "A40 few",
        "of which looked at",
        "at most 30",
        looked_at <= 30,
    );
    table.holds(
        "A40 wait",
        "Retry-After",
        "1 s to 1 h",
        (1..=3600).contains(&wait),
    );
    let owner = server.visitor().log_in("data", PASSWORD).await.status;
    table.row(
        "A40 owner",
        "the password, at once",
        "429",
        owner.to_string(),
    );
    server.clock.advance(Span::seconds(wait));
    let owner = server.visitor().log_in("data", PASSWORD).await.status;
    table.row(
        "A40 later",
        "the password, after the wait",
        "303",
        owner.to_string(),
    );
    table.assert();
}

async fn a_cookie_set_before_the_login_is_not_the_session_after_it(database: Database) {
    let server = TestServer::on(database).await;
    server.person("data").await;
    let mut visitor = server.visitor();
    visitor.cookies.insert(
        "picard_server_session".into(),
        "pss_chosen-by-somebody-else".into(),
    );
    visitor.get("/login").await;
    let before = visitor.cookies.clone();
    let mut table = Table::new("A41: a session that was set before the log-in");
    let status = visitor.log_in("data", PASSWORD).await.status;
    table.row(
        "A41 log in",
        "with a preset cookie",
        "303",
        status.to_string(),
    );
    let status = visitor.get("/account").await.status;
    table.row("A41 new", "the new session", "200", status.to_string());
    let mut old = server.visitor();
    old.cookies = before;
    let status = old.get("/account").await.status;
    table.row("A41", "the preset session", "303", status.to_string());
    table.assert();
}

async fn credentials_posted_from_another_site_are_refused(database: Database) {
    let server = TestServer::on(database).await;
    server.person("data").await;
    let mut visitor = server.visitor();
    let csrf = visitor.get("/login").await.csrf();
    let fields = [("csrf", &*csrf), ("handle", "data"), ("password", PASSWORD)];
    let mut table = Table::new("A42: log-in from another site");
    for (id, name, value) in [
        ("A42", "sec-fetch-site", "cross-site"),
        ("A42 origin", "origin", "https://evil.example"),
    ] {
        let request = visitor.request("POST".parse().expect("a method"), "/login");
        let page = visitor
            .send(request.header(name, value).form(&fields))
            .await;
        table.row(
            id,
            format!("{name}: {value}"),
            "403",
            page.status.to_string(),
        );
    }
    let status = visitor.post("/login", &fields[1..]).await.status;
    table.row(
        "A42 csrf",
        "without the form's token",
        "403",
        status.to_string(),
    );
    let mut bare = server.visitor();
    let status = bare.post("/login", &fields).await.status;
    table.row(
        "A42 cookie",
        "the token without its cookie",
        "403",
        status.to_string(),
    );
    table.assert();
}

async fn a_log_out_ends_the_session_at_the_server(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("data").await;
    let kept = person.cookies.clone();
    assert_eq!(person.fill("/account", "/logout", &[]).await.status, 303);
    person.cookies = kept;
    assert_eq!(person.get("/account").await.status, 303);
}

async fn a_session_ends_by_itself(database: Database) {
    let server = TestServer::on(database).await;
    let mut person = server.person("data").await;
    assert_eq!(person.get("/account").await.status, 200);
    let before = server.clock.now();
    server.clock.advance(Span::days(60));
    assert!(server.clock.now() > before);
    assert_eq!(person.get("/account").await.status, 303);
}
