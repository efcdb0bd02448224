//! Client ID Metadata Documents: clients whose id is the https URL of a
//! document about them.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// The URL of a document about a client (section 3 of the draft), kept byte for
/// byte: ids are compared as texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentUrl(String);

/// Why a text cannot be the URL of such a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocumentUrl {
    /// Longer than [`DocumentUrl::MAX_BYTES`].
    #[error("is longer than {} bytes", DocumentUrl::MAX_BYTES)]
    TooLong,
    /// No https URL, or not written as a browser would write it.
    #[error("is not an https URL in its usual spelling")]
    NotHttps,
    /// No path: then it would be a whole host.
    #[error("has no path")]
    NoPath,
    /// A part that such a URL must not have.
    #[error("has a fragment, a user name or a query")]
    Forbidden,
    /// A host that is an address, or a name without a dot.
    #[error("has a host that is no public name")]
    Host,
}

impl DocumentUrl {
    /// The most bytes of such a URL.
    pub const MAX_BYTES: usize = 1024;

    /// Returns the URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host that vouches for the client.
    pub fn host(&self) -> &str {
        let rest = self.0.strip_prefix("https://").unwrap_or_default();
        rest.split('/').next().unwrap_or_default()
    }
}

impl FromStr for DocumentUrl {
    type Err = InvalidDocumentUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDocumentUrl> {
        use InvalidDocumentUrl as Invalid;
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Invalid::NotHttps)?;
        // The parser resolves dot segments, lowers hosts and drops default ports
        // and tabs; a text that it leaves alone has none of those.
        if url.scheme() != "https" {
            return Err(Invalid::NotHttps);
        }
        if url.path() == "/" {
            return Err(Invalid::NoPath);
        }
        if url.as_str() != text {
            return Err(Invalid::NotHttps);
        }
        let named = !url.username().is_empty() || url.password().is_some();
        if named || text.contains(['@', '#', '?']) {
            return Err(Invalid::Forbidden);
        }
        match url.host() {
            Some(Host::Domain(name)) if name.contains('.') && !name.ends_with('.') => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Invalid::Host),
        }
    }
}

impl fmt::Display for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_widely_used_clients_are_accepted() {
        for text in [
            "https://chatgpt.com/oauth/client.json",
            "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "https://app.example:8443/client",
        ] {
            let url: DocumentUrl = text.parse().unwrap();
            assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn what_could_mean_two_things_or_lead_inside_is_refused() {
        use InvalidDocumentUrl as Invalid;
        for (text, why) in [
            ("http://app.example/client", Invalid::NotHttps),
            ("https://app.example/", Invalid::NoPath),
            ("https://app.example", Invalid::NoPath),
            ("https://app.example/a/../client", Invalid::NotHttps),
            ("https://app.example/%2e%2e/client", Invalid::NotHttps),
            ("https://APP.example/client", Invalid::NotHttps),
            ("https://app.example:443/client", Invalid::NotHttps),
            ("https://app.example\\client", Invalid::NotHttps),
            ("https://user@app.example/client", Invalid::Forbidden),
            ("https://app.example/client?a=1", Invalid::Forbidden),
            ("https://app.example/client#a", Invalid::Forbidden),
            ("https://127.0.0.1/client", Invalid::Host),
            ("https://[::1]/client", Invalid::Host),
            ("https://localhost/client", Invalid::Host),
        ] {
            assert_eq!(text.parse::<DocumentUrl>(), Err(why), "{text}");
        }
        let long = format!("https://app.example/{}", "a".repeat(1024));
        assert_eq!(long.parse::<DocumentUrl>(), Err(Invalid::TooLong));
    }
}
