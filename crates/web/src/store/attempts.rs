//! Counters of failed log-ins, shared by all nodes.

use picard_domain::{Instant, Span};
use picard_sql::{Db, Error, sql, transaction};

/// Returns how many attempts failed since the window of a subject opened, and
/// when it opened; nothing if the window is over.
pub(crate) async fn failures(
    db: &Db,
    subject: &str,
    window: Span,
    now: Instant,
) -> Result<Option<(i64, Instant)>, Error> {
    let select = sql!(
        "SELECT failures, window_start FROM attempts WHERE subject = $1 AND window_start > $2",
        subject,
        now - window,
    );
    db.optional(select).await
}

/// Counts one more attempt before its outcome is known, so that attempts sent
/// in parallel cannot all see the same count; returns how many there are with it,
/// and when the window opened.
pub(crate) async fn count(
    db: &Db,
    subject: &str,
    window: Span,
    now: Instant,
) -> Result<(i64, Instant), Error> {
    transaction!(db, |tx| {
        tx.execute(sql!(
            "DELETE FROM attempts WHERE window_start <= $1",
            now - window
        ))
        .await?;
        let upsert = sql!(
            "INSERT INTO attempts (subject, failures, window_start) VALUES ($1, 1, $2)
             ON CONFLICT (subject) DO UPDATE SET failures = attempts.failures + 1
             RETURNING failures, window_start",
            subject,
            now,
        );
        tx.one(upsert).await?
    })
}

/// Takes one failure back: what was counted beforehand was none.
pub(crate) async fn forgive(db: &Db, subject: &str) -> Result<(), Error> {
    let update = sql!(
        "UPDATE attempts SET failures = failures - 1 WHERE subject = $1 AND failures > 0",
        subject,
    );
    db.execute(update).await.map(drop)
}

/// Forgets the failures of a subject: it has proved who it is.
pub(crate) async fn clear(db: &Db, subject: &str) -> Result<(), Error> {
    db.execute(sql!("DELETE FROM attempts WHERE subject = $1", subject))
        .await
        .map(drop)
}
