//! What an authorization server has granted.

use picard_domain::{Instant, Span};
use picard_oauth::Secret;

use super::ScopeSet;

/// Tokens for one resource, bound to the issuer that they come from: they are
/// never sent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who issued them.
    pub issuer: String,
    /// Sent with each call.
    pub access: Secret,
    /// Buys the next pair; good for one use.
    pub refresh: Option<Secret>,
    /// When the access token ends.
    pub expires_at: Instant,
    /// What was granted, which may be less than what was asked for.
    pub scopes: ScopeSet,
}

impl Grant {
    /// An access token is renewed this long before it ends, so that it does
    /// not end on its way.
    pub const SKEW: Span = Span::seconds(45);

    /// Tells whether the access token can still be sent.
    pub fn is_fresh(&self, now: Instant) -> bool {
        now + Self::SKEW < self.expires_at
    }
}
