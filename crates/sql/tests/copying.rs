//! Whole databases copied from one kind into the other, as they are.

use std::fs;

use picard_sql::{
    Alone, Db, Error, Migration, Options, Query, Schema, check_file,
    copy::{Commit, Copy, Plan, TableDigest, digests, mark, marked, unmark},
    copy_file, migrate, pending, sql, sqlite_path, version,
};
use picard_testkit::TestDatabase;
use uuid::Uuid;

/// `animals` refers to `owners`, which comes after it in the alphabet.
static SCHEMA: Schema = Schema {
    name: "zoo",
    migrations: &[
        Migration {
            version: 1,
            title: "owners and animals",
            sqlite: "CREATE TABLE owners (id BLOB NOT NULL PRIMARY KEY, handle TEXT NOT NULL UNIQUE) STRICT;
                     CREATE TABLE animals (owner BLOB NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
                                           number INTEGER NOT NULL, tame INTEGER, picture BLOB,
                                           PRIMARY KEY (owner, number)) STRICT;",
            postgres: "CREATE TABLE owners (id UUID NOT NULL PRIMARY KEY, handle TEXT NOT NULL UNIQUE);
                       CREATE TABLE animals (owner UUID NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
                                             number BIGINT NOT NULL, tame BOOLEAN, picture BYTEA,
                                             PRIMARY KEY (owner, number));",
        },
        Migration {
            version: 2,
            title: "words, whose key is a text",
            sqlite: "CREATE TABLE words (place INTEGER NOT NULL, word TEXT NOT NULL,
                                         PRIMARY KEY (word, place)) STRICT, WITHOUT ROWID;",
            postgres: "CREATE TABLE words (place BIGINT NOT NULL, word TEXT NOT NULL,
                                           PRIMARY KEY (word, place));",
        },
    ],
};

async fn plan() -> Plan {
    Plan::of(&SCHEMA, 2)
        .await
        .expect("the migrations are sound")
}

async fn empty(database: &TestDatabase) -> Db {
    let db = database.open().await;
    migrate(&db, &SCHEMA).await.expect("migrated");
    db
}

fn id(n: u32) -> Uuid {
    Uuid::from_u128(u128::from(n.wrapping_mul(2_654_435_761)) << 96 | u128::from(n))
}

async fn owner(db: &Db, n: u32, handle: &str) {
    let insert = sql!(
        "INSERT INTO owners (id, handle) VALUES ($1, $2)",
        id(n),
        handle
    );
    db.execute(insert).await.expect("inserted");
}

/// More rows than are read at once, values at the ends of their types, and texts
/// that a collation of people would sort otherwise.
async fn fill(db: &Db) {
    for n in 0..600 {
        owner(db, n, &format!("owner {n}")).await;
        let tame = [Some(true), Some(false), None][n as usize % 3];
        let number = [i64::MIN, -1, i64::MAX][n as usize % 3];
        let animal = sql!(
            "INSERT INTO animals (owner, number, tame, picture) VALUES ($1, $2, $3, $4)",
            id(n),
            number,
            tame,
            (n % 2 == 0).then(|| vec![0_u8, 255, n as u8]),
        );
        db.execute(animal).await.expect("inserted");
    }
    for (place, word) in (0..).zip([
        "B", "a", "Ä", "ä", "", "b", "a b", "a-b", "A", "ﬁ", "𝄞", "~",
    ]) {
        for place in [place, -place - 1] {
            let word = sql!(
                "INSERT INTO words (place, word) VALUES ($1, $2)",
                place,
                word
            );
            db.execute(word).await.expect("inserted");
        }
    }
}

async fn digests_of(db: &Db) -> Vec<TableDigest> {
    let mut tx = db.snapshot().await.expect("begun");
    digests(&mut tx, &plan().await, &mut |_| ())
        .await
        .expect("read")
}

async fn copy(from: &Db, to: &Db) -> Vec<TableDigest> {
    let mut source = from.snapshot().await.expect("begun");
    let mut copy = Copy::begin(to, Commit::EachBatch).await.expect("begun");
    let copied = copy.take(&mut source, &plan().await, &mut |_| ()).await;
    let copied = copied.expect("copied");
    copy.commit().await.expect("committed");
    copied
}

fn file(database: &TestDatabase) -> std::path::PathBuf {
    let path = sqlite_path(database.url()).expect("an address");
    path.expect("of a file").to_owned()
}

#[tokio::test]
async fn what_goes_from_sqlite_to_postgresql_and_back_is_the_same() {
    let (first, between, last) = (
        TestDatabase::sqlite(),
        TestDatabase::postgres().await,
        TestDatabase::sqlite(),
    );
    let (a, b, c) = (
        empty(&first).await,
        empty(&between).await,
        empty(&last).await,
    );
    fill(&a).await;
    let copied = copy(&a, &b).await;
    assert_eq!(copied, digests_of(&a).await);
    assert_eq!(copied, digests_of(&b).await);
    assert_eq!(copied, copy(&b, &c).await);
    assert_eq!(copied, digests_of(&c).await);
    let rows: Vec<_> = copied.iter().map(|t| (t.table.as_str(), t.rows)).collect();
    assert_eq!(rows, [("owners", 600), ("animals", 600), ("words", 24)]);
    for db in [a, b, c] {
        db.close().await;
    }
    between.remove().await;
}

#[tokio::test]
async fn a_second_copy_brings_over_what_changed_since_the_first() {
    for to_postgres in [true, false] {
        let first = TestDatabase::sqlite();
        let second = if to_postgres {
            TestDatabase::postgres().await
        } else {
            TestDatabase::sqlite()
        };
        let (a, b) = (empty(&first).await, empty(&second).await);
        fill(&a).await;
        copy(&a, &b).await;
        // Two handles that change places, one that goes to a newcomer, a row that
        // is gone with what refers to it, a value that is no more.
        for statement in [
            sql!("UPDATE owners SET handle = '-' WHERE id = $1", id(1)),
            sql!("UPDATE owners SET handle = 'owner 1' WHERE id = $1", id(2)),
            sql!("UPDATE owners SET handle = 'owner 2' WHERE id = $1", id(1)),
            sql!("DELETE FROM owners WHERE id = $1", id(3)),
            sql!("UPDATE animals SET picture = NULL WHERE owner = $1", id(4)),
        ] {
            a.execute(statement).await.expect("changed");
        }
        owner(&a, 700, "owner 3").await;
        let copied = copy(&a, &b).await;
        assert_eq!(copied, digests_of(&a).await);
        assert_eq!(copied, digests_of(&b).await);
        a.close().await;
        b.close().await;
        second.remove().await;
    }
}

#[tokio::test]
async fn a_copy_that_becomes_lasting_at_its_end_leaves_nothing_before() {
    for second in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
        let first = TestDatabase::sqlite();
        let (a, b) = (empty(&first).await, empty(&second).await);
        fill(&a).await;
        owner(&b, 9_000, "who was here").await;
        let before = digests_of(&b).await;
        let mut source = a.snapshot().await.expect("begun");
        let mut stopped = Copy::begin(&b, Commit::AtTheEnd).await.expect("begun");
        let copied = stopped.take(&mut source, &plan().await, &mut |_| ()).await;
        assert_eq!(copied.expect("copied"), digests_of(&a).await);
        drop(stopped);
        assert_eq!(digests_of(&b).await, before);
        drop(source);
        a.close().await;
        b.close().await;
        second.remove().await;
    }
}

#[tokio::test]
async fn nobody_else_writes_while_all_rows_are_exchanged_and_reading_goes_on() {
    let database = TestDatabase::postgres().await;
    let db = empty(&database).await;
    let patient = sql!("SELECT count(*) FROM owners");
    let locked = "LOCK TABLE owners IN ROW EXCLUSIVE MODE NOWAIT";
    let mut service = db.begin().await.expect("begun");
    service
        .execute(Query::new(locked))
        .await
        .expect("it may write");
    let mut copy = Copy::begin(&db, Commit::AtTheEnd).await.expect("begun");
    let refused = copy.keep_others_out(&plan().await).await;
    assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    drop(copy);
    service.commit().await.expect("committed");

    let mut copy = Copy::begin(&db, Commit::AtTheEnd).await.expect("begun");
    copy.keep_others_out(&plan().await)
        .await
        .expect("nobody writes");
    let (count,): (i64,) = db.one(patient).await.expect("it may be read");
    assert_eq!(count, 0);
    let mut service = db.begin().await.expect("begun");
    let refused = service.execute(Query::new(locked)).await;
    assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    drop(service);
    copy.commit().await.expect("committed");
    owner(&db, 1, "after").await;
}

#[tokio::test]
async fn no_service_takes_a_half_done_copy_for_its_database() {
    for database in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
        let db = empty(&database).await;
        mark(&db, "somewhere else").await.expect("marked");
        let refused = migrate(&db, &SCHEMA).await;
        assert!(
            matches!(&refused, Err(Error::HalfCopied { of }) if of == "somewhere else"),
            "{refused:?}"
        );
        assert_eq!(version(&db, &SCHEMA).await.expect("known"), 2);
        let of = marked(&db).await.expect("readable");
        assert_eq!(of.as_deref(), Some("somewhere else"));
        let mut tx = db.begin().await.expect("begun");
        unmark(&mut tx).await.expect("dropped");
        tx.commit().await.expect("committed");
        assert!(pending(&db, &SCHEMA).await.expect("served").is_empty());
        db.close().await;
        database.remove().await;
    }
}

#[tokio::test]
async fn a_file_is_copied_while_it_is_written_to_and_nothing_is_half_in_it() {
    let database = TestDatabase::sqlite();
    let db = empty(&database).await;
    fill(&db).await;
    let writer = {
        let db = db.clone();
        tokio::spawn(async move {
            for n in 1_000.. {
                // Both rows or none.
                let done: Result<(), Error> = picard_sql::transaction!(&db, |tx| {
                    let handle = format!("owner {n}");
                    let insert = sql!(
                        "INSERT INTO owners (id, handle) VALUES ($1, $2)",
                        id(n),
                        handle
                    );
                    tx.execute(insert).await?;
                    let insert = sql!("INSERT INTO animals (owner, number) VALUES ($1, 1)", id(n));
                    tx.execute(insert).await?;
                });
                done.expect("written");
            }
        })
    };
    let folder = tempfile::tempdir().expect("a folder");
    for n in 0..5 {
        let to = folder.path().join(format!("{n}.db"));
        copy_file(&file(&database), &to).await.expect("copied");
        check_file(&to).await.expect("sound");
        let address = format!("sqlite:{}", to.display());
        let copy = Db::open_to_read(&address, &Options::default()).await;
        let copy = copy.expect("opened");
        let all = digests_of(&copy).await;
        assert_eq!(all[0].rows, all[1].rows);
        copy.close().await;
        let again = copy_file(&file(&database), &to).await;
        assert!(again.is_err(), "a copy is written over nothing");
    }
    let files = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, 5, "nothing lies beside the copies");
    assert!(!writer.is_finished());
    writer.abort();
    db.close().await;
}

#[tokio::test]
async fn a_damaged_file_is_told() {
    let database = TestDatabase::sqlite();
    let db = empty(&database).await;
    fill(&db).await;
    db.close().await;
    check_file(&file(&database)).await.expect("sound");
    let mut bytes = fs::read(file(&database)).expect("a file");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 64].fill(0xa5);
    fs::write(file(&database), bytes).expect("written");
    let said = check_file(&file(&database)).await;
    assert!(matches!(said, Err(Error::Damaged(_))), "{said:?}");
}

#[tokio::test]
async fn a_file_that_a_program_has_open_is_not_alone() {
    let database = TestDatabase::sqlite();
    let db = empty(&database).await;
    let taken = Alone::take(&file(&database)).await;
    assert!(matches!(taken, Err(Error::Busy(_))), "{:?}", taken.err());
    owner(&db, 1, "undisturbed").await;
    db.close().await;
    let alone = Alone::take(&file(&database)).await.expect("nobody has it");
    let hasty = Options {
        patience: std::time::Duration::from_millis(50),
        ..Options::default()
    };
    assert!(Db::open(database.url(), &hasty).await.is_err());
    alone.release().await.expect("let go");
    let db = database.open().await;
    assert_eq!(digests_of(&db).await[0].rows, 1);
    db.close().await;
}

#[tokio::test]
async fn a_table_without_a_key_cannot_be_copied_and_is_told() {
    static KEYLESS: Schema = Schema {
        name: "zoo",
        migrations: &[Migration {
            version: 1,
            title: "heaps",
            sqlite: "CREATE TABLE heaps (number INTEGER)",
            postgres: "CREATE TABLE heaps (number BIGINT)",
        }],
    };
    let refused = Plan::of(&KEYLESS, 1).await;
    assert!(
        matches!(&refused, Err(Error::Uncopyable { table, .. }) if table == "heaps"),
        "{refused:?}"
    );
}
