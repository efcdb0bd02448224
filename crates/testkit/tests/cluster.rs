//! What tests rely on when they stop a server under a running program.

use std::path::Path;

use picard_testkit::cluster::{Cluster, PASSWORD, ROLE, Stop};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

async fn connect(address: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(address).await
}

#[tokio::test]
async fn what_was_acknowledged_survives_every_stop_and_the_address_stays() {
    let cluster = Cluster::running();
    let address = cluster.create_database("log");
    let mut connection = connect(&address).await.unwrap();
    sqlx::raw_sql("CREATE TABLE entries (number BIGINT)")
        .execute(&mut connection)
        .await
        .unwrap();
    for (number, how) in [(1, Stop::Immediate), (2, Stop::Fast)] {
        let mut connection = connect(&address).await.unwrap();
        let insert = sqlx::query("INSERT INTO entries VALUES ($1)").bind(number);
        insert.execute(&mut connection).await.unwrap();
        cluster.stop(how);
        let refused = connect(&address).await;
        assert!(matches!(refused, Err(sqlx::Error::Io(_))), "{refused:?}");
        cluster.start();
        let mut connection = connect(&address).await.unwrap();
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM entries")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, number);
    }
}

#[tokio::test]
async fn a_cluster_may_begin_stopped() {
    let cluster = Cluster::stopped("later");
    assert!(connect(&cluster.address("later")).await.is_err());
    cluster.start();
    connect(&cluster.address("later")).await.unwrap();
}

#[tokio::test]
async fn the_password_is_asked_for_and_the_role_is_an_ordinary_one() {
    let cluster = Cluster::running();
    cluster.create_database("own");
    let wrong = connect(&cluster.address_as(ROLE, "wrong", "own")).await;
    let sqlx::Error::Database(wrong) = wrong.unwrap_err() else {
        panic!("the server refuses by itself");
    };
    assert_eq!(wrong.code().as_deref(), Some("28P01"));
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(cluster.port())
        .username(ROLE)
        .password(PASSWORD)
        .database("own");
    PgConnection::connect_with(&options).await.unwrap();
    let superuser = format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{ROLE}'");
    assert_eq!(cluster.superuser("own", &superuser), "f");
}

#[tokio::test]
async fn with_tls_the_certificate_is_checked_against_the_authority() {
    let cluster = Cluster::with_tls();
    let address = cluster.create_database("sealed");
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    std::fs::write(&right, cluster.authority()).unwrap();
    std::fs::write(&wrong, Cluster::with_tls().authority()).unwrap();
    let with = |file: &Path| {
        format!(
            "{address}?sslmode=verify-full&sslrootcert={}",
            file.display()
        )
    };
    connect(&with(&right)).await.unwrap();
    let refused = connect(&with(&wrong)).await.unwrap_err();
    let sqlx::Error::Io(refused) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData, "{refused}");
}

#[test]
fn nothing_is_left_when_the_test_is_over() {
    let cluster = Cluster::running();
    let data = cluster.data_directory();
    assert!(data.join("PG_VERSION").exists());
    drop(cluster);
    let gone = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        !data.exists()
    });
    assert!(gone, "{} is still there", data.display());
}
