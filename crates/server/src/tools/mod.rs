//! The tools: what an application can do with memories.
//!
//! [`registry`] names them once; [`rest`] serves them at `POST /api/tools`,
//! [`openapi`] describes them, and MCP will serve the same list.

pub(crate) mod docs;
mod handlers;
mod input;
pub(crate) mod openapi;
mod output;
pub(crate) mod registry;
pub(crate) mod rest;
