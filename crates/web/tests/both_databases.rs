//! The web client's own tables, told on SQLite and on PostgreSQL.

#![allow(
    unreachable_pub,
    reason = "the fixture is made for several test crates"
)]

#[path = "pages/browser.rs"]
#[allow(dead_code, reason = "the pages are tested with more of it")]
mod browser;
#[path = "../../client/tests/fixture/mod.rs"]
mod fixture;

use std::{collections::BTreeMap, sync::Arc};

use browser::Browser;
use fixture::{CLIENT_ID, CLIENT_SECRET, Counting, Fixture, REDIRECT_URI};
use picard_client::Secret;
use picard_domain::{Scopes, Span};
use picard_sql::Db;
use picard_testkit::databases;
use picard_web::{Config, Web};

async fn open(fixture: &Fixture, database_url: &str) -> Web {
    let config = Config {
        public_url: "http://localhost:8000".to_owned(),
        mcp_server_url: fixture.issuer(),
        mcp_server_internal_url: None,
        oauth_client_id: CLIENT_ID.parse().expect("a UUID"),
        oauth_client_secret: Secret::new(CLIENT_SECRET.to_owned()),
        oauth_redirect_uri: REDIRECT_URI.to_owned(),
        oauth_scopes: Scopes::read_write(),
        secret_key: Secret::new("django-insecure-key-for-development-only".to_owned()),
        database: database_url.into(),
        trusted_proxies: Vec::new(),
        debug: false,
    };
    let entropy = Arc::new(Counting::seeded());
    let web = Web::open(config, fixture.clock.clone(), entropy)
        .await
        .expect("a web client");
    web.migrate().await.expect("tables");
    web
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_from_its_registration_to_its_end() {
    databases(async |database| {
        let fixture = Fixture::start().await;
        let web = open(&fixture, database.url()).await;
        assert_eq!(web.migrate().await.expect("nothing to do"), 0);
        web.add_user("admiral", "a password of some length", true)
            .await
            .expect("an account");
        let taken = web
            .add_user("Admiral", "a password of some length", true)
            .await;
        assert!(
            matches!(taken, Err(picard_web::Error::UsernameTaken)),
            "{taken:?}"
        );

        let mut browser = Browser::new(&web);
        browser.get("/login").await;
        let wrong = [("username", "admiral"), ("password", "wrong password")];
        browser.post("/login", &wrong).await.shows("do not fit");
        let right = [
            ("username", "admiral"),
            ("password", "a password of some length"),
        ];
        assert_eq!(
            browser.post("/login", &right).await.location(),
            "/dashboard"
        );
        browser.get("/dashboard").await;
        let page = browser.post("/oauth/connect", &[]).await;
        let query = fixture.consent(&page.location().parse().expect("an address"));
        let page = browser.get(&format!("/oauth/callback?{query}")).await;
        assert_eq!(page.location(), "/dashboard", "{}", page.body);
        fixture.remember(0, "Tea, Earl Grey, hot", "private");
        fixture.clock.turn(Span::minutes(61));
        browser.get("/memories").await.shows("Earl Grey");
        assert_eq!(fixture.state().refreshes, 1);
        browser.get("/admin").await.shows("@ada");
        browser.get("/profile").await.shows("This one");
        web.close().await;

        let web = open(&fixture, database.url()).await;
        browser.moved_to(&web);
        browser.get("/memories").await.shows("Earl Grey");
        fixture.revoke_all();
        browser.get("/memories").await;
        assert_eq!(browser.get("/memories").await.status, 403);
        fixture.clock.turn(Span::minutes(61));
        browser.get("/memories").await;
        browser
            .get("/dashboard")
            .await
            .shows("The connection has ended");
        browser.get("/profile/delete").await;
        let page = browser
            .post(
                "/profile/delete",
                &[("password", "a password of some length")],
            )
            .await;
        assert_eq!(page.location(), "/");
        web.close().await;
    })
    .await;
}

/// The columns of each table, in the words of SQLite, and whether they can be null.
async fn columns(db: &Db) -> BTreeMap<String, (String, bool)> {
    let rows: Vec<(String, String, String, i64)> = match db {
        Db::Sqlite { .. } => db
            .all(picard_sql::sql!(
                "SELECT m.name, c.name, c.type, 1 - c.\"notnull\"
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
            ))
            .await,
        Db::Postgres(_) => db
            .all(picard_sql::sql!(
                "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT),
                        CASE is_nullable WHEN 'YES' THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END
                 FROM information_schema.columns WHERE table_schema = current_schema()"
            ))
            .await,
    }
    .expect("the columns");
    let own = rows
        .into_iter()
        .filter(|(table, ..)| table != "picard_schema");
    own.map(|(table, column, kind, null)| {
        let kind = match kind.as_str() {
            "uuid" | "bytea" => "BLOB".to_owned(),
            "bigint" | "boolean" => "INTEGER".to_owned(),
            other => other.to_uppercase(),
        };
        (format!("{table}.{column}"), (kind, null == 1))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_are_the_same() {
    let schemas = std::sync::Mutex::new(Vec::new());
    databases(async |database| {
        let fixture = Fixture::start().await;
        open(&fixture, database.url()).await.close().await;
        let db = database.open().await;
        let found = columns(&db).await;
        schemas.lock().expect("one story at a time").push(found);
        db.close().await;
    })
    .await;
    let schemas = schemas.into_inner().expect("one story at a time");
    assert_eq!(schemas.len(), 2);
    assert!(schemas[0].len() > 20, "{:?}", schemas[0]);
    assert_eq!(schemas[0], schemas[1]);
}
