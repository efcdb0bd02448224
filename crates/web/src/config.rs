//! What the web client is told at start. Where it comes from (flags, the
//! environment, files) is the business of the binary.

use picard_client::{Registration, Secret, Server};
use picard_domain::{ClientId, Scopes};
use picard_sql::Source;
use url::Url;

/// The settings of the web client.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address that browsers reach the web client at, such as `http://localhost:8000`.
    pub public_url: String,
    /// The server's address as browsers see it (`MCP_SERVER_URL`).
    pub mcp_server_url: String,
    /// The server's address as this program calls it (`MCP_SERVER_INTERNAL_URL`).
    pub mcp_server_internal_url: Option<String>,
    /// The UUID that this application is registered with (`OAUTH_CLIENT_ID`).
    pub oauth_client_id: ClientId,
    /// Its secret, 32 characters at least (`OAUTH_CLIENT_SECRET`).
    pub oauth_client_secret: Secret,
    /// Where the server sends people back to, as registered (`OAUTH_REDIRECT_URI`).
    /// Its path becomes a route of the web client.
    pub oauth_redirect_uri: String,
    /// What to ask for (`OAUTH_SCOPES`). Features that these do not cover do not exist.
    pub oauth_scopes: Scopes,
    /// Seals tokens in the database (`SECRET_KEY`). When it is lost or changed,
    /// people have to connect again.
    pub secret_key: Secret,
    /// Its own database.
    pub database: Source,
    /// The proxies in front, which are believed when they say whom they were
    /// called by (`PICARD_TRUSTED_PROXIES`).
    pub trusted_proxies: Vec<picard_ui::Network>,
    /// Whether error pages name the cause (`DEBUG`).
    pub debug: bool,
}

/// What is wrong with a setting. Names the environment variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A secret that is short, or one from an example.
    #[error(
        "{variable} is too weak for an address that others can reach; use at least 32 random characters"
    )]
    WeakSecret {
        /// Which one.
        variable: &'static str,
    },
    /// An address that is none.
    #[error("{variable} is no http or https address")]
    Address {
        /// Which one.
        variable: &'static str,
    },
    /// A way back that leads to another page.
    #[error("OAUTH_REDIRECT_URI must have a path of its own, such as /oauth/callback")]
    CallbackPath,
    /// No scope to ask for.
    #[error("OAUTH_SCOPES is empty; write for example: memories:read memories:write")]
    NoScopes,
}

/// What examples put in the place of a secret.
const EXAMPLES: [&str; 4] = [
    "insecure",
    "changeme",
    "change-me",
    "a_strong_random_secret",
];

impl Config {
    /// Checks what can be checked without asking anybody.
    pub(crate) fn check(&self) -> Result<(), InvalidConfig> {
        let public = address(&self.public_url, "the public address of the web client")?;
        address(&self.oauth_redirect_uri, "OAUTH_REDIRECT_URI")?;
        if !is_free(&self.callback_path()) {
            return Err(InvalidConfig::CallbackPath);
        }
        if self.oauth_scopes.is_empty() {
            return Err(InvalidConfig::NoScopes);
        }
        check_secret("SECRET_KEY", &self.secret_key, &public)?;
        check_secret("OAUTH_CLIENT_SECRET", &self.oauth_client_secret, &public)
    }

    /// Checks the secret of an application that people come back to at this
    /// address: a short one, or one from an example, is for loopback only.
    pub fn check_client_secret(secret: &Secret, redirect_uri: &str) -> Result<(), InvalidConfig> {
        let public = address(redirect_uri, "OAUTH_REDIRECT_URI")?;
        check_secret("OAUTH_CLIENT_SECRET", secret, &public)
    }

    pub(crate) fn server(&self) -> Result<Server, picard_client::Error> {
        let server = Server::new(&self.mcp_server_url)?;
        match &self.mcp_server_internal_url {
            Some(internal) => server.with_internal(internal),
            None => Ok(server),
        }
    }

    pub(crate) fn registration(&self) -> Registration {
        Registration {
            client_id: self.oauth_client_id.to_string(),
            client_secret: Some(self.oauth_client_secret.clone()),
            redirect_uri: self.oauth_redirect_uri.clone(),
        }
    }

    /// The path that the server sends people back to.
    pub(crate) fn callback_path(&self) -> String {
        Url::parse(&self.oauth_redirect_uri).map_or_else(
            |_| "/oauth/callback".to_owned(),
            |url| url.path().to_owned(),
        )
    }
}

/// Tells whether a path is not that of a page, and no pattern of the router.
fn is_free(path: &str) -> bool {
    const PAGES: [&str; 12] = [
        "",
        "register",
        "login",
        "logout",
        "profile",
        "dashboard",
        "memories",
        "search",
        "personas",
        "admin",
        "health",
        "assets",
    ];
    let first = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let is_flow = ["/oauth/connect", "/oauth/disconnect"].contains(&path);
    !PAGES.contains(&first) && !is_flow && !path.contains(['{', '}', '*', ':'])
}

fn address(text: &str, variable: &'static str) -> Result<Url, InvalidConfig> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or(InvalidConfig::Address { variable })
}

fn check_secret(
    variable: &'static str,
    secret: &Secret,
    public: &Url,
) -> Result<(), InvalidConfig> {
    let secret = secret.expose();
    if secret.is_empty() || (is_weak(secret) && !is_loopback(public)) {
        return Err(InvalidConfig::WeakSecret { variable });
    }
    Ok(())
}

fn is_weak(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    secret.len() < 32 || EXAMPLES.iter().any(|example| lower.contains(example))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference's own example.
    fn example() -> Config {
        Config {
            public_url: "http://localhost:8000".into(),
            mcp_server_url: "http://localhost:8001".into(),
            mcp_server_internal_url: Some("http://app:8000".into()),
            oauth_client_id: "550e8400-e29b-41d4-a716-446655440000"
                .parse()
                .expect("a UUID"),
            oauth_client_secret: Secret::new(
                "a_strong_random_secret_at_least_32_characters".to_owned(),
            ),
            oauth_redirect_uri: "http://localhost:8000/oauth/callback".into(),
            oauth_scopes: Scopes::read_write(),
            secret_key: Secret::new("django-insecure-key-for-development-only".to_owned()),
            database: "sqlite:web.db".into(),
            trusted_proxies: Vec::new(),
            debug: true,
        }
    }

    #[test]
    fn the_example_is_good_enough_for_this_machine() {
        assert_eq!(example().check(), Ok(()));
        assert_eq!(example().callback_path(), "/oauth/callback");
    }

    #[test]
    fn the_example_is_refused_where_others_can_reach_it() {
        let public = Config {
            public_url: "https://memories.example".into(),
            ..example()
        };
        assert_eq!(
            public.check(),
            Err(InvalidConfig::WeakSecret {
                variable: "SECRET_KEY"
            })
        );
        let secret_key = Secret::new("0f8fad5bd9cb469fa16570867728950e".to_owned());
        let public = Config {
            secret_key,
            ..public
        };
        let weak = InvalidConfig::WeakSecret {
            variable: "OAUTH_CLIENT_SECRET",
        };
        assert_eq!(public.check(), Err(weak));
    }

    #[test]
    fn the_way_back_has_a_path_of_its_own() {
        for path in ["/", "/memories/new", "/login", "/oauth/connect"] {
            let oauth_redirect_uri = format!("http://localhost:8000{path}");
            let config = Config {
                oauth_redirect_uri,
                ..example()
            };
            assert_eq!(config.check(), Err(InvalidConfig::CallbackPath), "{path}");
        }
        let oauth_redirect_uri = "http://localhost:8000/callback".to_owned();
        assert_eq!(
            Config {
                oauth_redirect_uri,
                ..example()
            }
            .check(),
            Ok(())
        );
    }

    #[test]
    fn secrets_do_not_print() {
        assert!(!format!("{:?}", example()).contains("django-insecure"));
    }
}
