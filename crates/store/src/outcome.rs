//! A transaction that ends early with an answer, leaving nothing behind.

use picard_sql::{Error, Transient};

/// Why the body of a transaction stopped before its end.
pub(crate) enum Stop<T> {
    /// The database failed.
    Failed(Error),
    /// The answer is known, and what was written so far is to be undone.
    Answer(T),
}

impl<T> From<Error> for Stop<T> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<T> Transient for Stop<T> {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_transient())
    }
}

/// Turns the end of such a transaction into its answer.
pub(crate) fn settle<T>(end: Result<T, Stop<T>>) -> Result<T, Error> {
    match end {
        Ok(answer) | Err(Stop::Answer(answer)) => Ok(answer),
        Err(Stop::Failed(error)) => Err(error),
    }
}
