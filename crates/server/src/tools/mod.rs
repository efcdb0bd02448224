//! The tools: what an application can do with memories.
//!
//! [`registry`] names them once; [`rest`] serves them at `POST /api/tools`,
//! [`openapi`] describes them, and `crate::mcp` serves the same list, with two
//! more that generic connectors look for ([`connector`]). [`import`] takes many
//! memories at once; that is for programs, and no tool.

mod connector;
pub(crate) mod docs;
mod handlers;
pub(crate) mod import;
mod input;
pub(crate) mod openapi;
mod output;
pub(crate) mod registry;
pub(crate) mod rest;
