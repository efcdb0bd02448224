//! Who calls: what the handler asks, and the answer over HTTP.

use std::future::{Future, ready};

use http::request::Parts;
use picard_app::{Access, Surface};
use rmcp::{ErrorData, model::Extensions};

/// Finds out who calls.
pub trait Caller: Clone + Send + Sync + 'static {
    /// Returns the caller of one request, from what the transport attached to it.
    fn access(
        &self,
        extensions: &Extensions,
    ) -> impl Future<Output = Result<Access, ErrorData>> + Send;
}

/// The caller whom the gate found by their token.
#[derive(Clone, Copy)]
pub(crate) struct OverHttp;

impl Caller for OverHttp {
    fn access(
        &self,
        extensions: &Extensions,
    ) -> impl Future<Output = Result<Access, ErrorData>> + Send {
        let parts = extensions.get::<Parts>();
        let access = parts.and_then(|parts| parts.extensions.get::<Access>());
        // Without the gate there is no way here.
        let access = access.cloned().map(|access| access.over(Surface::Mcp));
        ready(access.ok_or_else(|| {
            tracing::error!("a call of MCP came without its caller");
            ErrorData::internal_error("nobody knows who calls", None)
        }))
    }
}
