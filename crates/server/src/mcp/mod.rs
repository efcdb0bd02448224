//! `/mcp`: the Model Context Protocol over Streamable HTTP, in both its eras.
//!
//! A call goes through `gate` (who calls, is it JSON-RPC, may they, how
//! often), then through rmcp, which speaks the protocol, to `handler`, which
//! knows nothing of HTTP: it asks a [`Caller`] who calls, so that it is served
//! over standard input and output as well (`stdio`). `tools` gives it the tools of
//! `crate::tools`, `errors` turns our errors into the protocol's.
//!
//! Beside tools there are `resources` (memories by address, see `uri`, as
//! Markdown, see `document`), `prompts`, `completion`, and `listen` for
//! changes.

mod caller;
mod completion;
mod document;
mod envelope;
mod errors;
#[cfg(feature = "conformance")]
mod fixtures;
mod gate;
mod handler;
mod listen;
mod prompts;
mod resources;
mod stdio;
mod tools;
mod uri;

use std::sync::Arc;

use axum::{Router, middleware, routing::any_service};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};

pub use caller::Caller;
#[doc(hidden)]
pub use envelope::read_message;
pub use handler::Mcp;
pub use stdio::{StdioError, serve_stdio};

use crate::{json::MAX_BODY, state::Server};

/// `/mcp` with and without a slash at its end; neither redirects to the other,
/// since clients drop the token on the way.
pub(crate) fn router(server: &Server) -> Router<Server> {
    let mcp = Mcp::new(
        server.app.clone(),
        server.config.web_url.as_deref(),
        caller::OverHttp,
    );
    #[cfg(feature = "conformance")]
    if server.fixtures {
        return routes(server, fixtures::WithFixtures::new(mcp));
    }
    routes(server, mcp)
}

fn routes(server: &Server, mcp: impl ServerHandler + Clone) -> Router<Server> {
    let service = service(mcp);
    let gate = middleware::from_fn_with_state(server.clone(), gate::gate);
    Router::new()
        .route("/mcp", any_service(service.clone()))
        .route("/mcp/", any_service(service))
        .route_layer(gate)
}

/// Without sessions: whatever a request needs is in it, so that any node can
/// answer it. `Host` and `Origin` are checked in `crate::origin`, which knows
/// the public address and the operator's settings.
fn service<H: ServerHandler + Clone>(mcp: H) -> StreamableHttpService<H, NeverSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY)
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let sessions = Arc::new(NeverSessionManager::default());
    StreamableHttpService::new(move || Ok(mcp.clone()), sessions, config)
}
