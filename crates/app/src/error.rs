//! What can go wrong in a use case, in words that know nothing of HTTP.
//!
//! Four adapters outside turn these into problem documents (REST), RFC 6749
//! errors, JSON-RPC errors and pages. What the person may see is in the
//! variant; the cause is for the log only.

use picard_domain::{Scope, Scopes};

/// Why a use case did not do what was asked. Nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field has the wrong form (not a UUID, no date, an unknown word).
    #[error("{field} {reason}")]
    Invalid {
        /// The field as the caller named it.
        field: &'static str,
        /// What is wrong with it, to be read after the field's name.
        reason: String,
    },
    /// A field has the right form and a value that is not allowed.
    #[error("{field} {reason}")]
    OutOfRange {
        /// The field as the caller named it.
        field: &'static str,
        /// What is wrong with it, to be read after the field's name.
        reason: String,
    },
    /// There is no such thing, or it is not the caller's: both give this.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Someone else changed it in between; nothing was written.
    #[error("the memory was changed in between; read it again and repeat the change")]
    Conflict,
    /// The scopes of the token do not reach this far.
    #[error("this needs the scope {needed}; the token has {granted}")]
    InsufficientScope {
        /// What would be enough.
        needed: Scope,
        /// What the token has.
        granted: Scopes,
    },
    /// Too many attempts; nothing was tried.
    #[error("too many attempts; try again in {retry_after_seconds} seconds")]
    TooManyAttempts {
        /// When the next attempt will be considered.
        retry_after_seconds: u64,
    },
    /// So much of this caller waits to be embedded already that no more was taken in.
    #[error("too much waits to be embedded for you; try again in {retry_after_seconds} seconds")]
    TooMuchAtOnce {
        /// When there will be room, about.
        retry_after_seconds: u64,
    },
    /// So much of all callers together waits to be embedded that no more was taken in.
    #[error("too much waits to be embedded; try again in {retry_after_seconds} seconds")]
    Overloaded {
        /// When there will be room, about.
        retry_after_seconds: u64,
    },
    /// The database or the model cannot be used right now.
    #[error("the service is not available right now")]
    Unavailable(#[source] Cause),
    /// Anything that should not happen.
    #[error("something went wrong inside")]
    Internal(#[source] Cause),
}

/// The inner cause of an error: for the log, never for the caller.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Wraps the cause of something that should not happen.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// An error of a field's form.
    pub fn invalid(field: &'static str, reason: impl ToString) -> Self {
        Self::Invalid {
            field,
            reason: reason.to_string(),
        }
    }

    /// An error of a field's value.
    pub fn out_of_range(field: &'static str, reason: impl ToString) -> Self {
        Self::OutOfRange {
            field,
            reason: reason.to_string(),
        }
    }
}

impl From<picard_store::Error> for Error {
    fn from(error: picard_store::Error) -> Self {
        match error {
            picard_store::Error::Unavailable(_)
            | picard_store::Error::Refused(_)
            | picard_store::Error::Busy(_) => Self::Unavailable(error.into()),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<picard_crypto::CryptoError> for Error {
    fn from(error: picard_crypto::CryptoError) -> Self {
        Self::internal(error)
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}
