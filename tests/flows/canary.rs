//! Nothing readable is on the disk: after people have used everything, no file
//! under the data directory, none of a PostgreSQL server, no dump of it and no
//! log holds a text, a token or a password.

use std::{collections::BTreeSet, fs, io::ErrorKind, path::Path, process::Command};

use picard_crypto::{Token, TokenKind};
use picard_testkit::{
    SeededEntropy,
    cluster::{Cluster, Stop},
    postgres,
};
use picard_tests::{
    application::{Tokens, call, parameter, post_form},
    installation::Installation,
    process::{ADMIN_PASSWORD, Up},
    server::Database,
    visitor::Visitor,
};
use serde_json::json;

use crate::world;

const TEXT: &str = "canary-text: the captain hides a flute in his desk";
const CHANGED: &str = "canary-changed: the flute is from the planet Kataan";
const QUERY: &str = "canary-query: which instrument is hidden";
const PASSWORD: &str = "canary-password-tea-earl-grey";
const WEB_PASSWORD: &str = "canary-web-password-darjeeling";

/// Every file in the folder, and in its folders, that holds one of the secrets.
/// A server that runs takes files away meanwhile.
fn leaks(path: &Path, secrets: &[String], found: &mut Vec<String>) {
    let there = |error: &std::io::Error| error.kind() != ErrorKind::NotFound;
    if path.is_dir() {
        match fs::read_dir(path) {
            Ok(entries) => {
                for entry in entries {
                    leaks(&entry.expect("an entry").path(), secrets, found);
                }
            }
            Err(error) => assert!(!there(&error), "{}: {error}", path.display()),
        }
    } else if path.is_file() {
        match fs::read(path) {
            Ok(bytes) => look(&bytes, &path.display().to_string(), secrets, found),
            Err(error) => assert!(!there(&error), "{}: {error}", path.display()),
        }
    }
}

/// Looks for secrets in some bytes, also where PostgreSQL writes these in
/// hexadecimal digits. In one pass, since there are tens of MiB to look at.
fn look(bytes: &[u8], place: &str, secrets: &[String], found: &mut Vec<String>) {
    let mut begins = [false; 256];
    for secret in secrets {
        begins[usize::from(secret.as_bytes()[0])] = true;
    }
    let mut leaked = BTreeSet::new();
    for bytes in [bytes, &from_hex(bytes)] {
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'p'
                && let Some(kind) = token_at(&bytes[at..])
            {
                leaked.insert(format!("a token {kind}… in {place}"));
            }
            if begins[usize::from(*byte)] {
                let there = |secret: &&String| bytes[at..].starts_with(secret.as_bytes());
                for secret in secrets.iter().filter(there) {
                    let shown: String = secret.chars().take(18).collect();
                    leaked.insert(format!("{shown}… in {place}"));
                }
            }
        }
    }
    found.extend(leaked);
}

/// Returns what is written as `\\x…` in a dump or a log, decoded and put together.
fn from_hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\\x") {
        rest = &rest[at + 2..];
        while let [high, low, more @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = more;
        }
    }
    decoded
}

/// Tells whether these bytes begin with a token of any kind, known to the test or not: the
/// web client's own tokens never leave it. What is encrypted looks like one now and then,
/// but has not its checksum.
fn token_at(bytes: &[u8]) -> Option<&'static str> {
    let token = str::from_utf8(bytes.get(..4 + 48)?).ok()?;
    let mut kinds = TokenKind::ALL.into_iter();
    let kind = kinds.find(|kind| Token::parse(*kind, token).is_ok())?;
    Some(kind.prefix())
}

#[test]
fn a_token_is_recognised_by_its_checksum() {
    let found = |text: &str| {
        let mut found = Vec::new();
        look(text.as_bytes(), "a text", &[], &mut found);
        found
    };
    let token = Token::mint(TokenKind::Refresh, &SeededEntropy::default());
    let token = format!("…{}…", token.expose());
    assert_eq!(found(&token), ["a token prt_… in a text"]);
    assert!(found(&token.replace("prt_", "pat_")).is_empty());
    let words = "prt_short, and pat_ with words behind it that are no token at all";
    assert!(found(words).is_empty());
}

#[test]
fn what_postgresql_writes_in_digits_is_read() {
    let dump = br"COPY t FROM stdin;\n7\t\\x63616e617279\t\\xzz\n";
    assert_eq!(from_hex(dump), b"canary");
    let mut found = Vec::new();
    look(dump, "a dump", &["canary".to_owned()], &mut found);
    assert_eq!(found, ["canary… in a dump"]);
}

#[tokio::test]
async fn no_file_and_no_log_holds_a_text_a_token_or_a_password() {
    let installation = Installation::on(Database::Sqlite).await;
    let up = installation.start();
    let secrets = walk(&installation, &up).await;
    let log = up.log.clone();
    let mut found = Vec::new();
    let backup = world::place(&installation, "backup");
    world::back_up(&installation, &backup, &[]);
    leaks(&backup, &secrets, &mut found);
    leaks(&installation.data_dir, &secrets, &mut found);
    assert!(found.is_empty(), "while it runs: {found:?}");
    assert!(up.stop().success());
    leaks(&installation.data_dir, &secrets, &mut found);
    leaks(&log, &secrets, &mut found);
    assert!(found.is_empty(), "after it stopped: {found:?}");
    assert!(
        fs::metadata(&log).expect("a log").len() > 0,
        "the log is empty; nothing was checked"
    );
}

/// As much as a PostgreSQL server can be made to write down.
const TALKATIVE: &[&str] = &[
    "log_statement = 'all'",
    "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1",
    "log_min_duration_statement = 0",
    "log_min_messages = 'debug2'",
    "log_min_error_statement = 'debug5'",
    "log_error_verbosity = 'verbose'",
    "log_connections = on",
    "log_disconnections = on",
    "log_temp_files = 0",
    "log_lock_waits = on",
    "wal_level = 'logical'",
];

#[tokio::test]
async fn no_dump_no_file_and_no_log_of_postgresql_holds_a_text_a_token_or_a_password() {
    let cluster = Cluster::running();
    for setting in TALKATIVE {
        cluster.superuser("postgres", &format!("ALTER SYSTEM SET {setting}"));
    }
    cluster.stop(Stop::Fast);
    cluster.start();
    let installation = Installation::at(
        cluster.create_database("server"),
        cluster.create_database("web"),
    );
    let up = installation.start();
    let secrets = walk(&installation, &up).await;
    let log = up.log.clone();
    let mut found = Vec::new();
    let backup = world::place(&installation, "backup");
    world::back_up(&installation, &backup, &[]);
    leaks(&backup, &secrets, &mut found);
    everything(&cluster, &secrets, &mut found);
    assert!(found.is_empty(), "while it runs: {found:?}");
    assert!(up.stop().success());
    leaks(&installation.data_dir, &secrets, &mut found);
    leaks(&log, &secrets, &mut found);
    everything(&cluster, &secrets, &mut found);
    assert!(found.is_empty(), "after it stopped: {found:?}");
    let said = cluster.log();
    assert!(
        said.contains("INSERT INTO memories") && said.contains("DETAIL:  parameters:"),
        "the server of the database says less than it should"
    );

    // The same look finds what is there. There are three, since the log of changes is written
    // in pages of 8 KiB: what lies over the border of two is not found.
    cluster.superuser(
        "web",
        &format!(
            "CREATE TABLE planted (words TEXT, bytes BYTEA);
             INSERT INTO planted
             SELECT '{CHANGED}', convert_to('{QUERY}', 'UTF8') FROM generate_series(1, 3)"
        ),
    );
    everything(&cluster, &secrets, &mut found);
    for (secret, place) in [
        ("canary-changed", "/pg_wal/"),
        ("canary-changed", "/base/"),
        ("canary-changed", "/log"),
        ("canary-changed", "the dump"),
        ("canary-query", "the dump"),
    ] {
        let there = |leak: &String| leak.starts_with(secret) && leak.contains(place);
        assert!(found.iter().any(there), "{secret} in {place}: {found:?}");
    }
}

/// Looks into a dump of all databases and into every file of the server.
fn everything(cluster: &Cluster, secrets: &[String], found: &mut Vec<String>) {
    cluster.superuser("postgres", "CHECKPOINT");
    let data = cluster.data_directory();
    let folder = data.parent().expect("it is in a folder");
    let dump = Command::new(postgres::programs().join("pg_dumpall"))
        .args(["-U", "postgres", "-p", &cluster.port().to_string(), "-h"])
        .arg(folder)
        .output()
        .expect("pg_dumpall runs");
    let text = String::from_utf8_lossy(&dump.stdout);
    assert!(
        dump.status.success() && text.contains("COPY public.memories"),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    look(&dump.stdout, "the dump", secrets, found);
    leaks(folder, secrets, found);
}

/// Uses all of it, and returns what must not be found anywhere.
async fn walk(installation: &Installation, up: &Up) -> Vec<String> {
    let application = installation.register(up);
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
    let mut secrets = web_walk(up, &mut person).await;
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

    secrets
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
