//! A typed client for a Picard server, and OAuth for any MCP server.
//!
//! Two parts: [`OAuth`] gets tokens in a person's name (authorization code with
//! PKCE, refresh, revocation, introspection), [`Client`] calls the seven tools
//! with them and keeps them fresh. It uses only the public API; the web client
//! is built on it, and so can any other application be. [`Resource`] calls an
//! MCP server of any make, knowing nothing but its address.
//!
//! ```no_run
//! use std::sync::Arc;
//! use picard_client::{Client, Error, MemoryTokenStore, NewMemory, Query, OAuth};
//! # use picard_domain::Clock;
//!
//! # async fn f(oauth: OAuth, store: MemoryTokenStore, clock: Arc<dyn Clock>) -> Result<(), Error> {
//! let picard = Client::new(oauth, store, clock);
//! picard.submit_memory(&NewMemory::new("I take my tea Earl Grey, hot.")).await?;
//! let found = picard.query_memory(&Query::new("what do I drink?")).await?;
//! for hit in found.memories {
//!     println!("{}", hit.memory.text.expose());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `examples/remember.rs` is a whole program, from the first log-in on.
//!
//! What it promises:
//! - An access token is renewed before it ends, and once when the server
//!   rejects it. Parallel calls share one renewal, and the rotated refresh
//!   token is kept before it is used.
//! - Reads are tried again when the server cannot be reached or is
//!   unavailable; writes are sent once.
//! - Metadata are checked before a person is sent anywhere. Tokens, credentials
//!   and flows are bound to their issuer, and sent to no other.
//! - No redirect is followed, answers are capped, every call ends.
//! - Texts and tokens do not print, and are overwritten when dropped.

pub mod admin;
mod client;
mod error;
mod http;
mod import;
mod memory;
mod oauth;
mod request;
mod server;
mod tokens;
mod tools;

pub use client::Client;
pub use error::{BoxError, Disconnected, Error, FieldError};
pub use http::{Answer, Limits, tls};
pub use import::{ImportError, ImportMemory, Imported, ImportedLines};
pub use memory::{Found, Hit, Memory, MemoryPage, Notice, Person, Persona};
pub use oauth::{
    Application, ApplicationKind, Authorization, ClientAuthMethod, Consent, Credentials,
    Discovered, Grant, Identity, OAuth, Pending, Registration, Resource, ScopeSet,
};
pub use picard_oauth::{ErrorCode, OAuthError, Secret, callback::CallbackError};
pub use request::{Expiration, ListMemories, MemoryChange, NewMemory, PersonaQuery, Query};
pub use server::Server;
pub use tokens::{MemoryTokenStore, TokenStore, Tokens};
