//! Redirect URIs: which ones can be registered, which request matches, and how
//! an answer is added to one.

use std::{fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Url, form_urlencoded};

/// Schemes that run or show something in the browser instead of leading to an
/// application (RFC 9700 section 4.11), or that no answer can arrive at.
const DENIED: [&str; 20] = [
    "javascript",
    "data",
    "file",
    "vbscript",
    "about",
    "blob",
    "filesystem",
    "view-source",
    "jar",
    "ftp",
    "mailto",
    "urn",
    "ws",
    "wss",
    // Handlers of operating systems that start programs, or call and write to people.
    "intent",
    "ms-msdt",
    "search-ms",
    "sms",
    "tel",
    "shell",
];

/// Names that an answer adds to the query, so a registered query must not have them.
const RESERVED: [&str; 6] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
];

/// All but the unreserved characters of RFC 3986. A space becomes `%20`, which
/// every decoder reads, and not `+`, which some leave as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A redirect URI that may be registered, kept byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

/// Why a text cannot be a redirect URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// Longer than [`RedirectUri::MAX_BYTES`].
    #[error("is longer than {} bytes", RedirectUri::MAX_BYTES)]
    TooLong,
    /// Not an absolute URI.
    #[error("is not an absolute URI")]
    NotAUri,
    /// A scheme that leads to no application.
    #[error("has the scheme {0}:, which leads to no application")]
    Scheme(String),
    /// Plain http to somewhere else than the same computer.
    #[error("uses http; use https, or http only with 127.0.0.1, [::1] or localhost")]
    Insecure,
    /// A fragment (RFC 6749 section 3.1.2).
    #[error("has a fragment")]
    Fragment,
    /// A user name or password in front of the host, which makes one host look like another.
    #[error("has a user name in front of the host")]
    UserInfo,
    /// A wildcard; redirect URIs are compared as they are.
    #[error("has a wildcard; register each redirect URI by itself")]
    Wildcard,
    /// A query with a name that the answer will add.
    #[error("has the parameter {0} in its query, which is part of the answer")]
    Reserved(String),
}

impl RedirectUri {
    /// The most bytes of a redirect URI.
    pub const MAX_BYTES: usize = 2048;

    /// Returns the URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the URI leads to a server on the same computer, by text and
    /// not by what a parser would make of it.
    pub fn is_loopback(&self) -> bool {
        self.0.starts_with("http://") && is_loopback(self.host())
    }

    /// Tells whether the URI is of a private-use scheme (RFC 8252 section 7.1):
    /// an application on the same device, that any other could pose as.
    pub fn is_private_use(&self) -> bool {
        !self.0.starts_with("http://") && !self.0.starts_with("https://")
    }

    /// Returns what a person should see of where they are sent: the host and
    /// port, or the scheme of an application.
    pub fn host_shown(&self) -> &str {
        if self.is_private_use() {
            self.0.split(':').next().unwrap_or_default()
        } else {
            self.authority()
        }
    }

    /// Tells whether this registered URI admits the one of a request: the same
    /// text, except that on loopback any port will do (RFC 8252 section 7.3;
    /// `localhost` too, since widely used clients depend on it).
    pub fn admits(&self, presented: &Self) -> bool {
        self == presented
            || (self.is_loopback()
                && presented.is_loopback()
                && self.without_port() == presented.without_port())
    }

    /// Returns the URI with parameters added to its query, each once.
    pub fn with<'a>(&self, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
        let mut uri = self.0.clone();
        for (name, value) in parameters {
            match uri.split_once('?') {
                None => uri.push('?'),
                // A question mark within the query is a character like any other.
                Some((_, query)) if query.is_empty() || query.ends_with('&') => {}
                Some(_) => uri.push('&'),
            }
            uri.push_str(name);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, ENCODED));
        }
        uri
    }

    /// Host and port, for http and https.
    fn authority(&self) -> &str {
        authority(&self.0)
    }

    fn host(&self) -> &str {
        host(self.authority())
    }

    fn without_port(&self) -> (&str, &str) {
        let after = "http://".len() + self.authority().len();
        (self.host(), &self.0[after..])
    }
}

fn authority(uri: &str) -> &str {
    // Right behind the scheme and nowhere else: a browser takes "https:/a/x://a" for
    // a page of host "a", which would be no https in the eyes of a plain search.
    let rest = uri
        .split_once(':')
        .and_then(|(_, rest)| rest.strip_prefix("//"));
    let rest = rest.unwrap_or_default();
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn host(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl FromStr for RedirectUri {
    type Err = InvalidRedirectUri;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUri> {
        use InvalidRedirectUri as Invalid;
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::TooLong);
        }
        // Only characters of RFC 3986: what a browser and a parser could read
        // differently (backslashes, tabs, other alphabets) never gets further.
        let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
        if !text.bytes().all(known) {
            return Err(Invalid::NotAUri);
        }
        let url = Url::parse(text).map_err(|_| Invalid::NotAUri)?;
        let (scheme, rest) = text.split_once(':').ok_or(Invalid::NotAUri)?;
        if DENIED.contains(&url.scheme()) {
            return Err(Invalid::Scheme(url.scheme().to_owned()));
        }
        if text.contains('#') {
            return Err(Invalid::Fragment);
        }
        if text.contains('*') {
            return Err(Invalid::Wildcard);
        }
        if authority(text).contains('@') || !url.username().is_empty() {
            return Err(Invalid::UserInfo);
        }
        // A parser reads "https:/x" and "HTTPS://x" as "https://x"; a comparison
        // of texts should not have to know that.
        if scheme != url.scheme() || rest.is_empty() || rest == "//" {
            return Err(Invalid::NotAUri);
        }
        if scheme == "http" && !is_loopback(host(authority(text))) {
            return Err(Invalid::Insecure);
        }
        // The host that the consent page shows must be the one that a browser makes
        // of it, or "0x7f.1" would hide 127.0.0.1.
        let shown = host(authority(text));
        let real = url.host_str().unwrap_or_default();
        if url.is_special() && (real.is_empty() || !real.eq_ignore_ascii_case(shown)) {
            return Err(Invalid::NotAUri);
        }
        let query = form_urlencoded::parse(url.query().unwrap_or_default().as_bytes());
        for (name, _) in query {
            if RESERVED.contains(&&*name) {
                return Err(Invalid::Reserved(name.into_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RedirectUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
