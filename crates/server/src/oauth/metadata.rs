//! What applications can find out by themselves: RFC 8414 and RFC 9728.

use axum::{Json, Router, extract::State, routing::MethodRouter};
use picard_oauth::metadata::{
    AUTHORIZATION_SERVER, AuthorizationServerMetadata, PROTECTED_RESOURCE,
    ProtectedResourceMetadata,
};

use crate::state::Server;

/// Both documents, at the root and with the resource's path inserted.
pub(super) fn routes(
    server: MethodRouter<Server>,
    resource: MethodRouter<Server>,
) -> Router<Server> {
    Router::new()
        .route(AUTHORIZATION_SERVER, server.clone())
        .route(&format!("{AUTHORIZATION_SERVER}/mcp"), server)
        .route(PROTECTED_RESOURCE, resource.clone())
        .route(&format!("{PROTECTED_RESOURCE}/mcp"), resource)
}

pub(super) async fn authorization_server(
    State(server): State<Server>,
) -> Json<AuthorizationServerMetadata> {
    let issuer = &server.config.public_url;
    let mut metadata = AuthorizationServerMetadata::new(issuer, &server.resource());
    metadata.service_documentation = Some(format!("{issuer}/docs"));
    Json(metadata)
}

pub(super) async fn resource(State(server): State<Server>) -> Json<ProtectedResourceMetadata> {
    let issuer = &server.config.public_url;
    let mut metadata = ProtectedResourceMetadata::new(&server.resource(), issuer);
    metadata.resource_documentation = Some(format!("{issuer}/docs"));
    Json(metadata)
}
