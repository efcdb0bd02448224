//! Which resource a token is for (RFC 8707).

use url::{Host, Url};

use crate::{ErrorCode, OAuthError};

/// The one protected resource of a server, under all the names that it goes by.
#[derive(Debug, Clone)]
pub struct Resources {
    canonical: String,
    accepted: Vec<Url>,
}

/// A resource that is not this server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the resource is not one of this server")]
pub struct ForeignResource;

impl Resources {
    /// Takes the name that tokens carry, and other names that mean the same.
    ///
    /// On a loopback host its three names mean the same (`localhost`,
    /// `127.0.0.1`, `[::1]`): who runs the server at home types any of them.
    pub fn new<'a>(canonical: &'a str, aliases: impl IntoIterator<Item = &'a str>) -> Self {
        let names = std::iter::once(canonical).chain(aliases);
        let accepted = names.filter_map(normal).collect();
        Self {
            canonical: canonical.to_owned(),
            accepted,
        }
    }

    /// Returns the name that tokens carry.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Returns the canonical name for a resource that was asked for.
    pub fn resolve(&self, asked: &str) -> Result<&str, ForeignResource> {
        let asked = normal(asked).ok_or(ForeignResource)?;
        if self.accepted.contains(&asked) {
            Ok(&self.canonical)
        } else {
            Err(ForeignResource)
        }
    }
}

impl From<ForeignResource> for OAuthError {
    fn from(error: ForeignResource) -> Self {
        Self::new(ErrorCode::InvalidTarget, error.to_string())
    }
}

/// Brings an absolute URI without fragment into one form: host in lower case, no
/// trailing slash (clients disagree about it), loopback as `localhost`.
fn normal(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && !text.contains('\\');
    if !url.has_host() || url.fragment().is_some() || !plain {
        return None;
    }
    if url.host().is_some_and(is_loopback) {
        url.set_host(Some("localhost")).ok()?;
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

fn is_loopback(host: Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_known_by_its_spellings() {
        let resources = Resources::new("https://picard.example/mcp", []);
        for asked in [
            "https://picard.example/mcp",
            "https://picard.example/mcp/",
            "HTTPS://Picard.Example:443/mcp",
        ] {
            assert_eq!(
                resources.resolve(asked),
                Ok("https://picard.example/mcp"),
                "{asked}"
            );
        }
    }

    #[test]
    fn a_foreign_relative_or_fragmented_resource_is_refused() {
        let resources = Resources::new("https://picard.example/mcp", []);
        for asked in [
            "https://evil.example/mcp",
            "https://picard.example.evil.example/mcp",
            "https://picard.example/mcp/admin",
            "https://picard.example/other",
            "https://picard.example",
            "http://picard.example/mcp",
            "https://picard.example:8443/mcp",
            "https://picard.example/mcp?x=1",
            "https://picard.example/mcp#frag",
            "https://picard.example/mcp#",
            "https://user@picard.example/mcp",
            "/mcp",
            "mcp",
            "",
            "urn:mcp",
        ] {
            assert_eq!(resources.resolve(asked), Err(ForeignResource), "{asked}");
        }
    }

    #[test]
    fn on_loopback_all_its_names_mean_the_same() {
        let resources = Resources::new("http://localhost:8001/mcp", []);
        for asked in ["http://127.0.0.1:8001/mcp", "http://[::1]:8001/mcp"] {
            assert!(resources.resolve(asked).is_ok(), "{asked}");
        }
        assert!(resources.resolve("http://127.0.0.1:8002/mcp").is_err());
        assert!(
            resources
                .resolve("http://127.0.0.1.evil.example:8001/mcp")
                .is_err()
        );
        let public = Resources::new("https://picard.example/mcp", []);
        assert!(public.resolve("https://localhost/mcp").is_err());
    }

    #[test]
    fn an_alias_gives_the_canonical_name() {
        let resources = Resources::new("https://a.example/mcp", ["https://b.example"]);
        assert_eq!(
            resources.resolve("https://b.example/"),
            Ok("https://a.example/mcp")
        );
    }
}
