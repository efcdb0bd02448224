//! Paths to return to after a login: only ever on this service.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// The longest path that is carried along: an authorization request with a
/// state of 8 KiB fits, percent-encoded as it is.
const MAX: usize = 16 * 1024;

/// A path and query on this service, safe as the target of a redirect.
///
/// One `/` first, then no second one and no backslash, which browsers read as
/// the start of a host; and only visible ASCII, since browsers drop tabs and
/// line breaks before they look (`/\t/evil.example`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// Takes a path from a query or a form; `None` if it could lead elsewhere.
    pub fn parse(text: &str) -> Option<Self> {
        let inside = text.starts_with('/') && !text.starts_with("//") && text.len() <= MAX;
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        (inside && plain).then(|| Self(text.to_owned()))
    }

    /// Returns the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `page?next=…`, so that `page` leads here in the end.
    pub fn after(&self, page: &str) -> String {
        let next: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("{page}?next={next}")
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For an optional field `next`: a path that leads elsewhere is as good as none.
impl LocalPath {
    /// Deserializes `Option<LocalPath>` leniently: `#[serde(default, deserialize_with = "LocalPath::or_none")]`.
    pub fn or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Self>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.and_then(|text| Self::parse(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_on_this_service_is_kept() {
        for path in [
            "/",
            "/account",
            "/oauth/authorize?client_id=1&state=a%2Fb&redirect_uri=http%3A%2F%2Fx",
        ] {
            assert_eq!(
                LocalPath::parse(path).map(|p| p.to_string()).as_deref(),
                Some(path)
            );
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_refused() {
        let long = format!("/{}", "a".repeat(MAX));
        for path in [
            "",
            "account",
            "https://evil.example/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " /account",
            "/a b",
            "/a\\b",
            "javascript:alert(1)",
            "/\u{e9}",
            "/a\r\nSet-Cookie: x=y",
            &long,
        ] {
            assert_eq!(LocalPath::parse(path), None, "{path:?}");
        }
    }

    #[test]
    fn it_survives_being_carried_in_a_query() {
        let next = LocalPath::parse("/oauth/authorize?a=1&b=x%20y").expect("a local path");
        assert_eq!(
            next.after("/login"),
            "/login?next=%2Foauth%2Fauthorize%3Fa%3D1%26b%3Dx%2520y"
        );
    }
}
