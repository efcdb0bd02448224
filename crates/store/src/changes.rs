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

/// For how many revisions of a person a deletion is kept. Whoever is further
/// behind starts anew. It bounds what deletions leave behind.
pub const DELETIONS_KEPT: i64 = 10_000;

/// How far somebody has taken over a person's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Every memory that was new or changed up to this revision.
    pub revision: i64,
    /// Every deletion up to this revision of what had been taken over. While a
    /// person's memories are read for the first time, it is the version at which
    /// that began: what was deleted before was never seen.
    pub deletions: i64,
}

/// A stretch of a person's changes, in one snapshot of the database.
pub struct Changes {
    /// The version of the person's memories in that snapshot.
    pub version: i64,
    /// Whether the deletions in between are gone: what had been taken over
    /// before must be dropped, and this is the beginning.
    pub anew: bool,
    /// Where this stretch ends. When its revision is `version`, whoever applied
    /// it is up to date with the snapshot; otherwise, ask again from here.
    pub reached: Position,
    /// New and changed memories, by revision.
    pub changed: Vec<Change>,
    /// Deleted memories. None of them is in `changed`.
    pub deleted: Vec<MemoryId>,
}

/// Returns up to `limit` changes after `from` (by default everything), oldest
/// first; `None` when there is no such person.
///
/// Applying stretch after stretch until `reached.revision` is `version` gives
/// the state of the last snapshot, whatever was written between the calls: a
/// memory that moved on in between has a higher revision, and so has a tombstone.
pub async fn since(
    db: &Db,
    user: UserId,
    from: Position,
    limit: usize,
) -> Result<Option<Changes>, Error> {
    let mut tx = db.snapshot().await?;
    let version = sql!("SELECT version FROM users WHERE id = $1", user);
    let Some((version,)) = tx.optional::<(i64,)>(version).await? else {
        return Ok(None);
    };
    let anew = from.revision > 0 && from.deletions < version - DELETIONS_KEPT;
    let from = if anew || from.revision == 0 {
        // Who has nothing has nothing to delete.
        Position {
            revision: 0,
            deletions: version,
        }
    } else {
        from
    };
    let changed = sql!(
        "SELECT m.id, m.permission, m.expiration_date, m.created_at, m.revision, m.ciphertext,
                v.model, v.sealed
         FROM memories m
         LEFT JOIN vectors v ON v.user_id = m.user_id AND v.memory_id = m.id
         WHERE m.user_id = $1 AND m.revision > $2
         ORDER BY m.revision LIMIT $3",
        user,
        from.revision,
        limit as i64,
    );
    let changed = tx.all::<Change>(changed).await?;
    let revision = match changed.last() {
        Some(last) if changed.len() == limit => last.revision,
        _ => version,
    };
    let deleted = if from.revision == 0 {
        Vec::new()
    } else {
        let deleted = sql!(
            "SELECT memory_id FROM tombstones
             WHERE user_id = $1 AND revision > $2 AND revision <= $3
             ORDER BY revision",
            user,
            from.revision,
            revision,
        );
        tx.all::<(MemoryId,)>(deleted)
            .await?
            .into_iter()
            .map(|(id,)| id)
            .collect()
    };
    tx.commit().await?;
    let deletions = if revision == version {
        version
    } else {
        from.deletions
    };
    Ok(Some(Changes {
        version,
        anew,
        reached: Position {
            revision,
            deletions,
        },
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
    let few =
        changed.len() <= limit && deleted.len() <= limit && revision >= version - DELETIONS_KEPT;
    let all = changed.into_iter().chain(deleted);
    Ok(Some(Touched {
        version,
        memories: few.then(|| all.map(|(id,)| id).collect()),
    }))
}
