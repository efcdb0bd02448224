//! Reading `application/x-www-form-urlencoded`, queries and bodies alike.
//!
//! Serde would take the last of two equal names, or neither; OAuth wants a
//! repeated parameter refused (RFC 6749 section 3.1), so pairs are kept.

use percent_encoding::percent_decode;
use picard_crypto::Zeroizing;

use crate::{ErrorCode, OAuthError};

/// The parameters of one request.
pub(crate) struct Form {
    pairs: Vec<(String, Zeroizing<String>)>,
}

/// Why bytes are no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// More bytes than allowed.
    #[error("the request is longer than {0} bytes")]
    TooLong(usize),
    /// More parameters than any request of OAuth has.
    #[error("the request has more than {} parameters", Form::MAX_PARAMETERS)]
    TooMany,
    /// Bytes that are not UTF-8.
    #[error("the request is not UTF-8")]
    NotText,
}

/// A parameter that is there more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is there more than once")]
pub(crate) struct Repeated(pub(crate) &'static str);

impl Form {
    /// The most bytes of a query or body: an 8 kB state and room for the rest.
    pub(crate) const MAX_BYTES: usize = 32 * 1024;
    /// The most parameters.
    pub(crate) const MAX_PARAMETERS: usize = 64;

    pub(crate) fn parse(raw: &[u8]) -> Result<Self, FormError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(FormError::TooLong(Self::MAX_BYTES));
        }
        let parts = || raw.split(|b| *b == b'&').filter(|part| !part.is_empty());
        if parts().count() > Self::MAX_PARAMETERS {
            return Err(FormError::TooMany);
        }
        let pair = |part: &[u8]| {
            let mut halves = part.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            Some((name, Zeroizing::new(value)))
        };
        let pairs = parts()
            .map(pair)
            .collect::<Option<_>>()
            .ok_or(FormError::NotText)?;
        Ok(Self { pairs })
    }

    /// Returns every value of a parameter. An empty one counts as absent (RFC
    /// 6749 section 3.1).
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(n, v)| n == name && !v.is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// Returns the value of a parameter that may be there once.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, Repeated> {
        if self.pairs.iter().filter(|(n, _)| n == name).count() > 1 {
            return Err(Repeated(name));
        }
        Ok(self.all(name).next())
    }

    /// Returns the value of a parameter that must be there once.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.one(name)?
            .ok_or_else(|| invalid_request(format!("{name} is missing")))
    }
}

impl From<FormError> for OAuthError {
    fn from(error: FormError) -> Self {
        invalid_request(error.to_string())
    }
}

impl From<Repeated> for OAuthError {
    fn from(error: Repeated) -> Self {
        invalid_request(error.to_string())
    }
}

pub(crate) fn invalid_request(why: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, why)
}

/// Decodes one name or value; `None` when it is not UTF-8.
pub(crate) fn decode(raw: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = raw
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_is_a_space_and_an_empty_value_is_absent() {
        let form = Form::parse(b"a=1+2%2B3&b=&c&&d=x=y").unwrap();
        assert_eq!(form.one("a"), Ok(Some("1 2+3")));
        assert_eq!(form.one("b"), Ok(None));
        assert_eq!(form.one("c"), Ok(None));
        assert_eq!(form.one("d"), Ok(Some("x=y")));
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_when_empty() {
        let form = Form::parse(b"a=1&%61=1&b=&b=").unwrap();
        assert_eq!(form.one("a"), Err(Repeated("a")));
        assert_eq!(form.one("b"), Err(Repeated("b")));
    }

    #[test]
    fn size_count_and_encoding_are_bounded() {
        let refused = |raw: &[u8]| Form::parse(raw).err();
        assert_eq!(
            refused(&vec![b'a'; 32 * 1024 + 1]),
            Some(FormError::TooLong(32 * 1024))
        );
        assert_eq!(
            refused("a=1&".repeat(65).as_bytes()),
            Some(FormError::TooMany)
        );
        assert_eq!(refused(b"a=%ff"), Some(FormError::NotText));
    }
}
