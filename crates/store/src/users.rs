//! People with an account, and what their data key is wrapped in.

use picard_domain::{DisplayName, Handle, Instant, SessionId, UserId};
use picard_sql::{Query, Tx, record, sql, transaction};

use crate::{
    Db, Error,
    audit::{self, Note},
    grants,
    outcome::{Stop, settle},
};

record! {
    /// A person with an account.
    #[derive(Clone)]
    pub struct User {
        /// Names the person for good.
        pub id: UserId,
        /// Their unique name.
        pub handle: Handle,
        /// Their name as shown.
        pub name: DisplayName,
        /// Their password, as a PHC string.
        pub password_hash: String,
        /// Which master key wraps their data key.
        pub key_id: String,
        /// Their data key, wrapped.
        pub wrapped_key: Vec<u8>,
        /// Grows with every change of a memory of theirs.
        pub version: i64,
        /// Whether they administer the server.
        pub is_admin: bool,
        /// Since when they are locked out.
        pub disabled_at: Option<Instant>,
        /// When the account was made.
        pub created_at: Instant,
        /// When the account (not a memory) was last changed.
        pub updated_at: Instant,
    }
}

/// A new account.
pub struct NewUser<'a> {
    /// A fresh id.
    pub id: UserId,
    /// The unique name wanted.
    pub handle: &'a Handle,
    /// The name to show.
    pub name: &'a DisplayName,
    /// The password, as a PHC string.
    pub password_hash: &'a str,
    /// Which master key wraps the data key.
    pub key_id: &'a str,
    /// The data key, wrapped.
    pub wrapped_key: &'a [u8],
    /// Whether they administer the server.
    pub is_admin: bool,
    /// The instant it is made.
    pub now: Instant,
}

/// What became of a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Creation {
    /// It exists.
    Created,
    /// Somebody else has the handle; nothing was written.
    HandleTaken,
}

/// Makes an account.
pub async fn create(db: &Db, new: &NewUser<'_>, note: &Note) -> Result<Creation, Error> {
    let insert = sql!(
        "INSERT INTO users (id, handle, name, password_hash, key_id, wrapped_key, version,
                            is_admin, disabled_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, NULL, $8, $8)",
        new.id,
        new.handle,
        new.name,
        new.password_hash,
        new.key_id,
        new.wrapped_key,
        new.is_admin,
        new.now,
    );
    let made = transaction!(db, |tx| {
        tx.execute(insert.clone()).await?;
        audit::write(tx, new.id, note).await?;
    });
    match made {
        // The ids are random: only the handle can be there already.
        Err(Error::Conflict(_)) => Ok(Creation::HandleTaken),
        done => done.map(|()| Creation::Created),
    }
}

/// Finds a person by id.
pub async fn find(db: &Db, user: UserId) -> Result<Option<User>, Error> {
    db.optional(sql!(
        "SELECT id, handle, name, password_hash, key_id, wrapped_key, version, is_admin,
                disabled_at, created_at, updated_at
         FROM users WHERE id = $1",
        user,
    ))
    .await
}

/// Finds a person by handle.
pub async fn find_by_handle(db: &Db, handle: &Handle) -> Result<Option<User>, Error> {
    db.optional(sql!(
        "SELECT id, handle, name, password_hash, key_id, wrapped_key, version, is_admin,
                disabled_at, created_at, updated_at
         FROM users WHERE handle = $1",
        handle,
    ))
    .await
}

/// Returns the version of a person's memories: what a partition must have
/// reached. `None` when there is no such person, or they are locked out.
pub async fn version(db: &Db, user: UserId) -> Result<Option<i64>, Error> {
    let row = db
        .optional::<(i64,)>(sql!(
            "SELECT version FROM users WHERE id = $1 AND disabled_at IS NULL",
            user
        ))
        .await?;
    Ok(row.map(|(version,)| version))
}

/// Returns up to `limit` people who are not locked out and whose handle begins
/// with `prefix`, by handle.
pub async fn by_prefix(
    db: &Db,
    prefix: &str,
    limit: usize,
) -> Result<Vec<(UserId, Handle)>, Error> {
    db.all(sql!(
        "SELECT id, handle FROM users
         WHERE handle >= $1 AND handle < $2 AND disabled_at IS NULL
         ORDER BY handle LIMIT $3",
        prefix,
        after_all(prefix),
        limit as i64,
    ))
    .await
}

/// Returns what sorts after every handle that begins with `prefix`, and before
/// whatever does not: handles are compared by their bytes, and hold none of these.
pub(crate) fn after_all(prefix: &str) -> String {
    [prefix, "\u{10ffff}"].concat()
}

/// Returns the handles of up to `limit` people, the first made first.
pub async fn first_handles(db: &Db, limit: usize) -> Result<Vec<Handle>, Error> {
    let rows = db
        .all::<(Handle,)>(sql!(
            "SELECT handle FROM users ORDER BY created_at, id LIMIT $1",
            limit as i64
        ))
        .await?;
    Ok(rows.into_iter().map(|(handle,)| handle).collect())
}

/// Counts the accounts.
pub async fn count(db: &Db) -> Result<i64, Error> {
    let (count,) = db.one(sql!("SELECT count(*) FROM users")).await?;
    Ok(count)
}

/// Changes the name that is shown; tells whether there is such a person.
pub async fn set_name(
    db: &Db,
    user: UserId,
    name: &DisplayName,
    now: Instant,
    note: &Note,
) -> Result<bool, Error> {
    let update = sql!(
        "UPDATE users SET name = $2, updated_at = $3 WHERE id = $1",
        user,
        name,
        now
    );
    noted(db, user, &update, note).await
}

/// What became of an act that may leave a server without an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Removal {
    /// It is done.
    Done,
    /// There is no such person.
    NotFound,
    /// They are the last administrator who can log in; nothing was changed.
    LastAdministrator,
}

/// Gives the right to administer the server; tells whether there is such a person.
pub async fn make_admin(db: &Db, user: UserId, now: Instant, note: &Note) -> Result<bool, Error> {
    let update = sql!(
        "UPDATE users SET is_admin = $2, updated_at = $3 WHERE id = $1",
        user,
        true,
        now
    );
    noted(db, user, &update, note).await
}

/// Takes the right to administer the server, unless nobody else has it.
pub async fn unmake_admin(
    db: &Db,
    user: UserId,
    now: Instant,
    note: &Note,
) -> Result<Removal, Error> {
    settle(transaction!(db, |tx| {
        spare_last_admin(tx, user).await?;
        let update = sql!(
            "UPDATE users SET is_admin = $2, updated_at = $3 WHERE id = $1",
            user,
            false,
            now
        );
        let found = tx.execute(update).await?;
        if found == 1 {
            audit::write(tx, user, note).await?;
        }
        removal(found)
    }))
}

/// Stops when this person is the last administrator who can log in. Two who
/// remove each other in the same moment queue at their rows.
async fn spare_last_admin(tx: &mut Tx, user: UserId) -> Result<(), Stop<Removal>> {
    if !is_live_admin(tx, user).await? {
        return Ok(());
    }
    // It changes nothing: it is the lock that both databases have.
    let lock = sql!(
        "UPDATE users SET version = version WHERE is_admin = $1 AND disabled_at IS NULL",
        true
    );
    let live = tx.execute(lock).await?;
    if live <= 1 && is_live_admin(tx, user).await? {
        return Err(Stop::Answer(Removal::LastAdministrator));
    }
    Ok(())
}

async fn is_live_admin(tx: &mut Tx, user: UserId) -> Result<bool, Error> {
    let found = tx
        .optional::<(bool,)>(sql!(
            "SELECT is_admin FROM users WHERE id = $1 AND disabled_at IS NULL",
            user
        ))
        .await?;
    Ok(found == Some((true,)))
}

fn removal(rows: u64) -> Removal {
    if rows == 1 {
        Removal::Done
    } else {
        Removal::NotFound
    }
}

/// Changes the password, closes every session but `keep`, and revokes every
/// grant: whoever had the old password keeps nothing. Returns how many grants
/// were live, `None` when there is no such person.
pub async fn change_password(
    db: &Db,
    user: UserId,
    password_hash: &str,
    keep: Option<SessionId>,
    now: Instant,
    note: &Note,
) -> Result<Option<u64>, Error> {
    transaction!(db, |tx| {
        let update = sql!(
            "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1",
            user,
            password_hash,
            now,
        );
        let found = tx.execute(update).await? == 1;
        let others = sql!(
            "DELETE FROM sessions WHERE user_id = $1 AND ($2 IS NULL OR id <> $2)",
            user,
            keep,
        );
        tx.execute(others).await?;
        let live = grants::revoke_all_in(tx, user, now).await?;
        if found {
            audit::write(tx, user, note).await?;
        }
        found.then_some(live)
    })
}

/// Replaces a password hash by one of the same password made with newer
/// parameters; does nothing when the password was changed in between.
pub async fn rehash_password(
    db: &Db,
    user: UserId,
    old_hash: &str,
    new_hash: &str,
) -> Result<(), Error> {
    let update = sql!(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        user,
        old_hash,
        new_hash,
    );
    db.execute(update).await.map(drop)
}

/// Locks a person out: closes their sessions, and lets no token of theirs count
/// while it lasts. Their memories and grants stay. Since when stays, too, of one
/// who is locked out already.
pub async fn disable(db: &Db, user: UserId, now: Instant, note: &Note) -> Result<Removal, Error> {
    settle(transaction!(db, |tx| {
        spare_last_admin(tx, user).await?;
        let update = sql!(
            "UPDATE users SET disabled_at = COALESCE(disabled_at, $2), updated_at = $2
             WHERE id = $1",
            user,
            now
        );
        let found = tx.execute(update).await?;
        tx.execute(sql!("DELETE FROM sessions WHERE user_id = $1", user))
            .await?;
        if found == 1 {
            audit::write(tx, user, note).await?;
        }
        removal(found)
    }))
}

/// Lets a person in again; tells whether there is such a person.
pub async fn enable(db: &Db, user: UserId, now: Instant, note: &Note) -> Result<bool, Error> {
    let update = sql!(
        "UPDATE users SET disabled_at = NULL, updated_at = $2 WHERE id = $1",
        user,
        now
    );
    noted(db, user, &update, note).await
}

/// Changes a person's row, and notes it when it is there; tells whether it is.
async fn noted(db: &Db, user: UserId, update: &Query, note: &Note) -> Result<bool, Error> {
    transaction!(db, |tx| {
        let found = tx.execute(update.clone()).await? == 1;
        if found {
            audit::write(tx, user, note).await?;
        }
        found
    })
}

/// Deletes an account and everything of it, in one transaction: memories,
/// vectors, tombstones, sessions, grants, codes, tokens, tickets, the audit trail,
/// and the row with the wrapped data key. The last administrator can only go as the last
/// person of all. The note goes into the trail of the administrator who did it, if
/// somebody else did.
pub async fn delete(db: &Db, user: UserId, by: Option<&(UserId, Note)>) -> Result<Removal, Error> {
    settle(transaction!(db, |tx| {
        let others = sql!("SELECT id FROM users WHERE id <> $1 LIMIT 1", user);
        if tx.optional::<(UserId,)>(others).await?.is_some() {
            spare_last_admin(tx, user).await?;
        }
        // First the row that every writer of this user changes or holds: whoever is under way
        // is waited for, whoever comes after finds no user.
        let found = tx
            .execute(sql!("DELETE FROM users WHERE id = $1", user))
            .await?;
        for delete in [
            sql!("DELETE FROM memories WHERE user_id = $1", user),
            sql!("DELETE FROM vectors WHERE user_id = $1", user),
            sql!("DELETE FROM tombstones WHERE user_id = $1", user),
            sql!("DELETE FROM sessions WHERE user_id = $1", user),
            sql!("DELETE FROM grants WHERE user_id = $1", user),
            sql!("DELETE FROM codes WHERE user_id = $1", user),
            sql!("DELETE FROM access_tokens WHERE user_id = $1", user),
            sql!("DELETE FROM refresh_tokens WHERE user_id = $1", user),
            sql!("DELETE FROM consent_tickets WHERE user_id = $1", user),
            // Last: those who write into it hold one of the rows above.
            sql!("DELETE FROM audit WHERE user_id = $1", user),
        ] {
            tx.execute(delete).await?;
        }
        if let Some((administrator, note)) = by.filter(|_| found == 1) {
            audit::write(tx, *administrator, note).await?;
        }
        removal(found)
    }))
}

/// Returns every master key that wraps some data key: without one of them, the
/// server must not start.
pub async fn key_ids_in_use(db: &Db) -> Result<Vec<String>, Error> {
    let rows = db
        .all::<(String,)>(sql!("SELECT DISTINCT key_id FROM users ORDER BY key_id"))
        .await?;
    Ok(rows.into_iter().map(|(key_id,)| key_id).collect())
}

/// Returns every master key that wraps some data key, and how many it wraps.
pub async fn key_counts(db: &Db) -> Result<Vec<(String, i64)>, Error> {
    db.all(sql!(
        "SELECT key_id, count(*) FROM users GROUP BY key_id ORDER BY key_id"
    ))
    .await
}

record! {
    /// A data key that is to be wrapped anew.
    pub struct WrappedKey {
        /// Whose it is.
        pub id: UserId,
        /// Which master key wraps it.
        pub key_id: String,
        /// The key, wrapped.
        pub wrapped_key: Vec<u8>,
    }
}

/// Returns up to `limit` data keys that are wrapped in another master key than
/// `active`, by the ids of their owners, from the one after `after` on.
pub async fn keys_to_rewrap(
    db: &Db,
    active: &str,
    after: UserId,
    limit: usize,
) -> Result<Vec<WrappedKey>, Error> {
    db.all(sql!(
        "SELECT id, key_id, wrapped_key FROM users
         WHERE key_id <> $1 AND id > $2 ORDER BY id LIMIT $3",
        active,
        after,
        limit as i64,
    ))
    .await
}

/// Replaces a wrapped data key by the same key wrapped in `new_key_id`; does
/// nothing, and says so, when somebody else has done it.
pub async fn rewrap(
    db: &Db,
    old: &WrappedKey,
    new_key_id: &str,
    wrapped_key: &[u8],
) -> Result<bool, Error> {
    let update = sql!(
        "UPDATE users SET key_id = $3, wrapped_key = $4 WHERE id = $1 AND key_id = $2",
        old.id,
        old.key_id.as_str(),
        new_key_id,
        wrapped_key,
    );
    Ok(db.execute(update).await? == 1)
}

/// Bumps the version of a person's memories and returns it; `None` when there
/// is no such person. The row stays locked to the end of the transaction, so
/// writers of one person queue here and revisions are never given out of order.
pub(crate) async fn bump(tx: &mut Tx, user: UserId) -> Result<Option<i64>, Error> {
    let update = sql!(
        "UPDATE users SET version = version + 1 WHERE id = $1 RETURNING version",
        user
    );
    let row = tx.optional::<(i64,)>(update).await?;
    Ok(row.map(|(version,)| version))
}

/// Holds a person's row to the end of the transaction, so that the account is
/// not deleted or disabled meanwhile. Stops with `gone` when there is no such
/// person, or they are locked out.
pub(crate) async fn hold<T>(tx: &mut Tx, user: UserId, gone: T) -> Result<(), Stop<T>> {
    // It changes nothing: it is the lock that both databases have.
    let lock = sql!(
        "UPDATE users SET version = version WHERE id = $1 AND disabled_at IS NULL",
        user
    );
    if tx.execute(lock).await? == 1 {
        Ok(())
    } else {
        Err(Stop::Answer(gone))
    }
}

/// Runs `statement` for a person who is there and not locked out; tells whether it ran.
pub(crate) async fn insert_held(db: &Db, user: UserId, statement: Query) -> Result<bool, Error> {
    settle(transaction!(db, |tx| {
        hold(tx, user, false).await?;
        tx.execute(statement.clone()).await?;
        true
    }))
}
