//! Scopes as any server may name them.
//!
//! A Picard server's own are `picard_domain::Scopes`; a client of resources in
//! general treats them as opaque words (RFC 6749 section 3.3).

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The scope that asks for a refresh token where a server lists it.
const OFFLINE_ACCESS: &str = "offline_access";

/// A set of scopes, in text a list separated by spaces. Keeps the order in
/// which they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// Returns the set of these and those: asking again never loses a scope.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        for scope in &other.0 {
            if !self.0.contains(scope) {
                self.0.push(scope.clone());
            }
        }
        self
    }

    /// Tells whether every scope of `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|scope| self.0.contains(scope))
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of the parameter `scope`; `None` when it is left out.
    pub fn parameter(&self) -> Option<String> {
        (!self.is_empty()).then(|| self.to_string())
    }

    /// Adds `offline_access` if the server knows it. Not to nothing: alone it
    /// would say that nothing else is wanted.
    #[must_use]
    pub(crate) fn with_refresh(self, supported: &[String]) -> Self {
        let known = supported.iter().any(|scope| scope == OFFLINE_ACCESS);
        if known && !self.is_empty() {
            self.union(&Self(vec![OFFLINE_ACCESS.to_owned()]))
        } else {
            self
        }
    }
}

impl<S: Into<String>> FromIterator<S> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = S>>(scopes: I) -> Self {
        let all = Self(scopes.into_iter().map(Into::into).collect());
        Self::default().union(&all)
    }
}

impl FromStr for ScopeSet {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.split_ascii_whitespace().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(text.split_ascii_whitespace().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ScopeSet {
        text.split_ascii_whitespace().collect()
    }

    #[test]
    fn a_union_keeps_what_was_there_and_repeats_nothing() {
        assert_eq!(set("a b").union(&set("c b a")).to_string(), "a b c");
        assert_eq!(set("a  b a").to_string(), "a b");
        assert!(set("a b").covers(&set("b")) && !set("a").covers(&set("a b")));
    }

    #[test]
    fn offline_access_is_asked_for_only_where_it_is_known_and_never_alone() {
        let known = ["a".to_owned(), OFFLINE_ACCESS.to_owned()];
        assert_eq!(
            set("a").with_refresh(&known).to_string(),
            "a offline_access"
        );
        assert_eq!(set("a").with_refresh(&known[..1]).to_string(), "a");
        assert_eq!(set("").with_refresh(&known).parameter(), None);
    }
}
