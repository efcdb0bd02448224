//! The official conformance suite of MCP against a real server of ours,
//! through our own authorization, and against our own client.
//!
//! The suite is the package in `tests/mcp/npm`, at one version; `scripts/test`
//! installs it. What it asks beyond a memory server's own tools is in
//! `crates/server/src/mcp/fixtures`. What cannot pass is listed, with the
//! reason, in `known/`; all else has to pass, and what is listed has to fail.

mod authorization;
mod client;
mod server;
mod suite;
