//! Vectors that another embedding model made, to be made anew.

use picard_domain::{MemoryId, UserId};
use picard_sql::{record, sql, transaction};

use crate::{
    Db, Error,
    memories::{SealedVectors, Written, bump, put_vectors},
    outcome::{Stop, settle},
};

record! {
    /// A memory whose vectors are of another model, with all that making new ones takes.
    pub struct Outdated {
        /// Its owner.
        pub user_id: UserId,
        /// Which.
        pub id: MemoryId,
        /// The revision that new vectors are built on.
        pub revision: i64,
        /// Its text, encrypted.
        pub ciphertext: String,
        /// Which master key wraps the owner's data key.
        pub key_id: String,
        /// The owner's data key, wrapped.
        pub wrapped_key: Vec<u8>,
    }
}

/// Returns up to `limit` memories with vectors of this model (or that have yet to
/// be embedded: [`NO_MODEL`](crate::memories::NO_MODEL)), in the order of owner and
/// id, after `after`.
pub async fn list(
    db: &Db,
    model: &str,
    after: (UserId, MemoryId),
    limit: usize,
) -> Result<Vec<Outdated>, Error> {
    db.all(sql!(
        "SELECT m.user_id, m.id, m.revision, m.ciphertext, u.key_id, u.wrapped_key
         FROM vectors v
         JOIN memories m ON m.user_id = v.user_id AND m.id = v.memory_id
         JOIN users u ON u.id = v.user_id
         WHERE v.model = $1 AND (v.user_id, v.memory_id) > ($2, $3)
         ORDER BY v.user_id, v.memory_id LIMIT $4",
        model,
        after.0,
        after.1,
        limit as i64,
    ))
    .await
}

/// Returns the models that made the vectors of the memories, each with the number of
/// those, by name. It looks at every vector: not for each request.
pub async fn models(db: &Db) -> Result<Vec<(String, u64)>, Error> {
    let rows = db
        .all::<(String, i64)>(sql!(
            "SELECT model, COUNT(*) FROM vectors GROUP BY model ORDER BY model"
        ))
        .await?;
    let counted = |(model, count): (String, i64)| (model, count.unsigned_abs());
    Ok(rows.into_iter().map(counted).collect())
}

/// Replaces the vectors of a memory, unless it was changed since it was read.
/// Its revision moves on, so that partitions learn of it; to its owner it is unchanged.
pub async fn renew(
    db: &Db,
    memory: &Outdated,
    vectors: SealedVectors<'_>,
) -> Result<Written, Error> {
    settle(transaction!(db, |tx| {
        let revision = bump(tx, memory.user_id).await?;
        let update = sql!(
            "UPDATE memories SET revision = $4 WHERE user_id = $1 AND id = $2 AND revision = $3",
            memory.user_id,
            memory.id,
            memory.revision,
            revision,
        );
        if tx.execute(update).await? != 1 {
            return Err(Stop::Answer(Written::Stale));
        }
        put_vectors(tx, memory.user_id, memory.id, vectors).await?;
        Written::At(revision)
    }))
}
