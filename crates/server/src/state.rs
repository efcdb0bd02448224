//! What every handler of the server can reach.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
};

use picard_app::{Access, App};
use picard_metrics::Limit;
use picard_oauth::{Resources, metadata::PROTECTED_RESOURCE};
use picard_observe::{Observer, Phase};

use crate::{
    origin::{Admission, AllowedOrigin},
    pace::Pace,
    problem::Problem,
    tools::{import::Imports, registry::Context},
    turnstile::Turnstile,
};

/// How the server presents itself.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer: the address that browsers and applications use, without a
    /// trailing slash. Every absolute URL is built from it.
    pub public_url: String,
    /// The address of the web client, linked on the landing page.
    pub web_url: Option<String>,
    /// Where the server listens: what a proxy may write into `Host`.
    pub listening: SocketAddr,
    /// More names under which a proxy may call the server.
    pub allowed_hosts: Vec<String>,
    /// Pages elsewhere that may call `/mcp` and the tools from a browser.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// The proxies in front of the server, which are believed when they say who
    /// called them.
    pub trusted_proxies: Vec<picard_ui::Network>,
    /// How many calls a second one person's applications may make, all
    /// together and on average; a burst of [`BURST_SECONDS`] times as many is
    /// let through.
    pub calls_per_second: NonZeroU32,
}

/// For how many seconds' worth of calls a burst may last.
pub const BURST_SECONDS: u32 = 4;

/// How many calls a second one person may make unless the operator says otherwise.
pub const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).unwrap();

impl Config {
    /// The defaults, for a server under an address.
    pub fn new(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into(),
            web_url: None,
            listening: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            calls_per_second: CALLS_PER_SECOND,
        }
    }
}

/// The server's state; cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) config: Arc<Config>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) pace: Arc<Pace>,
    /// A name for this process: random, no secret.
    pub(crate) instance: Arc<str>,
    /// Lets one test of the connection in at a time.
    pub(crate) tests: Arc<Turnstile>,
    /// Who imports memories just now.
    pub(crate) imports: Imports,
    pub(crate) phase: Phase,
    /// Whether the conformance suite's fixtures stand beside the tools.
    #[cfg(feature = "conformance")]
    pub(crate) fixtures: bool,
}

impl Server {
    /// Ties the use cases to an address.
    pub fn new(app: Arc<App>, config: Config) -> Self {
        let instance = u128::from_be_bytes(app.entropy().bytes());
        Self {
            app,
            instance: format!("{instance:032x}").into(),
            tests: Arc::default(),
            imports: Imports::default(),
            phase: Phase::default(),
            admission: Arc::new(Admission::new(&config)),
            pace: Arc::new(Pace::new(config.calls_per_second, BURST_SECONDS)),
            config: Arc::new(config),
            #[cfg(feature = "conformance")]
            fixtures: false,
        }
    }

    /// Shows the fixtures that the official conformance suite of MCP asks for,
    /// beside the product's own tools, prompts and resources.
    #[cfg(feature = "conformance")]
    #[must_use]
    pub fn with_fixtures(self) -> Self {
        Self {
            fixtures: true,
            ..self
        }
    }

    /// What names, counts and writes down each request.
    pub(crate) fn observer(&self) -> Observer {
        let app = &self.app;
        let http = app.metrics().http.clone();
        Observer::new(http, app.clock(), app.entropy_source())
    }

    /// Returns what the server says about stopping, to tell it.
    pub fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// Takes one call out of what the person's applications may make.
    pub(crate) fn keep_pace(&self, access: &Access) -> Result<(), Problem> {
        self.pace
            .take(access.user_id, self.app.now())
            .map_err(|seconds| {
                self.app.metrics().limits.one(Limit::Pace);
                Problem::rate_limited(seconds)
            })
    }

    /// What the tools work with.
    pub(crate) fn tools(&self) -> Context {
        Context {
            app: self.app.clone(),
            web_url: self.config.web_url.as_deref().map(Arc::from),
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
