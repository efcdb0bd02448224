//! A URL that the server is willing to fetch, by its text alone.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// Names that only mean something inside some network (RFC 6761, 6762, 7686,
/// 8375, 9476 and the reservation of `.internal`).
const LOCAL: [&str; 7] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "onion",
    "alt",
    "invalid",
];

/// An https URL of a named host in its one normal form, so that nothing that
/// reads it later can read something else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OutboundUrl(String);

/// Why the server will not fetch a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOutboundUrl {
    /// Longer than [`OutboundUrl::MAX_BYTES`].
    #[error("is longer than {} bytes", OutboundUrl::MAX_BYTES)]
    TooLong,
    /// Plain http, or another scheme.
    #[error("does not begin with https://")]
    NotHttps,
    /// Not a URL, or not in the form that a browser would show.
    #[error("is not a URL in its normal form")]
    NotNormal,
    /// A user name or password.
    #[error("has a user name in front of the host")]
    UserInfo,
    /// A fragment.
    #[error("has a fragment")]
    Fragment,
    /// An address in place of a name, public or not: it vouches for nobody.
    #[error("names an address and not a host")]
    Address,
    /// A name that is not one of the public DNS.
    #[error("names a host that is not on the Internet")]
    LocalHost,
    /// A port at which other services than web servers listen.
    #[error("has a port below 1024 that is not 443")]
    Port,
}

impl OutboundUrl {
    /// The most bytes of such a URL.
    pub const MAX_BYTES: usize = 1024;

    /// Returns the URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host, a name in lower case.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        authority.split(':').next().unwrap_or(authority)
    }

    /// Returns host and port, the port only where it is not 443.
    pub fn authority(&self) -> &str {
        let rest = &self.0["https://".len()..];
        rest.split(['/', '?']).next().unwrap_or(rest)
    }

    /// Returns path and query.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.0["https://".len() + self.authority().len()..]
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        let port = self.authority().split(':').nth(1);
        port.and_then(|port| port.parse().ok()).unwrap_or(443)
    }
}

impl FromStr for OutboundUrl {
    type Err = InvalidOutboundUrl;

    fn from_str(text: &str) -> Result<Self, InvalidOutboundUrl> {
        use InvalidOutboundUrl as Invalid;
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::TooLong);
        }
        let Some(rest) = text.strip_prefix("https://") else {
            return Err(Invalid::NotHttps);
        };
        if text.contains('#') {
            return Err(Invalid::Fragment);
        }
        let authority = rest.split(['/', '?', '\\']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(Invalid::UserInfo);
        }
        let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b);
        if !text.bytes().all(known) {
            return Err(Invalid::NotNormal);
        }
        let url = Url::parse(text).map_err(|_| Invalid::NotNormal)?;
        match url.host() {
            Some(Host::Domain(name)) => check_name(name)?,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(Invalid::Address),
            None => return Err(Invalid::NotNormal),
        }
        // Other capitals, dot segments, a port that goes without saying, an empty path,
        // "0x7f.1": whatever a parser would put right.
        if url.as_str() != text {
            return Err(Invalid::NotNormal);
        }
        if url.port().is_some_and(|port| port < 1024) {
            return Err(Invalid::Port);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A name with a dot in it, none of the local ones, in the letters of the DNS.
fn check_name(name: &str) -> Result<(), InvalidOutboundUrl> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(InvalidOutboundUrl::NotNormal);
    }
    let local = |suffix: &&str| {
        let before = name.strip_suffix(*suffix);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if !name.contains('.') || LOCAL.iter().any(local) {
        return Err(InvalidOutboundUrl::LocalHost);
    }
    Ok(())
}

impl fmt::Display for OutboundUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
