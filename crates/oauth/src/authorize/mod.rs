//! The authorization endpoint (RFC 6749 sections 3.1 and 4.1).
//!
//! A request is read in two stages, because until the client and its redirect
//! URI are known to be good, an error must not be sent there (section 4.1.2.1):
//! [`AuthorizationQuery`] fails with a [`PageError`], which a person reads;
//! [`Redirectable`] fails with an [`AuthorizationError`], which is a redirect.

mod query;
mod request;

pub use query::{AuthorizationQuery, PageError, Redirectable};
pub use request::{AuthorizationError, AuthorizationRequest, Policy, Prompt};

/// The most bytes of a `state`, which is echoed byte for byte.
pub const MAX_STATE_BYTES: usize = 8 * 1024;
