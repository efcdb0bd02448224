//! Accounts, sessions, guessing, and the end of an account, on both databases.

use crate::common::*;
use picard_domain::{MemoryFilter, Span};
use picard_sql::{Db, Query};
use picard_store::{
    attempts,
    audit::{self, Act},
    grants, memories,
    memories::Written,
    sessions, tickets, tokens, users,
    users::{Creation, Removal},
};
use picard_testkit::databases;

#[tokio::test]
async fn people_are_found_by_the_beginning_of_their_handle_unless_they_are_locked_out() {
    databases(async |database| {
        let db = migrated(database).await;
        for (n, name) in ["an_a", "ana", "anb", "ana-lu", "bob"]
            .into_iter()
            .enumerate()
        {
            person(&db, n as u128, name).await;
        }
        assert_eq!(
            users::disable(&db, user_id(2), at(1), &unnoted())
                .await
                .expect("done"),
            Removal::Done
        );
        let by = async |prefix, limit| {
            let found = users::by_prefix(&db, prefix, limit).await.expect("read");
            let handles = found.iter().map(|(_, handle)| handle.to_string());
            handles.collect::<Vec<_>>()
        };
        assert_eq!(
            by("an", 9).await,
            ["an_a", "ana", "ana-lu"],
            "by their bytes"
        );
        assert_eq!(by("ana", 9).await, ["ana", "ana-lu"]);
        assert_eq!(by("an_", 9).await, ["an_a"], "no sign is a placeholder");
        assert_eq!(by("an%", 9).await, [""; 0]);
        assert_eq!(by("", 2).await.len(), 2);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_person_is_found_by_id_and_by_handle() {
    databases(async |database| {
        let db = migrated(database).await;
        assert_eq!(users::count(&db).await.expect("counted"), 0);
        let ana = person(&db, 1, "ana").await;
        let found = users::find_by_handle(&db, &handle("ANA"))
            .await
            .expect("read")
            .expect("ana");
        assert_eq!((found.id, found.version, found.created_at), (ana, 0, at(0)));
        assert_eq!(
            (found.key_id.as_str(), found.wrapped_key.as_slice()),
            ("key-1", &b"wrapped"[..])
        );
        let found = users::find(&db, ana).await.expect("read").expect("ana");
        assert_eq!(found.handle, handle("ana"));
        assert!(users::find(&db, user_id(2)).await.expect("read").is_none());
        assert!(
            users::find_by_handle(&db, &handle("bob"))
                .await
                .expect("read")
                .is_none()
        );
        assert_eq!(users::count(&db).await.expect("counted"), 1);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_handle_belongs_to_one_person() {
    databases(async |database| {
        let db = migrated(database).await;
        person(&db, 1, "ana").await;
        let again = users::NewUser {
            id: user_id(2),
            handle: &handle("ana"),
            name: &"Another".parse().expect("a name"),
            password_hash: "other",
            key_id: "key-1",
            wrapped_key: b"other",
            is_admin: true,
            now: at(1),
        };
        assert_eq!(
            users::create(&db, &again, &unnoted())
                .await
                .expect("answered"),
            Creation::HandleTaken
        );
        let ana = users::find_by_handle(&db, &handle("ana"))
            .await
            .expect("read")
            .expect("ana");
        assert_eq!((ana.id, ana.password_hash.as_str()), (user_id(1), "phc"));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_account_can_be_changed() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let name = "Ana B.".parse().expect("a name");
        assert!(
            users::set_name(&db, ana, &name, at(1), &unnoted())
                .await
                .expect("written")
        );
        assert!(
            users::make_admin(&db, ana, at(2), &unnoted())
                .await
                .expect("written")
        );
        let found = users::find(&db, ana).await.expect("read").expect("ana");
        assert_eq!(
            (found.name, found.is_admin, found.updated_at),
            (name.clone(), true, at(2))
        );
        assert!(
            !users::set_name(&db, user_id(9), &name, at(3), &unnoted())
                .await
                .expect("answered")
        );
        users::rehash_password(&db, ana, "not this", "lost")
            .await
            .expect("answered");
        users::rehash_password(&db, ana, "phc", "phc-2")
            .await
            .expect("written");
        let found = users::find(&db, ana).await.expect("read").expect("ana");
        assert_eq!(found.password_hash, "phc-2");
        db.close().await;
    })
    .await;
}

/// Row T34: whoever knew the old password keeps nothing.
#[tokio::test]
async fn a_new_password_ends_other_sessions_and_all_tokens() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        client(&db, 1).await;
        let here = session(&db, ana, 1, "here").await;
        session(&db, ana, 2, "there").await;
        session(&db, bob, 3, "bob's").await;
        for (user, grant, names) in [(ana, 1, ["a1", "r1"]), (bob, 2, ["a2", "r2"])] {
            let grant = consent(&db, user, grant, names[0]).await;
            issue(&db, &pair(user, grant, names[0], names[1], at(0))).await;
        }
        assert!(
            users::change_password(&db, ana, "new", Some(here), at(1), &unnoted())
                .await
                .expect("written")
                .is_some()
        );

        assert!(
            sessions::find(&db, digest("here"), at(1))
                .await
                .expect("read")
                .is_some()
        );
        assert!(
            sessions::find(&db, digest("there"), at(1))
                .await
                .expect("read")
                .is_none()
        );
        assert!(
            tokens::authenticate(&db, digest("a1"), at(1))
                .await
                .expect("read")
                .is_none()
        );
        assert!(
            tokens::find_refresh(&db, digest("r1"))
                .await
                .expect("read")
                .is_none()
        );
        let late = sessions::NewSession {
            digest: digest("late"),
            id: session_id(4),
            user_id: ana,
            password_hash: "phc",
            user_agent: "",
            now: at(2),
            expires_at: at(60),
        };
        assert!(
            !sessions::open(&db, &late, &unnoted())
                .await
                .expect("answered"),
            "a log-in that checked the old password opens nothing"
        );
        let ana = users::find(&db, ana).await.expect("read").expect("ana");
        assert_eq!(ana.password_hash, "new");
        // Nobody else is touched.
        assert!(
            sessions::find(&db, digest("bob's"), at(1))
                .await
                .expect("read")
                .is_some()
        );
        assert!(
            tokens::authenticate(&db, digest("a2"), at(1))
                .await
                .expect("read")
                .is_some()
        );

        assert!(
            users::change_password(&db, ana.id, "newer", None, at(2), &unnoted())
                .await
                .expect("written")
                .is_some()
        );
        assert!(
            sessions::find(&db, digest("here"), at(2))
                .await
                .expect("read")
                .is_none()
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_locked_out_has_no_session_and_no_token_and_keeps_the_memories() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        client(&db, 1).await;
        session(&db, ana, 1, "cookie").await;
        submit(&db, memory(ana, 1, at(0))).await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a", "r", at(0))).await;
        assert_eq!(
            users::disable(&db, ana, at(1), &unnoted())
                .await
                .expect("written"),
            Removal::Done
        );

        assert!(
            sessions::find(&db, digest("cookie"), at(1))
                .await
                .expect("read")
                .is_none()
        );
        assert!(
            tokens::authenticate(&db, digest("a"), at(1))
                .await
                .expect("read")
                .is_none()
        );
        let new = sessions::NewSession {
            digest: digest("again"),
            id: session_id(2),
            user_id: ana,
            password_hash: "phc",
            user_agent: "",
            now: at(2),
            expires_at: at(60),
        };
        assert!(
            !sessions::open(&db, &new, &unnoted())
                .await
                .expect("answered"),
            "no new session either"
        );

        assert!(
            users::enable(&db, ana, at(3), &unnoted())
                .await
                .expect("written")
        );
        assert!(
            sessions::open(&db, &new, &unnoted())
                .await
                .expect("written")
        );
        let filter = MemoryFilter::default();
        assert_eq!(
            memories::count(&db, ana, &filter, at(3))
                .await
                .expect("counted"),
            1
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_lives_until_it_ends_or_is_closed() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        session(&db, ana, 1, "one").await;
        session(&db, ana, 2, "two").await;
        session(&db, bob, 3, "bob's").await;
        let one = sessions::find(&db, digest("one"), at(3599))
            .await
            .expect("read")
            .expect("live");
        assert_eq!(
            (one.user_id, one.handle.as_str(), one.id),
            (ana, "ana", session_id(1))
        );
        assert!(
            sessions::find(&db, digest("one"), at(3600))
                .await
                .expect("read")
                .is_none()
        );

        sessions::touch(&db, &one, at(59)).await.expect("answered");
        let seen = async || sessions::list(&db, ana, at(100)).await.expect("listed")[0].clone();
        assert_eq!(
            seen().await.last_seen_at,
            at(0),
            "within the minute nothing is written"
        );
        sessions::touch(&db, &one, at(60)).await.expect("written");
        assert_eq!(
            (seen().await.id, seen().await.last_seen_at),
            (session_id(1), at(60))
        );

        assert!(
            !sessions::close(&db, ana, session_id(3), &unnoted())
                .await
                .expect("answered"),
            "not hers"
        );
        assert!(
            sessions::close(&db, ana, session_id(2), &unnoted())
                .await
                .expect("written")
        );
        assert_eq!(
            sessions::list(&db, ana, at(100))
                .await
                .expect("listed")
                .len(),
            1
        );
        session(&db, ana, 4, "four").await;
        assert_eq!(
            sessions::close_others(&db, ana, session_id(1))
                .await
                .expect("written"),
            1
        );
        assert!(
            sessions::find(&db, digest("bob's"), at(1))
                .await
                .expect("read")
                .is_some()
        );
        assert_eq!(
            sessions::delete_expired(&db, at(3599), 10)
                .await
                .expect("nothing"),
            0
        );
        assert_eq!(
            sessions::delete_expired(&db, at(3600), 1)
                .await
                .expect("one"),
            1
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn guesses_are_counted_within_a_window() {
    databases(async |database| {
        let db = migrated(database).await;
        let window = Span::minutes(15);
        for n in 1..=3 {
            let count = attempts::fail(&db, "ana", at(n), window)
                .await
                .expect("counted");
            assert_eq!((count.failures, count.window_start), (n, at(1)));
        }
        assert_eq!(
            attempts::fail(&db, "bob", at(4), window)
                .await
                .expect("counted")
                .failures,
            1
        );
        let found = attempts::find(&db, "ana", at(900), window)
            .await
            .expect("read");
        assert_eq!(found.map(|count| count.failures), Some(3));
        assert_eq!(
            attempts::find(&db, "ana", at(901), window)
                .await
                .expect("read"),
            None
        );
        let count = attempts::fail(&db, "ana", at(901), window)
            .await
            .expect("counted");
        assert_eq!((count.failures, count.window_start), (1, at(901)));
        attempts::clear(&db, "ana").await.expect("cleared");
        assert_eq!(
            attempts::find(&db, "ana", at(902), window)
                .await
                .expect("read"),
            None
        );
        assert_eq!(
            attempts::delete_expired(&db, at(4), 10)
                .await
                .expect("bob's"),
            1
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_master_keys_in_use_are_known_and_replaced_one_by_one() {
    databases(async |database| {
        let db = migrated(database).await;
        assert!(users::key_ids_in_use(&db).await.expect("read").is_empty());
        person(&db, 1, "ana").await;
        person(&db, 2, "bob").await;
        assert_eq!(users::key_ids_in_use(&db).await.expect("read"), ["key-1"]);
        let old = users::keys_to_rewrap(&db, "key-2", user_id(0), 1)
            .await
            .expect("read");
        assert_eq!(
            (old.len(), old[0].wrapped_key.as_slice()),
            (1, &b"wrapped"[..])
        );
        assert!(
            users::rewrap(&db, &old[0], "key-2", b"anew")
                .await
                .expect("written")
        );
        assert!(
            !users::rewrap(&db, &old[0], "key-2", b"late")
                .await
                .expect("answered")
        );
        assert_eq!(
            users::key_ids_in_use(&db).await.expect("read"),
            ["key-1", "key-2"]
        );
        assert_eq!(
            users::key_counts(&db).await.expect("read"),
            [("key-1".to_owned(), 1), ("key-2".to_owned(), 1)]
        );
        let behind = users::keys_to_rewrap(&db, "key-2", user_id(2), 10).await;
        assert!(
            behind.expect("read").is_empty(),
            "the rest begins after bob"
        );
        let ana = users::find(&db, old[0].id)
            .await
            .expect("read")
            .expect("ana");
        assert_eq!(ana.wrapped_key, b"anew");
        assert_eq!(
            users::keys_to_rewrap(&db, "key-2", user_id(0), 10)
                .await
                .expect("read")
                .len(),
            1
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_account_leaves_no_row_in_any_table_and_others_keep_theirs() {
    databases(async |database| {
        let db = migrated(database).await;
        client(&db, 1).await;
        for (n, name) in [(1, "ana"), (2, "bob")] {
            let user = person(&db, n, name).await;
            session(&db, user, n, &format!("{name} cookie")).await;
            submit(&db, memory(user, 10, at(0))).await;
            submit(&db, memory(user, 11, at(1))).await;
            let deleted = memories::delete(&db, user, memory_id(11), &unnoted())
                .await
                .expect("deleted");
            assert_eq!(deleted, Written::At(3));
            let grant = consent(&db, user, n, &format!("{name} code")).await;
            let (access, refresh) = (format!("{name} a"), format!("{name} r"));
            issue(&db, &pair(user, grant, &access, &refresh, at(0))).await;
            ticket(&db, user, &format!("{name} ticket")).await;
            audit::record(&db, &[(user, noted(1, Act::LoggedIn, 0))])
                .await
                .expect("written");
        }
        assert_eq!(
            users::delete(&db, user_id(1), None).await.expect("deleted"),
            Removal::Done
        );

        for (table, column) in user_columns(&db).await {
            assert_eq!(
                rows(&db, &table, &column, 1).await,
                0,
                "{table} still knows the person"
            );
            assert!(
                rows(&db, &table, &column, 2).await > 0,
                "{table} lost another's rows"
            );
        }
        assert!(users::find(&db, user_id(1)).await.expect("read").is_none());
        assert_eq!(
            users::delete(&db, user_id(1), None)
                .await
                .expect("answered"),
            Removal::NotFound
        );
        let late = memories::submit(&db, &memory(user_id(1), 12, at(2)), &unnoted())
            .await
            .expect("answered");
        assert_eq!(late, Written::Gone, "nothing can be stored for who is gone");
        let late = pair(user_id(1), grant_id(1), "late a", "late r", at(2));
        assert_eq!(
            tokens::issue(&db, &late, &unnoted())
                .await
                .expect("answered"),
            tokens::Issue::GrantGone
        );
        assert!(
            grants::list(&db, user_id(1), at(1))
                .await
                .expect("listed")
                .is_empty()
        );
        assert!(
            tickets::answer(&db, user_id(1), digest("ana ticket"), at(1))
                .await
                .expect("read")
                .is_none()
        );
        db.close().await;
    })
    .await;
}

/// Every table that belongs to users, found by its columns, so that a table
/// added later is not forgotten.
async fn user_columns(db: &Db) -> Vec<(String, String)> {
    let columns = match db {
        Db::Sqlite { .. } => {
            "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND (c.name = 'user_id' OR (t.name = 'users' AND c.name = 'id'))"
        }
        Db::Postgres(_) => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT)
             FROM information_schema.columns WHERE table_schema = 'public'
             AND (column_name = 'user_id' OR (table_name = 'users' AND column_name = 'id'))"
        }
    };
    let columns = db
        .all::<(String, String)>(Query::new(columns))
        .await
        .expect("listed");
    assert_eq!(columns.len(), 11);
    columns
}

async fn rows(db: &Db, table: &str, column: &str, user: u128) -> i64 {
    let count = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
    // A handful of texts, for the length of a test.
    let (count,) = db
        .one(Query::new(count.leak()).bind(user_id(user)))
        .await
        .expect("counted");
    count
}
