//! The words of Picard: memories, permissions, instants, scopes, handles.
//!
//! No input or output, no async, no global state. Clock and randomness are
//! traits here and parameters everywhere, so that whole flows replay in tests.

mod clock;
mod entropy;
mod handle;
mod ids;
mod instant;
mod memory;
mod name;
mod page;
mod scope;
mod text;

pub use clock::Clock;
pub use entropy::Entropy;
pub use handle::{Handle, InvalidHandle};
pub use ids::{ClientId, EventId, GrantId, InvalidId, MemoryId, SessionId, UserId};
pub use instant::{Instant, InvalidInstant, Span};
pub use memory::{Expired, InvalidExpired, InvalidPermission, Memory, MemoryFilter, Permission};
pub use name::{DisplayName, InvalidName};
pub use page::PageSize;
pub use scope::{InvalidScope, Scope, Scopes};
pub use text::{InvalidText, MemoryText, Plaintext};
