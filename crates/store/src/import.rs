//! Memories that come from elsewhere, with the ids and instants that they had.

use picard_domain::{Instant, MemoryId, Permission, UserId};
use picard_sql::{sql, transaction};

use crate::{
    Db, Error,
    audit::{self, Note},
    memories::{SealedVectors, put_vectors},
    outcome::{Stop, settle},
    users,
};

/// A memory to bring in.
pub struct Import<'a> {
    /// Names it within its user.
    pub id: MemoryId,
    /// Who may read it.
    pub permission: Permission,
    /// From when on it is no longer valid; it may have passed.
    pub expiration_date: Option<Instant>,
    /// When it was first stored, wherever that was.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Its text, encrypted.
    pub ciphertext: &'a str,
    /// Its vectors, sealed.
    pub vectors: SealedVectors<'a>,
}

/// Stores those memories whose ids the person does not have, all in one
/// transaction with a note of how many, and tells of each whether it was stored; `None` when there is
/// no such person.
///
/// A memory that was deleted may come back. Its tombstone goes then: it has
/// the place that the next deletion needs, and the row's own revision is higher,
/// so that whoever still holds the old memory takes over the new one.
pub async fn store(
    db: &Db,
    user: UserId,
    memories: &[Import<'_>],
    note: &Note,
) -> Result<Option<Vec<bool>>, Error> {
    settle(transaction!(db, |tx| {
        let mut stored = Vec::with_capacity(memories.len());
        for memory in memories {
            let revision = users::bump(tx, user).await?.ok_or(Stop::Answer(None))?;
            let insert = sql!(
                "INSERT INTO memories (user_id, id, permission, expiration_date, created_at,
                                       updated_at, revision, ciphertext)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (user_id, id) DO NOTHING",
                user,
                memory.id,
                memory.permission,
                memory.expiration_date,
                memory.created_at,
                memory.updated_at,
                revision,
                memory.ciphertext,
            );
            let is_new = tx.execute(insert).await? == 1;
            if is_new {
                put_vectors(tx, user, memory.id, memory.vectors).await?;
                let tombstone = sql!(
                    "DELETE FROM tombstones WHERE user_id = $1 AND memory_id = $2",
                    user,
                    memory.id,
                );
                tx.execute(tombstone).await?;
            }
            stored.push(is_new);
        }
        let new = stored.iter().filter(|is_new| **is_new).count();
        if new > 0 {
            let note = Note {
                memories: Some(new as i64),
                ..note.clone()
            };
            audit::write(tx, user, &note).await?;
        }
        Some(stored)
    }))
}
