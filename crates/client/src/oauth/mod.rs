//! The client's side of OAuth 2.1.
//!
//! [`OAuth`] is a client of one Picard server whose address is configured.
//! [`Resource`] starts from the address of any MCP server and finds out the
//! rest. Both are made of the same parts: [`discovery`] reads and checks
//! metadata, [`application`] makes a program known, [`authorization`] is a
//! person's trip to the consent page, [`endpoint`] gets tokens.
//!
//! The protocol's pure parts (PKCE, the shapes of messages) are `picard-oauth`'s;
//! here they meet HTTP.

mod application;
mod authorization;
mod discovery;
mod endpoint;
mod grant;
mod picard;
mod resource;
mod scope;

pub use application::{Application, ApplicationKind};
pub use authorization::{Authorization, Pending};
pub use discovery::Discovered;
pub use endpoint::{ClientAuthMethod, Credentials};
pub use grant::Grant;
pub use picard::{Identity, OAuth, Registration};
pub use resource::{Consent, Resource};
pub use scope::ScopeSet;

pub(crate) use discovery::is_loopback;
pub(crate) use endpoint::is_invalid_grant;
