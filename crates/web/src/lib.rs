//! The web client: a separate application over the server's public API.
//!
//! It has its own accounts and its own database, gets access to a person's
//! memories by OAuth like any other application, and shows pages: dashboard,
//! memories, search, personas, an admin area. It proves that the public API is
//! enough: nothing of the server's own crates is used here.
//!
//! [`Web`] is all that the binary needs. `pages` are the routes, thin over the
//! use cases in `accounts` and `connect`; `store` are the tables; `connections`
//! keeps one client per connected person; `member` says who is asking.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accounts;
mod config;
mod connect;
mod connections;
mod error;
mod filters;
mod guesses;
mod member;
mod operator;
mod pages;
mod passwords;
mod service;
mod store;
mod words;

pub use config::{Config, InvalidConfig};
pub use error::Error;
pub use operator::{Account, Deleted};
pub use picard_ui::{InvalidNetwork, Network};
pub use service::Web;
pub use store::SCHEMA;
