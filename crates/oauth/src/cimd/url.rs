//! Which URLs can be the id of a client (section 3 of the draft).

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;

use crate::outbound::{InvalidOutboundUrl, OutboundUrl};

/// A URL that names a client by a document about it. It is compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DocumentUrl(OutboundUrl);

/// Why a URL names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocumentUrl {
    /// Nothing that the server would fetch.
    #[error(transparent)]
    Outbound(#[from] InvalidOutboundUrl),
    /// Only a host: who has a page somewhere on it would speak for all of it.
    #[error("has no path")]
    NoPath,
    /// `.` or `..`, plain or encoded, which some server on the way may resolve.
    #[error("has a dot segment in its path")]
    DotSegment,
    /// A query. The draft says "should not"; here one document would otherwise
    /// be as many clients as somebody likes, and no client is known to have one.
    #[error("has a query")]
    Query,
}

impl DocumentUrl {
    /// Returns the URL as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the host (and its port, where it is not 443): who vouches for the client.
    pub fn host(&self) -> &str {
        self.0.authority()
    }

    /// Returns the URL for a fetch.
    pub const fn outbound(&self) -> &OutboundUrl {
        &self.0
    }

    /// Tells whether a text claims to be such a URL, so that the answer can be
    /// why it is none. Ids of registered clients have no colon.
    pub fn is_meant(text: &str) -> bool {
        text.contains(':')
    }
}

impl FromStr for DocumentUrl {
    type Err = InvalidDocumentUrl;

    fn from_str(text: &str) -> Result<Self, InvalidDocumentUrl> {
        use InvalidDocumentUrl as Invalid;
        let rest = text.strip_prefix("https://").unwrap_or_default();
        // Both of these would be "not normal" as well; they deserve their own sentence.
        if !rest.is_empty() && !rest.contains('/') {
            return Err(Invalid::NoPath);
        }
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let decoded = percent_decode_str(path).collect::<Vec<u8>>();
        let mut segments = decoded.split(|b| matches!(b, b'/' | b'\\'));
        if segments.any(|segment| matches!(segment, b"." | b"..")) {
            return Err(Invalid::DotSegment);
        }
        let url: OutboundUrl = text.parse()?;
        match url.path_and_query() {
            "/" => Err(Invalid::NoPath),
            path if path.contains('?') => Err(Invalid::Query),
            _ => Ok(Self(url)),
        }
    }
}

impl fmt::Display for DocumentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
