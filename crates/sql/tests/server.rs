//! A PostgreSQL that is late, refuses, is slow, or goes away and comes back.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use picard_sql::{Db, Error, Migration, Options, Refusal, Schema, migrate, sql, transaction};
use picard_testkit::cluster::{Cluster, PASSWORD, ROLE, Stop};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Barrier,
};

const SHORT: Duration = Duration::from_secs(3);

const COUNTERS: Migration = Migration {
    version: 1,
    title: "counters",
    sqlite:
        "CREATE TABLE counters (id INTEGER PRIMARY KEY NOT NULL, count INTEGER NOT NULL) STRICT;
             INSERT INTO counters VALUES (1, 0), (2, 0);",
    postgres: "CREATE TABLE counters (id BIGINT PRIMARY KEY, count BIGINT NOT NULL);
               INSERT INTO counters VALUES (1, 0), (2, 0);",
};

static SCHEMA: Schema = Schema {
    name: "test",
    migrations: &[COUNTERS],
};

async fn opened(address: &str, options: Options) -> Db {
    let db = Db::open(address, &options).await.expect("it opens");
    migrate(&db, &SCHEMA).await.expect("it migrates");
    db
}

/// What is wrong with this address; the sentence and its hint never tell the password.
async fn refusal(address: &str) -> Refusal {
    match Db::open(address, &Options::default()).await {
        Err(Error::Refused(refusal)) => {
            let said = format!("{refusal} {refusal:?} {}", refusal.hint());
            assert!(
                !said.contains(PASSWORD) && !said.contains("it%27s"),
                "{said}"
            );
            refusal
        }
        other => panic!("{other:?}"),
    }
}

async fn count(db: &Db) -> Result<i64, Error> {
    let (count,) = db
        .one(sql!("SELECT count FROM counters WHERE id = 1"))
        .await?;
    Ok(count)
}

async fn add(db: &Db) -> Result<(), Error> {
    transaction!(db, |tx| {
        tx.execute(sql!("UPDATE counters SET count = count + 1 WHERE id = 1"))
            .await?;
    })
}

#[tokio::test]
async fn each_thing_that_is_wrong_has_a_sentence_and_a_hint_of_its_own() {
    let cluster = Cluster::running();
    let (good, port) = (cluster.create_database("good"), cluster.port());
    Db::open(&good, &Options::default())
        .await
        .expect("the password has odd characters, and is right");

    let wrong = refusal(&cluster.address_as(ROLE, "wrong", "good")).await;
    assert!(matches!(&wrong, Refusal::Password { role, .. } if role == ROLE));
    let absent = refusal(&cluster.address("absent")).await;
    assert!(matches!(&absent, Refusal::NoDatabase { database, .. } if database == "absent"));
    // No name server need be asked whether there is a name like this.
    let name = "x".repeat(64);
    let host = refusal(&format!("postgres://a:b@{name}/c")).await;
    assert!(matches!(&host, Refusal::UnknownHost { host } if *host == name));
    let closed = refusal(&good.replace(&format!(":{port}"), ":1")).await;
    assert!(matches!(&closed, Refusal::Unreachable { place, .. } if place == "127.0.0.1:1"));
    let socket = refusal("postgres://a:b@%2Fno%2Fsuch%2Ffolder/c").await;
    assert!(matches!(socket, Refusal::Unreachable { .. }));
    let tls = refusal(&format!("{good}?sslmode=require")).await;
    assert!(matches!(tls, Refusal::Tls { .. }));
    let file = refusal(&format!(
        "{good}?sslmode=verify-ca&sslrootcert=/no/such/file"
    ))
    .await;
    assert!(matches!(file, Refusal::Tls { .. }));

    cluster.superuser("postgres", "ALTER ROLE picard NOLOGIN");
    assert!(matches!(refusal(&good).await, Refusal::Role { .. }));
    cluster.superuser("postgres", "ALTER ROLE picard LOGIN CONNECTION LIMIT 0");
    assert!(matches!(refusal(&good).await, Refusal::NotReady { .. }));
    cluster.superuser("postgres", "ALTER ROLE picard CONNECTION LIMIT -1");
    cluster.superuser(
        "postgres",
        "REVOKE CONNECT ON DATABASE good FROM PUBLIC, picard",
    );
    assert!(matches!(refusal(&good).await, Refusal::Rights { .. }));
    cluster.superuser(
        "postgres",
        "CREATE DATABASE latin OWNER picard ENCODING 'LATIN1' TEMPLATE template0",
    );
    let latin = refusal(&cluster.address("latin")).await;
    assert!(matches!(&latin, Refusal::Encoding { encoding, .. } if encoding == "LATIN1"));
}

#[tokio::test]
async fn a_role_that_may_not_make_tables_is_told_so() {
    let cluster = Cluster::running();
    cluster.superuser("postgres", "CREATE DATABASE others");
    let address = cluster.address("others");
    let refused = migrate(
        &Db::open(&address, &Options::default())
            .await
            .expect("it may connect"),
        &SCHEMA,
    )
    .await
    .expect_err("it owns nothing");
    assert!(
        matches!(&refused, Error::Refused(Refusal::Rights { why }) if why.contains("public")),
        "{refused}"
    );
    cluster.superuser("others", "DROP SCHEMA public");
    let refused = migrate(
        &Db::open(&address, &Options::default())
            .await
            .expect("it may connect"),
        &SCHEMA,
    )
    .await
    .expect_err("there is no schema");
    assert!(
        matches!(refused, Error::Refused(Refusal::NoSchema)),
        "{refused}"
    );
}

#[tokio::test]
async fn a_standby_is_refused_and_is_taken_once_it_was_promoted() {
    let cluster = Cluster::stopped("some");
    fs::write(cluster.data_directory().join("standby.signal"), "").expect("it can be written");
    cluster.start();
    let address = cluster.address("some");
    assert!(matches!(refusal(&address).await, Refusal::ReadOnly { .. }));
    cluster.superuser("postgres", "SELECT pg_promote()");
    opened(&address, Options::default()).await.close().await;
}

#[tokio::test]
async fn connections_to_what_became_a_standby_are_left_for_those_to_the_primary() {
    let cluster = Cluster::running();
    let db = opened(&cluster.create_database("some"), Options::default()).await;
    add(&db).await.expect("it is a primary");
    // To a connection, this is what a primary looks like that was demoted under it.
    cluster.superuser(
        "postgres",
        "ALTER DATABASE \"some\" SET default_transaction_read_only = on",
    );
    cluster.superuser(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'some'",
    );
    let refused = add(&db).await.expect_err("it is read only");
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    cluster.superuser(
        "postgres",
        "ALTER DATABASE \"some\" SET default_transaction_read_only = off",
    );
    add(&db).await.expect("no connection of before is used");
    db.close().await;
}

#[tokio::test]
async fn tls_is_checked_against_the_authority_that_the_address_names() {
    let cluster = Cluster::with_tls();
    cluster.admit("hostssl all all 127.0.0.1/32 scram-sha-256");
    let address = cluster.create_database("sealed");
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).expect("it can be written");
        file
    };
    let right = write("right.pem", cluster.authority());
    let wrong = write("wrong.pem", Cluster::with_tls().authority());
    let none = write("none.pem", "no certificate");
    let named = |mode: &str, file: &Path| {
        format!("{address}?sslmode={mode}&sslrootcert={}", file.display())
    };

    for good in [
        address.clone(),
        format!("{address}?sslmode=require"),
        named("verify-ca", &right),
        named("verify-full", &right),
        named("verify-full", &right).replace("127.0.0.1", "localhost"),
    ] {
        let db = Db::open(&good, &Options::default())
            .await
            .expect("it is right");
        let (sealed,): (bool,) = db
            .one(sql!(
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            ))
            .await
            .expect("a row");
        assert!(sealed);
        db.close().await;
    }
    for mode in ["verify-full", "verify-ca", "require"] {
        let refused = refusal(&named(mode, &wrong)).await;
        assert!(
            matches!(refused, Refusal::Certificate { .. }),
            "{mode}: {refused}"
        );
    }
    // Without a file, the authorities of the Internet are trusted, and ours is none of them.
    let refused = refusal(&format!("{address}?sslmode=verify-full")).await;
    assert!(matches!(refused, Refusal::Certificate { .. }), "{refused}");
    let plain = refusal(&format!("{address}?sslmode=disable")).await;
    assert!(matches!(plain, Refusal::Role { .. }), "{plain}");
    let refused = refusal(&named("verify-full", &none)).await;
    assert!(matches!(refused, Refusal::Certificate { .. }), "{refused}");
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let cluster = Cluster::stopped("later");
    let address = cluster.address("later");
    assert!(matches!(
        refusal(&address).await,
        Refusal::Unreachable { .. }
    ));
    let options = Options {
        wait: Duration::from_mins(2),
        ..Options::default()
    };
    let opening = tokio::spawn(async move { opened(&address, options).await });
    cluster.start();
    opening.await.expect("no panic").close().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_ends_and_the_connection_goes_on() {
    let cluster = Cluster::running();
    let options = Options {
        connections: 1,
        statement_timeout: Some(SHORT),
        ..Options::default()
    };
    let db = opened(&cluster.create_database("slow"), options).await;
    let slow = || sql!("SELECT CAST(pg_sleep(60) AS TEXT)");
    let ended = db.all::<(String,)>(slow()).await.expect_err("it is slow");
    assert!(matches!(ended, Error::Unavailable(_)), "{ended}");
    let ended: Result<(), Error> = transaction!(&db, |tx| {
        tx.all::<(String,)>(slow()).await?;
    });
    assert!(matches!(ended, Err(Error::Unavailable(_))));
    add(&db).await.expect("the only connection works");
    db.close().await;
}

#[tokio::test]
async fn a_migration_takes_the_time_that_it_takes() {
    static SLOW: Schema = Schema {
        name: "slow",
        migrations: &[Migration {
            version: 1,
            title: "slow",
            sqlite: "",
            postgres: "SELECT pg_sleep(2)",
        }],
    };
    let cluster = Cluster::running();
    let options = Options {
        statement_timeout: Some(SHORT),
        ..Options::default()
    };
    let address = cluster.create_database("large");
    let db = Db::open(&address, &options).await.expect("it opens");
    assert_eq!(migrate(&db, &SLOW).await.expect("it is let finish"), 1);
    db.close().await;
}

#[tokio::test]
async fn a_long_copy_is_not_ended_by_the_limit_that_the_role_has() {
    let cluster = Cluster::running();
    let address = cluster.create_database("copied");
    cluster.superuser("postgres", "ALTER ROLE picard SET statement_timeout = '1s'");
    let options = |statement_timeout| Options {
        statement_timeout,
        silence: None,
        ..Options::default()
    };
    let slow = || sql!("SELECT CAST(pg_sleep(2) AS TEXT)");
    let db = Db::open(&address, &options(None)).await.expect("it opens");
    let ended = db.all::<(String,)>(slow()).await;
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    db.close().await;
    let options = options(Some(Duration::ZERO));
    let db = Db::open(&address, &options).await.expect("it opens");
    db.all::<(String,)>(slow()).await.expect("it is let finish");
    db.close().await;
}

#[tokio::test]
async fn a_pooler_that_takes_no_limits_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let pooler = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.expect("a connection");
        let size = connection.read_u32().await.expect("a startup packet");
        let mut packet = vec![0; size as usize - 4];
        connection.read_exact(&mut packet).await.expect("all of it");
        assert!(String::from_utf8_lossy(&packet).contains("statement_timeout"));
        let said = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let mut answer = vec![b'E'];
        answer.extend((said.len() as u32 + 4).to_be_bytes());
        answer.extend(said);
        connection.write_all(&answer).await.expect("it is written");
    });
    let refused = refusal(&format!("postgres://a:b@{address}/c?sslmode=disable")).await;
    assert!(matches!(&refused, Refusal::Pooler { why, .. } if why.contains("options")));
    assert!(refused.hint().contains("ignore_startup_parameters"));
    pooler.await.expect("no panic");
}

#[tokio::test]
async fn a_migration_that_waits_for_a_backup_holds_up_nobody_else() {
    static NEXT: Schema = Schema {
        name: "test",
        migrations: &[
            COUNTERS,
            Migration {
                version: 2,
                title: "notes",
                sqlite: "",
                postgres: "ALTER TABLE counters ADD COLUMN note TEXT",
            },
        ],
    };
    let cluster = Cluster::running();
    let db = opened(&cluster.create_database("read"), Options::default()).await;
    let mut backup = db.snapshot().await.expect("it begins");
    let read = || sql!("SELECT count FROM counters WHERE id = 1");
    backup.one::<(i64,)>(read()).await.expect("a row");
    let migrating = tokio::spawn({
        let db = db.clone();
        async move { migrate(&db, &NEXT).await }
    });
    let (mut waits, mut tries) = (0, 0);
    while waits == 0 && tries < 10_000 {
        (waits,) = db
            .one::<(i64,)>(sql!(
                "SELECT COUNT(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
            ))
            .await
            .expect("a row");
        tries += 1;
    }
    assert_eq!(waits, 1, "the migration waits for its table");
    // Behind the migration, as long as that insists.
    assert_eq!(count(&db).await.expect("it is let pass"), 0);
    assert!(!migrating.is_finished());
    drop(backup);
    let applied = migrating.await.expect("no panic");
    assert_eq!(applied.expect("the backup is over"), 1);
    db.close().await;
}

#[tokio::test]
async fn a_transaction_that_stands_still_gives_its_locks_back() {
    let cluster = Cluster::running();
    let options = Options {
        idle_in_transaction: Some(SHORT),
        ..Options::default()
    };
    let db = opened(&cluster.create_database("idle"), options).await;
    let mut still = db.begin().await.expect("it begins");
    still
        .execute(sql!("UPDATE counters SET count = 7 WHERE id = 1"))
        .await
        .expect("it takes the lock");
    add(&db).await.expect("the lock is given back");
    let ended = still.execute(sql!("UPDATE counters SET count = 8")).await;
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    drop(still);
    assert_eq!(count(&db).await.expect("a row"), 1);
    db.close().await;
}

#[tokio::test]
async fn a_pool_without_a_free_connection_says_so_in_time() {
    let cluster = Cluster::running();
    let options = Options {
        connections: 1,
        patience: SHORT,
        ..Options::default()
    };
    let db = opened(&cluster.create_database("few"), options).await;
    let held = db.begin().await.expect("it begins");
    let none = count(&db).await.expect_err("there is one connection");
    assert!(matches!(none, Error::Unavailable(_)), "{none}");
    drop(held);
    count(&db).await.expect("it is free again");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_are_replaced_before_anybody_meets_them() {
    let cluster = Cluster::running();
    let db = opened(&cluster.create_database("some"), Options::default()).await;
    for round in 0..6 {
        // All ten connections are open, and then all are dead.
        let all: Vec<_> = futures_of(10, || db.begin()).await;
        drop(
            all.into_iter()
                .map(|tx| tx.expect("it begins"))
                .collect::<Vec<_>>(),
        );
        match round % 3 {
            0 => drop(cluster.superuser(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'some'",
            )),
            1 => {
                cluster.stop(Stop::Fast);
                cluster.start();
            }
            _ => {
                cluster.stop(Stop::Immediate);
                cluster.start();
            }
        }
        for answer in futures_of(10, || add(&db)).await {
            answer.expect("nobody meets a dead connection");
        }
    }
    assert_eq!(count(&db).await.expect("a row"), 60);
    db.close().await;
}

#[tokio::test]
async fn while_the_server_is_away_everything_fails_as_unavailable_and_then_works() {
    let cluster = Cluster::running();
    let options = Options {
        patience: SHORT,
        ..Options::default()
    };
    let db = opened(&cluster.create_database("some"), options).await;
    let mut midway = db.begin().await.expect("it begins");
    cluster.stop(Stop::Immediate);
    let update = sql!("UPDATE counters SET count = 5");
    let ended = midway.execute(update.clone()).await;
    assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
    drop(midway);
    for failed in [
        count(&db).await.map(drop),
        add(&db).await,
        db.execute(update).await.map(drop),
        db.snapshot().await.map(drop),
        db.ping().await,
    ] {
        assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
    }
    cluster.start();
    assert_eq!(count(&db).await.expect("it works again"), 0);
    add(&db).await.expect("it works again");
    db.close().await;
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let cluster = Cluster::running();
    let options = Options {
        // No limit is sent, as behind a pooler that takes none.
        statement_timeout: None,
        idle_in_transaction: None,
        silence: Some(SHORT),
        ..Options::default()
    };
    let db = opened(&cluster.create_database("silent"), options).await;
    let mut tx = db.begin().await.expect("it begins");
    let (pid,): (i64,) = tx
        .one(sql!("SELECT CAST(pg_backend_pid() AS BIGINT)"))
        .await
        .expect("a row");
    let signal = |signal: &str| {
        let sent = std::process::Command::new("kill")
            .args([signal, &pid.to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    };
    // As if its machine had lost its power, to this one connection.
    signal("-STOP");
    let silent = tx.execute(sql!("UPDATE counters SET count = 3")).await;
    assert!(matches!(silent, Err(Error::Unavailable(_))), "{silent:?}");
    drop(tx);
    add(&db).await.expect("another connection takes its place");
    signal("-CONT");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_only_at_its_commit_is_run_again() {
    let cluster = Cluster::running();
    let address = cluster.create_database("strict");
    cluster.superuser(
        "postgres",
        "ALTER DATABASE strict SET default_transaction_isolation = 'serializable'",
    );
    let db = opened(&address, Options::default()).await;
    let both_wrote = Barrier::new(2);
    let attempts = AtomicUsize::new(0);
    // Each reads both counters and writes one: one after the other, they would see each other.
    let write = async |id: i64| -> Result<(), Error> {
        transaction!(&db, |tx| {
            let (sum,): (i64,) = tx
                .one(sql!("SELECT CAST(SUM(count) AS BIGINT) FROM counters"))
                .await?;
            let write = sql!("UPDATE counters SET count = $1 + 1 WHERE id = $2", sum, id);
            tx.execute(write).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
                both_wrote.wait().await;
            }
        })
    };
    let (one, other) = tokio::join!(write(1), write(2));
    one.expect("its commit succeeds, or it is run again");
    other.expect("its commit succeeds, or it is run again");
    // What was run again may read before the other's commit is seen.
    assert!(attempts.into_inner() >= 3, "one of them was run again");
    let (sum,): (i64,) = db
        .one(sql!("SELECT CAST(SUM(count) AS BIGINT) FROM counters"))
        .await
        .expect("a row");
    assert_eq!(sum, 1 + 2, "as if one had come after the other");
    db.close().await;
}

/// Runs so many at once.
async fn futures_of<T, F: Future<Output = T>>(count: usize, make: impl Fn() -> F) -> Vec<T> {
    futures::future::join_all((0..count).map(|_| make())).await
}
