//! PostgreSQL that is late, set up wrongly, or away for a while, as people and
//! programs see it who use the real binary.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use picard_testkit::{
    cluster::{Cluster, PASSWORD, ROLE, Stop},
    postgres,
};
use picard_tests::{
    application::{Application, Tokens, call},
    installation::{Installation, feed, ready, said, succeeded},
    nodes::Shared,
    process::{picard, terminate},
    visitor::{Visitor, http},
};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// A cluster with a database for each service.
fn two(cluster: &Cluster) -> Installation {
    let make = |name| cluster.create_database(name);
    Installation::at(make("server"), make("web"))
}

fn wait_for(log: &Path, text: &str) {
    let end = Instant::now() + Duration::from_mins(2);
    while !fs::read_to_string(log).unwrap_or_default().contains(text) {
        assert!(Instant::now() < end, "{text:?} is not in the log");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Fails when the password stands in a text, in whichever form.
fn tells_no_password(text: &str) {
    for form in [PASSWORD, "it%27s", "it's p@ss", "postgres://picard:"] {
        assert!(!text.contains(form), "{text}");
    }
}

#[test]
fn both_services_wait_for_a_database_that_comes_later_and_say_so() {
    let cluster = Cluster::running();
    let installation = two(&cluster);
    cluster.stop(Stop::Fast);
    let server = installation.picard(&["server", "--listen", "127.0.0.1:0"]);
    let mut web = picard(&installation.data_dir);
    web.args(["web", "--web-listen", "127.0.0.1:0"]);
    web.env("DATABASE_URL", installation.web_database().expect("one"));
    let logs = ["server.log", "web.log"].map(|name| installation.data_dir.join(name));
    let starts = [server, web].into_iter().zip(logs.clone());
    let starts: Vec<_> = starts
        .map(|(mut command, log)| {
            command.env("PICARD_DATABASE_WAIT", "600");
            std::thread::spawn(move || ready(command, &log, "public_url"))
        })
        .collect();
    for log in &logs {
        wait_for(log, "waiting for the database");
    }
    cluster.start();
    for (start, log) in starts.into_iter().zip(&logs) {
        let (mut child, _) = start.join().expect("it becomes ready");
        assert!(terminate(&mut child).success());
        let said = fs::read_to_string(log).expect("a log");
        assert!(said.contains("the database is there"), "{said}");
        // Once, and again now and then: not with each attempt.
        assert!(
            said.matches("waiting for the database").count() <= 8,
            "{said}"
        );
        tells_no_password(&said);
    }
}

#[test]
fn who_waits_for_a_database_can_be_stopped_and_waits_no_longer_than_told() {
    let cluster = Cluster::stopped("server");
    let installation = Installation::at(cluster.address("server"), cluster.address("web"));
    let log = installation.data_dir.join("log");
    let mut waiting = installation
        .picard(&[
            "server",
            "--listen",
            "127.0.0.1:0",
            "--database-wait",
            "600",
        ])
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("the binary starts");
    wait_for(&log, "waiting for the database");
    assert!(terminate(&mut waiting).success());

    for command in [
        &["server", "--listen", "127.0.0.1:0", "--database-wait", "1"][..],
        &[
            "user",
            "add",
            "guinan",
            "--password-stdin",
            "--database-wait",
            "1",
        ],
        &["migrate", "--database-wait", "0"],
    ] {
        let ended = installation.run(command, "a Mintakan tapestry");
        let said = said(&ended);
        assert!(!ended.status.success());
        assert!(said.contains("cannot be reached"), "{said}");
        assert!(said.contains("hint: start it"), "{said}");
        tells_no_password(&said);
    }
}

#[test]
fn what_is_wrong_with_a_database_is_one_sentence_and_a_hint_everywhere() {
    let cluster = Cluster::running();
    let good = cluster.create_database("good");
    cluster.superuser("postgres", "CREATE DATABASE others");
    let dir = tempfile::tempdir().expect("a folder");
    let commands: [&[&str]; 4] = [
        &["server", "--listen", "127.0.0.1:0"],
        &["migrate"],
        &["user", "add", "guinan", "--password-stdin"],
        &["doctor", "--of", "server"],
    ];
    for (address, sentence, hint) in [
        (
            cluster.address_as(ROLE, "it's p@ssword", "good"),
            "refuses the role picard with this password",
            "percent-encoded",
        ),
        (
            cluster.address("absent"),
            "has no database absent",
            "CREATE DATABASE",
        ),
        (
            // No name server need be asked whether there is a name like this.
            format!("postgres://picard:it%27s@{}/good", "x".repeat(64)),
            "xxx, has no address",
            "check the host",
        ),
        (
            format!("{good}?sslmode=require"),
            "there is no TLS with",
            "turn TLS on",
        ),
        (
            cluster.address("others"),
            "permission denied for schema public",
            "OWNER TO",
        ),
    ] {
        for command in commands {
            // A look changes nothing, so it does not find out that it may not.
            if command[0] == "doctor" && sentence.starts_with("permission") {
                continue;
            }
            let mut run = picard(dir.path());
            run.args(command)
                .env("DATABASE_URL", &address)
                .env("PICARD_DATABASE_WAIT", "0");
            let ended = feed(run, "a Mintakan tapestry");
            let said = said(&ended);
            assert!(!ended.status.success(), "{command:?}: {said}");
            assert!(said.contains(sentence), "{command:?}: {said}");
            assert!(said.contains(hint), "{command:?}: {said}");
            tells_no_password(&said);
        }
    }
}

#[test]
fn the_parts_of_an_address_name_the_database_of_either_service() {
    let cluster = Cluster::running();
    let dir = tempfile::tempdir().expect("a folder");
    let secret = dir.path().join("password");
    fs::write(&secret, format!("{PASSWORD}\n")).expect("a file");
    for service in ["server", "web"] {
        cluster.create_database(service);
        let command = |arguments: &[&str]| {
            let mut command = picard(dir.path());
            command
                .args(arguments)
                .env("DB_NAME", service)
                .env("DB_USER", ROLE)
                .env("DB_HOST", "127.0.0.1")
                .env("DB_PORT", cluster.port().to_string());
            command
        };
        let mut by_value = command(&["migrate", "--of", service]);
        by_value.env("DB_PASSWORD", PASSWORD);
        succeeded(&feed(by_value, ""));
        let mut by_file = command(&["doctor", "--of", service]);
        by_file.env("DB_PASSWORD_FILE", &secret);
        let found = feed(by_file, "");
        let said = said(&found);
        assert!(said.contains(&format!("/{service} (up to date)")), "{said}");
        tells_no_password(&said);
        // An address wins over a name.
        let mut both = command(&["doctor", "--of", service]);
        both.env("DATABASE_URL", cluster.address("absent"));
        let said = picard_tests::installation::said(&feed(both, ""));
        assert!(said.contains("has no database absent"), "{said}");
    }
}

/// What an answer says to those who came in vain.
#[derive(Debug)]
struct Answer {
    status: u16,
    retry_after: Option<u64>,
    kind: String,
    body: String,
}

async fn ask(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let header = |name: &str| {
        let value = answer.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    Answer {
        status: answer.status().as_u16(),
        retry_after: header("retry-after").and_then(|value| value.parse().ok()),
        kind: header("content-type").unwrap_or_default(),
        body: answer.text().await.unwrap_or_default(),
    }
}

/// Somebody with an application and an account on the web client.
struct Crew {
    server: String,
    web: String,
    application: Application,
    tokens: Tokens,
    at_server: Visitor,
    at_web: Visitor,
}

impl Crew {
    /// Asks of everything there is, at once.
    async fn all(&self) -> Vec<(&'static str, Answer)> {
        let http = http();
        let access = &self.tokens.access;
        let tool = json!({"tool": "get_memories", "data": {}});
        let mcp = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let introspect = {
            let mut form = vec![("token", access.clone())];
            form.extend(self.application.credentials());
            form
        };
        let get = |url: String| http.get(url);
        let asked = vec![
            ("ready", get(format!("{}/health/ready", self.server))),
            (
                "tools",
                http.post(format!("{}/api/tools", self.server))
                    .bearer_auth(access)
                    .json(&tool),
            ),
            (
                "mcp",
                http.post(format!("{}/mcp", self.server))
                    .bearer_auth(access)
                    .header("accept", "application/json, text/event-stream")
                    .json(&mcp),
            ),
            (
                "oauth",
                http.post(format!("{}/oauth/introspect", self.server))
                    .form(&introspect),
            ),
            (
                "page",
                self.at_server.request(reqwest::Method::GET, "/account"),
            ),
            ("web ready", get(format!("{}/health/ready", self.web))),
            (
                "web page",
                self.at_web.request(reqwest::Method::GET, "/dashboard"),
            ),
        ];
        let asked = asked
            .into_iter()
            .map(async |(name, request)| (name, ask(request).await));
        futures::future::join_all(asked).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_503_with_a_time_to_come_again_and_ends_by_itself() {
    let cluster = Cluster::running();
    let installation = two(&cluster);
    let up = installation.start();
    let application = installation.register(&up);
    let mut at_server = Visitor::new(&up.server);
    at_server.sign_up("guinan", "a Mintakan tapestry").await;
    let tokens = application.connect(&mut at_server).await;
    let remember = json!({"text": "The bar is on deck ten."});
    let (status, _) = call(&up.server, &tokens.access, "submit_memory", remember).await;
    assert_eq!(status, 200);
    let mut at_web = Visitor::new(&up.web);
    let account = [("username", "guinan"), ("password", "a Mintakan tapestry")];
    let registered = at_web.fill("/register", "/register", &account).await;
    assert_eq!(registered.status, 303, "{}", registered.body);
    let crew = Crew {
        server: up.server.clone(),
        web: up.web.clone(),
        application,
        tokens,
        at_server,
        at_web,
    };
    for (name, answer) in crew.all().await {
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }

    for how in [Stop::Immediate, Stop::Fast] {
        cluster.stop(how);
        for (name, answer) in crew.all().await {
            assert_eq!(answer.status, 503, "{name}: {answer:?}");
            assert!(
                answer.retry_after.is_some_and(|seconds| seconds > 0),
                "{name}: {answer:?}"
            );
            match name {
                "oauth" => {
                    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
                    assert_eq!(body["error"], "temporarily_unavailable");
                }
                "page" | "web page" => {
                    assert!(answer.kind.starts_with("text/html"), "{answer:?}");
                    assert!(answer.body.contains("moment"), "{answer:?}");
                }
                "ready" | "web ready" => {}
                _ => {
                    assert_eq!(answer.kind, "application/problem+json", "{name}");
                    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
                    assert_eq!(body["code"], "unavailable");
                }
            }
            tells_no_password(&answer.body);
        }
        for base in [&crew.server, &crew.web] {
            let lives = ask(http().get(format!("{base}/health"))).await;
            assert_eq!(lives.status, 200, "the processes live: {lives:?}");
        }
        cluster.start();
        for (name, answer) in crew.all().await {
            assert_eq!(
                answer.status, 200,
                "{name}, once the database is back: {answer:?}"
            );
        }
        let question = json!({"query": "Where is the bar?"});
        let (status, found) = call(&up.server, &crew.tokens.access, "query_memory", question).await;
        assert_eq!(
            (status, found["memories"].as_array().map(Vec::len)),
            (200, Some(1))
        );
    }
    let log = fs::read_to_string(&up.log).expect("a log");
    tells_no_password(&log);
    assert!(up.stop().success());
}

#[tokio::test]
async fn six_nodes_that_start_at_once_on_an_empty_database_all_come_up() {
    let shared = Shared::on(postgres::create_database().await);
    let keyring = shared.data_dir().join("server/keyring");
    fs::create_dir(keyring.parent().expect("a folder")).expect("a folder");
    fs::write(&keyring, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").expect("a keyring");
    let mode = Command::new("chmod").arg("600").arg(&keyring).status();
    assert!(mode.expect("chmod runs").success());
    let starting: Vec<_> = (0..6).map(|n| shared.begin(&format!("node-{n}"))).collect();
    for node in starting.into_iter().map(picard_tests::nodes::Node::ready) {
        let answer = ask(http().get(format!("{}/health/ready", node.base))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    let web = Shared::on(postgres::create_database().await);
    let migrating: Vec<_> = (0..6)
        .map(|n| {
            let folder = web.data_dir().join(n.to_string());
            let mut command = web.command();
            command
                .args(["migrate", "--of", "web", "--data-dir"])
                .arg(folder);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("the binary starts")
        })
        .collect();
    for mut child in migrating {
        assert!(child.wait().expect("it ends").success());
    }
}
