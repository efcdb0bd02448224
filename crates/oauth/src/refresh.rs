//! When a refresh token may be used (RFC 6749 section 6, RFC 9700 section 4.14.2).
//!
//! Each use gives a new token and ends the old one, so that a stolen token shows
//! itself when it is used a second time. But honest clients also present a token
//! twice: two of their processes race, or an answer is lost. So for a short
//! grace, and as long as the successor was not used, the old token gives the
//! *same* successor again; never a second one, and nobody is logged out.

use picard_domain::{ClientId, Instant, Scopes};

use crate::{ErrorCode, OAuthError, lifetimes};

/// What is known of a refresh token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredToken {
    /// Whom it was issued to.
    pub client_id: ClientId,
    /// When it ends: see [`expires_at`].
    pub expires_at: Instant,
    /// What became of it.
    pub state: TokenState,
}

/// What became of a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It was never used.
    Unused,
    /// It was used, and replaced by its successor.
    Used {
        /// When.
        at: Instant,
        /// What became of the successor.
        successor: SuccessorState,
    },
    /// Its family was revoked.
    Revoked,
}

/// What became of the token that replaced a used one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuccessorState {
    /// It was never used.
    Unused,
    /// It was used in turn.
    Used,
}

/// What to do with a refresh token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Issue a new pair, and mark this one as used.
    Rotate,
    /// Answer with the pair that replaced it.
    ReturnSameSuccessor,
    /// Someone else has a copy: end the whole family, and refuse.
    RevokeFamily,
    /// Refuse; nothing changes.
    Refuse(Refusal),
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was issued to another client.
    #[error("the refresh token was issued to another client")]
    OtherClient,
    /// It was not used for too long, or its family is too old.
    #[error("the refresh token has expired")]
    Expired,
    /// Its family was revoked.
    #[error("the refresh token was revoked")]
    Revoked,
}

impl From<Refusal> for OAuthError {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorCode::InvalidGrant, refusal.to_string())
    }
}

impl StoredToken {
    /// Decides what to do when `client_id` presents the token at `now`.
    ///
    /// The caller carries the decision out under a lock of the family or by one
    /// conditional update, and decides again when another was faster.
    pub fn present(&self, client_id: ClientId, now: Instant) -> Decision {
        match self.state {
            // First, so that nobody can end the family of another client.
            _ if client_id != self.client_id => Decision::Refuse(Refusal::OtherClient),
            TokenState::Revoked => Decision::Refuse(Refusal::Revoked),
            TokenState::Used {
                at,
                successor: SuccessorState::Unused,
            } if now <= at + lifetimes::REFRESH_GRACE => Decision::ReturnSameSuccessor,
            TokenState::Used { .. } => Decision::RevokeFamily,
            TokenState::Unused if now >= self.expires_at => Decision::Refuse(Refusal::Expired),
            TokenState::Unused => Decision::Rotate,
        }
    }
}

/// Returns when a refresh token issued at `now` ends, in a family that began
/// with a consent at `began`.
pub fn expires_at(now: Instant, began: Instant) -> Instant {
    (now + lifetimes::REFRESH_IDLE).min(began + lifetimes::REFRESH_ABSOLUTE)
}

/// Returns the scopes of the new access token: those that were granted, or fewer
/// if the client asked for fewer; never more (RFC 6749 section 6).
pub fn narrowed(granted: Scopes, asked: Option<Scopes>) -> Result<Scopes, OAuthError> {
    match asked {
        None => Ok(granted),
        Some(asked) if granted.covers(asked) => Ok(asked),
        Some(_) => Err(OAuthError::new(
            ErrorCode::InvalidScope,
            "the scope is more than was granted",
        )),
    }
}
