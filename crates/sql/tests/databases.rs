//! What holds of both databases alike, told through the public interface.

use std::sync::Arc;

use picard_domain::{Instant, Permission, Scopes, UserId};
use picard_sql::{
    Db, Error, Migration, Options, Schema, migrate, pending, sql, tables, transaction,
};
use picard_testkit::{TestDatabase, databases};
use tokio::sync::Barrier;
use uuid::Uuid;

static SCHEMA: Schema = Schema {
    name: "test",
    migrations: &[
        Migration {
            version: 1,
            title: "things",
            sqlite: "CREATE TABLE things (id BLOB NOT NULL PRIMARY KEY, number INTEGER, flag INTEGER,
                     text TEXT, bytes BLOB) STRICT",
            postgres: "CREATE TABLE things (id UUID NOT NULL PRIMARY KEY, number BIGINT, flag BOOLEAN,
                       text TEXT, bytes BYTEA)",
        },
        Migration {
            version: 2,
            title: "counters, two statements",
            sqlite: "CREATE TABLE counters (id INTEGER PRIMARY KEY NOT NULL, count INTEGER NOT NULL) STRICT;
                     INSERT INTO counters VALUES (1, 0), (2, 0);",
            postgres: "CREATE TABLE counters (id BIGINT PRIMARY KEY, count BIGINT NOT NULL);
                       INSERT INTO counters VALUES (1, 0), (2, 0);",
        },
    ],
};

static OLDER: Schema = Schema {
    name: "test",
    migrations: SCHEMA.migrations.split_at(1).0,
};

async fn migrated(database: &TestDatabase) -> Db {
    let db = database.open().await;
    migrate(&db, &SCHEMA)
        .await
        .expect("the migrations are sound");
    db
}

async fn counter(db: &Db, id: i64) -> i64 {
    let (count,) = db
        .one(sql!("SELECT count FROM counters WHERE id = $1", id))
        .await
        .expect("a row");
    count
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_stored() {
    databases(async |database| {
        let db = migrated(database).await;
        let insert =
            "INSERT INTO things (id, number, flag, text, bytes) VALUES ($1, $2, $3, $4, $5)";
        let full = UserId::from_uuid(Uuid::from_u128(1));
        let query = picard_sql::Query::new(insert)
            .bind(full)
            .bind(Instant::from_micros(i64::MIN))
            .bind(true)
            .bind(Permission::Public)
            .bind([0_u8, 255, 7].as_slice());
        assert_eq!(db.execute(query).await.expect("inserted"), 1);
        let empty = picard_sql::Query::new(insert)
            .bind(Uuid::from_u128(2))
            .bind(None::<i64>)
            .bind(None::<bool>)
            .bind(None::<Scopes>)
            .bind(None::<Vec<u8>>);
        db.execute(empty).await.expect("inserted");

        let select = |id: u128| {
            sql!(
                "SELECT id, number, flag FROM things WHERE id = $1",
                Uuid::from_u128(id)
            )
        };
        let row: (UserId, Instant, bool) = db.one(select(1)).await.expect("a row");
        assert_eq!(row, (full, Instant::from_micros(i64::MIN), true));
        let row: (Uuid, Option<Instant>, Option<bool>) = db.one(select(2)).await.expect("a row");
        assert_eq!(row, (Uuid::from_u128(2), None, None));
        let rest = |id: u128| {
            sql!(
                "SELECT text, bytes FROM things WHERE id = $1",
                Uuid::from_u128(id)
            )
        };
        let row: (Permission, [u8; 3]) = db.one(rest(1)).await.expect("a row");
        assert_eq!(row, (Permission::Public, [0, 255, 7]));
        let row: (Option<String>, Option<Vec<u8>>) = db.one(rest(2)).await.expect("a row");
        assert_eq!(row, (None, None));

        let wrong = db.one::<(Scopes, [u8; 4])>(rest(1)).await;
        assert!(matches!(wrong, Err(Error::Corrupt { column, .. }) if column == "text"));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_row_with_the_same_key_is_a_conflict() {
    databases(async |database| {
        let db = migrated(database).await;
        let insert = || sql!("INSERT INTO things (id) VALUES ($1)", Uuid::from_u128(1));
        db.execute(insert()).await.expect("the first");
        assert!(matches!(
            db.execute(insert()).await,
            Err(Error::Conflict(_))
        ));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_ends_in_an_error_leaves_nothing() {
    databases(async |database| {
        let db = migrated(database).await;
        let outcome: Result<(), Error> = transaction!(&db, |tx| {
            tx.execute(sql!("UPDATE counters SET count = 5")).await?;
            tx.execute(sql!("INSERT INTO counters (id, count) VALUES (1, 0)"))
                .await?;
        });
        assert!(matches!(outcome, Err(Error::Conflict(_))));
        assert_eq!(counter(&db, 1).await, 0);
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_transactions_at_once_none_is_lost() {
    databases(async |database| {
        let db = migrated(database).await;
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    let outcome: Result<(), Error> = transaction!(&db, |tx| {
                        let (count,) = tx
                            .one::<(i64,)>(sql!(
                                "UPDATE counters SET count = count + 1 WHERE id = 1 RETURNING count"
                            ))
                            .await?;
                        tx.execute(sql!("UPDATE counters SET count = $1 WHERE id = 2", count))
                            .await?;
                    });
                    outcome
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic").expect("committed");
        }
        assert_eq!((counter(&db, 1).await, counter(&db, 2).await), (40, 40));
        db.close().await;
    })
    .await;
}

/// Two transactions take the same two rows in opposite order: PostgreSQL ends
/// one of them with 40P01, and it is run again.
#[tokio::test(flavor = "multi_thread")]
async fn the_victim_of_a_deadlock_is_run_again() {
    let database = TestDatabase::postgres().await;
    let db = migrated(&database).await;
    let met = Arc::new(Barrier::new(2));
    let task = |first: i64, second: i64| {
        let (db, met) = (db.clone(), Arc::clone(&met));
        tokio::spawn(async move {
            let mut runs = 0;
            let outcome: Result<(), Error> = transaction!(&db, |tx| {
                runs += 1;
                tx.execute(sql!(
                    "UPDATE counters SET count = count + 1 WHERE id = $1",
                    first
                ))
                .await?;
                if runs == 1 {
                    met.wait().await;
                }
                tx.execute(sql!(
                    "UPDATE counters SET count = count + 1 WHERE id = $1",
                    second
                ))
                .await?;
            });
            (outcome, runs)
        })
    };
    let (one, two) = (task(1, 2), task(2, 1));
    let (one, two) = (one.await.expect("no panic"), two.await.expect("no panic"));
    assert!(one.0.is_ok() && two.0.is_ok());
    // It may meet the other once more before that is through.
    assert!(one.1 + two.1 >= 3, "one of them ran again");
    assert_eq!((counter(&db, 1).await, counter(&db, 2).await), (2, 2));
    db.close().await;
    database.remove().await;
}

#[tokio::test]
async fn a_snapshot_sees_one_moment_and_cannot_write() {
    databases(async |database| {
        let db = migrated(database).await;
        let select = || sql!("SELECT count FROM counters WHERE id = 1");
        let mut snapshot = db.snapshot().await.expect("begun");
        assert_eq!(snapshot.one::<(i64,)>(select()).await.expect("a row"), (0,));
        db.execute(sql!("UPDATE counters SET count = 9"))
            .await
            .expect("a writer is not kept waiting");
        assert_eq!(snapshot.one::<(i64,)>(select()).await.expect("a row"), (0,));
        assert!(
            snapshot
                .execute(sql!("UPDATE counters SET count = 1"))
                .await
                .is_err()
        );
        drop(snapshot);
        assert_eq!(counter(&db, 1).await, 9);
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_nodes_that_start_at_once_each_step_is_done_by_one() {
    databases(async |database| {
        let url: Arc<str> = database.url().into();
        let nodes: Vec<_> = (0..8)
            .map(|_| {
                let url = Arc::clone(&url);
                tokio::spawn(async move {
                    let db = Db::open(&url, &Options::default()).await.expect("opens");
                    let steps = migrate(&db, &SCHEMA).await.expect("migrates");
                    db.close().await;
                    steps
                })
            })
            .collect();
        let mut steps = 0;
        for node in nodes {
            steps += node.await.expect("no panic");
        }
        assert_eq!(steps, SCHEMA.migrations.len());
        let db = database.open().await;
        assert_eq!(migrate(&db, &SCHEMA).await.expect("nothing to do"), 0);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    databases(async |database| {
        let db = migrated(database).await;
        let refused = migrate(&db, &OLDER).await.expect_err("it is newer");
        assert!(
            matches!(refused, Error::SchemaTooNew { found: 2, known: 1 }),
            "{refused}"
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_database_of_another_service_is_refused() {
    databases(async |database| {
        let db = migrated(database).await;
        let other = Schema {
            name: "other",
            migrations: SCHEMA.migrations,
        };
        let refused = migrate(&db, &other).await.expect_err("it is another's");
        assert!(
            matches!(
                refused,
                Error::ForeignSchema {
                    wanted: "other",
                    ..
                }
            ),
            "{refused}"
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_step_that_fails_is_as_if_it_had_not_begun() {
    databases(async |database| {
        const BROKEN: &str = "CREATE TABLE half (id BIGINT NOT NULL); CREATE NONSENSE";
        static NEXT: Schema = Schema {
            name: "test",
            migrations: &[
                SCHEMA.migrations[0],
                Migration {
                    version: 2,
                    title: "broken",
                    sqlite: BROKEN,
                    postgres: BROKEN,
                },
            ],
        };
        let db = database.open().await;
        assert!(migrate(&db, &NEXT).await.is_err());
        let tables = tables(&db).await.expect("listed");
        assert!(tables.contains(&"things".to_owned()) && !tables.contains(&"half".to_owned()));
        assert_eq!(pending(&db, &NEXT).await.expect("one is left").len(), 1);
        db.close().await;
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn files_of_sqlite_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let database = TestDatabase::sqlite();
    let db = migrated(&database).await;
    let file = database.url().trim_start_matches("sqlite:");
    let folder = std::path::Path::new(file).parent().expect("a folder");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("listed") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("its metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log, its index");
    db.close().await;
    assert_eq!(
        std::fs::read_dir(folder).expect("listed").count(),
        1,
        "closing folds the log in"
    );
}

#[tokio::test]
async fn an_address_is_never_repeated_in_an_error() {
    for address in [
        "mysql://user:secret@host/db",
        "postgres://user:secret@[",
        "sqlite:",
        "",
    ] {
        let refused = Db::open(address, &Options::default())
            .await
            .expect_err("no such database");
        assert!(matches!(refused, Error::Address), "{refused:?}");
        assert!(!format!("{refused:?} {refused}").contains("secret"));
    }
}
