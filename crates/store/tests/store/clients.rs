//! How clients are registered, found again and forgotten, on both databases.

use crate::{
    common::*,
    oauth::{is_live, set_up},
};
use picard_domain::Scopes;
use picard_store::{
    Db, assertions,
    clients::{self, Client, Registered},
};
use picard_testkit::databases;

#[tokio::test]
async fn a_client_comes_back_as_it_was_registered() {
    databases(async |database| {
        let db = migrated(database).await;
        let registered = client(&db, 1).await;
        let found = clients::find(&db, client_id(1))
            .await
            .expect("read")
            .expect("registered");
        assert_eq!(found.redirect_uris, registered.redirect_uris);
        assert_eq!(
            (found.secret_digest, found.scopes),
            (Some(digest("secret")), Scopes::all())
        );
        assert_eq!(
            (found.registered, found.last_used_at),
            (Registered::Operator, None)
        );

        clients::touch(&db, client_id(1), at(5))
            .await
            .expect("written");
        clients::touch(&db, client_id(1), at(64))
            .await
            .expect("answered");
        let renamed = clients::Client {
            name: "Renamed".into(),
            secret_digest: None,
            ..found
        };
        clients::put(&db, &renamed).await.expect("replaced");
        let found = clients::find(&db, client_id(1))
            .await
            .expect("read")
            .expect("registered");
        assert_eq!(
            (found.name.as_str(), found.secret_digest),
            ("Renamed", None)
        );
        assert_eq!(
            found.last_used_at,
            Some(at(5)),
            "to the minute, and not lost by the change"
        );

        let deleted = clients::delete(&db, client_id(1), at(9), None).await;
        assert_eq!(deleted.expect("deleted"), Some(0));
        assert!(!is_there(&db, 1).await);
        let again = clients::delete(&db, client_id(1), at(9), None).await;
        assert_eq!(again.expect("answered"), None);
        assert!(clients::RedirectUris::new(vec!["https://a/\nhttps://b/".into()]).is_none());
        db.close().await;
    })
    .await;
}

/// A public client with metadata of this name.
fn twin(n: u128, metadata: &str) -> Client {
    Client {
        metadata_digest: Some(digest(metadata)),
        ..newcomer(n, Registered::Dynamic)
    }
}

async fn is_there(db: &Db, n: u128) -> bool {
    clients::find(db, client_id(n))
        .await
        .expect("read")
        .is_some()
}

#[tokio::test]
async fn of_two_registrations_with_the_same_metadata_there_is_one_client() {
    databases(async |database| {
        let db = migrated(database).await;
        let register = async |client: Client| clients::register(&db, &client).await;
        let first = register(twin(1, "same")).await.expect("registered");
        let later = Client {
            created_at: at(9),
            ..twin(2, "same")
        };
        let again = register(later).await.expect("registered");
        let other = register(twin(3, "other")).await.expect("registered");
        assert_eq!(
            (first, again, other),
            (client_id(1), client_id(1), client_id(3))
        );
        assert!(!is_there(&db, 2).await);
        let found = clients::find(&db, first)
            .await
            .expect("read")
            .expect("there");
        assert_eq!(found.created_at, at(9), "it counts as registered anew");

        // Those whose metadata are not compared stay apart.
        for n in [4, 5] {
            let id = register(newcomer(n, Registered::Dynamic)).await;
            assert_eq!(id.expect("registered"), client_id(n));
        }
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_metadata_from_many_at_once_make_one_client() {
    databases(async |database| {
        let db = migrated(database).await;
        let all = (1..=8).map(|n| {
            let db = db.clone();
            tokio::spawn(async move { clients::register(&db, &twin(n, "same")).await })
        });
        let mut ids = Vec::new();
        for one in all.collect::<Vec<_>>() {
            ids.push(one.await.expect("runs").expect("registered"));
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_known_by_a_document_keeps_what_is_known_of_the_document() {
    databases(async |database| {
        let db = migrated(database).await;
        let document = Client {
            metadata_url: Some("https://app.example/client.json".into()),
            jwks: Some("{}".into()),
            jwks_uri: Some("https://app.example/jwks.json".into()),
            jwks_fetched_at: Some(at(1)),
            document_fetched_at: Some(at(2)),
            document_fresh_until: Some(at(3)),
            client_uri: Some("https://app.example/".into()),
            ..newcomer(1, Registered::Document)
        };
        clients::put(&db, &document).await.expect("written");
        let refreshed = Client {
            document_fresh_until: Some(at(60)),
            ..document.clone()
        };
        clients::put(&db, &refreshed).await.expect("replaced");
        let found = clients::find(&db, client_id(1))
            .await
            .expect("read")
            .expect("there");
        assert_eq!(found.registered, Registered::Document);
        assert_eq!(
            (found.metadata_url, found.client_uri),
            (document.metadata_url, document.client_uri)
        );
        assert_eq!(
            (found.document_fetched_at, found.document_fresh_until),
            (Some(at(2)), Some(at(60)))
        );
        assert_eq!(
            (found.jwks, found.jwks_uri, found.jwks_fetched_at),
            (document.jwks, document.jwks_uri, Some(at(1)))
        );
        db.close().await;
    })
    .await;
}

/// Trap 20: clients that nobody used go after a while; trap 21: no other does.
#[tokio::test]
async fn only_clients_that_nobody_ever_used_are_forgotten() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        for n in [11, 12, 13] {
            clients::register(&db, &twin(n, &n.to_string()))
                .await
                .expect("registered");
        }
        let young = Client {
            created_at: at(100),
            ..newcomer(14, Registered::Dynamic)
        };
        clients::register(&db, &young).await.expect("registered");
        clients::put(&db, &newcomer(15, Registered::Document))
            .await
            .expect("written");
        clients::put(&db, &newcomer(16, Registered::Operator))
            .await
            .expect("written");
        clients::touch(&db, client_id(13), at(5))
            .await
            .expect("written");
        // Client 1 is used by nothing but the consent itself.
        let grant = consent(&db, ana, 1, "code").await;

        let forget = async |limit| clients::delete_unused(&db, at(99), limit).await;
        assert_eq!(forget(2).await.expect("deleted"), 2, "in batches");
        assert_eq!(forget(9).await.expect("deleted"), 1);
        assert_eq!(forget(9).await.expect("deleted"), 0);
        for n in [1, 13, 14, 16] {
            assert!(is_there(&db, n).await, "{n} stays");
        }
        issue(&db, &pair(ana, grant, "a", "r", at(1))).await;
        assert!(is_live(&db, "a", at(2)).await);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_allowed_to_a_client_that_is_gone() {
    databases(async |database| {
        let db = migrated(database).await;
        let ana = set_up(&db).await;
        let deleted = clients::delete(&db, client_id(1), at(0), None).await;
        assert_eq!(deleted.expect("deleted"), Some(0));
        assert!(!try_consent(&db, ana, 1, "code").await);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_assertion_is_good_once_until_it_is_forgotten() {
    databases(async |database| {
        let db = migrated(database).await;
        let use_up = async |name: &str, until| {
            assertions::use_up(&db, digest(name), at(until))
                .await
                .expect("written")
        };
        assert!(use_up("one", 60).await);
        assert!(!use_up("one", 90).await);
        assert!(use_up("two", 61).await);
        let forgotten = assertions::delete_expired(&db, at(60), 9)
            .await
            .expect("deleted");
        assert_eq!(forgotten, 1, "the other is still remembered");
        assert!(use_up("one", 60).await);
        assert!(!use_up("two", 61).await);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn keys_are_kept_for_as_long_as_the_client_names_their_place() {
    databases(async |database| {
        let db = migrated(database).await;
        let here = "https://keys.example/jwks.json";
        let named = Client {
            jwks_uri: Some(here.into()),
            ..newcomer(1, Registered::Document)
        };
        clients::put(&db, &named).await.expect("written");
        let keep = async |uri, keys, when| {
            clients::keep_keys(&db, client_id(1), uri, keys, at(when))
                .await
                .expect("answered");
            let found = clients::find(&db, client_id(1)).await.expect("read");
            let found = found.expect("there");
            (found.jwks, found.jwks_fetched_at)
        };
        let first = (Some("first".to_owned()), Some(at(1)));
        assert_eq!(keep(here, "first", 1).await, first);
        assert_eq!(keep("https://keys.example/old", "stale", 2).await, first);
        let second = (Some("second".to_owned()), Some(at(3)));
        assert_eq!(keep(here, "second", 3).await, second);
        db.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_outdated_has_no_freshness_left_and_nothing_else_changes() {
    databases(async |database| {
        let db = migrated(database).await;
        let fresh = |n| Client {
            metadata_url: Some(format!("https://app.example/{n}")),
            document_fetched_at: Some(at(1)),
            document_fresh_until: Some(at(60)),
            ..newcomer(n, Registered::Document)
        };
        for n in [1, 2] {
            clients::put(&db, &fresh(n)).await.expect("written");
        }
        clients::outdate(&db, client_id(1)).await.expect("written");
        for (n, until) in [(1, None), (2, Some(at(60)))] {
            let found = clients::find(&db, client_id(n)).await.expect("read");
            let found = found.expect("there");
            assert_eq!(found.document_fresh_until, until);
            assert_eq!(found.document_fetched_at, Some(at(1)));
            assert_eq!(found.redirect_uris, fresh(n).redirect_uris);
        }
        db.close().await;
    })
    .await;
}
