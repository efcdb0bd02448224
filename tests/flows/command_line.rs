//! The command line: what it says, what it refuses, and that it stops cleanly.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Output, Stdio},
};

use picard_tests::{
    installation::{Installation, succeeded},
    process::{Up, picard},
    server::Database,
    visitor::Visitor,
};
use tempfile::TempDir;

/// A small file to measure with.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/eval.jsonl");

picard_tests::on_both!(
    stopping_and_starting_again_loses_nothing_and_keys_are_the_owners_alone,
    without_its_keys_a_database_is_not_opened_and_nothing_is_overwritten,
    a_database_of_a_newer_program_is_refused_with_a_clear_sentence,
    a_taken_handle_and_a_weak_password_are_refused,
);

fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    (dir, data_dir)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_command_has_help_with_an_example() {
    let (_dir, data_dir) = folder();
    for command in [
        &["up"][..],
        &["server"],
        &["web"],
        &["mcp"],
        &["migrate"],
        &["backup"],
        &["restore"],
        &["user", "add"],
        &["user", "password"],
        &["user", "list"],
        &["user", "show"],
        &["user", "disable"],
        &["user", "enable"],
        &["user", "delete"],
        &["user", "admin"],
        &["user", "admin", "grant"],
        &["user", "admin", "revoke"],
        &["client", "list"],
        &["client", "show"],
        &["client", "delete"],
        &["client", "register"],
        &["export"],
        &["import"],
        &["eval"],
        &["key", "status"],
        &["key", "rotate"],
        &["health"],
        &["doctor"],
    ] {
        let output = picard(&data_dir)
            .args(command)
            .arg("--help")
            .output()
            .expect("it runs");
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && help.contains("Example:"),
            "{command:?}: {help}"
        );
    }
}

#[test]
fn an_error_is_one_sentence_and_a_hint() {
    let (_dir, data_dir) = folder();
    let output = picard(&data_dir)
        .args(["server", "--public-url", "http://memory.example.org"])
        .args(["--listen", "127.0.0.1:0"])
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    let lines: Vec<_> = said(&output).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("picard: ") && lines[1].starts_with("  hint: "),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_said() {
    let (_dir, data_dir) = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = picard(&data_dir)
        .args(["up", "--listen", &address])
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    assert!(
        said(&output).contains(&address) && said(&output).contains("hint"),
        "{}",
        said(&output)
    );
}

async fn stopping_and_starting_again_loses_nothing_and_keys_are_the_owners_alone(
    database: Database,
) {
    let installation = Installation::on(database).await;
    let data_dir = &installation.data_dir;
    let up = installation.start();
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let again = installation.restart_after(up, |up| assert!(up.stop().success()));
    assert_eq!(person.get("/account").await.status, 200);
    for keyring in ["server/keyring", "web/keyring"] {
        let mode = fs::metadata(data_dir.join(keyring))
            .expect("a keyring")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{keyring}");
    }
    assert!(again.stop().success());
    let wal = data_dir.join("server/picard.db-wal");
    assert!(
        fs::metadata(wal).map_or(0, |file| file.len()) == 0,
        "the database was closed cleanly"
    );
}

/// A request that is half sent when the signal comes is answered before the end.
#[tokio::test]
async fn a_request_under_way_is_answered_before_it_stops() {
    let (_dir, data_dir) = folder();
    for signal in ["-TERM", "-INT"] {
        let mut up = Up::start(&data_dir);
        let address = up.server.replace("http://localhost", "127.0.0.1");
        let mut request = std::net::TcpStream::connect(&address).expect("it listens");
        let body = r#"{"tool":"get_memories","data":{}}"#;
        let head = format!(
            "POST /api/tools HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let (first, rest) = head.split_at(head.len() / 2);
        request.write_all(first.as_bytes()).expect("it reads");
        // Answered by the same thread of acceptance: the half request was taken before.
        assert_eq!(Visitor::new(&up.server).get("/health").await.status, 200);
        up.signal(signal);
        while std::net::TcpStream::connect(&address).is_ok() {
            std::thread::yield_now();
        }
        request.write_all(rest.as_bytes()).expect("it still reads");
        request.write_all(body.as_bytes()).expect("it still reads");
        let mut answer = String::new();
        request.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 401"), "{signal}: {answer}");
        assert!(up.ended().success(), "{signal}");
    }
}

/// Compose files and templates of `.env` write `NAME=` for what nobody chose.
#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let (_dir, data_dir) = folder();
    let doctor = |variables: &[(&str, &str)]| {
        let mut command = picard(&data_dir);
        command
            .args(["doctor", "--json"])
            .envs(variables.iter().copied());
        command.output().expect("it runs")
    };
    let nothing = [
        "PICARD_PUBLIC_URL",
        "PICARD_SERVER_LISTEN",
        "PICARD_PARTITION_MIB",
        "PICARD_KEYS",
        "PICARD_KEYS_FILE",
        "DATABASE_URL",
        "OAUTH_CLIENT_ID",
        "OAUTH_SCOPES",
    ]
    .map(|name| (name, ""));
    let empty = doctor(&nothing);
    let found: Vec<serde_json::Value> = serde_json::from_slice(&empty.stdout).expect("JSON");
    assert!(found.len() > 5, "{found:?}");
    for finding in found {
        assert_eq!(finding["problem"], serde_json::Value::Null, "{finding}");
    }
    assert!(empty.status.success());
    let wrong = doctor(&[("PICARD_PARTITION_MIB", "many")]);
    assert_eq!(wrong.status.code(), Some(2), "what is set is read");
}

async fn without_its_keys_a_database_is_not_opened_and_nothing_is_overwritten(database: Database) {
    let installation = Installation::on(database).await;
    let add = |handle: &str| installation.add_user(handle, "tea, earl grey, hot", &[]);
    succeeded(&add("jean-luc"));
    let keyring = installation.data_dir.join("server/keyring");
    let kept = installation.data_dir.join("kept");
    fs::rename(&keyring, &kept).expect("the keyring can be moved");
    let doctor = installation.run(&["doctor", "--of", "server", "--json"], "");
    assert!(!doctor.status.success());
    let lost = installation.run(&["server", "--listen", "127.0.0.1:0"], "");
    assert!(!lost.status.success());
    let key_id = said(&lost)
        .split("master key ")
        .nth(1)
        .expect("the key is named")[..16]
        .to_owned();
    assert!(
        key_id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{}",
        said(&lost)
    );
    assert!(
        !keyring.exists(),
        "no new keyring takes the place of the lost one"
    );
    let wrong = installation
        .picard(&["server", "--listen", "127.0.0.1:0"])
        .env("PICARD_KEYS", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
        .output()
        .expect("it runs");
    assert!(said(&wrong).contains(&key_id), "{}", said(&wrong));
    fs::rename(&kept, &keyring).expect("the keyring can be put back");
    succeeded(&add("beverly"));
}

#[test]
fn a_lost_keyring_of_the_web_client_is_not_papered_over() {
    let (_dir, data_dir) = folder();
    assert!(Up::start(&data_dir).stop().success());
    let keyring = data_dir.join("web/keyring");
    fs::remove_file(&keyring).expect("the keyring can be removed");
    let output = picard(&data_dir)
        .args([
            "up",
            "--listen",
            "127.0.0.1:0",
            "--web-listen",
            "127.0.0.1:0",
        ])
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    assert!(
        said(&output).contains("web/keyring is missing"),
        "{}",
        said(&output)
    );
    assert!(!keyring.exists());
}

#[test]
fn the_doctor_changes_nothing() {
    let (_dir, data_dir) = folder();
    let output = picard(&data_dir).arg("doctor").output().expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    for file in [
        "server/keyring",
        "server/picard.db",
        "web/keyring",
        "web/web.db",
    ] {
        assert!(!data_dir.join(file).exists(), "{file}");
    }
}

async fn a_database_of_a_newer_program_is_refused_with_a_clear_sentence(database: Database) {
    let installation = Installation::on(database).await;
    let add = |handle: &str| installation.add_user(handle, "tea, earl grey, hot", &[]);
    succeeded(&add("jean-luc"));
    let url = installation.server_address();
    let db = picard_sql::Db::open(&url, &picard_sql::Options::default())
        .await
        .expect("it opens");
    make_newer(&db).await;
    db.close().await;
    let output = add("beverly");
    assert!(!output.status.success());
    assert!(said(&output).contains("newer program"), "{}", said(&output));
}

/// Leaves the database as a program with one more migration would.
async fn make_newer(db: &picard_sql::Db) {
    let newest = picard_store::SCHEMA
        .migrations
        .last()
        .expect("a migration")
        .version;
    let newer: &'static [picard_sql::Migration] = Box::leak(
        picard_store::SCHEMA
            .migrations
            .iter()
            .map(|m| picard_sql::Migration {
                version: m.version,
                title: m.title,
                sqlite: m.sqlite,
                postgres: m.postgres,
            })
            .chain([picard_sql::Migration {
                version: newest + 1,
                title: "from the future",
                sqlite: "CREATE TABLE future (id INTEGER PRIMARY KEY)",
                postgres: "CREATE TABLE future (id BIGINT PRIMARY KEY)",
            }])
            .collect::<Vec<_>>()
            .into_boxed_slice(),
    );
    let schema: &'static picard_sql::Schema = Box::leak(Box::new(picard_sql::Schema {
        name: picard_store::SCHEMA.name,
        migrations: newer,
    }));
    picard_sql::migrate(db, schema).await.expect("it migrates");
}

async fn a_taken_handle_and_a_weak_password_are_refused(database: Database) {
    let installation = Installation::on(database).await;
    let add = |handle: &str, password: &str| installation.add_user(handle, password, &[]);
    succeeded(&add("jean-luc", "tea, earl grey, hot"));
    let taken = add("Jean-Luc", "tea, earl grey, hot");
    assert!(
        !taken.status.success() && said(&taken).contains("taken"),
        "{}",
        said(&taken)
    );
    let weak = add("beverly", "short");
    assert!(
        !weak.status.success() && said(&weak).contains("8 characters"),
        "{}",
        said(&weak)
    );
}

#[test]
fn the_doctor_finds_a_fresh_machine_sound_and_shows_no_secret() {
    let (_dir, data_dir) = folder();
    let keys = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let output = picard(&data_dir)
        .args([
            "doctor",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--web-listen",
            "127.0.0.1:0",
        ])
        .env("PICARD_KEYS", keys)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!said.contains(keys));
    let findings: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert!(
        findings
            .as_array()
            .expect("a list")
            .iter()
            .all(|finding| finding["problem"].is_null())
    );
}

#[tokio::test]
async fn the_doctor_tests_a_running_server_as_an_assistant_would() {
    let (_dir, data_dir) = folder();
    let up = Up::start(&data_dir);
    let test = |url: &str| {
        picard(&data_dir)
            .args(["doctor", "--connect", url, "--json"])
            .output()
            .expect("it runs")
    };
    let rows = |output: &std::process::Output| -> Vec<(String, String)> {
        let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().expect(name).to_owned();
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| (text(row, "what"), text(row, "verdict")))
            .collect()
    };
    // What `up` says is what an assistant is given, and what one pastes.
    let good = test(&format!("{}/mcp", up.server));
    let found = rows(&good);
    assert!(good.status.success() && found.len() == 9, "{found:?}");
    assert!(
        found.iter().all(|(_, verdict)| verdict == "good"),
        "{found:?}"
    );

    let server = up.server.clone();
    up.stop();
    let gone = test(&server);
    assert_eq!(gone.status.code(), Some(1));
    assert_eq!(
        rows(&gone).last(),
        Some(&("Connection".to_owned(), "wrong".to_owned()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_nobody_reads_any_more_ends_a_command_without_a_word() {
    let picard = Installation::on(Database::Sqlite).await;
    succeeded(&picard.add_user("anna", "correct horse battery", &[]));
    let temporary = tempfile::tempdir().expect("a temporary folder");
    for command in [
        &["doctor"][..],
        &["user", "list"],
        &["key", "status"],
        &["eval", "--data", EXAMPLE],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = picard
            .picard(command)
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .expect("picard starts");
        let said = said(&ended);
        assert_eq!(ended.status.code(), Some(141), "{command:?}: {said}");
        assert!(!said.contains("panicked"), "{command:?}: {said}");
        assert!(!said.contains("Broken pipe"), "{command:?}: {said}");
        let mut left = fs::read_dir(temporary.path()).expect("a folder");
        assert!(left.next().is_none(), "{command:?}");
    }
}
