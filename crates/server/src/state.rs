//! What every handler of the server can reach.

use std::sync::Arc;

use picard_app::App;
use picard_oauth::{Resources, metadata::PROTECTED_RESOURCE};

/// How the server presents itself.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer: the address that browsers and applications use, without a
    /// trailing slash. Every absolute URL is built from it.
    pub public_url: String,
    /// The address of the web client, linked on the landing page.
    pub web_url: Option<String>,
}

/// The server's state; cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) config: Arc<Config>,
}

impl Server {
    /// Ties the use cases to an address.
    pub fn new(app: Arc<App>, config: Config) -> Self {
        Self {
            app,
            config: Arc::new(config),
        }
    }

    /// The one resource that tokens are for (RFC 8707).
    pub(crate) fn resource(&self) -> String {
        format!("{}/mcp", self.config.public_url)
    }

    /// The resource under all the names that it goes by.
    pub(crate) fn resources(&self) -> Resources {
        let root = self.config.public_url.as_str();
        Resources::new(&self.resource(), [root])
    }

    /// Where the resource describes itself (RFC 9728 section 3).
    pub(crate) fn resource_metadata(&self) -> String {
        format!("{}{PROTECTED_RESOURCE}/mcp", self.config.public_url)
    }
}
