//! Where a server is: the address that browsers see, and the one that this
//! program calls.
//!
//! Behind a reverse proxy or in a container the two differ: the metadata names
//! endpoints at the public address, and they are reached at the internal one.

use url::Url;

use crate::{Error, oauth::is_loopback};

/// The two addresses of one server. Neither ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    public: String,
    internal: String,
}

impl Server {
    /// Names a server that is called at the address that browsers see, such as
    /// `http://localhost:8001`.
    ///
    /// This address is also the issuer that the server has to name (RFC 8414
    /// section 3.3).
    pub fn new(public: &str) -> Result<Self, Error> {
        let public = base(public)?;
        Ok(Self {
            internal: public.clone(),
            public,
        })
    }

    /// Calls the server at another address than the one that browsers see.
    pub fn with_internal(self, internal: &str) -> Result<Self, Error> {
        Ok(Self {
            internal: base(internal)?,
            ..self
        })
    }

    /// Returns the address that browsers see: the issuer.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Returns the address that this program calls.
    pub fn internal(&self) -> &str {
        &self.internal
    }

    /// Returns the internal address of a path that starts with a slash.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.internal)
    }

    /// Maps an absolute endpoint of the metadata to the internal address.
    ///
    /// An endpoint elsewhere is refused: the client's secret and the tokens
    /// would leave for a place that nobody configured.
    pub(crate) fn map(&self, endpoint: &str) -> Result<String, Error> {
        match endpoint.strip_prefix(&self.public) {
            Some(path) if path.starts_with('/') => Ok(self.at(path)),
            _ => Err(Error::protocol(format!(
                "the server at {} names an endpoint elsewhere: {endpoint}",
                self.public
            ))),
        }
    }

    /// Tells whether the internal address is on this machine, where no proxy
    /// of the environment may come between.
    pub(crate) fn is_loopback(&self) -> bool {
        Url::parse(&self.internal).is_ok_and(|url| is_loopback(&url))
    }
}

fn base(text: &str) -> Result<String, Error> {
    let invalid = |why: &str| Error::Address {
        address: text.to_owned(),
        why: why.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(invalid("is no http or https address"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("has a query or a fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("carries credentials"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_of_the_metadata_are_called_at_the_internal_address() {
        let server = Server::new("https://picard.example/")
            .and_then(|server| server.with_internal("http://app:8000"))
            .expect("two addresses");
        assert_eq!(
            server
                .map("https://picard.example/oauth/token")
                .expect("an endpoint of the server"),
            "http://app:8000/oauth/token"
        );
    }

    #[test]
    fn an_endpoint_elsewhere_is_refused() {
        let server = Server::new("https://picard.example").expect("an address");
        for endpoint in [
            "https://evil.example/token",
            "https://picard.example.evil.example/token",
            "",
        ] {
            assert!(
                matches!(server.map(endpoint), Err(Error::Protocol { .. })),
                "{endpoint}"
            );
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for text in [
            "",
            "localhost:8001",
            "ftp://a",
            "http://a/?x=1",
            "http://u:p@a",
            "http://a/#f",
        ] {
            assert!(
                matches!(Server::new(text), Err(Error::Address { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn loopback_is_known() {
        for (text, loopback) in [
            ("http://localhost:1", true),
            ("http://127.0.0.5:1", true),
            ("http://[::1]:1", true),
            ("http://app:8000", false),
        ] {
            assert_eq!(
                Server::new(text).expect("an address").is_loopback(),
                loopback,
                "{text}"
            );
        }
    }
}
