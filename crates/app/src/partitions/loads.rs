//! What a question finds whose partition is loaded while the person's memories move on.

use futures::poll;
use picard_store::{
    memories::{SealedVectors, Written},
    outdated,
};
use picard_testkit::databases;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    App, ExpirationChange, MemoryChange,
    loading::bound_to,
    persona::ALL,
    scene::{caller, import, open, question, writer},
};

/// Some stretches of a load, and the last one not full. What moves on stands behind the
/// third: while somebody hangs up behind the first, others may be on their way.
const MEMORIES: u128 = 2_400;

/// So many of them move on: more than a stretch, and so that none ends where they begin.
const MOVED: u128 = 500;

fn id(n: u128) -> MemoryId {
    MemoryId::from_uuid(Uuid::from_u128(n))
}

/// Stores memories with the ids from 0 on, in that order.
async fn store(app: &App) {
    let line = |n| json!({"text": format!("tea {n}"), "id": id(n).uuid()});
    import(app, (0..MEMORIES).map(line)).await;
}

/// Changes the last ones, which no load has come to yet.
async fn move_on(app: &App) {
    let caller = writer(app).await;
    for n in MEMORIES - MOVED..MEMORIES {
        let change = MemoryChange {
            memory_id: id(n),
            text: None,
            permission: None,
            expiration_date: ExpirationChange::Keep,
            expected_updated_at: None,
        };
        app.update(&caller, change).await.expect("changed");
    }
}

/// Asks for everything that there is at a version, or later.
async fn found(app: &App, owner: &Owner, version: i64) -> Vec<MemoryId> {
    best(app, owner, version, "", ALL).await
}

/// Asks by words for so many memories.
async fn best(app: &App, owner: &Owner, version: i64, words: &str, limit: usize) -> Vec<MemoryId> {
    let question = Question {
        limit,
        ..question(owner.id, words.to_owned())
    };
    let target = Target {
        version,
        ..Target::of(owner)
    };
    let chosen = app
        .partitions
        .query(&app.db, &app.embedding, target, question)
        .await;
    let mut ids: Vec<_> = chosen.expect("answered").iter().map(|one| one.id).collect();
    ids.sort_unstable();
    ids
}

/// Asks a first question, and hangs up as soon as a part of the memories is in.
async fn break_off(app: &App, owner: &Owner) {
    let slot = app
        .partitions
        .slot(owner.id, app.embedding.model(), || app.embedding.preparer());
    let bytes = || app.partitions.kept.lock().bytes;
    let empty = bytes();
    let mut question = Box::pin(found(app, owner, owner.version));
    while bytes() == empty {
        assert!(poll!(&mut question).is_pending(), "it is long");
        tokio::task::yield_now().await;
    }
    drop(question);
    let loaded = slot.loaded.read().await;
    assert!(loaded.is_loading && loaded.len() < (MEMORIES - MOVED) as usize);
}

#[tokio::test]
async fn a_first_question_finds_what_moved_on_while_all_was_read() {
    databases(async |database| {
        let app = open(database).await;
        store(&app).await;
        let owner = Owner::of(&caller(&app).await);
        break_off(&app, &owner).await;
        move_on(&app).await;
        // It must see no more than there was when it was asked, and that is everything.
        let found = found(&app, &owner, owner.version).await;
        assert_eq!(found, (0..MEMORIES).map(id).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_part_of_a_load_answers_no_question_however_old() {
    databases(async |database| {
        let app = open(database).await;
        store(&app).await;
        let owner = Owner::of(&caller(&app).await);
        break_off(&app, &owner).await;
        let found = found(&app, &owner, 1).await;
        assert_eq!(found.len(), MEMORIES as usize);
    })
    .await;
}

#[tokio::test]
async fn what_another_version_stored_without_its_words_is_found_by_them() {
    databases(async |database| {
        let app = open(database).await;
        store(&app).await;
        let access = caller(&app).await;
        let (model, nil) = (
            app.embedding.model(),
            (UserId::from_uuid(Uuid::nil()), id(0)),
        );
        // More than a stretch, and not all.
        let memories = outdated::list(&app.db, model, nil, 300)
            .await
            .expect("listed");
        for memory in &memories {
            let bound = bound_to(access.user_id, memory.id);
            let sealed = &access.key.seal(app.entropy(), &bound, &[1]);
            let vectors = SealedVectors { model, sealed };
            let renewed = outdated::renew(&app.db, memory, vectors).await;
            assert!(matches!(renewed, Ok(Written::At(_))));
        }
        let owner = Owner::of(&caller(&app).await);
        let found = best(&app, &owner, owner.version, "17 1017", 2).await;
        assert_eq!(found, [id(17), id(1017)]);
    })
    .await;
}
