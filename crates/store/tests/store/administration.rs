//! What an administrator sees and does, on both databases.

use crate::{
    common::*,
    habits,
    oauth::{is_live, set_up},
};
use picard_domain::{Handle, Span};
use picard_sql::{Db, Query};
use picard_store::{
    clients::{self, Client, Registered},
    grants,
    people::{self, Tally},
    sessions, tokens,
    users::{self, Removal},
};
use picard_testkit::databases;

#[tokio::test]
async fn people_are_listed_by_handle_page_by_page() {
    databases(async |database| {
        let db = migrated(database).await;
        for (n, name) in ["an_a", "ana", "anb", "ana-lu", "bob"]
            .into_iter()
            .enumerate()
        {
            person(&db, n as u128, name).await;
        }
        assert_eq!(disable(&db, 2, 5).await, Removal::Done);
        client(&db, 1).await;
        session(&db, user_id(1), 1, "cookie").await;
        let grant = consent(&db, user_id(1), 1, "code").await;
        issue(&db, &pair(user_id(1), grant, "a", "r", at(7))).await;

        let mut seen = Vec::new();
        let mut after: Option<Handle> = None;
        loop {
            let page = people::list(&db, "an", after.as_ref(), 2, at(8)).await;
            let page = page.expect("listed");
            let Some(last) = page.last() else { break };
            after = Some(last.handle.clone());
            seen.extend(page);
        }
        let handles: Vec<_> = seen.iter().map(|person| person.handle.as_str()).collect();
        assert_eq!(handles, ["an_a", "ana", "ana-lu", "anb"]);
        let ana = &seen[1];
        assert_eq!(
            (ana.id, ana.grants, ana.last_seen_at, ana.last_used_at),
            (user_id(1), 1, Some(at(0)), Some(at(7)))
        );
        let locked = &seen[3];
        assert_eq!(
            (locked.disabled_at, locked.grants, locked.last_seen_at),
            (Some(at(5)), 0, None)
        );
        db.close().await;
    })
    .await;
}

async fn disable(db: &Db, n: u128, second: i64) -> Removal {
    let disabled = users::disable(db, user_id(n), at(second), &unnoted()).await;
    disabled.expect("answered")
}

/// The beginning of a handle is a range of its index, not a look at everybody:
/// on PostgreSQL this needs the collation "C".
#[tokio::test]
async fn the_beginning_of_a_handle_is_looked_up_in_the_index() {
    databases(async |database| {
        let db = migrated(database).await;
        let many = if is_sqlite(database) {
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO users SELECT randomblob(16), 'person' || i, 'x', 'x', 'x', x'00', 0, 0,
                        NULL, 0, 0 FROM n"
        } else {
            "INSERT INTO users SELECT gen_random_uuid(), 'person' || i, 'x', 'x', 'x', '', 0,
                        FALSE, NULL, 0, 0 FROM generate_series(1, 3000) i"
        };
        for statement in [many, "ANALYZE"] {
            db.execute(Query::new(statement)).await.expect("done");
        }
        let by_handle: Vec<_> = habits::statements()
            .into_iter()
            .filter(|(_, statement)| statement.contains("handle <"))
            .collect();
        assert_eq!(by_handle.len(), 2, "completion, and the list of people");
        for (file, statement) in by_handle {
            let asked = statement
                .replace("$1", "'person12'")
                .replace("$2", "'person12z'")
                .replace("> $3", "> 'person12'")
                .replace("$3", "20")
                .replace("$4", "20")
                .replace("$5", "0");
            let plan = plan(database, &db, &asked).await;
            let searched = plan.lines().any(|line| {
                line.contains("users_handle")
                    && (line.contains("handle>? AND handle<?") || line.contains("Scan"))
            });
            assert!(searched, "{file}: {asked}\n{plan}");
            assert!(!plan.contains("Seq Scan on users"), "{plan}");
            assert!(!plan.contains("Sort"), "the index gives the order: {plan}");
        }
        if !database.url().starts_with("sqlite:") {
            let collation = "SELECT CAST(c.collname AS TEXT) FROM pg_attribute a
                 JOIN pg_collation c ON c.oid = a.attcollation
                 WHERE a.attrelid = CAST('users' AS regclass) AND a.attname = 'handle'";
            let (name,) = db
                .one::<(String,)>(Query::new(collation))
                .await
                .expect("read");
            assert_eq!(name, "C");
        }
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn people_are_counted() {
    databases(async |database| {
        let db = migrated(database).await;
        for (n, name) in ["ana", "bob", "cleo"].into_iter().enumerate() {
            person(&db, n as u128, name).await;
        }
        for n in [0, 1] {
            let made = users::make_admin(&db, user_id(n), at(1), &unnoted()).await;
            assert!(made.expect("made"));
        }
        assert_eq!(disable(&db, 1, 2).await, Removal::Done);
        let tally = Tally {
            people: 3,
            disabled: 1,
            admins: 1,
        };
        assert_eq!(people::tally(&db).await.expect("counted"), tally);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        let admin = async |user| {
            users::make_admin(&db, user, at(1), &unnoted())
                .await
                .expect("made")
        };
        let unmake = async |user| {
            users::unmake_admin(&db, user, at(2), &unnoted())
                .await
                .expect("answered")
        };
        let delete = async |user| users::delete(&db, user, None).await.expect("answered");
        assert!(admin(ana).await && admin(bob).await);
        assert!(!admin(user_id(9)).await);
        assert_eq!(unmake(user_id(9)).await, Removal::NotFound);

        // One who is locked out does not count.
        assert_eq!(disable(&db, 2, 3).await, Removal::Done);
        assert_eq!(unmake(ana).await, Removal::LastAdministrator);
        assert_eq!(disable(&db, 1, 4).await, Removal::LastAdministrator);
        assert_eq!(delete(ana).await, Removal::LastAdministrator);
        let found = users::find(&db, ana).await.expect("read").expect("ana");
        assert!(found.is_admin && found.disabled_at.is_none());

        assert!(
            users::enable(&db, bob, at(5), &unnoted())
                .await
                .expect("done")
        );
        assert_eq!(unmake(ana).await, Removal::Done);
        assert_eq!(delete(ana).await, Removal::Done);
        assert_eq!(delete(bob).await, Removal::Done, "the last person may go");
        db.close().await;
    })
    .await;
}

/// Two administrators remove each other in the same moment: one of them stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_remove_each_other_leave_one_administrator() {
    databases(async |database| {
        let db = migrated(database).await;
        for (n, name) in [(1, "ana"), (2, "bob")] {
            person(&db, n, name).await;
        }
        for _ in 0..10 {
            let (mut acts, mut done) = (Vec::new(), 0);
            for n in [1, 2] {
                let made = users::make_admin(&db, user_id(n), at(1), &unnoted()).await;
                assert!(made.expect("made"));
            }
            for n in [1, 2] {
                let db = db.clone();
                acts.push(tokio::spawn(async move {
                    users::unmake_admin(&db, user_id(n), at(2), &unnoted()).await
                }));
            }
            for act in acts {
                let removal = act.await.expect("runs").expect("answered");
                done += usize::from(removal == Removal::Done);
            }
            assert_eq!(done, 1);
            assert_eq!(people::tally(&db).await.expect("counted").admins, 1);
        }
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn locking_out_is_taken_back_as_if_nothing_had_been() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        session(&db, ana, 1, "cookie").await;
        let grant = consent(&db, ana, 1, "code").await;
        let under_way = consent(&db, ana, 2, "code 2").await;
        issue(&db, &pair(ana, grant, "a", "r", at(1))).await;
        assert_eq!(
            users::disable(&db, ana, at(2), &unnoted())
                .await
                .expect("done"),
            Removal::Done
        );

        assert!(!is_live(&db, "a", at(3)).await);
        let since = async || {
            let refresh = tokens::find_refresh(&db, digest("r")).await;
            refresh.expect("read").expect("it stays").disabled_at
        };
        assert_eq!(since().await, Some(at(2)));
        assert!(!try_consent(&db, ana, 3, "code 3").await);
        let late = pair(ana, under_way, "late a", "late r", at(3));
        assert_eq!(
            tokens::issue(&db, &late, &unnoted())
                .await
                .expect("answered"),
            tokens::Issue::GrantGone,
            "a code from before leads to no token"
        );
        assert_eq!(users::version(&db, ana).await.expect("read"), None);
        let cookie = sessions::find(&db, digest("cookie"), at(3)).await;
        assert!(cookie.expect("read").is_none());
        assert_eq!(
            users::disable(&db, ana, at(9), &unnoted())
                .await
                .expect("done"),
            Removal::Done
        );
        let found = users::find(&db, ana).await.expect("read").expect("ana");
        assert_eq!(found.disabled_at, Some(at(2)), "since the first time");

        assert!(
            users::enable(&db, ana, at(10), &unnoted())
                .await
                .expect("done")
        );
        assert!(is_live(&db, "a", at(11)).await);
        assert_eq!(since().await, None);
        let cookie = sessions::find(&db, digest("cookie"), at(11)).await;
        assert!(
            cookie.expect("read").is_none(),
            "but logging in is needed again"
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn all_sessions_of_a_person_end_and_nobody_else_s() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        for (user, n, cookie) in [(ana, 1, "one"), (ana, 2, "two"), (bob, 3, "bob's")] {
            session(&db, user, n, cookie).await;
        }
        assert_eq!(
            sessions::close_all(&db, ana, &unnoted())
                .await
                .expect("closed"),
            2
        );
        let left = async |cookie| sessions::find(&db, digest(cookie), at(1)).await;
        assert!(left("one").await.expect("read").is_none());
        assert!(left("bob's").await.expect("read").is_some());
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn applications_are_listed_the_last_first_page_by_page() {
    databases(async |database| {
        let db = migrated(database).await;
        let kinds = [
            Registered::Dynamic,
            Registered::Operator,
            Registered::Document,
            Registered::Dynamic,
            Registered::Dynamic,
        ];
        for (n, kind) in (1_u32..).zip(kinds) {
            let new = Client {
                // Two of them came in the same moment.
                created_at: at(i64::from(n.min(4))),
                ..newcomer(n.into(), kind)
            };
            clients::put(&db, &new).await.expect("written");
        }
        let listed = async |kind| {
            let (mut ids, mut after) = (Vec::new(), None);
            loop {
                let page = clients::list(&db, kind, after, 2).await.expect("listed");
                let Some(last) = page.last() else {
                    return ids;
                };
                after = Some((last.created_at, last.id));
                ids.extend(page.iter().map(|client| client.id));
            }
        };
        assert_eq!(listed(None).await, [5, 4, 3, 2, 1].map(client_id));
        assert_eq!(
            listed(Some(Registered::Dynamic)).await,
            [5, 4, 1].map(client_id)
        );
        assert_eq!(
            clients::count(&db).await.expect("counted"),
            [
                (Registered::Document, 1),
                (Registered::Dynamic, 3),
                (Registered::Operator, 1)
            ]
        );
        db.close().await;
    })
    .await;
}

/// One that is known by a document comes back under the same id.
#[tokio::test]
async fn an_application_that_comes_back_has_no_grant_of_before() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a", "r", at(1))).await;
        assert_eq!(
            clients::grants(&db, client_id(1), at(2))
                .await
                .expect("counted"),
            1
        );
        let deleted = clients::delete(&db, client_id(1), at(2), None).await;
        assert_eq!(deleted.expect("deleted"), Some(1));
        client(&db, 1).await;
        assert_eq!(
            clients::grants(&db, client_id(1), at(2))
                .await
                .expect("counted"),
            0
        );
        assert!(!is_live(&db, "a", at(3)).await);
        let refresh = tokens::find_refresh(&db, digest("r")).await;
        assert!(refresh.expect("read").is_none());
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_counted_as_access_is_what_a_person_is_shown_as_access() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a", "r", at(1))).await;
        let never_fetched = consent(&db, ana, 2, "other code").await;
        assert_ne!(grant, never_fetched);
        for (now, count) in [(at(2), 1), (at(1) + Span::days(30), 0)] {
            let shown = grants::list(&db, ana, now).await.expect("listed");
            assert_eq!(shown.len(), count);
            let of_client = clients::grants(&db, client_id(1), now).await;
            assert_eq!(of_client.expect("counted"), count as i64);
            let listed = people::list(&db, "ana", None, 1, now)
                .await
                .expect("listed");
            assert_eq!(listed[0].grants, count as i64);
        }
        db.close().await;
    })
    .await;
}
