//! Which `Host` may call `/mcp`, and which `Origin` that and the tools.
//!
//! A page that was served under another name and then had its name pointed at
//! this server (DNS rebinding) sends that name as `Host`, and a page elsewhere
//! sends its own address as `Origin`. Neither carries a token, so this is a
//! second wall; MCP asks for it. Programs that are no browsers send no `Origin`.

use std::{net::IpAddr, str::FromStr};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, Uri, header, uri::Authority};
use url::{Host, Url};

use crate::{cors, cors::TOOLS, problem::Problem, state::Config, state::Server};

/// An origin that may call from a browser: `https://app.example`, or
/// `http://localhost:*` for any port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin {
    scheme: String,
    host: String,
    /// `None` stands for every port.
    port: Option<u16>,
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no origin such as https://app.example or http://localhost:*")]
pub struct InvalidOrigin;

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let text = text.trim();
        let (text, any_port) = match text.strip_suffix(":*") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (scheme, host, port) = parts(text).ok_or(InvalidOrigin)?;
        Ok(Self {
            scheme,
            host,
            port: (!any_port).then_some(port),
        })
    }
}

/// Scheme, host and port of an origin, and nothing else.
fn parts(text: &str) -> Option<(String, String, u16)> {
    let url = Url::parse(text).ok()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || text.ends_with('/') {
        return None;
    }
    let host = url.host_str()?.to_owned();
    Some((url.scheme().to_owned(), host, url.port_or_known_default()?))
}

/// The name in a host and port, in lower case; empty when it has none.
fn name_of(host: &str) -> String {
    let authority = Authority::from_str(host.trim());
    authority.map_or_else(|_| String::new(), |host| host.host().to_ascii_lowercase())
}

/// Who is let in, by `Host` and `Origin`.
#[derive(Debug)]
pub(crate) struct Admission {
    hosts: Vec<String>,
    listening: IpAddr,
    origins: Vec<AllowedOrigin>,
}

impl Admission {
    /// The public address and this machine's own names are always let in.
    pub(crate) fn new(config: &Config) -> Self {
        let local = ["localhost", "127.0.0.1", "[::1]"];
        let mut hosts: Vec<_> = local.map(str::to_owned).into();
        let mut origins = config.allowed_origins.clone();
        let public = Url::parse(&config.public_url).ok();
        if let Some((scheme, host, port)) = public
            .as_ref()
            .and_then(|url| parts(&url.origin().ascii_serialization()))
        {
            if local.contains(&&*host) {
                let ports = [port, config.listening.port()];
                origins.extend(local.into_iter().flat_map(|host| {
                    ports.map(|port| AllowedOrigin {
                        scheme: "http".to_owned(),
                        host: host.to_owned(),
                        port: Some(port),
                    })
                }));
            }
            hosts.push(host.clone());
            origins.push(AllowedOrigin {
                scheme,
                host,
                port: Some(port),
            });
        }
        hosts.extend(config.allowed_hosts.iter().map(|host| name_of(host)));
        Self {
            hosts,
            listening: config.listening.ip(),
            origins,
        }
    }

    /// Tells whether this is a name of ours. The port does not matter: names
    /// are what is rebound.
    fn admits_host(&self, host: &str) -> bool {
        let name = name_of(host);
        let address = match Host::parse(&name) {
            Ok(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Ok(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        // An address as such was not looked up, so nobody can have rebound it.
        let ours =
            address.is_some_and(|ip| ip == self.listening || self.listening.is_unspecified());
        !name.is_empty() && !host.contains('@') && (ours || self.hosts.contains(&name))
    }

    fn admits_origin(&self, origin: &str) -> bool {
        parts(origin).is_some_and(|(scheme, host, port)| {
            self.origins.iter().any(|allowed| {
                allowed.scheme == scheme
                    && allowed.host == host
                    && allowed.port.is_none_or(|allowed| allowed == port)
            })
        })
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        let sent = headers.get(header::HOST).map(|host| host.to_str());
        let host = match sent {
            Some(host) => host.unwrap_or_default(),
            // HTTP/2 has it in the address.
            None => uri.authority().map(Authority::as_str).unwrap_or_default(),
        };
        if !self.admits_host(host) {
            return Err(Problem::new(
                "forbidden",
                "the Host header names another server; the operator can allow it \
                 with PICARD_ALLOWED_HOSTS",
            ));
        }
        Ok(())
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        for origin in headers.get_all(header::ORIGIN) {
            if !origin
                .to_str()
                .is_ok_and(|origin| self.admits_origin(origin))
            {
                return Err(Problem::new(
                    "forbidden",
                    "pages of this origin may not call; the operator can allow it \
                     with PICARD_ALLOWED_ORIGINS",
                ));
            }
        }
        Ok(())
    }
}

/// The tools take any `Host`: the web client calls them by whatever name the
/// server has on an inner network, and no page can, since a browser sends the
/// `Origin` with each POST, also of a name that was rebound.
fn admit(admission: &Admission, request: &Request) -> Result<(), Problem> {
    if request.uri().path() != TOOLS {
        admission.check_host(request.uri(), request.headers())?;
    }
    admission.check_origin(request.headers())
}

/// Turns away foreign hosts and origins, and answers what a browser asks
/// before it calls from another origin, without credentials.
pub(crate) async fn guard(State(server): State<Server>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if cors::is_guarded(path)
        && let Err(problem) = admit(&server.admission, &request)
    {
        return problem.into_response();
    }
    if request.method() == Method::OPTIONS && cors::is_shared(path) {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(public_url: &str, listening: &str, origins: &[&str]) -> Admission {
        Admission::new(&Config {
            listening: listening.parse().expect("an address"),
            allowed_hosts: vec!["Picard:8001".to_owned(), " cargo bay ".to_owned()],
            allowed_origins: origins
                .iter()
                .map(|origin| origin.parse().expect("an origin"))
                .collect(),
            ..Config::new(public_url)
        })
    }

    #[test]
    fn hosts_are_the_public_name_this_machine_and_what_the_operator_allows() {
        let admission = admission("https://memory.example", "127.0.0.1:8001", &[]);
        for ours in [
            "memory.example",
            "MEMORY.example:443",
            "localhost:8001",
            "127.0.0.1:1",
            "[::1]:8001",
            "picard:8001",
        ] {
            assert!(admission.admits_host(ours), "{ours}");
        }
        for foreign in [
            "",
            "evil.example",
            "memory.example.evil.example",
            "memory.example@evil.example",
            "evil.example@memory.example",
            "127.0.0.1.evil.example",
            "192.168.1.5:8001",
            "localhost evil",
            "cargo bay",
        ] {
            assert!(!admission.admits_host(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_server_that_listens_everywhere_is_called_by_any_address_but_not_by_any_name() {
        let admission = admission("https://memory.example", "0.0.0.0:8001", &[]);
        assert!(admission.admits_host("192.168.1.5:8001"));
        assert!(admission.admits_host("[fd00::1]:8001"));
        assert!(!admission.admits_host("evil.example:8001"));
    }

    #[test]
    fn origins_are_exact() {
        let admission = admission(
            "https://memory.example",
            "127.0.0.1:8001",
            &["https://app.example", "http://localhost:*"],
        );
        for ours in [
            "https://memory.example",
            "https://memory.example:443",
            "https://app.example",
            "http://localhost:6274",
        ] {
            assert!(admission.admits_origin(ours), "{ours}");
        }
        for foreign in [
            "null",
            "",
            "http://memory.example",
            "https://memory.example:8443",
            "https://memory.example.evil.example",
            "https://memory.example/path",
            "https://user@memory.example",
            "https://app.example:8443",
            "http://127.0.0.1:8001",
            "memory.example",
        ] {
            assert!(!admission.admits_origin(foreign), "{foreign}");
        }
    }

    #[test]
    fn on_this_machine_its_names_at_the_port_in_use_are_one() {
        let admission = admission("http://localhost:8001", "127.0.0.1:9001", &[]);
        for ours in [
            "http://localhost:8001",
            "http://127.0.0.1:8001",
            "http://[::1]:9001",
        ] {
            assert!(admission.admits_origin(ours), "{ours}");
        }
        for foreign in [
            "http://localhost:6274",
            "https://localhost:8001",
            "http://localhost",
        ] {
            assert!(!admission.admits_origin(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_setting_that_is_no_origin_is_refused() {
        for bad in [
            "",
            "*",
            "app.example",
            "https://app.example/",
            "https://*.example:*x",
        ] {
            assert!(bad.parse::<AllowedOrigin>().is_err(), "{bad}");
        }
    }
}
