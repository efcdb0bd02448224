//! Whose certificates are believed.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Whom to believe about names.
#[derive(Debug, Clone)]
pub enum Roots {
    /// Those whom the system believes.
    System,
    /// These and no others.
    Only(Arc<RootCertStore>),
}

/// TLS cannot be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up")]
pub struct TlsError(#[from] rustls::Error);

pub(super) fn config(roots: &Roots) -> Result<ClientConfig, TlsError> {
    let Roots::Only(store) = roots else {
        return Ok(crate::outgoing::tls()?);
    };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store.clone());
    Ok(config.with_no_client_auth())
}
