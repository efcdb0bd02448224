//! What nobody needs any more is cleared, in small batches, by one node at a time.

use std::pin::Pin;

use picard_domain::{Instant, Span};
use picard_metrics::Turn;
use picard_store::{
    Db, assertions, attempts, audit, clients, codes, grants, leases, sessions, tickets, tokens,
};

use crate::{App, Error, registration::UNUSED_KEPT as REGISTRATION_KEPT};

/// The lease under which it is done.
const LEASE: &str = "housekeeping";

/// For how long a node keeps it: while it clears, and then until its next turn,
/// so that the others do not do the same again. A process is the same holder in
/// each of its turns: one that still has it goes on.
const TURN: Span = Span::minutes(10);

/// Rows deleted by one statement: few, so that no writer waits long.
const BATCH: i64 = 500;

type Deleting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Deletes up to so many rows that ended at or before an instant; gives how many.
type Delete = for<'a> fn(&'a Db, Instant, i64) -> Deleting<'a, Result<u64, picard_store::Error>>;

/// What is cleared, how long after its end, and by which statement. Grants come
/// last: one goes when nothing hangs on it any more.
const ENDED: [(&str, Span, Delete); 9] = [
    // Kept for a while, so that a replay is still known as one.
    ("codes", Span::hours(1), |db, before, most| {
        Box::pin(codes::delete_expired(db, before, most))
    }),
    ("access tokens", Span::ZERO, |db, before, most| {
        Box::pin(tokens::delete_expired_access(db, before, most))
    }),
    ("refresh tokens", Span::ZERO, |db, before, most| {
        Box::pin(tokens::delete_expired_refresh(db, before, most))
    }),
    ("sessions", Span::ZERO, |db, before, most| {
        Box::pin(sessions::delete_expired(db, before, most))
    }),
    ("consent pages", Span::ZERO, |db, before, most| {
        Box::pin(tickets::delete_expired(db, before, most))
    }),
    // Longer than any window in which guesses are counted.
    ("counters of guesses", Span::days(1), |db, before, most| {
        Box::pin(attempts::delete_expired(db, before, most))
    }),
    // A node whose clock is behind would still take one that ended by this clock.
    ("assertions", Span::minutes(5), |db, before, most| {
        Box::pin(assertions::delete_expired(db, before, most))
    }),
    (
        "unused registrations",
        REGISTRATION_KEPT,
        |db, before, most| Box::pin(clients::delete_unused(db, before, most)),
    ),
    ("dead grants", GRANT_KEPT, |db, before, most| {
        Box::pin(grants::delete_dead(db, before, most))
    }),
];

/// A grant that was not used for so long has no live refresh token.
const GRANT_KEPT: Span = Span::days(31);

/// What was cleared, and how many rows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleared(pub Vec<(&'static str, u64)>);

impl App {
    /// Clears what ended, in small batches. `None` when another node did it in the
    /// last ten minutes; a node that loses its lease leaves the rest to the next.
    pub async fn keep_house(&self) -> Result<Option<Cleared>, Error> {
        self.shelf.tidy(self.now());
        self.embedding.forget_idle();
        self.partitions.previous.forget_idle();
        let turn = self.take_turn().await;
        self.metrics.turns.one(match &turn {
            Ok(Some(_)) => Turn::Done,
            Ok(None) => Turn::Left,
            Err(_) => Turn::Failed,
        });
        turn
    }

    async fn take_turn(&self) -> Result<Option<Cleared>, Error> {
        if !self.hold_house().await? {
            return Ok(None);
        }
        let now = self.now();
        let mut cleared = Vec::new();
        // Nothing at all is kept of a trail that is not wanted.
        let kept = self.trail.kept().unwrap_or(Span::ZERO);
        let trail: [(&str, Span, Delete); 1] = [("audit trail", kept, |db, before, most| {
            Box::pin(audit::delete_expired(db, before, most))
        })];
        for (what, kept, delete) in ENDED.into_iter().chain(trail) {
            let mut total = 0;
            while self.hold_house().await? {
                let rows = delete(&self.db, now - kept, BATCH).await?;
                total += rows;
                if rows < BATCH as u64 {
                    break;
                }
            }
            self.metrics.cleared(what, total);
            if total > 0 {
                cleared.push((what, total));
            }
        }
        Ok(Some(Cleared(cleared)))
    }

    async fn hold_house(&self) -> Result<bool, Error> {
        let now = self.now();
        Ok(leases::take(&self.db, LEASE, self.holder, now, now + TURN).await?)
    }
}
