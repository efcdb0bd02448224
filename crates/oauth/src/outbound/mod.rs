//! What the server may fetch when a stranger names the address: which URLs
//! ([`OutboundUrl`]) and which addresses of the Internet ([`is_public`]).
//!
//! These are rules only. The server's fetcher resolves the name once, asks
//! [`is_public`] about every address, and connects to one that it asked about.

mod address;
mod url;

pub use address::is_public;
pub use url::{InvalidOutboundUrl, OutboundUrl};
