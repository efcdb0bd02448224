//! What changed in a person's memories since a revision: how a node's
//! partition catches up.

use picard_domain::{Instant, MemoryId, Permission, UserId};
use picard_sql::{record, sql};

use crate::{Db, Error};

record! {
    /// A memory that is new or changed, with all that a partition needs of it.
    pub struct Change {
        /// Names it within its user.
        pub id: MemoryId,
        /// Who may read it.
        pub permission: Permission,
        /// From when on it is no longer valid.
        pub expiration_date: Option<Instant>,
        /// When it was first stored.
        pub created_at: Instant,
        /// The person's version at its last change.
        pub revision: i64,
        /// Its text, encrypted.
        pub ciphertext: String,
        /// The embedding model that made its vectors.
        pub model: Option<String>,
        /// Its vectors, sealed.
        pub sealed: Option<Vec<u8>>,
    }
}

/// A stretch of a person's changes, in one snapshot of the database.
pub struct Changes {
    /// The version of the person's memories in that snapshot.
    pub version: i64,
    /// Where this stretch ends. When it is `version`, whoever applied it is up
    /// to date with the snapshot; otherwise, ask again from here.
    pub reached: i64,
    /// New and changed memories, by revision.
    pub changed: Vec<Change>,
    /// Deleted memories. None of them is in `changed`.
    pub deleted: Vec<MemoryId>,
}

/// Returns up to `limit` changes after `revision` (0 for everything), oldest
/// first; `None` when there is no such person.
///
/// Applying stretch after stretch until `reached` is `version` gives the state
/// of the last snapshot, whatever was written between the calls: a memory that
/// moved on in between has a higher revision, and so has a tombstone.
pub async fn since(
    db: &Db,
    user: UserId,
    revision: i64,
    limit: usize,
) -> Result<Option<Changes>, Error> {
    let mut tx = db.snapshot().await?;
    let version = sql!("SELECT version FROM users WHERE id = $1", user);
    let Some((version,)) = tx.optional::<(i64,)>(version).await? else {
        return Ok(None);
    };
    let changed = sql!(
        "SELECT m.id, m.permission, m.expiration_date, m.created_at, m.revision, m.ciphertext,
                v.model, v.sealed
         FROM memories m
         LEFT JOIN vectors v ON v.user_id = m.user_id AND v.memory_id = m.id
         WHERE m.user_id = $1 AND m.revision > $2
         ORDER BY m.revision LIMIT $3",
        user,
        revision,
        limit as i64,
    );
    let changed = tx.all::<Change>(changed).await?;
    let reached = match changed.last() {
        Some(last) if changed.len() == limit => last.revision,
        _ => version,
    };
    let deleted = if revision == 0 {
        // Who has nothing has nothing to delete.
        Vec::new()
    } else {
        let deleted = sql!(
            "SELECT memory_id FROM tombstones
             WHERE user_id = $1 AND revision > $2 AND revision <= $3
             ORDER BY revision",
            user,
            revision,
            reached,
        );
        tx.all::<(MemoryId,)>(deleted)
            .await?
            .into_iter()
            .map(|(id,)| id)
            .collect()
    };
    tx.commit().await?;
    Ok(Some(Changes {
        version,
        reached,
        changed,
        deleted,
    }))
}

/// Which memories changed since a revision, without what they hold: for whoever
/// only passes on that something changed.
pub struct Touched {
    /// The version of the person's memories in that snapshot.
    pub version: i64,
    /// New, changed and deleted memories; `None` when there are too many to name.
    pub memories: Option<Vec<MemoryId>>,
}

/// Returns which memories changed after `revision`, up to `limit` of each kind;
/// `None` when there is no such person.
pub async fn touched(
    db: &Db,
    user: UserId,
    revision: i64,
    limit: usize,
) -> Result<Option<Touched>, Error> {
    let mut tx = db.snapshot().await?;
    let version = sql!("SELECT version FROM users WHERE id = $1", user);
    let Some((version,)) = tx.optional::<(i64,)>(version).await? else {
        return Ok(None);
    };
    // One more than wanted tells whether there are too many.
    let most = limit as i64 + 1;
    let changed = sql!(
        "SELECT id FROM memories WHERE user_id = $1 AND revision > $2 ORDER BY revision LIMIT $3",
        user,
        revision,
        most,
    );
    let deleted = sql!(
        "SELECT memory_id FROM tombstones
         WHERE user_id = $1 AND revision > $2 ORDER BY revision LIMIT $3",
        user,
        revision,
        most,
    );
    let changed = tx.all::<(MemoryId,)>(changed).await?;
    let deleted = tx.all::<(MemoryId,)>(deleted).await?;
    tx.commit().await?;
    let few = changed.len() <= limit && deleted.len() <= limit;
    let all = changed.into_iter().chain(deleted);
    Ok(Some(Touched {
        version,
        memories: few.then(|| all.map(|(id,)| id).collect()),
    }))
}
