//! An installation goes from SQLite to PostgreSQL and back.

use std::{collections::BTreeSet, fs, process::Stdio};

use picard_sql::{Db, Options, Query, sql};
use picard_testkit::postgres;
use picard_tests::{
    installation::{Installation, said, succeeded},
    server::Database,
};
use uuid::Uuid;

use crate::world::{
    World, back_up, both, count, digests, fill, first_tables, give_keys, place, refused, remember,
    server_tables, start_at, texts,
};

/// Rows that take a while to copy.
const MANY: u32 = 30_000;

#[tokio::test]
async fn an_installation_moves_to_postgresql_and_back_and_nobody_notices() {
    let first = Installation::on(Database::Sqlite).await;
    let up = first.start();
    let mut world = World::made(&first, &up).await;
    let addresses = (up.server.clone(), up.web.clone());
    assert!(up.stop().success());

    let moved = Installation::on(Database::Postgres).await;
    give_keys(&first, &moved);
    let (server, web) = (
        moved.server_database().expect("an address"),
        moved.web_database().expect("an address"),
    );
    let files = ["server/picard.db", "web/web.db"].map(|file| first.data_dir.join(file));
    let before = files.each_ref().map(|file| fs::read(file).expect("a file"));
    let to = ["migrate", "--to", server, "--web-to", web];
    succeeded(&both(&first, &to));
    for (file, before) in files.iter().zip(&before) {
        assert!(
            fs::read(file).expect("a file") == *before,
            "{file:?} changed"
        );
    }
    for service in ["server", "web"] {
        let name = |at: &str| format!("{service}-{at}");
        let tables = digests(&first, &name("first"), service);
        assert_eq!(tables, digests(&moved, &name("moved"), service));
        every_table_is_in(&tables, &moved, service).await;
    }

    let up = start_at(&moved, &addresses);
    world.is_well(&up).await;
    remember(&up.server, &world.tokens.access, "PostgreSQL is a planet.").await;
    assert!(up.stop().success());

    let last = Installation::on(Database::Sqlite).await;
    give_keys(&first, &last);
    let from = ["migrate", "--from", server, "--web-from", web];
    succeeded(&both(&last, &from));
    for service in ["server", "web"] {
        let name = |at: &str| format!("{service}-{at}");
        let tables = digests(&moved, &name("moved-again"), service);
        assert_eq!(tables, digests(&last, &name("last"), service));
    }
    let up = start_at(&last, &addresses);
    world.is_well(&up).await;
    let all = texts(&up.server, &world.tokens.access).await;
    assert!(
        all.contains(&"PostgreSQL is a planet.".to_owned()),
        "{all:?}"
    );
    assert!(up.stop().success());
}

/// A table that a later migration brings is copied too, or this fails.
async fn every_table_is_in(tables: &serde_json::Value, home: &Installation, service: &str) {
    let address = match service {
        "server" => home.server_database(),
        _ => home.web_database(),
    };
    let db = Db::open(address.expect("an address"), &Options::default()).await;
    let db = db.expect("opened");
    let found = picard_sql::tables(&db).await.expect("the catalogue");
    db.close().await;
    let found: BTreeSet<_> = found.iter().map(String::as_str).collect();
    let tables = tables.as_object().expect("tables by their names");
    let mut copied: BTreeSet<_> = tables.keys().map(String::as_str).collect();
    assert!(copied.len() >= 5, "{copied:?}");
    copied.insert("picard_schema");
    assert_eq!(found, copied);
}

#[tokio::test]
async fn a_move_that_was_killed_goes_on_where_it_was_and_brings_over_what_changed() {
    let home = Installation::on(Database::Sqlite).await;
    let source = server_tables(&home.server_address()).await;
    fill(&source, 100, MANY).await;
    let moved = Installation::on(Database::Postgres).await;
    let to = moved.server_database().expect("an address");
    let command = ["migrate", "--of", "server", "--to", to];
    let mut killed = home
        .picard(&command)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let target = Db::open(to, &Options::default()).await.expect("opened");
    while count(&target).await < 2_000 {
        let ended = killed.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "it ended before it could be killed");
        tokio::task::yield_now().await;
    }
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    let half = count(&target).await;
    assert!(half < i64::from(MANY) - 100, "it was complete");

    // No service and no command takes it for a database, nor for another's copy.
    refused(&moved.run(&["migrate"], ""), "half-done copy");
    let other = Installation::on(Database::Sqlite).await;
    fill(&server_tables(&other.server_address()).await, 1, 2).await;
    refused(&other.run(&command, ""), "half-done copy");

    // Added in front of what is copied, changed, and removed.
    fill(&source, 1, 50).await;
    for statement in [
        "DELETE FROM memories WHERE revision = 101",
        "UPDATE memories SET updated_at = 2 WHERE revision = 102",
        "UPDATE memories SET revision = -1 WHERE revision = 103",
        "UPDATE memories SET revision = 103 WHERE revision = 104",
    ] {
        source
            .execute(Query::new(statement))
            .await
            .expect("changed");
    }
    // Who wrote a row that is the same on both sides.
    let writer = async || {
        let writer = sql!(
            "SELECT CAST(CAST(xmin AS TEXT) AS BIGINT) FROM memories WHERE id = $1",
            Uuid::from_u128(200)
        );
        let (writer,): (i64,) = target.one(writer).await.expect("a row");
        writer
    };
    let before = writer().await;
    succeeded(&home.run(&command, ""));
    assert_eq!(writer().await, before, "it was not copied twice");
    target.close().await;
    source.close().await;
    assert_eq!(
        digests(&home, "here", "server"),
        digests(&moved, "there", "server")
    );
    succeeded(&moved.run(&["migrate"], ""));
    refused(&home.run(&command, ""), "is not empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_the_source_meanwhile_is_told_and_copied_by_a_second_run() {
    let home = Installation::on(Database::Sqlite).await;
    let source = server_tables(&home.server_address()).await;
    fill(&source, 100_000, 110_000).await;
    let moved = Installation::on(Database::Postgres).await;
    let to = moved.server_database().expect("an address").to_owned();
    let writing = {
        let source = source.clone();
        tokio::spawn(async move {
            for n in 0..100_000 {
                fill(&source, n, n + 1).await;
            }
        })
    };
    let run = async || {
        let mut command = home.picard(&["migrate", "--of", "server", "--to", &to]);
        let run = tokio::task::spawn_blocking(move || command.output());
        run.await.expect("it runs").expect("the binary starts")
    };
    let told = run().await;
    assert!(!writing.is_finished());
    refused(&told, "written to while it was copied");
    assert!(said(&told).contains("memories"), "{}", said(&told));
    refused(&moved.run(&["migrate"], ""), "half-done copy");
    writing.abort();
    // It ends at its next wait; the copy begins after that.
    assert!(writing.await.is_err());
    succeeded(&run().await);
    source.close().await;
    assert_eq!(
        digests(&home, "here", "server"),
        digests(&moved, "there", "server")
    );
}

#[tokio::test]
async fn an_older_version_is_brought_up_to_date_in_the_copy_alone() {
    let newest = picard_store::SCHEMA.migrations.len() as i64;
    let version = async |home: &Installation| {
        let db = Db::open_to_read(&home.server_address(), &Options::default()).await;
        let db = db.expect("opened");
        let version = picard_sql::version(&db, &picard_store::SCHEMA).await;
        db.close().await;
        version.expect("known")
    };
    for (from, to) in [
        (Database::Sqlite, Database::Postgres),
        (Database::Postgres, Database::Sqlite),
    ] {
        let (old, copy, restored) = (
            Installation::on(from).await,
            Installation::on(to).await,
            Installation::on(to).await,
        );
        first_tables(&old.server_address()).await;
        let (source, target) = (old.server_address(), copy.server_address());
        fs::create_dir_all(copy.data_dir.join("server")).expect("a folder");
        let migrate = [
            "migrate", "--of", "server", "--from", &source, "--to", &target,
        ];
        succeeded(&old.run(&migrate, ""));
        assert_eq!((version(&old).await, version(&copy).await), (1, newest));

        let backup = place(&old, "backup");
        let manifest = back_up(&old, &backup, &["--of", "server"]);
        assert_eq!(manifest["services"]["server"]["schema_version"], 1);
        let from = backup.to_str().expect("a path");
        succeeded(&restored.run(&["restore", "--from", from], ""));
        assert_eq!((version(&old).await, version(&restored).await), (1, newest));
        assert_eq!(
            digests(&copy, "copy", "server"),
            digests(&restored, "restored", "server")
        );
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused_and_nothing_is_left() {
    let home = Installation::on(Database::Sqlite).await;
    fill(&server_tables(&home.server_address()).await, 1, 10).await;
    let here = home.server_address();
    let new = format!("sqlite:{}", place(&home, "new.db").display());
    let missing = format!("sqlite:{}", place(&home, "missing.db").display());
    let full = format!("sqlite:{}", place(&home, "full.db").display());
    fill(&server_tables(&full).await, 1, 2).await;
    let foreign = postgres::create_database().await;
    let db = Db::open(&foreign, &Options::default())
        .await
        .expect("opened");
    let made = Query::new("CREATE TABLE users (name TEXT NOT NULL PRIMARY KEY)");
    db.execute(made).await.expect("a table");
    db.close().await;
    for (arguments, words) in [
        (&["--to", &*new][..], "would stay behind"),
        (&["--web-to", &new], "would stay behind"),
        (&["--of", "server", "--to", &here], "onto itself"),
        (
            &["--of", "server", "--from", &missing, "--to", &new],
            "no database",
        ),
        (
            &["--of", "web", "--from", &here, "--to", &new],
            "tables of the server service",
        ),
        (&["--of", "server", "--to", &full], "is not empty"),
        (
            &["--of", "server", "--to", &foreign],
            "that Picard did not make",
        ),
        (
            &["--of", "server", "--to", "mysql://db/picard"],
            "is not understood",
        ),
    ] {
        let output = home.run(&[&["migrate"], arguments].concat(), "");
        assert!(
            !output.status.success() && said(&output).contains(words),
            "{arguments:?}: {}",
            said(&output)
        );
        assert!(!place(&home, "new.db").exists(), "{arguments:?}");
    }
    assert!(!place(&home, "missing.db").exists());
}
