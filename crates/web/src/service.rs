//! What all pages share: the database, the secrets, the client of the server.

use std::sync::Arc;

use axum::extract::FromRef;
use picard_client::{OAuth, Secret};
use picard_crypto::Sealer;
use picard_domain::{Clock, DisplayName, Entropy, Handle, Instant, Scopes};
use picard_metrics::{DatabaseConnections, Family, WebMetrics};
use picard_observe::{Observer, Phase};
use picard_sql::Db;
use picard_ui::{Site, Tone};

use crate::{
    Config, Error, accounts, connections::Connections, passwords::Passwords, store::SCHEMA,
};

/// The web client: open it, bring its database up to date, serve its router.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Web {
    pub(crate) service: Arc<Service>,
}

pub(crate) struct Service {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) oauth: OAuth,
    pub(crate) scopes: Scopes,
    pub(crate) passwords: Passwords,
    pub(crate) connections: Connections,
    pub(crate) flows: Sealer,
    pub(crate) site: Arc<Site>,
    pub(crate) callback_path: String,
    pub(crate) trusted_proxies: Vec<picard_ui::Network>,
    pub(crate) debug: bool,
    pub(crate) metrics: WebMetrics,
    pub(crate) phase: Phase,
}

impl Web {
    /// Checks the settings and opens the database. Asks nothing of the server:
    /// it may start later.
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Error> {
        config.check()?;
        let oauth = OAuth::new(config.server()?, config.registration())?;
        let db = config.database.open().await?;
        let key: &Secret = &config.secret_key;
        let sealer = |label| Sealer::new(key.expose().as_bytes(), label);
        let tokens = sealer("web client: tokens");
        let site = Arc::new(site(&config, entropy.clone()));
        let service = Service {
            connections: Connections::new(
                db.clone(),
                tokens,
                oauth.clone(),
                clock.clone(),
                entropy.clone(),
            ),
            passwords: Passwords::new(entropy.clone()),
            flows: sealer("web client: flows"),
            callback_path: config.callback_path(),
            scopes: config.oauth_scopes,
            trusted_proxies: config.trusted_proxies,
            debug: config.debug,
            metrics: WebMetrics::default(),
            phase: Phase::default(),
            db,
            clock,
            entropy,
            oauth,
            site,
        };
        Ok(Self {
            service: Arc::new(service),
        })
    }

    /// Brings the database to the newest version and returns how many steps
    /// that took.
    pub async fn migrate(&self) -> Result<usize, Error> {
        Ok(picard_sql::migrate(&self.service.db, &SCHEMA).await?)
    }

    /// Returns the titles of the steps that the database still lacks.
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        let pending = picard_sql::pending(&self.service.db, &SCHEMA).await?;
        Ok(pending.iter().map(|step| step.title).collect())
    }

    /// Adds an account: the only way to become a superuser.
    pub async fn add_user(
        &self,
        username: &str,
        password: &str,
        is_superuser: bool,
    ) -> Result<(), Error> {
        let wanted = accounts::Wanted {
            username,
            password,
            is_superuser,
        };
        accounts::register(&self.service, &wanted).await.map(drop)
    }

    /// Returns the routes of the web client.
    pub fn router(&self) -> axum::Router {
        crate::pages::router(self.clone())
    }

    /// Returns the state of everything that is counted and measured, as of now.
    pub fn observe(&self) -> Vec<Family> {
        let pools = self.service.db.pools().into_iter();
        let metrics = &self.service.metrics;
        metrics.connections(pools.map(|pool| DatabaseConnections {
            pool: pool.name,
            idle: pool.idle,
            used: pool.used,
            most: pool.most,
        }));
        metrics.families()
    }

    /// Returns what the web client says about stopping, to tell it.
    pub fn phase(&self) -> Phase {
        self.service.phase.clone()
    }

    /// Closes the database, after the last answer was given.
    pub async fn close(&self) {
        self.service.db.close().await;
    }
}

impl FromRef<Web> for Arc<Service> {
    fn from_ref(web: &Web) -> Self {
        web.service.clone()
    }
}

impl Service {
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What names, counts and writes down each request.
    pub(crate) fn observer(&self) -> Observer {
        let http = self.metrics.http.clone();
        Observer::new(http, self.clock.clone(), self.entropy.clone())
    }

    /// The address of a page of the server, for links.
    pub(crate) fn at_server(&self, path: &str) -> String {
        format!("{}{path}", self.oauth.server().public())
    }
}

/// A name to show before one was chosen.
pub(crate) fn name_of(username: &Handle) -> DisplayName {
    username.as_str().parse().expect("a handle is a name")
}

/// The sentences that a redirect can leave for the next page.
const NOTICES: &[(&str, Tone, &str)] = &[
    (
        "registered",
        Tone::Success,
        "Your account is ready. Connect it with the server to begin.",
    ),
    ("logged-out", Tone::Info, "You are logged out."),
    (
        "connected",
        Tone::Success,
        "Connected. Your memories are here.",
    ),
    (
        "disconnected",
        Tone::Success,
        "Disconnected. The server was told to forget this application’s access.",
    ),
    (
        "disconnected-here",
        Tone::Warning,
        "Disconnected here, but the server could not be told. To be sure, also revoke this application on your account page at the server.",
    ),
    ("stored", Tone::Success, "The memory is stored."),
    ("changed", Tone::Success, "The memory is changed."),
    (
        "now-public",
        Tone::Success,
        "The memory is public now: whoever asks your persona can find it.",
    ),
    (
        "now-private",
        Tone::Success,
        "The memory is private now: only you can find it.",
    ),
    ("deleted", Tone::Success, "The memory is deleted for good."),
    ("renamed", Tone::Success, "Your name is changed."),
    (
        "password-changed",
        Tone::Success,
        "Your password is changed. Other browsers were logged out.",
    ),
    (
        "session-ended",
        Tone::Success,
        "That browser is logged out.",
    ),
    (
        "account-deleted-here",
        Tone::Warning,
        "Your account on this web client is deleted, but the server could not be told. To be sure, also revoke this application on your account page at the server.",
    ),
    (
        "account-deleted",
        Tone::Info,
        "Your account on this web client is deleted. Your memories on the server are untouched.",
    ),
];

fn site(config: &Config, entropy: Arc<dyn Entropy>) -> Site {
    Site::new("Picard", &config.public_url, "picard_web", entropy)
        .member_link("Dashboard", "/dashboard")
        .member_link("Memories", "/memories")
        .member_link("Search", "/search")
        .member_link("Personas", "/personas")
        .member_link("Profile", "/profile")
        .member_link("Admin", "/admin")
        .visitor_link("Log in", "/login")
        .visitor_link("Register", "/register")
        .footer_link("Picard server", &config.mcp_server_url)
        .notices(NOTICES)
}
