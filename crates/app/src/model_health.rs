//! Whether the model computes, and what it owes to those whose memories were stored
//! while it did not.

use std::{
    collections::BTreeSet,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::Error;

/// How it goes with the model.
#[derive(Default)]
pub(crate) struct ModelHealth {
    is_failing: AtomicBool,
    /// Told when a memory was stored that the model has yet to embed.
    pub(crate) owed: Notify,
    /// The models whose vectors are replaced by those of the present one.
    pub(crate) outdated: OnceLock<BTreeSet<String>>,
}

impl ModelHealth {
    #[cfg(test)]
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Notes how a text went; tells whether the model failed at it, rather than that
    /// the queue was too long. The log is told when it is news.
    pub(crate) fn failed<T>(&self, done: &Result<T, Error>) -> bool {
        match done {
            Ok(_) => {
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    // As loud as it can be where only what went wrong is logged.
                    tracing::warn!("the model computes again");
                }
                false
            }
            Err(Error::Internal(cause)) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    let error = in_one_line(&**cause);
                    tracing::error!(error, "the model does not compute: words only");
                }
                true
            }
            Err(_) => false,
        }
    }
}

/// An error with its causes.
fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}
