//! The audit trail: in the transaction of what it tells, counted, bounded, a
//! person's own.

use picard_domain::{EventId, UserId};
use picard_sql::sql;
use picard_store::{
    Db,
    audit::{self, Act, Bookmark, By, Entry, MOST, Note, Wanted},
    memories, sessions, tokens,
    users::{self, Removal},
};
use picard_testkit::{TestDatabase, databases};

use crate::common::*;

async fn trail(db: &Db, user: UserId) -> Vec<Entry> {
    audit::list(db, user, Wanted::default(), 100)
        .await
        .expect("read")
}

async fn acts(db: &Db, user: UserId) -> Vec<Act> {
    let trail = trail(db, user).await;
    trail.into_iter().map(|entry| entry.act).collect()
}

#[tokio::test]
async fn a_change_is_noted_with_it_and_what_did_not_happen_is_not() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let about = Note {
            memory_id: Some(memory_id(1)),
            tool: Some("submit_memory"),
            ..noted(1, Act::Called, 1)
        };
        let new = memory(ana, 1, at(1));
        let written = memories::submit(&db, &new, &about).await.expect("written");
        assert_eq!(written, memories::Written::At(1));
        let gone = memories::delete(&db, ana, memory_id(2), &noted(2, Act::Called, 2)).await;
        assert_eq!(gone.expect("answered"), memories::Written::Gone);
        let closed =
            sessions::close(&db, ana, session_id(9), &noted(3, Act::SessionEnded, 3)).await;
        assert!(!closed.expect("answered"));
        let stranger = users::enable(&db, user_id(7), at(4), &noted(4, Act::Enabled, 4)).await;
        assert!(!stranger.expect("answered"));

        let trail = trail(&db, ana).await;
        let [entry] = trail.as_slice() else {
            panic!("one note: {trail:?}");
        };
        assert_eq!(
            (entry.act, entry.tool.as_deref(), entry.memory_id, entry.at),
            (
                Act::Called,
                Some("submit_memory"),
                Some(memory_id(1)),
                at(1)
            )
        );
        assert!(acts(&db, user_id(7)).await.is_empty());
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn notes_of_the_same_name_are_counted_into_one() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let read = |seconds, memory: u128| Note {
            memories: Some(3),
            memory_id: Some(memory_id(memory)),
            at: at(seconds),
            last_at: at(seconds),
            ..noted(1, Act::Called, 0)
        };
        let notes = [(ana, read(5, 1)), (ana, read(2, 1))];
        audit::record(&db, &notes).await.expect("written");
        let counted = &trail(&db, ana).await[0];
        assert_eq!((counted.at, counted.last_at), (at(2), at(5)));
        assert_eq!((counted.times, counted.memories), (2, Some(6)));
        assert_eq!(counted.memory_id, Some(memory_id(1)));
        audit::record(&db, &[(ana, read(9, 2))])
            .await
            .expect("written");
        let counted = &trail(&db, ana).await[0];
        assert_eq!((counted.times, counted.memory_id), (3, None), "of several");
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_administrators_act_is_in_both_trails_and_keeps_both_names() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, admin) = (person(&db, 1, "ana").await, person(&db, 2, "admin").await);
        let by = By::Administrator(admin, handle("admin"));
        let note = noted(1, Act::Disabled, 1).by(Some(by));
        let disabled = users::disable(&db, ana, at(1), &note).await;
        assert_eq!(disabled.expect("written"), Removal::Done);

        let theirs = trail(&db, ana).await;
        assert_eq!(theirs[0].actor_name.as_deref(), Some("admin"));
        assert_eq!(theirs[0].actor_id, Some(admin));
        let own = trail(&db, admin).await;
        assert_eq!((own[0].act, own[0].subject_id), (Act::Disabled, Some(ana)));
        assert_eq!(own[0].subject_name.as_deref(), Some("ana"));
        assert_eq!(own[0].actor_id, None);

        let deletion = (
            admin,
            noted(2, Act::AccountDeleted, 2).of(ana, handle("ana")),
        );
        for removal in [Removal::Done, Removal::NotFound] {
            let deleted = users::delete(&db, ana, Some(&deletion)).await;
            assert_eq!(deleted.expect("done"), removal);
        }
        assert!(trail(&db, ana).await.is_empty());
        let left = trail(&db, admin).await;
        assert_eq!(left[1..], own, "the administrator's stays");
        assert_eq!(left[0].act, Act::AccountDeleted, "noted with it, once");
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended_by_application_and_time() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        let app = client(&db, 1).await;
        for n in 0..5 {
            let note = noted(n, Act::Called, i64::from(n));
            let note = if n % 2 == 0 {
                note.through(app.id)
            } else {
                note
            };
            audit::record(&db, &[(ana, note.clone()), (bob, note)])
                .await
                .expect("written");
        }
        let read = async |wanted| {
            let entries = audit::list(&db, ana, wanted, 2).await.expect("read");
            let last = entries.last().map(Entry::bookmark);
            let at = entries.iter().map(|entry| entry.at).collect::<Vec<_>>();
            (at, last)
        };
        let (first, last) = read(Wanted::default()).await;
        assert_eq!(first, [at(4), at(3)]);
        let before = |before| Wanted {
            before,
            ..Wanted::default()
        };
        assert_eq!(read(before(last)).await.0, [at(2), at(1)]);
        let through = Wanted {
            client: Some(app.id),
            since: Some(at(2)),
            before: None,
        };
        assert_eq!(read(through).await.0, [at(4), at(2)]);
        let again = |n| Note {
            last_at: at(9),
            ..noted(n, Act::Called, i64::from(n))
        };
        let notes = [(ana, again(1)), (ana, again(3))];
        audit::record(&db, &notes).await.expect("written");
        let (first, last) = read(Wanted::default()).await;
        assert_eq!(first, [at(3), at(1)], "the newest is what was done last");
        let last = last.map(|last| Bookmark::parse(&last.to_string()).expect("a place"));
        assert_eq!(read(before(last)).await.0, [at(4), at(2)]);
        assert_eq!(Bookmark::parse("1"), None);
        let named = &trail(&db, ana).await[2];
        assert_eq!(named.client_name.as_deref(), Some(app.name.as_str()));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_gone_gets_no_more_notes() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let late = noted(1, Act::Called, 1);
        let notes = [(user_id(7), late.clone()), (ana, late)];
        audit::record(&db, &notes).await.expect("written");
        assert!(acts(&db, user_id(7)).await.is_empty());
        assert_eq!(acts(&db, ana).await, [Act::Called]);
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_does_not_outlive_the_account_that_is_deleted_meanwhile() {
    let database = TestDatabase::postgres().await;
    let db = migrated(&database).await;
    let ana = person(&db, 1, "ana").await;
    // What `users::delete` does first and last.
    let mut deletion = db.begin().await.expect("it begins");
    for delete in [
        sql!("DELETE FROM users WHERE id = $1", ana),
        sql!("DELETE FROM audit WHERE user_id = $1", ana),
    ] {
        deletion.execute(delete).await.expect("it is deleted");
    }
    let noting = tokio::spawn({
        let db = db.clone();
        async move { audit::record(&db, &[(ana, noted(1, Act::Called, 1))]).await }
    });
    let mut waits = 0;
    while waits == 0 && !noting.is_finished() {
        (waits,) = db
            .one::<(i64,)>(sql!(
                "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
            ))
            .await
            .expect("a row");
    }
    deletion.commit().await.expect("it is committed");
    noting.await.expect("no panic").expect("there is nobody");
    assert!(acts(&db, ana).await.is_empty());
    db.close().await;
    database.remove().await;
}

#[tokio::test]
async fn old_entries_are_cleared_in_batches() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let notes: Vec<_> = (0..5)
            .map(|n| (ana, noted(n, Act::LoggedIn, i64::from(n))))
            .collect();
        audit::record(&db, &notes).await.expect("written");
        let clear = async |limit| audit::delete_expired(&db, at(2), limit).await.expect("ok");
        assert_eq!([clear(2).await, clear(2).await, clear(2).await], [2, 1, 0]);
        assert_eq!(acts(&db, ana).await.len(), 2);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn calls_beyond_the_most_push_out_older_calls_of_their_sort_and_nothing_else() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let row = |n: u32, act| {
            let mut note = noted(1, act, i64::from(n));
            let mut id = note.id.uuid().into_bytes();
            // As random ids have it: one in 256 looks.
            id[15] = (n % 256) as u8;
            note.id = EventId::from_uuid(uuid::Uuid::from_bytes(id));
            note
        };
        let change = |n, client| row(n, Act::Called).through(client_id(client));
        let read = |n, client| Note {
            memories: Some(1),
            ..change(n, client)
        };
        let most = u32::try_from(MOST).expect("small");
        let first = [
            row(1, Act::LoggedIn),
            row(2, Act::PersonaAsked),
            row(3, Act::Called),
            change(4, 1),
            read(5, 1),
            change(6, 2),
            read(7, 2),
        ];
        let many = (8..most + 600).map(|n| change(n, 1));
        let notes: Vec<_> = first
            .into_iter()
            .chain(many)
            .map(|note| (ana, note))
            .collect();
        audit::record(&db, &notes).await.expect("written");
        let kept = async || {
            let all = audit::list(&db, ana, Wanted::default(), 40_000).await;
            let mut all = all.expect("read");
            all.reverse();
            all
        };
        let before: Vec<_> = kept().await;
        let eldest = before[..6].iter().map(|entry| entry.at).collect::<Vec<_>>();
        assert_eq!(
            eldest,
            [1, 2, 3, 5, 6, 7].map(at),
            "all but the change of the first"
        );
        let changes = before.len() - 6;
        assert!(
            (MOST as usize..MOST as usize + 256).contains(&changes),
            "{changes}"
        );
        let newest = before.last().map(|entry| entry.at);
        assert_eq!(newest, Some(at(i64::from(most) + 599)), "the newest stay");

        let asked = (most + 600..most * 2 + 1_200).map(|n| (ana, row(n, Act::PersonaAsked)));
        let asked: Vec<_> = asked.collect();
        audit::record(&db, &asked).await.expect("written");
        let (strangers, own): (Vec<_>, Vec<_>) = kept()
            .await
            .into_iter()
            .partition(|entry| entry.act == Act::PersonaAsked);
        assert!((MOST as usize..MOST as usize + 256).contains(&strangers.len()));
        assert_eq!(
            own.len(),
            before.len() - 1,
            "only one who asked before is gone"
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn two_nodes_that_count_the_same_at_once_lose_nothing() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let notes: Vec<_> = (0..20).map(|n| (ana, noted(n, Act::Called, 0))).collect();
        let node = || async {
            for _ in 0..10 {
                audit::record(&db, &notes).await.expect("written");
            }
        };
        tokio::join!(node(), node(), node());
        let trail = trail(&db, ana).await;
        assert_eq!(trail.len(), 20);
        assert!(trail.iter().all(|entry| entry.times == 30));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn every_word_of_an_act_is_read_again() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        for (n, act) in (0..).zip(Act::ALL) {
            audit::record(&db, &[(ana, noted(n, *act, i64::from(n)))])
                .await
                .expect("written");
        }
        let mut read = acts(&db, ana).await;
        read.reverse();
        assert_eq!(read, Act::ALL);
        client(&db, 1).await;
        let grant = consent(&db, ana, 1, "code").await;
        let issued = tokens::issue(&db, &pair(ana, grant, "a", "r", at(99)), &unnoted()).await;
        assert_eq!(issued.expect("written"), tokens::Issue::Issued);
        assert_eq!(
            acts(&db, ana).await.len(),
            Act::ALL.len(),
            "not kept, not written"
        );
        db.close().await;
    })
    .await;
}
