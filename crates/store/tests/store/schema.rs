//! The two migrations make the same tables.

use std::collections::BTreeMap;

use crate::common::{client_id, migrated};
use picard_domain::Instant;
use picard_sql::{Db, Query, Schema, sql};
use picard_store::{
    SCHEMA,
    clients::{self, Registered},
};
use picard_testkit::{TestDatabase, databases};

/// A table: its columns in order (name, type, whether it may be null), its
/// primary key, and its indexes (name, whether unique, columns).
type Table = (
    Vec<(String, String, bool)>,
    Vec<String>,
    BTreeMap<String, (bool, String)>,
);

/// What each type of PostgreSQL is in SQLite.
const TYPES: [(&str, &str); 5] = [
    ("uuid", "BLOB"),
    ("bytea", "BLOB"),
    ("text", "TEXT"),
    ("bigint", "INTEGER"),
    ("boolean", "INTEGER"),
];

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let (sqlite, postgres) = (TestDatabase::sqlite(), TestDatabase::postgres().await);
    let (a, b) = (migrated(&sqlite).await, migrated(&postgres).await);
    let (in_sqlite, in_postgres) = (tables_of_sqlite(&a).await, tables_of_postgres(&b).await);
    assert_eq!(in_sqlite.len(), 15, "all tables were seen");
    for (name, table) in &in_sqlite {
        assert_eq!(Some(table), in_postgres.get(name), "{name}");
    }
    assert_eq!(in_sqlite.len(), in_postgres.len());
    a.close().await;
    b.close().await;
    postgres.remove().await;
}

async fn tables_of_sqlite(db: &Db) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let columns = "SELECT t.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_master t
                   JOIN pragma_table_info(t.name) c
                   WHERE t.type = 'table' AND t.name <> 'picard_schema' AND t.name NOT LIKE 'sqlite_%'
                   ORDER BY t.name, c.cid";
    for (table, column, kind, null) in all::<(String, String, String, bool)>(db, columns).await {
        tables
            .entry(table)
            .or_default()
            .0
            .push((column, kind, null));
    }
    let keys = "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
                WHERE t.type = 'table' AND c.pk > 0 ORDER BY t.name, c.pk";
    for (table, column) in all::<(String, String)>(db, keys).await {
        tables.entry(table).and_modify(|table| table.1.push(column));
    }
    let indexes = "SELECT t.name, i.name, i.\"unique\" = 1,
                          (SELECT group_concat(name) FROM
                           (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
                   FROM sqlite_master t JOIN pragma_index_list(t.name) i
                   WHERE t.type = 'table' AND i.origin = 'c'";
    for (table, index, unique, columns) in all::<(String, String, bool, String)>(db, indexes).await
    {
        tables.entry(table).and_modify(|table| {
            table.2.insert(index, (unique, columns));
        });
    }
    tables
}

async fn tables_of_postgres(db: &Db) -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let columns = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT),
                          CAST(data_type AS TEXT), is_nullable = 'YES'
                   FROM information_schema.columns
                   WHERE table_schema = 'public' AND table_name <> 'picard_schema'
                   ORDER BY table_name, ordinal_position";
    for (table, column, kind, null) in all::<(String, String, String, bool)>(db, columns).await {
        let same = TYPES.iter().find(|(postgres, _)| *postgres == kind);
        let same = same.unwrap_or_else(|| panic!("{table}.{column}: no SQLite type for {kind}"));
        tables
            .entry(table)
            .or_default()
            .0
            .push((column, same.1.to_owned(), null));
    }
    let indexes = "SELECT CAST(t.relname AS TEXT), CAST(i.relname AS TEXT),
                          CASE WHEN x.indisprimary THEN 'key' WHEN x.indisunique THEN 'unique' ELSE '' END,
                          (SELECT string_agg(CAST(a.attname AS TEXT), ',' ORDER BY array_position(x.indkey, a.attnum))
                           FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY(x.indkey))
                   FROM pg_index x
                   JOIN pg_class i ON i.oid = x.indexrelid
                   JOIN pg_class t ON t.oid = x.indrelid
                   JOIN pg_namespace n ON n.oid = t.relnamespace
                   WHERE n.nspname = 'public' AND t.relname <> 'picard_schema'";
    for (table, index, kind, columns) in all::<(String, String, String, String)>(db, indexes).await
    {
        tables.entry(table).and_modify(|table| {
            if kind == "key" {
                table.1 = columns.split(',').map(str::to_owned).collect();
            } else {
                table.2.insert(index, (kind == "unique", columns));
            }
        });
    }
    tables
}

async fn all<R: picard_sql::Record>(db: &Db, text: &'static str) -> Vec<R> {
    db.all(Query::new(text))
        .await
        .expect("the catalogue is readable")
}

/// The schema as it was first.
static FIRST: Schema = Schema {
    name: SCHEMA.name,
    migrations: SCHEMA.migrations.split_at(1).0,
};

/// Clients of a server that was set up before they could register themselves.
#[tokio::test]
async fn clients_of_the_first_version_are_the_operator_s_and_stay_as_they_are() {
    databases(async |database| {
        let db = database.open().await;
        picard_sql::migrate(&db, &FIRST).await.expect("made");
        let insert = sql!(
            "INSERT INTO clients (id, secret_digest, name, redirect_uris, scopes, auth_method,
                                  first_party, created_at, last_used_at)
             VALUES ($1, $2, 'Web', 'https://a.example/cb', 'memories:read', 'none', $3, 5, 6)",
            client_id(1),
            None::<[u8; 32]>,
            true,
        );
        db.execute(insert).await.expect("written");
        picard_store::migrate(&db).await.expect("migrated");
        let found = clients::find(&db, client_id(1))
            .await
            .expect("read")
            .expect("kept");
        assert_eq!(found.registered, Registered::Operator);
        assert_eq!(found.redirect_uris.as_slice(), ["https://a.example/cb"]);
        assert_eq!(
            (
                found.created_at.micros(),
                found.last_used_at.map(Instant::micros)
            ),
            (5, Some(6))
        );
        db.close().await;
    })
    .await;
}
