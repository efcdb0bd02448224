//! Vectors that another embedding model made, to be made anew.

use picard_domain::{Instant, MemoryId, UserId};
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
        /// When it was first stored.
        pub created_at: Instant,
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
    // The few are found before anything else is read, in an order that one index alone
    // has: whatever the database believes of how many there are.
    db.all(sql!(
        "SELECT m.user_id, m.id, m.revision, m.created_at, m.ciphertext, u.key_id, u.wrapped_key
         FROM (SELECT user_id, memory_id FROM vectors
               WHERE (model, user_id, memory_id) > ($1, $2, $3) AND model <= $1
               ORDER BY model, user_id, memory_id LIMIT $4) v
         JOIN memories m ON m.user_id = v.user_id AND m.id = v.memory_id
         JOIN users u ON u.id = v.user_id
         ORDER BY v.user_id, v.memory_id",
        model,
        after.0,
        after.1,
        limit as i64,
    ))
    .await
}

/// So many memories of one model are counted at most: a statement has its time.
pub const MOST_COUNTED: u64 = 1_000_000;

/// Returns the models that made the vectors of the memories, by name: a look into an
/// index for each.
pub async fn names(db: &Db) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut next = db
        .one::<(Option<String>,)>(sql!("SELECT MIN(model) FROM vectors"))
        .await?;
    while let (Some(name),) = next {
        let after = sql!("SELECT MIN(model) FROM vectors WHERE model > $1", &*name);
        next = db.one(after).await?;
        names.push(name);
    }
    Ok(names)
}

/// Counts the memories with vectors of a model, up to [`MOST_COUNTED`].
pub async fn count(db: &Db, model: &str) -> Result<u64, Error> {
    let (count,) = db
        .one::<(i64,)>(sql!(
            "SELECT COUNT(*) FROM (SELECT memory_id FROM vectors WHERE model = $1 LIMIT $2) AS counted",
            model,
            MOST_COUNTED as i64,
        ))
        .await?;
    Ok(count.unsigned_abs())
}

/// Returns the [`names`] of models, each with its [`count`].
pub async fn models(db: &Db) -> Result<Vec<(String, u64)>, Error> {
    let mut models = Vec::new();
    for name in names(db).await? {
        let count = count(db, &name).await?;
        models.push((name, count));
    }
    Ok(models)
}

/// Replaces the vectors of a memory, unless it was changed since it was read.
/// Its revision moves on, so that partitions learn of it: whoever watches is told of a
/// change, although nothing changed that its owner could see.
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
