//! What changed in a person's memories since a revision: how a node's
//! partition catches up.

use picard_domain::{Instant, MemoryId, Permission, UserId};
use picard_sql::{Query, Record, Tx, Unread, record, sql};

use crate::{Db, Error};

record! {
    /// A memory that is new or changed, with what it is found by.
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
        /// The embedding model that made its vectors; `None` when that is the one that was
        /// named as present, and without vectors.
        pub model: Option<String>,
        /// What it is found by, sealed.
        pub sealed: Option<Vec<u8>>,
    }
}

record! {
    /// A memory that is new or changed, with what it says.
    pub struct ChangedText {
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
pub struct Changes<R> {
    /// The version of the person's memories in that snapshot.
    pub version: i64,
    /// Whether the deletions in between are gone: what had been taken over
    /// before must be dropped, and this is the beginning.
    pub anew: bool,
    /// Where this stretch ends. When its revision is `version`, whoever applied
    /// it is up to date with the snapshot; otherwise, ask again from here.
    pub reached: Position,
    /// New and changed memories, by revision.
    pub changed: Unread<R>,
    /// The bytes of what is encrypted or sealed of these.
    pub bytes: usize,
    /// Deleted memories. None of them is in `changed`.
    pub deleted: Vec<MemoryId>,
}

/// A snapshot of the database, in which somebody reads what changed of a person's memories.
pub struct Snapshot {
    tx: Tx,
    user: UserId,
    version: i64,
}

impl Snapshot {
    /// Begins to read; `None` when there is no such person.
    pub async fn of(db: &Db, user: UserId) -> Result<Option<Self>, Error> {
        let mut tx = db.snapshot().await?;
        let version = sql!("SELECT version FROM users WHERE id = $1", user);
        let version = tx.optional::<(i64,)>(version).await?;
        Ok(version.map(|(version,)| Self { tx, user, version }))
    }

    /// Returns up to `limit` changes after `from` (by default everything), oldest first,
    /// with what a search needs of a memory. `present` names the model of which it is
    /// known that most vectors are.
    ///
    /// Applying stretch after stretch until `reached.revision` is `version` gives
    /// the state of the last snapshot, whatever was written between the calls: a
    /// memory that moved on in between has a higher revision, and so has a tombstone.
    pub async fn changes(
        self,
        from: Position,
        limit: usize,
        present: &str,
    ) -> Result<Changes<Change>, Error> {
        let user = self.user;
        let select = |revision: i64| {
            sql!(
                "SELECT m.id, m.permission, m.expiration_date, m.created_at, m.revision,
                        NULLIF(v.model, $4) AS model, v.sealed
                 FROM memories m
                 LEFT JOIN vectors v ON v.user_id = m.user_id AND v.memory_id = m.id
                 WHERE m.user_id = $1 AND m.revision > $2
                 ORDER BY m.revision LIMIT $3",
                user,
                revision,
                limit as i64,
                present,
            )
        };
        self.stretch(from, limit, select, "sealed").await
    }

    /// Does what [`Self::changes`] does, with what the memories say.
    pub async fn texts(self, from: Position, limit: usize) -> Result<Changes<ChangedText>, Error> {
        let user = self.user;
        let select = |revision: i64| {
            sql!(
                "SELECT id, permission, expiration_date, created_at, revision, ciphertext
                 FROM memories WHERE user_id = $1 AND revision > $2
                 ORDER BY revision LIMIT $3",
                user,
                revision,
                limit as i64,
            )
        };
        self.stretch(from, limit, select, "ciphertext").await
    }

    /// `column` has the bytes that are counted.
    async fn stretch<R: Record>(
        self,
        from: Position,
        limit: usize,
        select: impl Fn(i64) -> Query,
        column: &str,
    ) -> Result<Changes<R>, Error> {
        let Self {
            mut tx,
            user,
            version,
        } = self;
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
        let changed = tx.unread::<R>(select(from.revision)).await?;
        let rows = changed.rows();
        let revision = match rows.last() {
            Some(last) if rows.len() == limit => last.get("revision")?,
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
        let mut bytes = 0;
        if let Some(first) = rows.first() {
            let column = first.place(column)?;
            for row in rows {
                bytes += row.size(column)?;
            }
        }
        let deletions = if revision == version {
            version
        } else {
            from.deletions
        };
        Ok(Changes {
            version,
            anew,
            reached: Position {
                revision,
                deletions,
            },
            changed,
            bytes,
            deleted,
        })
    }
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
