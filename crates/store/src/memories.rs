//! Memories as ciphertext: written, read, listed.
//!
//! Every write is one transaction that first bumps the person's version and
//! gives the row that number as its revision. So one look at the version tells
//! whether a copy of a person's memories is fresh, and
//! [`changes::Snapshot`] tells what it lacks.

use picard_domain::{Expired, Instant, MemoryFilter, MemoryId, Permission, UserId};
use picard_sql::{Tx, record, sql, transaction};

use crate::{
    Db, Error,
    audit::{self, Note},
    changes,
    outcome::{Stop, settle},
    users,
};

/// The name of no model: of vectors that are yet to be made.
pub const NO_MODEL: &str = "";

/// The sealed vectors of all chunks of one memory.
#[derive(Clone, Copy)]
pub struct SealedVectors<'a> {
    /// The embedding model that made them, or [`NO_MODEL`].
    pub model: &'a str,
    /// All of them in one sealed value.
    pub sealed: &'a [u8],
}

/// A memory to store.
pub struct NewMemory<'a> {
    /// Its owner.
    pub user_id: UserId,
    /// A fresh id.
    pub id: MemoryId,
    /// Who may read it.
    pub permission: Permission,
    /// From when on it is no longer valid.
    pub expiration_date: Option<Instant>,
    /// Its text, encrypted.
    pub ciphertext: &'a str,
    /// Its vectors, sealed.
    pub vectors: SealedVectors<'a>,
    /// The instant it is stored.
    pub now: Instant,
}

/// A memory as it is to be from now on.
pub struct MemoryUpdate<'a> {
    /// Its owner.
    pub user_id: UserId,
    /// Which.
    pub id: MemoryId,
    /// The revision that this change is built on.
    pub revision: i64,
    /// Who may read it.
    pub permission: Permission,
    /// From when on it is no longer valid.
    pub expiration_date: Option<Instant>,
    /// A new text, encrypted, with its vectors; `None` keeps both.
    pub text: Option<(&'a str, SealedVectors<'a>)>,
    /// The instant of the change.
    pub now: Instant,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// It is done; the person's memories have this version now.
    At(i64),
    /// The memory has another revision than the change was built on. Nothing was written.
    Stale,
    /// There is no such memory, or no such person. Nothing was written.
    Gone,
}

record! {
    /// A memory as it is stored.
    #[derive(Clone)]
    pub struct StoredMemory {
        /// Names it within its user.
        pub id: MemoryId,
        /// Who may read it.
        pub permission: Permission,
        /// From when on it is no longer valid.
        pub expiration_date: Option<Instant>,
        /// When it was first stored.
        pub created_at: Instant,
        /// When it was last changed.
        pub updated_at: Instant,
        /// The person's version at its last change.
        pub revision: i64,
        /// Its text, encrypted.
        pub ciphertext: String,
    }
}

/// Stores a memory.
pub async fn submit(db: &Db, new: &NewMemory<'_>, note: &Note) -> Result<Written, Error> {
    settle(transaction!(db, |tx| {
        let revision = bump(tx, new.user_id).await?;
        let insert = sql!(
            "INSERT INTO memories (user_id, id, permission, expiration_date, created_at,
                                   updated_at, revision, ciphertext)
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7)",
            new.user_id,
            new.id,
            new.permission,
            new.expiration_date,
            new.now,
            revision,
            new.ciphertext,
        );
        tx.execute(insert).await?;
        put_vectors(tx, new.user_id, new.id, new.vectors).await?;
        audit::write(tx, new.user_id, note).await?;
        Written::At(revision)
    }))
}

/// Changes a memory, unless it was changed since the revision that was read.
pub async fn update(db: &Db, change: &MemoryUpdate<'_>, note: &Note) -> Result<Written, Error> {
    settle(transaction!(db, |tx| {
        let revision = bump(tx, change.user_id).await?;
        let update = sql!(
            "UPDATE memories
             SET permission = $4, expiration_date = $5, updated_at = $6, revision = $7,
                 ciphertext = COALESCE($8, ciphertext)
             WHERE user_id = $1 AND id = $2 AND revision = $3",
            change.user_id,
            change.id,
            change.revision,
            change.permission,
            change.expiration_date,
            change.now,
            revision,
            change.text.map(|(ciphertext, _)| ciphertext),
        );
        if tx.execute(update).await? != 1 {
            let exists = sql!(
                "SELECT revision FROM memories WHERE user_id = $1 AND id = $2",
                change.user_id,
                change.id,
            );
            let answer = match tx.optional::<(i64,)>(exists).await? {
                Some(_) => Written::Stale,
                None => Written::Gone,
            };
            return Err(Stop::Answer(answer));
        }
        if let Some((_, vectors)) = change.text {
            put_vectors(tx, change.user_id, change.id, vectors).await?;
        }
        audit::write(tx, change.user_id, note).await?;
        Written::At(revision)
    }))
}

/// Deletes a memory and its vectors, and leaves a tombstone. Those of long ago
/// ([`changes::DELETIONS_KEPT`]) go.
pub async fn delete(db: &Db, user: UserId, id: MemoryId, note: &Note) -> Result<Written, Error> {
    settle(transaction!(db, |tx| {
        let revision = bump(tx, user).await?;
        let delete = sql!(
            "DELETE FROM memories WHERE user_id = $1 AND id = $2",
            user,
            id
        );
        if tx.execute(delete).await? != 1 {
            return Err(Stop::Answer(Written::Gone));
        }
        let vectors = sql!(
            "DELETE FROM vectors WHERE user_id = $1 AND memory_id = $2",
            user,
            id
        );
        tx.execute(vectors).await?;
        let tombstone = sql!(
            "INSERT INTO tombstones (user_id, memory_id, revision) VALUES ($1, $2, $3)",
            user,
            id,
            revision,
        );
        tx.execute(tombstone).await?;
        let long_ago = sql!(
            "DELETE FROM tombstones WHERE user_id = $1 AND revision <= $2",
            user,
            revision - changes::DELETIONS_KEPT,
        );
        tx.execute(long_ago).await?;
        audit::write(tx, user, note).await?;
        Written::At(revision)
    }))
}

/// Returns a memory.
pub async fn get(db: &Db, user: UserId, id: MemoryId) -> Result<Option<StoredMemory>, Error> {
    db.optional(sql!(
        "SELECT id, permission, expiration_date, created_at, updated_at, revision, ciphertext
         FROM memories WHERE user_id = $1 AND id = $2",
        user,
        id,
    ))
    .await
}

/// How many ids a statement takes that are few, and many.
const FEW: usize = 10;
const MANY: usize = 100;

/// Returns those of the memories that exist, in no order.
pub async fn get_many(db: &Db, user: UserId, ids: &[MemoryId]) -> Result<Vec<StoredMemory>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MANY) {
        // So that there are two compiled statements, whatever is asked for.
        let select = if ids.len() <= FEW {
            sql!(
                "SELECT id, permission, expiration_date, created_at, updated_at, revision, ciphertext
                 FROM memories
                 WHERE user_id = $1 AND id IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                user;
                padded::<FEW>(ids)
            )
        } else {
            sql!(
                "SELECT id, permission, expiration_date, created_at, updated_at, revision, ciphertext
                 FROM memories
                 WHERE user_id = $1 AND id IN (
                     $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                     $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28,
                     $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41,
                     $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54,
                     $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67,
                     $68, $69, $70, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80,
                     $81, $82, $83, $84, $85, $86, $87, $88, $89, $90, $91, $92, $93,
                     $94, $95, $96, $97, $98, $99, $100, $101)",
                user;
                padded::<MANY>(ids)
            )
        };
        found.extend(db.all::<StoredMemory>(select).await?);
    }
    Ok(found)
}

/// The last one stands in for those that are missing.
fn padded<const N: usize>(ids: &[MemoryId]) -> [MemoryId; N] {
    std::array::from_fn(|n| ids[n.min(ids.len() - 1)])
}

/// Returns up to `limit` ids of a person's memories from `first` to `last`, the
/// highest (that is the newest) first.
pub async fn ids_between(
    db: &Db,
    user: UserId,
    first: MemoryId,
    last: MemoryId,
    limit: usize,
) -> Result<Vec<MemoryId>, Error> {
    let rows = db
        .all::<(MemoryId,)>(sql!(
            "SELECT id FROM memories WHERE user_id = $1 AND id >= $2 AND id <= $3
             ORDER BY id DESC LIMIT $4",
            user,
            first,
            last,
            limit as i64,
        ))
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Returns up to `limit` memories that pass the filter, the newest first; from
/// the one after `after` on, when that is given.
pub async fn list(
    db: &Db,
    user: UserId,
    filter: &MemoryFilter,
    now: Instant,
    after: Option<(Instant, MemoryId)>,
    limit: usize,
) -> Result<Vec<StoredMemory>, Error> {
    let bounds = Bounds::of(filter, now);
    // Before the first page stands what no memory comes after.
    let (at, id) = match after {
        Some((at, id)) => (at, id.uuid().into_bytes()),
        None => (Instant::from_micros(i64::MAX), [0xff; 16]),
    };
    db.all(sql!(
        "SELECT id, permission, expiration_date, created_at, updated_at, revision, ciphertext
         FROM memories
         WHERE user_id = $1 AND (created_at, id) < ($2, $3)
           AND ($4 IS NULL OR permission = $4)
           AND ($5 IS NULL OR expiration_date IS NULL OR expiration_date > $5)
           AND ($6 IS NULL OR expiration_date <= $6)
           AND ($7 IS NULL OR expiration_date < $7)
           AND ($8 IS NULL OR expiration_date >= $8)
         ORDER BY created_at DESC, id DESC LIMIT $9",
        user,
        at,
        MemoryId::from_uuid(uuid::Uuid::from_bytes(id)),
        bounds.permission,
        bounds.valid_at,
        bounds.expired_at,
        bounds.expires_before,
        bounds.expires_after,
        limit as i64,
    ))
    .await
}

/// Sums up the memories that pass the filter.
macro_rules! of_those {
    ($sums:literal, $user:expr, $bounds:expr) => {
        sql!(
            concat!(
                "WITH those AS (
                     SELECT ciphertext FROM memories
                     WHERE user_id = $1
                       AND ($2 IS NULL OR permission = $2)
                       AND ($3 IS NULL OR expiration_date IS NULL OR expiration_date > $3)
                       AND ($4 IS NULL OR expiration_date <= $4)
                       AND ($5 IS NULL OR expiration_date < $5)
                       AND ($6 IS NULL OR expiration_date >= $6)
                 ) SELECT ",
                $sums,
                " FROM those"
            ),
            $user,
            $bounds.permission,
            $bounds.valid_at,
            $bounds.expired_at,
            $bounds.expires_before,
            $bounds.expires_after,
        )
    };
}

/// Counts the memories that pass the filter.
pub async fn count(
    db: &Db,
    user: UserId,
    filter: &MemoryFilter,
    now: Instant,
) -> Result<i64, Error> {
    let bounds = Bounds::of(filter, now);
    let (count,) = db.one(of_those!("count(*)", user, bounds)).await?;
    Ok(count)
}

/// Counts the memories that pass the filter, and the bytes of their ciphertexts.
pub async fn extent(
    db: &Db,
    user: UserId,
    filter: &MemoryFilter,
    now: Instant,
) -> Result<(i64, i64), Error> {
    let bounds = Bounds::of(filter, now);
    // Some databases sum whole numbers to a decimal one. What a text has of bytes they know
    // without reading it, unlike of characters.
    db.one(of_those!(
        "count(*), CAST(COALESCE(SUM(OCTET_LENGTH(ciphertext)), 0) AS BIGINT)",
        user,
        bounds
    ))
    .await
}

/// A filter as the bounds of a statement; `None` bounds nothing.
struct Bounds {
    permission: Option<Permission>,
    valid_at: Option<Instant>,
    expired_at: Option<Instant>,
    expires_before: Option<Instant>,
    expires_after: Option<Instant>,
}

impl Bounds {
    fn of(filter: &MemoryFilter, now: Instant) -> Self {
        let (valid_at, expired_at) = match filter.expired {
            Expired::Exclude => (Some(now), None),
            Expired::Include => (None, None),
            Expired::Only => (None, Some(now)),
        };
        let MemoryFilter {
            permission,
            expires_before,
            expires_after,
            ..
        } = *filter;
        Self {
            permission,
            valid_at,
            expired_at,
            expires_before,
            expires_after,
        }
    }
}

pub(crate) async fn bump(tx: &mut Tx, user: UserId) -> Result<i64, Stop<Written>> {
    users::bump(tx, user)
        .await?
        .ok_or(Stop::Answer(Written::Gone))
}

pub(crate) async fn put_vectors(
    tx: &mut Tx,
    user: UserId,
    memory: MemoryId,
    vectors: SealedVectors<'_>,
) -> Result<(), Error> {
    let put = sql!(
        "INSERT INTO vectors (user_id, memory_id, model, sealed) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, memory_id)
         DO UPDATE SET model = excluded.model, sealed = excluded.sealed",
        user,
        memory,
        vectors.model,
        vectors.sealed,
    );
    tx.execute(put).await.map(drop)
}
