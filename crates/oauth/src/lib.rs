//! The OAuth 2.0 protocol as pure code: bytes in, decisions and bytes out.
//!
//! What lives here is what the specifications say: how requests are read and
//! refused ([`authorize`], [`token`], [`revocation`], [`introspection`]), which
//! redirect URIs are good ([`redirect`]), PKCE ([`pkce`]), when a refresh token
//! may be used ([`refresh`]), how clients register themselves ([`registration`]),
//! what the server tells about itself ([`metadata`]) and the bearer scheme
//! ([`bearer`]). Clients that are known by a document ([`cimd`]) prove who they
//! are by signed assertions ([`assertion`], [`jwks`]); what may be fetched for
//! that is in [`outbound`]. The client's half is [`callback`], [`challenge`] and
//! [`well_known`].
//!
//! What does not: HTTP, databases, people, the clock. The use cases, the server's
//! handlers and the client crate call this.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod assertion;
pub mod authorize;
pub mod bearer;
pub mod callback;
pub mod challenge;
pub mod cimd;
mod client_auth;
mod client_id;
mod error;
mod form;
pub mod introspection;
pub mod jwks;
pub mod metadata;
pub mod outbound;
pub mod pkce;
pub mod redirect;
pub mod refresh;
pub mod registration;
mod resource;
pub mod revocation;
mod secret;
pub mod token;
pub mod well_known;

pub use client_auth::ClientAuth;
pub use client_id::{ClientIdentifier, InvalidClientIdentifier};
pub use error::{ErrorCode, OAuthError};
pub use resource::{ForeignResource, Resources};
pub use secret::Secret;

/// How long things live.
pub mod lifetimes {
    use picard_domain::Span;

    /// An authorization code (RFC 6749 section 4.1.2 allows ten minutes).
    pub const CODE: Span = Span::seconds(60);
    /// An access token.
    pub const ACCESS: Span = Span::hours(1);
    /// A refresh token that is not used.
    pub const REFRESH_IDLE: Span = Span::days(30);
    /// A family of refresh tokens, from the consent on, used or not.
    pub const REFRESH_ABSOLUTE: Span = Span::days(180);
    /// How long a used refresh token gives its successor once more. Longer than
    /// clients wait for an answer, so that one that got lost can be asked for again.
    pub const REFRESH_GRACE: Span = Span::seconds(60);
}
