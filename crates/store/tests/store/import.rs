//! Memories brought in with the ids that they had, on both databases.

use std::collections::BTreeMap;

use crate::common::*;
use picard_domain::{MemoryId, Permission, UserId};
use picard_store::{
    Db,
    changes::{self, Position, Snapshot},
    import::{self, Import},
    memories::{self, SealedVectors, Written},
    users,
};
use picard_testkit::databases;

fn incoming(n: u128, ciphertext: &'static str) -> Import<'static> {
    Import {
        id: memory_id(n),
        permission: Permission::Public,
        expiration_date: Some(at(-50)),
        created_at: at(-100),
        updated_at: at(-90),
        ciphertext,
        vectors: SealedVectors {
            model: "e5",
            sealed: b"sealed",
        },
    }
}

async fn store(db: &Db, user: UserId, memories: &[Import<'_>]) -> Vec<bool> {
    import::store(db, user, memories, &unnoted())
        .await
        .expect("written")
        .expect("there is such a person")
}

/// What a partition that catches up in stretches of `limit` holds in the end.
async fn catch_up(
    db: &Db,
    user: UserId,
    held: &mut BTreeMap<MemoryId, String>,
    mut from: Position,
    limit: usize,
) -> Position {
    loop {
        let snapshot = Snapshot::of(db, user).await.expect("read");
        let snapshot = snapshot.expect("there is such a person");
        let changes = snapshot.texts(from, limit).await.expect("read");
        let changed = changes.changed.read().expect("rows");
        if changes.anew {
            held.clear();
        }
        for id in &changes.deleted {
            assert!(!changed.iter().any(|change| change.id == *id));
            held.remove(id);
        }
        for change in changed {
            held.insert(change.id, change.ciphertext);
        }
        from = changes.reached;
        if from.revision == changes.version {
            return from;
        }
    }
}

#[tokio::test]
async fn what_is_brought_in_keeps_its_id_and_its_instants_and_what_is_here_stays() {
    databases(async |database| {
        let db = migrated(database).await;
        let (ana, bob) = (person(&db, 1, "ana").await, person(&db, 2, "bob").await);
        submit(&db, memory(ana, 1, at(0))).await;
        let batch = [
            incoming(1, "other"),
            incoming(2, "new"),
            incoming(2, "twice"),
        ];
        assert_eq!(store(&db, ana, &batch).await, [false, true, false]);
        assert_eq!(store(&db, ana, &batch).await, [false; 3]);
        let ids = [memory_id(1), memory_id(2)];
        let mut kept = memories::get_many(&db, ana, &ids).await.expect("read");
        kept.sort_by_key(|memory| memory.id);
        assert_eq!(kept[0].ciphertext, "ciphertext");
        let new = &kept[1];
        assert_eq!(
            (new.created_at, new.updated_at, new.expiration_date),
            (at(-100), at(-90), Some(at(-50)))
        );
        assert_eq!(new.permission, Permission::Public);
        // The id is another memory under another owner.
        assert_eq!(store(&db, bob, &[incoming(1, "bob's")]).await, [true]);
        let nobody = import::store(&db, user_id(9), &[incoming(1, "nobody's")], &unnoted()).await;
        assert!(nobody.expect("answered").is_none());
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_memory_may_come_back_and_go_again_and_every_copy_ends_right() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        for n in 1..=4 {
            submit(&db, memory(ana, n, at(0))).await;
        }
        let mut before = BTreeMap::new();
        let known = catch_up(&db, ana, &mut before, Position::default(), 100).await;
        for n in [2, 3] {
            let gone = memories::delete(&db, ana, memory_id(n), &unnoted()).await;
            assert!(matches!(gone, Ok(Written::At(_))));
        }
        let mut between = before.clone();
        let without = catch_up(&db, ana, &mut between, known, 100).await;
        assert_eq!(between.len(), 2);

        assert_eq!(store(&db, ana, &[incoming(2, "back")]).await, [true]);
        let now: BTreeMap<_, _> = [(1, "ciphertext"), (2, "back"), (4, "ciphertext")]
            .map(|(n, text)| (memory_id(n), text.to_owned()))
            .into();
        for limit in [1, 2, 100] {
            for (held, from) in [(&before, known), (&between, without)] {
                let mut held = held.clone();
                catch_up(&db, ana, &mut held, from, limit).await;
                assert_eq!(held, now, "{limit} at a time");
            }
        }

        let again = memories::delete(&db, ana, memory_id(2), &unnoted()).await;
        assert!(matches!(again, Ok(Written::At(_))), "{again:?}");
        for (held, from) in [(&mut before, known), (&mut between, without)] {
            catch_up(&db, ana, held, from, 1).await;
            assert!(!held.contains_key(&memory_id(2)) && held.len() == 2);
        }
        let touched = changes::touched(&db, ana, 0, 10).await.expect("read");
        let named = touched.expect("ana").memories.expect("few");
        assert_eq!(named.len(), 4, "each of them once: {named:?}");
        assert!(users::version(&db, ana).await.expect("read") > Some(4));
        db.close().await;
    })
    .await;
}
