//! Backups are made while people work, and put back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use picard_sql::{Db, Options, Query, sql};
use picard_testkit::postgres;
use picard_tests::{
    application::call,
    installation::{Installation, said, succeeded},
    on_both,
    server::Database,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::world::{
    PASSWORD, World, back_up, both, count, fill, first_tables, give_keys, place, refused,
    server_tables, start_at, texts,
};

on_both! {
    #[tokio::test(flavor = "multi_thread")]
    a_backup_under_load_holds_what_was_acknowledged_and_serves_on_the_other_database,
    data_that_is_there_is_replaced_when_told_to_and_never_under_a_running_service,
    a_restore_that_was_killed_leaves_what_was_there_and_is_repeated,
}

async fn write(server: String, token: String, name: usize, told: mpsc::UnboundedSender<String>) {
    for n in 0..10_000 {
        let text = format!("writer {name}, entry {n}");
        let (status, answer) = call(&server, &token, "submit_memory", json!({"text": text})).await;
        assert_eq!(status, 200, "{answer}");
        if told.send(text).is_err() {
            return;
        }
    }
}

async fn a_backup_under_load_holds_what_was_acknowledged_and_serves_on_the_other_database(
    database: Database,
) {
    // Not held up by what one person may call in a second.
    let home = Installation::on(database)
        .await
        .setting("PICARD_CALLS_PER_SECOND", "1000000");
    let up = home.start();
    let mut world = World::made(&home, &up).await;
    let (sender, mut told) = mpsc::unbounded_channel();
    let writers = [0, 1, 2, 3].map(|writer| {
        let (server, token) = (up.server.clone(), world.tokens.access.clone());
        tokio::spawn(write(server, token, writer, sender.clone()))
    });
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 20 {
        acknowledged.push(told.recv().await.expect("writes are acknowledged"));
    }
    let to = place(&home, "backup");
    let manifest = tokio::task::block_in_place(|| back_up(&home, &to, &[]));
    let mut meanwhile = 0;
    while told.try_recv().is_ok() {
        meanwhile += 1;
    }
    assert!(meanwhile > 0, "nobody wrote while the backup was made");
    drop(told);
    for writer in writers {
        writer.await.expect("every write was acknowledged");
    }
    let addresses = (up.server.clone(), up.web.clone());
    assert!(up.stop().success());

    let taken_from = match database {
        Database::Sqlite => "sqlite",
        Database::Postgres => "postgres",
    };
    assert_eq!(manifest["services"]["server"]["taken_from"], taken_from);
    let mut files: Vec<_> = files_in(&to).into_keys().collect();
    files.sort();
    assert_eq!(
        files,
        ["SHA256SUMS", "manifest.json", "server.db", "web.db"]
    );
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&to), 0o700);
    assert!(files.iter().all(|file| mode(&to.join(file)) == 0o600));
    nothing_is_half_in(&to.join("server.db")).await;

    let other = Installation::on(match database {
        Database::Sqlite => Database::Postgres,
        Database::Postgres => Database::Sqlite,
    })
    .await;
    give_keys(&home, &other);
    let from = to.to_str().expect("a path");
    succeeded(&both(&other, &["restore", "--from", from]));
    let up = start_at(&other, &addresses);
    world.is_well(&up).await;
    let there = texts(&up.server, &world.tokens.access).await;
    for text in &acknowledged {
        assert!(there.contains(text), "{text} is missing");
    }
    assert!(up.stop().success());
}

/// Each change raises the person's version and leaves it on the memory, and
/// comes with its vectors.
async fn nothing_is_half_in(file: &Path) {
    let address = format!("sqlite:{}", file.display());
    let db = Db::open_to_read(&address, &Options::default()).await;
    let db = db.expect("opened");
    let half = sql!(
        "SELECT count(*) FROM users u WHERE u.version <>
         (SELECT coalesce(max(revision), 0) FROM memories m WHERE m.user_id = u.id)"
    );
    let (half,): (i64,) = db.one(half).await.expect("counted");
    let rows = sql!(
        "SELECT (SELECT count(*) FROM memories), (SELECT count(*) FROM vectors),
                (SELECT max(version) FROM users)"
    );
    let (memories, vectors, version): (i64, i64, i64) = db.one(rows).await.expect("counted");
    db.close().await;
    assert_eq!((half, memories, memories), (0, vectors, version));
    assert!(memories >= 20);
}

async fn data_that_is_there_is_replaced_when_told_to_and_never_under_a_running_service(
    database: Database,
) {
    let home = Installation::on(database).await;
    succeeded(&home.add_user("data", PASSWORD, &[]));
    let to = place(&home, "backup");
    back_up(&home, &to, &["--of", "server"]);
    succeeded(&home.add_user("lore", PASSWORD, &[]));
    let from = to.to_str().expect("a path");
    let restore = ["restore", "--of", "server", "--from", from];
    let force = [&restore[..], &["--force"]].concat();
    refused(&home.run(&restore, ""), "there is data");
    succeeded(&home.run(&[&restore[..], &["--check"]].concat(), ""));
    let up = home.start();
    let running = home.run(&force, "");
    let words = match database {
        Database::Sqlite => "open, most likely the running server",
        Database::Postgres => "a service is running",
    };
    refused(&running, words);
    assert!(up.stop().success());
    // Whether somebody is there is seen by whether the name is taken.
    refused(&home.add_user("lore", PASSWORD, &[]), "taken");

    match home.server_database() {
        None => succeeded(&home.run(&force, "")),
        Some(url) => restored_while_a_connection_ends(&home, url, &force).await,
    }
    refused(&home.add_user("data", PASSWORD, &[]), "taken");
    succeeded(&home.add_user("lore", PASSWORD, &[]));
    let aside: Vec<_> = fs::read_dir(home.data_dir.join("server"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.display().to_string().contains("before-restore"))
        .collect();
    match database {
        Database::Postgres => assert!(aside.is_empty()),
        Database::Sqlite => {
            assert_eq!(aside.len(), 1, "{aside:?}");
            let old = format!("sqlite:{}", aside[0].display());
            let db = Db::open_to_read(&old, &Options::default()).await;
            let db = db.expect("opened");
            let people: Vec<(String,)> = db
                .all(sql!("SELECT handle FROM users ORDER BY handle"))
                .await
                .expect("read");
            assert_eq!(people, [("data".to_owned(),), ("lore".to_owned(),)]);
            db.close().await;
        }
    }
}

/// A service that stopped may be seen by the database for a moment.
async fn restored_while_a_connection_ends(home: &Installation, url: &str, restore: &[&str]) {
    let last = Db::open(url, &Options::default()).await.expect("opened");
    last.ping().await.expect("connected");
    let watch = Db::open(&postgres::create_database().await, &Options::default()).await;
    let watch = watch.expect("opened");
    let mut command = home.picard(restore);
    let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut restoring = piped.stdin(Stdio::null()).spawn().expect("it starts");
    // Up to three of these are of one and the same question: so it has asked again.
    let mut asked = BTreeSet::new();
    while asked.len() < 6 {
        asked.extend(who_is_there_was_asked_at(&watch, url).await);
        let ended = restoring.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "it did not wait");
        tokio::task::yield_now().await;
    }
    last.close().await;
    watch.close().await;
    succeeded(&restoring.wait_with_output().expect("it ends"));
}

#[tokio::test]
async fn a_rotation_between_backup_and_restore_is_told_and_a_missing_key_is_refused() {
    let home = Installation::on(Database::Sqlite).await;
    succeeded(&home.add_user("data", PASSWORD, &[]));
    let line = "{\"text\": \"I was there.\"}\n";
    succeeded(&home.run(&["import", "--user", "data", "-"], line));
    let (plain, keyed) = (place(&home, "plain"), place(&home, "keyed"));
    let manifest = back_up(&home, &plain, &[]);
    let needed = manifest["services"]["server"]["keys"][0].as_str();
    let needed = needed.expect("the name of a key").to_owned();
    let told = both(
        &home,
        &[
            "backup",
            "--with-keys",
            "--to",
            keyed.to_str().expect("a path"),
        ],
    );
    assert!(said(&told).contains("WHOEVER HAS IT"), "{}", said(&told));
    let keyring = keyed.join("server.keyring");
    let mode = fs::metadata(&keyring).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!plain.join("server.keyring").exists());
    let restore = |home: &Installation, from: &Path, more: &[&str]| {
        let from = ["restore", "--from", from.to_str().expect("a path")];
        both(home, &[&from, more].concat())
    };
    let reads = |home: &Installation| {
        let lines = home.run(&["export", "--user", "data"], "");
        succeeded(&lines);
        assert!(said(&lines).contains("I was there."), "{}", said(&lines));
    };

    succeeded(&home.run(&["key", "rotate"], ""));
    let told = restore(&home, &plain, &["--force"]);
    succeeded(&told);
    assert!(said(&told).contains("picard key rotate"), "{}", said(&told));
    reads(&home);
    succeeded(&home.run(&["key", "rotate"], ""));
    succeeded(&home.run(&["key", "rotate", "--retire"], ""));
    let database = home.data_dir.join("server/picard.db");
    let before = fs::read(&database).expect("a file");
    let told = restore(&home, &plain, &["--force"]);
    refused(&told, &needed);
    assert!(fs::read(&database).expect("a file") == before, "it changed");
    refused(&restore(&home, &plain, &["--check"]), &needed);

    let file = home.data_dir.join("server/keyring");
    let active = fs::read_to_string(&file).expect("a keyring");
    succeeded(&restore(&home, &keyed, &["--force"]));
    let joined = fs::read_to_string(&file).expect("a keyring");
    assert!(joined.starts_with(&active) && joined.len() > active.len());
    reads(&home);

    let fresh = Installation::on(Database::Sqlite).await;
    refused(&restore(&fresh, &plain, &[]), &needed);
    assert!(!fresh.data_dir.join("server/picard.db").exists());
    succeeded(&restore(&fresh, &keyed, &[]));
    reads(&fresh);
}

/// The files of a folder with their bytes.
fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy();
        (name.into_owned(), fs::read(&path).expect("a file"))
    };
    paths.map(read).collect()
}

/// Writes a folder with these files, and sums that fit them.
fn with_sums(folder: &Path, mut files: BTreeMap<String, Vec<u8>>) {
    files.remove("SHA256SUMS");
    let sum = |bytes: &[u8]| {
        let sum = Sha256::digest(bytes);
        sum.iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    };
    let lines = files
        .iter()
        .map(|(name, bytes)| format!("{}  {name}\n", sum(bytes)));
    let sums: String = lines.collect();
    files.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    let _ = fs::remove_dir_all(folder);
    write_files(folder, &files);
}

fn write_files(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    fs::create_dir_all(folder).expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("a file");
    }
}

#[tokio::test]
async fn a_damaged_backup_is_refused_whichever_byte_it_is() {
    let home = Installation::on(Database::Sqlite).await;
    succeeded(&home.add_user("data", PASSWORD, &[]));
    let sound = place(&home, "sound");
    back_up(&home, &sound, &["--of", "server"]);
    let sound = files_in(&sound);
    let database = home.data_dir.join("server/picard.db");
    let before = fs::read(&database).expect("a file");
    let damaged = place(&home, "damaged");
    let restore = || {
        let from = damaged.to_str().expect("a path");
        let output = home.run(
            &["restore", "--of", "server", "--force", "--from", from],
            "",
        );
        assert!(fs::read(&database).expect("a file") == before, "it changed");
        output
    };
    for (name, bytes) in &sound {
        let length = bytes.len();
        for at in [0, 1, length / 3, length / 2, length - 2, length - 1] {
            let mut files = sound.clone();
            files.get_mut(name).expect("it is there")[at] ^= 0x04;
            write_files(&damaged, &files);
            let output = restore();
            assert!(
                !output.status.success(),
                "{name}, byte {at}: {}",
                said(&output)
            );
        }
        for cut in [0, length / 2, length - 1] {
            let mut files = sound.clone();
            files.get_mut(name).expect("it is there").truncate(cut);
            write_files(&damaged, &files);
            refused(&restore(), "");
        }
        write_files(&damaged, &sound);
        fs::remove_file(damaged.join(name)).expect("removed");
        refused(&restore(), "");
    }

    // Changed by somebody who made the sums anew.
    let changed = async |statement: &'static str| {
        with_sums(&damaged, sound.clone());
        let address = format!("sqlite:{}", damaged.join("server.db").display());
        let db = Db::open(&address, &Options::default())
            .await
            .expect("opened");
        db.execute(Query::new(statement)).await.expect("changed");
        db.close().await;
        let mut files = files_in(&damaged);
        files.retain(|name, _| !name.contains("db-"));
        with_sums(&damaged, files);
    };
    changed("UPDATE users SET handle = 'lore'").await;
    refused(&restore(), "what the manifest says (users)");
    changed("INSERT INTO picard_schema VALUES ('server', 99, 'of the future')").await;
    assert!(said(&restore()).contains("schema version 99"));
    changed("UPDATE picard_schema SET schema_name = 'web'").await;
    assert!(said(&restore()).contains("tables of the web service"));
    let mut files = sound.clone();
    let manifest = files.get_mut("manifest.json").expect("it is there");
    let text =
        String::from_utf8_lossy(manifest).replace("\"picard_backup\": 1", "\"picard_backup\": 2");
    *manifest = text.into_bytes();
    with_sums(&damaged, files);
    refused(&restore(), "newer program");

    with_sums(&damaged, sound);
    let from = damaged.to_str().expect("a path");
    succeeded(&home.run(&["restore", "--force", "--from", from], ""));
}

#[tokio::test]
async fn a_backup_writes_over_nothing_and_one_that_was_killed_is_none() {
    let home = Installation::on(Database::Sqlite).await;
    let db = server_tables(&home.server_address()).await;
    fill(&db, 1, 30_000).await;
    let (to, partial) = (place(&home, "backup"), place(&home, "backup.partial"));
    // A slash behind the name makes it no other one.
    let slash = format!("{}/", to.display());
    let command = ["backup", "--of", "server", "--to", &slash];
    let mut killed = home
        .picard(&command)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    while !partial.join("server.db").exists() {
        let ended = killed.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "it ended before it could be killed");
        tokio::task::yield_now().await;
    }
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    assert!(!to.exists() && partial.exists());
    let from = partial.to_str().expect("a path");
    refused(
        &home.run(&["restore", "--from", from, "--check"], ""),
        "cannot be read",
    );

    succeeded(&home.run(&command, ""));
    assert!(to.exists() && !partial.exists());
    let made = files_in(&to);
    refused(&home.run(&command, ""), "is there already");
    assert!(files_in(&to) == made, "it changed");
    db.close().await;
}

async fn a_restore_that_was_killed_leaves_what_was_there_and_is_repeated(database: Database) {
    let big = Installation::on(Database::Sqlite).await;
    let db = server_tables(&big.server_address()).await;
    fill(&db, 1, 20_000).await;
    db.close().await;
    let backup = place(&big, "backup");
    back_up(&big, &backup, &["--of", "server"]);
    let home = Installation::on(database).await;
    let there = server_tables(&home.server_address()).await;
    fill(&there, 50_000, 50_010).await;
    // Whoever is connected would be taken for a service.
    there.close().await;
    let few = place(&home, "few");
    back_up(&home, &few, &["--of", "server"]);
    let watch = Db::open(&postgres::create_database().await, &Options::default()).await;
    let watch = watch.expect("opened");
    let from = backup.to_str().expect("a path");
    let restore = ["restore", "--of", "server", "--force", "--from", from];
    let work = home.data_dir.join("server/picard.db.restoring");
    let rows = async || {
        let db = Db::open(&home.server_address(), &Options::default()).await;
        let db = db.expect("opened");
        let rows = count(&db).await;
        db.close().await;
        rows
    };
    let mut tries = 0;
    while kill_amid(&home, &restore, &work, &watch).await == Killed::TooLate
        || rows().await == 19_999
    {
        // It was quicker.
        tries += 1;
        assert!(tries < 20, "it cannot be killed in time");
        let again = ["restore", "--of", "server", "--force", "--from"];
        let few = few.to_str().expect("a path");
        succeeded(&home.run(&[&again[..], &[few]].concat(), ""));
        assert_eq!(rows().await, 10);
    }
    assert_eq!(rows().await, 10, "what was there is there");
    watch.close().await;
    succeeded(&home.run(&restore, ""));
    assert_eq!(rows().await, 19_999);
    assert!(!work.exists());
}

#[derive(PartialEq)]
enum Killed {
    Amid,
    TooLate,
}

/// Kills a restore that has begun to write.
async fn kill_amid(home: &Installation, restore: &[&str], work: &Path, watch: &Db) -> Killed {
    let mut command = home.picard(restore);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = quiet.spawn().expect("the binary starts");
    loop {
        let begun = match home.server_database() {
            None => work.exists(),
            Some(url) => is_being_written(watch, url).await,
        };
        if begun {
            break;
        }
        if let Some(ended) = killed.try_wait().expect("it can be asked") {
            assert!(ended.success());
            return Killed::TooLate;
        }
        tokio::task::yield_now().await;
    }
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    Killed::Amid
}

/// Tells whether some transaction writes to a database, as another one of the
/// same server sees it.
async fn is_being_written(watch: &Db, url: &str) -> bool {
    let name = database_of(url);
    let writing = sql!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_xid IS NOT NULL
         AND query LIKE '%INSERT INTO \"memories\"%'",
        name
    );
    let (writing,): (i64,) = watch.one(writing).await.expect("counted");
    writing > 0
}

/// When somebody's last statement began, in microseconds, if that asks who is connected.
async fn who_is_there_was_asked_at(watch: &Db, url: &str) -> Option<i64> {
    let asked = sql!(
        "SELECT CAST(EXTRACT(EPOCH FROM max(query_start)) * 1000000 AS BIGINT)
         FROM pg_stat_activity WHERE datname = $1 AND query LIKE '%FROM pg_stat_activity%'",
        database_of(url)
    );
    let (asked,): (Option<i64>,) = watch.one(asked).await.expect("a row");
    asked
}

fn database_of(url: &str) -> &str {
    let name = url.split('?').next().and_then(|url| url.rsplit('/').next());
    name.expect("the address names a database")
}

#[tokio::test]
async fn an_embedded_database_is_copied_before_it_is_migrated() {
    let home = Installation::on(Database::Sqlite).await;
    first_tables(&home.server_address()).await;
    let version = async || {
        let db = Db::open(&home.server_address(), &Options::default()).await;
        let db = db.expect("opened");
        let version = picard_sql::version(&db, &picard_store::SCHEMA).await;
        db.close().await;
        version.expect("known")
    };

    // Where no copy can be made, nothing is migrated.
    let backups = home.data_dir.join("backups");
    fs::write(&backups, "in the way").expect("a file");
    refused(&home.run(&["migrate"], ""), "was not migrated");
    refused(&home.add_user("data", PASSWORD, &[]), "was not migrated");
    assert_eq!(version().await, 1);
    fs::remove_file(&backups).expect("removed");

    let older = ["20200101T000001Z", "20200101T000002Z", "20200101T000003Z"];
    for name in older.map(|time| format!("server-schema-1-{time}")) {
        fs::create_dir_all(backups.join(name)).expect("a folder");
    }
    fs::create_dir(backups.join("server-schema-mine")).expect("a folder");
    let added = home.add_user("data", PASSWORD, &[]);
    succeeded(&added);
    assert!(
        said(&added).contains("copied before it is migrated"),
        "{}",
        said(&added)
    );
    let newest = picard_store::SCHEMA.migrations.len() as i64;
    assert_eq!(version().await, newest);
    let mut kept: Vec<_> = fs::read_dir(&backups)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string())
        .map(|name| name.expect("a name"))
        .collect();
    kept.sort();
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert_eq!(kept[0], "server-schema-1-20200101T000002Z");
    assert_eq!(kept[3], "server-schema-mine");

    // It can be put back, and is brought to this version then.
    let copy = backups.join(&kept[2]);
    let from = copy.to_str().expect("a path");
    let restored = home.run(&["restore", "--force", "--from", from], "");
    succeeded(&restored);
    assert!(
        said(&restored).contains("was of version 1"),
        "{}",
        said(&restored)
    );
    assert_eq!(version().await, newest);
    succeeded(&home.add_user("data", PASSWORD, &[]));

    // One that is up to date is not copied, nor a new one.
    assert_eq!(fs::read_dir(&backups).expect("a folder").count(), 4);
    let new = Installation::on(Database::Sqlite).await;
    succeeded(&new.add_user("data", PASSWORD, &[]));
    assert!(!new.data_dir.join("backups").exists());
}
