//! What many tasks do at once, on both databases: each race has one winner.

use std::collections::BTreeSet;

use crate::common::*;
use picard_domain::Permission;
use picard_store::{
    Db, attempts,
    changes::Position,
    codes::{self, Consumption},
    grants, leases,
    memories::{self, MemoryUpdate, Written},
    tickets,
    tokens::{self, Issue, Rotated, Rotation},
    users,
};
use picard_testkit::databases;

/// Runs a task for each number at once, and returns what they answered.
async fn race<T, F>(db: &Db, runners: u128, task: impl Fn(Db, u128) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (1..=runners)
        .map(|n| tokio::spawn(task(db.clone(), n)))
        .collect();
    let mut answers = Vec::new();
    for task in running {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_submits_at_once_get_fifty_revisions() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let versions = race(&db, 50, |db, n| async move {
            submit(&db, memory(user_id(1), n, at(n as i64))).await
        })
        .await;
        assert_eq!(
            versions.iter().copied().collect::<BTreeSet<_>>(),
            (1..=50).collect()
        );
        assert_eq!(users::version(&db, ana).await.expect("read"), Some(50));
        let all = changes_since(&db, ana, Position::default(), 100)
            .await
            .expect("ana");
        let changed = all.changed.read().expect("rows");
        let revisions: Vec<_> = changed.iter().map(|change| change.revision).collect();
        assert_eq!(revisions, (1..=50).collect::<Vec<_>>());
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_updates_of_one_revision_one_wins_and_the_others_know() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        submit(&db, memory(ana, 1, at(0))).await;
        let answers = race(&db, 8, |db, n| async move {
            let change = MemoryUpdate {
                user_id: user_id(1),
                id: memory_id(1),
                revision: 1,
                permission: Permission::Public,
                expiration_date: None,
                text: None,
                now: at(n as i64),
            };
            memories::update(&db, &change, &unnoted())
                .await
                .expect("answered")
        })
        .await;
        assert_eq!(
            answers
                .iter()
                .filter(|answer| **answer == Written::At(2))
                .count(),
            1
        );
        assert_eq!(
            answers
                .iter()
                .filter(|answer| **answer == Written::Stale)
                .count(),
            7
        );
        assert_eq!(users::version(&db, ana).await.expect("read"), Some(2));
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_who_present_a_code_one_gets_it() {
    databases(async |database| {
        let db = migrated(database).await;
        client(&db, 1).await;
        let ana = person(&db, 1, "ana").await;
        consent(&db, ana, 1, "code").await;
        let answers = race(&db, 10, |db, _| async move {
            match codes::consume(&db, digest("code"), at(1))
                .await
                .expect("answered")
            {
                Consumption::Live(_) => "live",
                Consumption::Replayed { .. } => "replayed",
                Consumption::Unknown => "unknown",
            }
        })
        .await;
        assert_eq!(
            answers.iter().filter(|answer| **answer == "live").count(),
            1
        );
        assert_eq!(
            answers
                .iter()
                .filter(|answer| **answer == "replayed")
                .count(),
            9
        );
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_who_refresh_one_gets_new_tokens_and_the_others_find_them() {
    databases(async |database| {
        let db = migrated(database).await;
        client(&db, 1).await;
        let ana = person(&db, 1, "ana").await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a0", "r0", at(1))).await;
        let answers = race(&db, 10, |db, n| async move {
            let (access, refresh, sealed) = (format!("a{n}"), format!("r{n}"), [n as u8]);
            let rotation = Rotation {
                presented: digest("r0"),
                successors: pair(user_id(1), grant_id(1), &access, &refresh, at(2)),
                successor_sealed: &sealed,
            };
            let rotated = tokens::rotate(&db, &rotation).await.expect("answered");
            let kept = tokens::find_refresh(&db, digest("r0"))
                .await
                .expect("read")
                .expect("kept");
            (
                rotated,
                n as u8,
                kept.successor_sealed.expect("the successor is unused"),
            )
        })
        .await;
        let winners: Vec<_> = answers
            .iter()
            .filter(|(rotated, ..)| *rotated == Rotated::Issued)
            .collect();
        assert_eq!(winners.len(), 1);
        for (_, _, sealed) in &answers {
            assert_eq!(sealed, &[winners[0].1], "all find the pair of the winner");
        }
        for n in 1..=10_u8 {
            let live = tokens::authenticate(&db, digest(&format!("a{n}")), at(3)).await;
            assert_eq!(live.expect("read").is_some(), n == winners[0].1);
        }
        db.close().await;
    })
    .await;
}

/// A replayed code revokes the grant while its first exchange is still under
/// way: whichever is first, no token lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_token_outlives_a_revocation_that_runs_beside_its_issue() {
    databases(async |database| {
        let db = migrated(database).await;
        client(&db, 1).await;
        let ana = person(&db, 1, "ana").await;
        for n in 1..=20 {
            let grant = consent(&db, ana, n, &format!("code {n}")).await;
            let answers = race(&db, 2, |db, runner| async move {
                if runner == 1 {
                    let tokens = pair(user_id(1), grant, &format!("a{n}"), &format!("r{n}"), at(1));
                    let issued = tokens::issue(&db, &tokens, &unnoted())
                        .await
                        .expect("answered");
                    issued == Issue::Issued
                } else {
                    grants::revoke(&db, user_id(1), grant, at(1), &unnoted())
                        .await
                        .expect("revoked")
                }
            })
            .await;
            assert!(answers[1], "the grant was live");
            let token = tokens::authenticate(&db, digest(&format!("a{n}")), at(2)).await;
            assert!(token.expect("read").is_none());
            let refresh = tokens::find_refresh(&db, digest(&format!("r{n}"))).await;
            assert!(refresh.expect("read").is_none());
        }
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_ten_answers_to_a_ticket_one_counts() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        ticket(&db, ana, "ticket").await;
        let answers = race(&db, 10, |db, _| async move {
            tickets::answer(&db, user_id(1), digest("ticket"), at(1))
                .await
                .expect("answered")
        })
        .await;
        assert_eq!(answers.iter().flatten().count(), 1);
        db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_once_are_all_counted() {
    databases(async |database| {
        let db = migrated(database).await;
        let counts = race(&db, 30, |db, _| async move {
            let window = picard_domain::Span::minutes(15);
            attempts::fail(&db, "ana", at(1), window)
                .await
                .expect("counted")
                .failures
        })
        .await;
        assert_eq!(
            counts.into_iter().collect::<BTreeSet<_>>(),
            (1..=30).collect()
        );
        db.close().await;
    })
    .await;
}

/// An account is deleted in the middle of a stream of writes: nothing of it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_memory_outlives_an_account_that_is_deleted_beside_it() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = person(&db, 1, "ana").await;
        let deleted = race(&db, 20, |db, n| async move {
            if n == 10 {
                let deleted = users::delete(&db, user_id(1), None).await.expect("deleted");
                return deleted == users::Removal::Done;
            }
            let written = memories::submit(&db, &memory(user_id(1), n, at(0)), &unnoted()).await;
            assert!(matches!(
                written.expect("answered"),
                Written::At(_) | Written::Gone
            ));
            false
        })
        .await;
        assert_eq!(deleted.iter().filter(|deleted| **deleted).count(), 1);
        let filter = picard_domain::MemoryFilter::default();
        assert_eq!(
            memories::count(&db, ana, &filter, at(1))
                .await
                .expect("counted"),
            0
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_ends() {
    databases(async |database| {
        let db = migrated(database).await;
        let holder = uuid::Uuid::from_u128;
        let take = async |n, now, until| {
            leases::take(&db, "work", holder(n), at(now), at(until))
                .await
                .expect("written")
        };
        let won = race(&db, 8, |db, n| async move {
            leases::take(&db, "work", holder(n), at(0), at(10))
                .await
                .expect("written")
        });
        let won = won.await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let winner = won.iter().position(|won| *won).expect("one") as u128 + 1;
        assert!(take(winner, 5, 20).await, "one's own is made longer");
        assert!(!take(99, 19, 30).await);
        assert!(take(99, 20, 30).await, "what has ended is free");
        assert!(!take(winner, 21, 40).await);
        db.close().await;
    })
    .await;
}
