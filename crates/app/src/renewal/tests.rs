use std::{pin::pin, sync::Arc};

use picard_domain::{MemoryText, Plaintext};
use picard_testkit::{HeldEmbedder, databases};
use serde_json::json;

use super::*;
use crate::{
    ExpirationChange, MemoryChange,
    scene::{import, open, open_with, writer},
};

#[tokio::test]
async fn what_its_owner_changed_meanwhile_is_not_counted_as_embedded_again() {
    databases(async |database| {
        let before = open(database).await;
        let id = MemoryId::from_uuid(Uuid::from_u128(7));
        let lines = [
            json!({"text": "tea", "id": id.uuid()}),
            json!({"text": "rum"}),
        ];
        import(&before, lines.into_iter()).await;

        let model = Arc::new(HeldEmbedder::new(2));
        let after = open_with(database, model.clone()).await;
        model.let_on(1);
        let mut renewal = pin!(after.renew_vectors());
        tokio::select! {
            _ = &mut renewal => panic!("the model is held"),
            // It is tried out first.
            _ = model.begun(3) => {}
        }
        assert_eq!(after.metrics.left_to_renew(), 2);
        let text = MemoryText::new(Plaintext::new("milk".to_owned()));
        let change = MemoryChange {
            memory_id: id,
            text: Some(text.expect("a text")),
            permission: None,
            expiration_date: ExpirationChange::Keep,
            expected_updated_at: None,
        };
        let writer = writer(&before).await;
        before.update(&writer, change).await.expect("changed");
        model.let_on(usize::MAX);
        assert_eq!(renewal.await.expect("it goes through"), Renewed::All(1));
    })
    .await;
}
