//! Memories written, read, listed, and caught up with, on both databases.

use crate::common::*;
use picard_domain::{Expired, Instant, MemoryFilter, MemoryId, Permission, UserId};
use picard_sql::sql;
use picard_store::{
    Db,
    changes::{self, Position, Snapshot},
    memories::{self, MemoryUpdate, SealedVectors, StoredMemory, Written},
    users,
};
use picard_testkit::databases;

fn keep(stored: &StoredMemory, user: picard_domain::UserId, now: Instant) -> MemoryUpdate<'static> {
    MemoryUpdate {
        user_id: user,
        id: stored.id,
        revision: stored.revision,
        permission: stored.permission,
        expiration_date: stored.expiration_date,
        text: None,
        now,
    }
}

async fn get(db: &Db, user: picard_domain::UserId, id: u128) -> StoredMemory {
    memories::get(db, user, memory_id(id))
        .await
        .expect("read")
        .expect("it is there")
}

#[tokio::test]
async fn a_memory_is_stored_changed_and_deleted() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        assert_eq!(submit(&db, memory(ana, 1, at(0))).await, 1);
        let stored = get(&db, ana, 1).await;
        assert_eq!(
            (stored.permission, stored.expiration_date),
            (Permission::Private, None)
        );
        assert_eq!(
            (stored.created_at, stored.updated_at, stored.revision),
            (at(0), at(0), 1)
        );
        assert_eq!(stored.ciphertext, "ciphertext");

        let change = MemoryUpdate {
            permission: Permission::Public,
            expiration_date: Some(at(99)),
            ..keep(&stored, ana, at(5))
        };
        assert_eq!(
            memories::update(&db, &change, &unnoted())
                .await
                .expect("written"),
            Written::At(2)
        );
        let stored = get(&db, ana, 1).await;
        assert_eq!(
            (stored.permission, stored.expiration_date),
            (Permission::Public, Some(at(99)))
        );
        assert_eq!(
            (stored.created_at, stored.updated_at, stored.revision),
            (at(0), at(5), 2)
        );
        assert_eq!(
            stored.ciphertext, "ciphertext",
            "a change without a text keeps the text"
        );

        let vectors = SealedVectors {
            model: "e5",
            sealed: b"resealed",
        };
        let change = MemoryUpdate {
            expiration_date: None,
            text: Some(("rewritten", vectors)),
            ..keep(&stored, ana, at(6))
        };
        assert_eq!(
            memories::update(&db, &change, &unnoted())
                .await
                .expect("written"),
            Written::At(3)
        );
        let stored = get(&db, ana, 1).await;
        assert_eq!(
            (stored.ciphertext.as_str(), stored.expiration_date),
            ("rewritten", None)
        );
        for (present, model) in [("another", Some("e5")), ("e5", None)] {
            let snapshot = Snapshot::of(&db, ana).await.expect("read").expect("ana");
            let changes = snapshot.changes(Position::default(), 10, present).await;
            let changed = changes.expect("read").changed.read().expect("rows");
            assert_eq!(changed[0].model.as_deref(), model);
            assert_eq!(changed[0].sealed.as_deref(), Some(&b"resealed"[..]));
        }

        assert_eq!(
            memories::delete(&db, ana, memory_id(1), &unnoted())
                .await
                .expect("deleted"),
            Written::At(4)
        );
        assert!(
            memories::get(&db, ana, memory_id(1))
                .await
                .expect("read")
                .is_none()
        );
        assert_eq!(users::version(&db, ana).await.expect("read"), Some(4));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_write_that_does_not_happen_leaves_everything_as_it_was() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        submit(&db, memory(ana, 1, at(0))).await;
        let stored = get(&db, ana, 1).await;
        let first = memories::update(&db, &keep(&stored, ana, at(1)), &unnoted())
            .await
            .expect("written");
        assert_eq!(first, Written::At(2));

        let stale = memories::update(&db, &keep(&stored, ana, at(2)), &unnoted())
            .await
            .expect("answered");
        assert_eq!(stale, Written::Stale);
        let absent = MemoryUpdate {
            id: memory_id(9),
            ..keep(&stored, ana, at(2))
        };
        assert_eq!(
            memories::update(&db, &absent, &unnoted())
                .await
                .expect("answered"),
            Written::Gone
        );
        // Another's memory is no different from none.
        let foreign = memories::update(&db, &keep(&stored, bob, at(2)), &unnoted())
            .await
            .expect("answered");
        assert_eq!(foreign, Written::Gone);
        assert_eq!(
            memories::delete(&db, bob, memory_id(1), &unnoted())
                .await
                .expect("answered"),
            Written::Gone
        );
        assert!(
            memories::get(&db, bob, memory_id(1))
                .await
                .expect("read")
                .is_none()
        );
        assert!(
            memories::submit(&db, &memory(ana, 1, at(3)), &unnoted())
                .await
                .is_err(),
            "the id is taken"
        );

        assert_eq!(get(&db, ana, 1).await.updated_at, at(1));
        assert_eq!(users::version(&db, ana).await.expect("read"), Some(2));
        assert_eq!(users::version(&db, bob).await.expect("read"), Some(0));
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn memories_are_fetched_by_many_ids_at_once() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        for n in 1..=230 {
            submit(&db, memory(ana, n, at(0))).await;
        }
        submit(&db, memory(bob, 500, at(0))).await;
        for most in [1, 9, 10, 11, 99, 100, 101, 205, 230] {
            let wanted: Vec<MemoryId> = (1..=most).chain([500, 999]).map(memory_id).collect();
            let found = memories::get_many(&db, ana, &wanted).await.expect("read");
            let mut ids: Vec<MemoryId> = found.iter().map(|memory| memory.id).collect();
            ids.sort();
            assert_eq!(ids, (1..=most).map(memory_id).collect::<Vec<_>>());
        }
        assert!(
            memories::get_many(&db, ana, &[])
                .await
                .expect("read")
                .is_empty()
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest_and_miss_none() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        // Three of each instant, so that a page ends between memories of one instant.
        for n in 0..12 {
            submit(&db, memory(ana, 100 + n, at(n as i64 / 3))).await;
            submit(&db, memory(bob, 200 + n, at(n as i64 / 3))).await;
        }
        let filter = MemoryFilter::default();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = memories::list(&db, ana, &filter, at(50), after, 5)
                .await
                .expect("listed");
            after = page.last().map(|last| (last.created_at, last.id));
            seen.extend(page.iter().map(|memory| memory.id));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (100..112).rev().map(memory_id).collect::<Vec<_>>());
        assert_eq!(
            memories::count(&db, ana, &filter, at(50))
                .await
                .expect("counted"),
            12
        );
        db.close().await;
    })
    .await;
}

/// The database filters as `MemoryFilter::admits` says, for every filter there is.
#[tokio::test]
async fn a_list_holds_what_the_filter_admits() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let mut stored = Vec::new();
        for permission in [Permission::Private, Permission::Public] {
            for expires in [None, Some(at(9)), Some(at(10)), Some(at(11)), Some(at(20))] {
                let id = stored.len() as u128 + 1;
                // Of as many bytes that any sum of some tells which they are.
                let new = memories::NewMemory {
                    permission,
                    expiration_date: expires,
                    ciphertext: &"x".repeat(1 << stored.len()),
                    ..memory(ana, id, at(0))
                };
                submit(&db, new).await;
                stored.push((memory_id(id), permission, expires));
            }
        }
        let bounds = [None, Some(at(10)), Some(at(20))];
        for permission in [None, Some(Permission::Private), Some(Permission::Public)] {
            for expired in [Expired::Exclude, Expired::Include, Expired::Only] {
                for expires_before in bounds {
                    for expires_after in bounds {
                        let filter = MemoryFilter {
                            permission,
                            expired,
                            expires_before,
                            expires_after,
                        };
                        let mut right: Vec<MemoryId> = stored
                            .iter()
                            .filter(|(_, of, expires)| filter.admits(*of, *expires, at(10)))
                            .map(|(id, ..)| *id)
                            .collect();
                        right.reverse();
                        let list = memories::list(&db, ana, &filter, at(10), None, 50).await;
                        let list: Vec<_> = list.expect("listed").iter().map(|m| m.id).collect();
                        assert_eq!(list, right, "{filter:?}");
                        let count = memories::count(&db, ana, &filter, at(10)).await;
                        assert_eq!(count.expect("counted"), right.len() as i64, "{filter:?}");
                        let bytes = stored.iter().enumerate().map(|(at, (id, ..))| {
                            let is_in = right.contains(id);
                            i64::from(is_in) << at
                        });
                        let extent = memories::extent(&db, ana, &filter, at(10)).await;
                        let right = (right.len() as i64, bytes.sum());
                        assert_eq!(extent.expect("summed"), right, "{filter:?}");
                    }
                }
            }
        }
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_catches_up_stretch_by_stretch_whatever_happens_in_between() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        for n in 1..=7 {
            submit(&db, memory(ana, n, at(0))).await;
        }
        submit(&db, memory(bob, 1, at(0))).await;

        let mut copy = Copy::default();
        copy.apply(
            changes_since(&db, ana, Position::default(), 3)
                .await
                .expect("ana"),
        );
        assert_eq!(copy.known(), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!((copy.reached.revision, copy.version), (3, 7));

        // One of those already seen changes, one goes; one not yet seen goes, too.
        let two = get(&db, ana, 2).await;
        let changed = memories::update(&db, &keep(&two, ana, at(1)), &unnoted())
            .await
            .expect("written");
        assert_eq!(changed, Written::At(8));
        for n in [1, 5] {
            let deleted = memories::delete(&db, ana, memory_id(n), &unnoted())
                .await
                .expect("deleted");
            assert!(matches!(deleted, Written::At(_)));
        }
        while copy.reached.revision < copy.version {
            copy.apply(changes_since(&db, ana, copy.reached, 3).await.expect("ana"));
        }
        assert_eq!(copy.known(), [(2, 8), (3, 3), (4, 4), (6, 6), (7, 7)]);
        assert_eq!(copy.version, 10);

        let fresh = changes_since(&db, ana, copy.reached, 3).await.expect("ana");
        assert!(fresh.changed.rows().is_empty() && fresh.deleted.is_empty());
        assert_eq!((fresh.reached, fresh.version), (copy.reached, 10));
        assert!(
            changes_since(&db, user_id(9), Position::default(), 3)
                .await
                .is_none()
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn deletions_are_kept_for_a_while_and_who_is_further_behind_starts_anew() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        for n in 1..=4 {
            submit(&db, memory(ana, n, at(0))).await;
        }
        let since = async |from, limit| changes_since(&db, ana, from, limit).await.expect("ana");
        let delete = async |n| {
            let deleted = memories::delete(&db, ana, memory_id(n), &unnoted()).await;
            assert!(matches!(deleted.expect("deleted"), Written::At(_)));
        };
        let (mut behind, mut reading) = (Copy::default(), Copy::default());
        behind.apply(since(Position::default(), 10).await);
        reading.apply(since(Position::default(), 2).await);
        delete(1).await;
        assert_eq!(tombstones(&db, ana).await, 1);

        // As many changes as it takes, without making them one by one.
        let much = sql!(
            "UPDATE users SET version = version + $2 WHERE id = $1",
            ana,
            changes::DELETIONS_KEPT,
        );
        db.execute(much).await.expect("written");
        delete(2).await;
        assert_eq!(tombstones(&db, ana).await, 1, "the older one is gone");

        for mut copy in [behind, reading] {
            let next = since(copy.reached, 10).await;
            assert!(next.anew);
            copy.apply(next);
            assert_eq!(copy.known(), [(3, 3), (4, 4)]);
            assert_eq!(copy.reached.revision, copy.version);
            assert!(!since(copy.reached, 10).await.anew);
        }
        // Reading for the first time goes on in stretches, however old what is read.
        let mut first = Copy::default();
        first.apply(since(Position::default(), 1).await);
        let next = since(first.reached, 1).await;
        assert!(!next.anew);
        first.apply(next);
        assert_eq!(first.known(), [(3, 3), (4, 4)]);

        let touched = changes::touched(&db, ana, 4, 10).await;
        let touched = touched.expect("read").expect("ana");
        assert_eq!(touched.memories, None, "nobody knows all that was deleted");
        db.close().await;
    })
    .await;
}

async fn tombstones(db: &Db, user: UserId) -> i64 {
    let count = sql!("SELECT count(*) FROM tombstones WHERE user_id = $1", user);
    db.one::<(i64,)>(count).await.expect("read").0
}

#[tokio::test]
async fn what_changed_is_told_by_name_while_it_is_little() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        for n in 1..=3 {
            submit(&db, memory(ana, n, at(0))).await;
        }
        let deleted = memories::delete(&db, ana, memory_id(2), &unnoted()).await;
        assert_eq!(deleted.expect("deleted"), Written::At(4));
        let since = async |revision, limit| {
            let touched = changes::touched(&db, ana, revision, limit).await;
            let touched = touched.expect("read").expect("ana");
            (touched.version, touched.memories)
        };
        let (third, second) = (memory_id(3), memory_id(2));
        assert_eq!(since(2, 5).await, (4, Some(vec![third, second])));
        assert_eq!(since(4, 5).await, (4, Some(Vec::new())));
        assert_eq!(since(0, 1).await, (4, None));
        let nobody = changes::touched(&db, user_id(9), 0, 5).await;
        assert!(nobody.expect("read").is_none());
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn ids_are_found_between_two_bounds_the_newest_first_and_only_one_s_own() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let bob = person(&db, 2, "bob").await;
        for n in [1, 5, 9] {
            submit(&db, memory(ana, n, at(0))).await;
        }
        submit(&db, memory(bob, 6, at(0))).await;
        let between = async |first, last, limit| {
            memories::ids_between(&db, ana, memory_id(first), memory_id(last), limit)
                .await
                .expect("read")
        };
        assert_eq!(between(1, 8, 9).await, [memory_id(5), memory_id(1)]);
        assert_eq!(between(0, 9, 1).await, [memory_id(9)]);
        assert_eq!(between(6, 8, 9).await, []);
        db.close().await;
    })
    .await;
}

/// A partition as small as can be: which revision of each memory it holds.
#[derive(Default)]
struct Copy {
    memories: std::collections::BTreeMap<MemoryId, i64>,
    reached: Position,
    version: i64,
}

impl Copy {
    fn apply(&mut self, changes: changes::Changes<changes::Change>) {
        if changes.anew {
            self.memories.clear();
        }
        for change in changes.changed.read().expect("rows") {
            assert_eq!(change.sealed.as_deref(), Some(&b"sealed"[..]));
            assert_eq!(change.model.as_deref(), Some("e5"));
            self.memories.insert(change.id, change.revision);
        }
        for id in changes.deleted {
            self.memories.remove(&id);
        }
        (self.reached, self.version) = (changes.reached, changes.version);
    }

    fn known(&self) -> Vec<(u128, i64)> {
        self.memories
            .iter()
            .map(|(id, revision)| (id.uuid().as_u128(), *revision))
            .collect()
    }
}
