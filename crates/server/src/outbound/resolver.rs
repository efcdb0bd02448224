//! Names to addresses: a parameter, so that a test can be the DNS.

use std::{future::Future, io, net::SocketAddr, pin::Pin};

/// A look-up that is under way.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of a host.
pub trait Resolver: Send + Sync {
    /// Returns all of them, with the port to connect to.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a>;
}

/// The system's own way, without the domains that it completes names with: a name
/// that a stranger gave must not come to mean one inside.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolving<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((absolute(host), port)).await?;
            Ok(found.collect())
        })
    }
}

/// The name with its dot at the end, which says that nothing belongs behind it.
fn absolute(host: &str) -> String {
    format!("{host}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_search_domain_completes_a_name() {
        assert_eq!(absolute("app.example"), "app.example.");
    }
}
