//! Whether a process is ready, and when it is not.

use std::{
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use picard_sql::sql;
use picard_testkit::{databases, free_port};
use picard_tests::{
    nodes::Shared,
    process::{picard, signal_to},
    visitor::http,
};
use serde_json::{Value, json};

async fn ask(base: &str, path: &str) -> Option<(u16, Value)> {
    let answer = http().get(format!("{base}{path}")).send().await.ok()?;
    let status = answer.status().as_u16();
    assert_eq!(
        answer.headers().contains_key("retry-after"),
        status == 503,
        "{path}"
    );
    Some((status, answer.json().await.expect("JSON")))
}

#[tokio::test]
async fn a_ready_server_says_how_each_of_its_parts_is() {
    databases(async |database| {
        let shared = Shared::on(database.url().to_owned());
        let node = shared.begin("node").ready();
        let parts = json!({"database": "ok", "migrations": "ok", "keys": "ok", "model": "ok"});
        let wanted = json!({"status": "ready", "checks": parts});
        assert_eq!(ask(&node.base, "/health/ready").await, Some((200, wanted)));
        let live = ask(&node.base, "/health/live").await;
        assert_eq!(live, Some((200, json!({"status": "ok"}))));
        node.kill();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_is_not_ready_and_answers_until_it_does() {
    databases(async |database| {
        let shared = Shared::on(database.url().to_owned());
        let node = shared
            .begin_with("node", &["--drain-delay", "3600"])
            .ready();
        node.signal("-TERM");
        let said = until_not_ready(&node.base).await;
        assert_eq!(said["status"], "stopping");
        assert_eq!(said["checks"]["database"], "ok");
        let live = ask(&node.base, "/health/live").await.expect("an answer");
        assert_eq!(live.0, 200);
        let page = http().get(format!("{}/login", node.base)).send().await;
        assert_eq!(page.expect("an answer").status(), 200);
        node.kill();
    })
    .await;
}

/// Asks until it is not ready any more; gives what it says then.
async fn until_not_ready(base: &str) -> Value {
    for _ in 0..600 {
        match ask(base, "/health/ready").await {
            Some((200, _)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Some((_, said)) => return said,
            None => panic!("it does not listen any more"),
        }
    }
    panic!("it stays ready");
}

#[tokio::test]
async fn what_is_wrong_with_the_database_is_said_by_part() {
    databases(async |database| {
        let shared = Shared::on(database.url().to_owned());
        let added = shared.run(
            &["user", "add", "data", "--password-stdin"],
            "spot the cat is here",
        );
        added.expect("an account");
        let node = shared.begin("node").ready();
        let db = database.open().await;
        // Nobody has asked for readiness yet, so the keys are looked at now.
        let other = sql!("UPDATE users SET key_id = $1", "00000000000000aa");
        db.execute(other).await.expect("it is there");
        let said = ask(&node.base, "/health/ready").await.expect("an answer");
        assert_eq!(said.0, 503);
        assert_eq!(said.1["status"], "unavailable");
        assert_eq!(said.1["checks"]["keys"], "missing");

        let newer = sql!(
            "INSERT INTO picard_schema (schema_name, version, title) VALUES ($1, $2, $3)",
            "server",
            999_i64,
            "of a newer program"
        );
        db.execute(newer).await.expect("a row");
        let said = ask(&node.base, "/health/ready").await.expect("an answer");
        assert_eq!(said.1["checks"]["migrations"], "ahead");

        let fewer = sql!("DELETE FROM picard_schema WHERE version > $1", 1_i64);
        db.execute(fewer).await.expect("rows");
        let said = ask(&node.base, "/health/ready").await.expect("an answer");
        assert_eq!(said.0, 503);
        assert_eq!(said.1["checks"]["migrations"], "pending");
        node.kill();
        db.close().await;
    })
    .await;
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn begin(data_dir: &Path, database: &str, arguments: &[&str]) -> Running {
    let child = picard(data_dir)
        .args(arguments)
        .env("DATABASE_URL", database)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.expect("the binary starts"))
}

async fn first_answer(base: &str, path: &str) -> (u16, Value) {
    for _ in 0..600 {
        if let Some(answer) = ask(base, path).await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{base} does not answer");
}

/// The database here takes connections and says nothing: the start waits for it.
#[tokio::test]
async fn a_service_that_is_starting_lives_and_is_not_ready() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let database = format!(
        "postgres://picard@{}/picard",
        silent.local_addr().expect("one")
    );
    for (command, flag) in [("server", "--listen"), ("web", "--web-listen")] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{}", free_port());
        let _running = begin(dir.path(), &database, &[command, flag, &address]);
        let base = format!("http://{address}");
        let starting = (503, json!({"status": "starting"}));
        assert_eq!(
            first_answer(&base, "/health/ready").await,
            starting,
            "{command}"
        );
        assert_eq!(first_answer(&base, "/login").await, starting, "{command}");
        let live = first_answer(&base, "/health/live").await;
        assert_eq!(live, (200, json!({"status": "ok"})), "{command}");
    }
}

#[tokio::test]
async fn the_web_client_says_how_its_parts_are_and_when_it_stops() {
    databases(async |database| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{}", free_port());
        let arguments = ["web", "--web-listen", &address, "--drain-delay", "3600"];
        let mut running = begin(dir.path(), database.url(), &arguments);
        let base = format!("http://{address}");
        let mut said = first_answer(&base, "/health/ready").await;
        while said.1["status"] == "starting" {
            tokio::time::sleep(Duration::from_millis(50)).await;
            said = first_answer(&base, "/health/ready").await;
        }
        let parts = json!({"database": "ok", "migrations": "ok"});
        assert_eq!(said, (200, json!({"status": "ready", "checks": parts})));
        signal_to(&running.0, "-TERM");
        assert_eq!(until_not_ready(&base).await["status"], "stopping");
        // Ended, and waited for, before the database goes.
        running.0.kill().expect("it can be ended");
        running.0.wait().expect("it ends");
    })
    .await;
}
