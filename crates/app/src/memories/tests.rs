use std::{pin::pin, sync::Arc};

use futures::poll;
use picard_store::outdated;
use picard_testkit::{HeldEmbedder, TestDatabase, databases};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    ExpirationChange,
    scene::{caller, import, open, open_with, writer},
};

fn text(text: &str) -> MemoryText {
    MemoryText::new(Plaintext::new(text.to_owned())).expect("a text")
}

/// Moves a memory on as the server does when it embeds it for another model.
async fn embedded_anew(app: &App, model: &str) {
    let nil = (
        UserId::from_uuid(Uuid::nil()),
        MemoryId::from_uuid(Uuid::nil()),
    );
    let memories = outdated::list(&app.db, model, nil, 10).await;
    for memory in memories.expect("listed") {
        let vectors = SealedVectors {
            model,
            sealed: b"sealed",
        };
        let renewed = outdated::renew(&app.db, &memory, vectors).await;
        assert!(matches!(renewed, Ok(Written::At(_))));
    }
}

#[tokio::test]
async fn only_what_somebody_changed_is_in_the_way_of_a_change() {
    databases(async |database| {
        let model = Arc::new(HeldEmbedder::new(1));
        let app = open_with(database, model.clone()).await;
        let writer = writer(&app).await;
        model.let_on(1);
        let new = NewMemory {
            text: text("tea"),
            permission: Permission::Private,
            expiration_date: None,
        };
        let memory = app.remember(&writer, new).await.expect("stored");
        let change = |to: Option<&str>| MemoryChange {
            memory_id: memory.id,
            text: to.map(text),
            permission: None,
            expiration_date: ExpirationChange::Keep,
            expected_updated_at: None,
        };
        let mut update = Box::pin(app.update(&writer, change(Some("coffee"))));
        assert!(poll!(&mut update).is_pending());
        tokio::select! {
            _ = &mut update => panic!("the model is held"),
            _ = model.begun(2) => {}
        }
        embedded_anew(&app, "held").await;
        model.let_on(1);
        let updated = update.await.expect("nobody changed it");
        assert_eq!(updated.text.expose(), "coffee");

        let mut update = Box::pin(app.update(&writer, change(Some("milk"))));
        tokio::select! {
            _ = &mut update => panic!("the model is held"),
            _ = model.begun(3) => {}
        }
        app.update(&writer, change(None)).await.expect("changed");
        model.let_on(1);
        assert!(matches!(update.await, Err(Error::Conflict)));
    })
    .await;
}

#[tokio::test]
async fn very_many_bytes_are_not_decrypted_on_the_async_thread() {
    let database = TestDatabase::sqlite();
    let app = open(&database).await;
    let long = "tea ".repeat(16 * 1024);
    import(
        &app,
        (0..4).map(|n| json!({"text": format!("{n}{}", &long[1..])})),
    )
    .await;
    let caller = caller(&app).await;
    let owner = Owner::of(&caller);
    let rows = async || {
        let filter = MemoryFilter::default();
        let rows = memories::list(&app.db, owner.id, &filter, app.now(), None, 9).await;
        rows.expect("listed")
    };
    // Who searches without end takes all seats of their own.
    let mut seats = Vec::new();
    while let Ok(seat) = tokio::time::timeout(
        std::time::Duration::ZERO,
        app.partitions.seats.take(owner.id),
    )
    .await
    {
        seats.push(seat);
    }
    let mut few = rows().await;
    few.truncate(1);
    assert_eq!(
        app.open_all(&caller, &owner, few)
            .await
            .expect("opened")
            .len(),
        1
    );
    let mut many = pin!(app.open_all(&caller, &owner, rows().await));
    assert!(poll!(&mut many).is_pending());
    drop(seats);
    assert_eq!(many.await.expect("opened").len(), 4);
}
