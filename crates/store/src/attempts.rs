//! Counters of failed guesses, shared by all nodes.
//!
//! A counter belongs to a key that the caller makes up (a handle, an address)
//! and counts within a window that begins with the first failure.

use picard_domain::{Instant, Span};
use picard_sql::{record, sql};

use crate::{Db, Error};

record! {
    /// A counter after a failure.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Count {
        /// How many failures in the window, this one included.
        pub failures: i64,
        /// When the window began.
        pub window_start: Instant,
    }
}

/// Counts one more failure. To bound guesses that come all at once, call it
/// before the guess is checked, and [`clear`] when it was right.
pub async fn fail(db: &Db, key: &str, now: Instant, window: Span) -> Result<Count, Error> {
    db.one(sql!(
        "INSERT INTO attempts (key, failures, window_start) VALUES ($1, 1, $2)
         ON CONFLICT (key) DO UPDATE SET
            failures = CASE WHEN attempts.window_start <= $3 THEN 1 ELSE attempts.failures + 1 END,
            window_start = CASE WHEN attempts.window_start <= $3 THEN $2
                                ELSE attempts.window_start END
         RETURNING failures, window_start",
        key,
        now,
        now - window,
    ))
    .await
}

/// Returns the counter of a key while its window lasts.
pub async fn find(db: &Db, key: &str, now: Instant, window: Span) -> Result<Option<Count>, Error> {
    db.optional(sql!(
        "SELECT failures, window_start FROM attempts WHERE key = $1 AND window_start > $2",
        key,
        now - window,
    ))
    .await
}

/// Takes one failure back: what was counted beforehand was none.
pub async fn forgive(db: &Db, key: &str) -> Result<(), Error> {
    let update = sql!(
        "UPDATE attempts SET failures = failures - 1 WHERE key = $1 AND failures > 0",
        key,
    );
    db.execute(update).await.map(drop)
}

/// Forgets the failures of a key.
pub async fn clear(db: &Db, key: &str) -> Result<(), Error> {
    db.execute(sql!("DELETE FROM attempts WHERE key = $1", key))
        .await
        .map(drop)
}

/// Deletes up to `limit` counters whose window began at or before `before`, and
/// returns how many.
pub async fn delete_expired(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM attempts WHERE key IN
         (SELECT key FROM attempts WHERE window_start <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}
