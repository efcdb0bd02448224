//! Clients, consent, codes and families of tokens, on both databases.

use crate::common::*;
use picard_domain::{Instant, Scope, Scopes, UserId};
use picard_store::{
    Db, clients,
    codes::{self, Consumption},
    grants, tickets,
    tokens::{self, Issue, Pair, Rotated, Rotation},
    users,
};
use picard_testkit::databases;

pub(crate) async fn is_live(db: &Db, access: &str, now: Instant) -> bool {
    tokens::authenticate(db, digest(access), now)
        .await
        .expect("read")
        .is_some()
}

async fn rotate(db: &Db, presented: &str, successors: Pair) -> Rotated {
    let rotation = Rotation {
        presented: digest(presented),
        successors,
        successor_sealed: b"sealed pair",
    };
    tokens::rotate(db, &rotation).await.expect("answered")
}

pub(crate) async fn set_up(db: &Db) -> UserId {
    client(db, 1).await;
    person(db, 1, "ana").await
}

#[tokio::test]
async fn a_code_is_good_once_and_for_its_time() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let grant = consent(&db, ana, 1, "code").await;
        consent(&db, ana, 2, "late").await;

        let Consumption::Live(code) = codes::consume(&db, digest("code"), at(59)).await.expect("used")
        else {
            panic!("the code is live");
        };
        assert_eq!((code.user_id, code.grant_id, code.client_id), (ana, grant, client_id(1)));
        assert_eq!(code.redirect_uri, "https://app.example/callback");
        assert_eq!((code.code_challenge.as_str(), code.scopes), ("challenge", Scopes::read_write()));
        assert_eq!(code.resource, "https://picard.example/mcp");
        let again = codes::consume(&db, digest("code"), at(59)).await.expect("answered");
        assert!(
            matches!(again, Consumption::Replayed { user_id, grant_id } if (user_id, grant_id) == (ana, grant))
        );
        let late = codes::consume(&db, digest("late"), at(60)).await.expect("answered");
        assert!(matches!(late, Consumption::Unknown));
        let never = codes::consume(&db, digest("never"), at(0)).await.expect("answered");
        assert!(matches!(never, Consumption::Unknown));
        assert_eq!(codes::delete_expired(&db, at(60), 10).await.expect("deleted"), 2);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_token_tells_all_that_a_request_needs() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        submit(&db, memory(ana, 1, at(0))).await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a", "r", at(1))).await;
        let access = tokens::authenticate(&db, digest("a"), at(2))
            .await
            .expect("read")
            .expect("live");
        assert_eq!(
            (access.user_id, access.handle.as_str(), access.name.as_str()),
            (ana, "ana", "ana")
        );
        assert_eq!((access.client_id, access.grant_id), (client_id(1), grant));
        assert_eq!((access.scopes, access.version), (Scopes::read_write(), 1));
        assert_eq!((access.created_at, access.expires_at), (at(1), at(3601)));
        assert_eq!(
            (access.key_id.as_str(), access.wrapped_key.as_slice()),
            ("key-1", &b"wrapped"[..])
        );
        assert_eq!(
            (access.client_name.as_str(), access.grant_last_used_at),
            ("An application", Some(at(1)))
        );
        assert!(is_live(&db, "a", at(3600)).await);
        assert!(
            !is_live(&db, "a", at(3601)).await,
            "a token ends at its instant"
        );
        assert!(
            !is_live(&db, "r", at(2)).await,
            "a refresh token is no access token"
        );
        assert!(
            tokens::find_refresh(&db, digest("a"))
                .await
                .expect("read")
                .is_none()
        );
        assert!(
            tokens::revoke_access(&db, digest("a"))
                .await
                .expect("deleted")
        );
        assert!(!is_live(&db, "a", at(2)).await);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_client_s_tokens_are_dead() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a", "r", at(1))).await;
        let deleted = clients::delete(&db, client_id(1), at(2), None).await;
        assert_eq!(deleted.expect("deleted"), Some(1), "one grant went with it");
        assert!(!is_live(&db, "a", at(2)).await);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_and_keeps_its_successors_until_they_are_used() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let grant = consent(&db, ana, 1, "code").await;
        issue(&db, &pair(ana, grant, "a1", "r1", at(1))).await;
        let second = Pair {
            access_scopes: Scopes::NONE.with(Scope::Read),
            ..pair(ana, grant, "a2", "r2", at(10))
        };
        assert_eq!(rotate(&db, "r1", second).await, Rotated::Issued);
        let access = tokens::authenticate(&db, digest("a2"), at(11))
            .await
            .expect("read")
            .expect("live");
        assert_eq!(access.scopes, Scopes::NONE.with(Scope::Read));
        assert!(
            is_live(&db, "a1", at(11)).await,
            "the one before is good until it ends"
        );

        // Whoever comes second finds what the first one got.
        let third = pair(ana, grant, "a3", "r3", at(12));
        assert_eq!(rotate(&db, "r1", third.clone()).await, Rotated::AlreadyUsed);
        assert!(
            !is_live(&db, "a3", at(12)).await,
            "and leaves nothing behind"
        );
        let used = tokens::find_refresh(&db, digest("r1"))
            .await
            .expect("read")
            .expect("kept");
        assert_eq!(used.used_at, Some(at(10)));
        assert_eq!(used.successor_sealed.as_deref(), Some(&b"sealed pair"[..]));
        let successor = tokens::find_refresh(&db, digest("r2"))
            .await
            .expect("read")
            .expect("live");
        assert_eq!(
            (successor.used_at, successor.scopes),
            (None, Scopes::read_write())
        );
        assert_eq!(
            (successor.granted_at, successor.client_id),
            (at(0), client_id(1))
        );

        // Once the successor is used, the sealed pair is gone.
        assert_eq!(rotate(&db, "r2", third).await, Rotated::Issued);
        let used = tokens::find_refresh(&db, digest("r1"))
            .await
            .expect("read")
            .expect("kept");
        assert_eq!((used.used_at, used.successor_sealed), (Some(at(10)), None));

        let late = pair(
            ana,
            grant,
            "a4",
            "r4",
            at(12) + picard_domain::Span::days(30),
        );
        assert_eq!(
            rotate(&db, "r3", late).await,
            Rotated::AlreadyUsed,
            "an ended one is no good"
        );
        db.close().await;
    })
    .await;
}

/// What T1, T17, T24 and T34 rest on.
#[tokio::test]
async fn a_revoked_grant_takes_its_whole_family_and_no_other() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let bob = person(&db, 2, "bob").await;
        let grant = consent(&db, ana, 1, "code 1").await;
        let other = consent(&db, ana, 2, "code 2").await;
        let bobs = consent(&db, bob, 1, "code 3").await;
        issue(&db, &pair(ana, grant, "a1", "r1", at(1))).await;
        assert_eq!(
            rotate(&db, "r1", pair(ana, grant, "a2", "r2", at(2))).await,
            Rotated::Issued
        );
        issue(&db, &pair(ana, other, "a3", "r3", at(1))).await;
        issue(&db, &pair(bob, bobs, "a4", "r4", at(1))).await;

        assert!(
            grants::revoke(&db, ana, grant, at(3), &unnoted())
                .await
                .expect("revoked")
        );
        assert!(!is_live(&db, "a1", at(3)).await && !is_live(&db, "a2", at(3)).await);
        for refresh in ["r1", "r2"] {
            assert!(
                tokens::find_refresh(&db, digest(refresh))
                    .await
                    .expect("read")
                    .is_none()
            );
        }
        let unused = codes::consume(&db, digest("code 1"), at(4))
            .await
            .expect("answered");
        assert!(
            matches!(unused, Consumption::Unknown),
            "a code of it is dead, too"
        );
        let late = pair(ana, grant, "a5", "r5", at(4));
        assert_eq!(
            tokens::issue(&db, &late, &unnoted())
                .await
                .expect("answered"),
            Issue::GrantGone
        );
        assert_eq!(rotate(&db, "r2", late).await, Rotated::GrantGone);
        assert!(!is_live(&db, "a5", at(4)).await);
        assert!(is_live(&db, "a3", at(4)).await && is_live(&db, "a4", at(4)).await);
        assert!(
            !grants::revoke(&db, ana, grant, at(5), &unnoted())
                .await
                .expect("answered"),
            "it was dead"
        );
        assert!(
            !grants::revoke(&db, bob, other, at(5), &unnoted())
                .await
                .expect("answered"),
            "not his"
        );

        assert_eq!(
            grants::revoke_all(&db, ana, at(6), &unnoted())
                .await
                .expect("revoked"),
            1
        );
        assert!(!is_live(&db, "a3", at(6)).await && is_live(&db, "a4", at(6)).await);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn connected_applications_are_those_with_live_tokens() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let bob = person(&db, 2, "bob").await;
        let grant = consent(&db, ana, 1, "code 1").await;
        consent(&db, ana, 2, "code 2").await;
        let bobs = consent(&db, bob, 3, "code 3").await;
        issue(&db, &pair(ana, grant, "a1", "r1", at(1))).await;
        issue(&db, &pair(bob, bobs, "a3", "r3", at(1))).await;

        let list = grants::list(&db, ana, at(2)).await.expect("listed");
        assert_eq!(
            list.len(),
            1,
            "a consent whose code was never exchanged is no access"
        );
        assert_eq!(
            (list[0].id, list[0].client_name.as_str()),
            (grant, "An application")
        );
        assert_eq!(
            (list[0].scopes, list[0].last_used_at),
            (Scopes::read_write(), Some(at(1)))
        );

        let last_used =
            async || grants::list(&db, ana, at(2)).await.expect("listed")[0].last_used_at;
        grants::touch(&db, ana, grant, Some(at(1)), at(60))
            .await
            .expect("answered");
        assert_eq!(
            last_used().await,
            Some(at(1)),
            "within the minute nothing is written"
        );
        grants::touch(&db, ana, grant, Some(at(1)), at(61))
            .await
            .expect("written");
        assert_eq!(last_used().await, Some(at(61)));

        let ended = at(1) + picard_domain::Span::days(30);
        assert!(
            grants::list(&db, ana, ended)
                .await
                .expect("listed")
                .is_empty()
        );
        grants::revoke(&db, ana, grant, at(62), &unnoted())
            .await
            .expect("revoked");
        assert!(
            grants::list(&db, ana, at(62))
                .await
                .expect("listed")
                .is_empty()
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_consent_ticket_is_answered_once_by_who_was_asked() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let bob = person(&db, 2, "bob").await;
        ticket(&db, ana, "ticket").await;
        ticket(&db, ana, "late").await;
        let answer = async |user, name, now| {
            tickets::answer(&db, user, digest(name), now)
                .await
                .expect("answered")
        };
        assert_eq!(answer(bob, "ticket", at(1)).await, None);
        assert_eq!(
            answer(ana, "ticket", at(1)).await.as_deref(),
            Some("client_id=1")
        );
        assert_eq!(answer(ana, "ticket", at(2)).await, None);
        assert_eq!(answer(ana, "late", at(600)).await, None);
        assert_eq!(
            tickets::delete_expired(&db, at(600), 10)
                .await
                .expect("deleted"),
            2
        );
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_has_ended_is_deleted_a_few_at_a_time() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let grant = consent(&db, ana, 1, "code").await;
        for n in 1..=3 {
            issue(
                &db,
                &pair(ana, grant, &format!("a{n}"), &format!("r{n}"), at(n)),
            )
            .await;
        }
        assert_eq!(
            tokens::delete_expired_access(&db, at(3602), 1)
                .await
                .expect("one"),
            1
        );
        assert_eq!(
            tokens::delete_expired_access(&db, at(3602), 10)
                .await
                .expect("another"),
            1
        );
        assert!(is_live(&db, "a3", at(3602)).await);
        let month = picard_domain::Span::days(30);
        assert_eq!(
            tokens::delete_expired_refresh(&db, at(3) + month, 10)
                .await
                .expect("all"),
            3
        );
        assert!(users::find(&db, ana).await.expect("read").is_some());
        db.close().await;
    })
    .await;
}
