//! The bearer scheme: tokens in the `Authorization` header and the challenges
//! that ask for one (RFC 6750, RFC 9728 section 5.1).

use picard_domain::Scopes;

use crate::{ErrorCode, Secret};

/// The challenge for a client that failed with `Authorization: Basic` (RFC 6749
/// section 5.2).
pub const BASIC_CHALLENGE: &str = r#"Basic realm="Picard", charset="UTF-8""#;

/// A header `Authorization: Bearer` without a token that could be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Authorization header holds no bearer token")]
pub struct MalformedBearer;

/// Returns the token of an `Authorization` header; `None` when it is absent or
/// of another scheme, which counts as no credentials at all.
pub fn token(header: Option<&str>) -> Result<Option<Secret>, MalformedBearer> {
    let Some(header) = header else {
        return Ok(None);
    };
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    // RFC 6750 section 2.1: b64token.
    let token = token.trim_matches(' ');
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let body = token.trim_end_matches('=');
    if body.is_empty() || !body.bytes().all(allowed) {
        return Err(MalformedBearer);
    }
    Ok(Some(Secret::new(token.to_owned())))
}

/// Why a request is turned away, and what would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// There were no credentials: no error code is told (RFC 6750 section 3.1).
    NoToken,
    /// The request is malformed, for instance with two tokens.
    InvalidRequest,
    /// The token is wrong, expired, revoked, or for another resource.
    InvalidToken,
    /// The token is good, but does not reach; all scopes that it takes.
    InsufficientScope(Scopes),
}

impl Challenge {
    /// Returns the HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::NoToken => 401,
            _ => match self.code() {
                Some(code) => code.status(),
                None => 401,
            },
        }
    }

    /// Returns the error code, if one is told.
    pub const fn code(self) -> Option<ErrorCode> {
        match self {
            Self::NoToken => None,
            Self::InvalidRequest => Some(ErrorCode::InvalidRequest),
            Self::InvalidToken => Some(ErrorCode::InvalidToken),
            Self::InsufficientScope(_) => Some(ErrorCode::InsufficientScope),
        }
    }

    /// Returns the value of `WWW-Authenticate`. `resource_metadata` is the
    /// absolute URL of the protected resource's metadata.
    ///
    /// Without a token the challenge asks for read and write at once: many
    /// clients cannot ask for more later. Admin is never asked for.
    pub fn www_authenticate(self, resource_metadata: &str) -> String {
        let scopes = match self {
            Self::InsufficientScope(scopes) => scopes,
            _ => Scopes::read_write(),
        };
        let error = self.code().map_or_else(String::new, |code| {
            format!(
                "error=\"{code}\", error_description={}, ",
                quoted(self.in_words())
            )
        });
        let (metadata, scope) = (quoted(resource_metadata), quoted(&scopes.to_string()));
        format!("Bearer {error}resource_metadata={metadata}, scope={scope}")
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::NoToken => "send a bearer token",
            Self::InvalidRequest => "the request carries no token that could be read",
            Self::InvalidToken => "the token is wrong, expired, revoked or for another resource",
            Self::InsufficientScope(_) => "the token does not allow this",
        }
    }
}

/// Makes a quoted-string (RFC 9110 section 5.6.4) of printable ASCII.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars().filter(|c| matches!(c, ' '..='~')) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use picard_domain::Scope;

    use super::*;

    const METADATA: &str = "https://h/.well-known/oauth-protected-resource/mcp";

    #[test]
    fn a_bearer_token_is_read_in_any_case_of_the_scheme() {
        for header in ["Bearer pat_a-1", "bearer pat_a-1", "BEARER  pat_a-1 "] {
            let read = token(Some(header)).unwrap().unwrap();
            assert_eq!(read.expose(), "pat_a-1", "{header}");
        }
    }

    #[test]
    fn another_scheme_is_no_token_and_a_broken_one_an_error() {
        assert_eq!(token(None), Ok(None));
        assert_eq!(token(Some("Basic abc")), Ok(None));
        assert_eq!(token(Some("")), Ok(None));
        for header in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer ===",
            "Bearer ä",
        ] {
            assert_eq!(token(Some(header)), Err(MalformedBearer), "{header}");
        }
    }

    #[test]
    fn m1_without_a_token_the_challenge_tells_no_error() {
        assert_eq!(
            Challenge::NoToken.www_authenticate(METADATA),
            "Bearer resource_metadata=\"https://h/.well-known/oauth-protected-resource/mcp\", \
             scope=\"memories:read memories:write\""
        );
        assert_eq!(Challenge::NoToken.status(), 401);
    }

    #[test]
    fn m2_a_wrong_token_is_invalid_token() {
        let header = Challenge::InvalidToken.www_authenticate(METADATA);
        assert!(
            header.starts_with("Bearer error=\"invalid_token\", "),
            "{header}"
        );
        assert_eq!(Challenge::InvalidToken.status(), 401);
    }

    #[test]
    fn m27_insufficient_scope_names_what_it_takes() {
        let challenge = Challenge::InsufficientScope(Scopes::NONE.with(Scope::Write));
        let header = challenge.www_authenticate(METADATA);
        assert!(header.ends_with(", scope=\"memories:write\""), "{header}");
        assert_eq!(challenge.status(), 403);
    }

    #[test]
    fn nothing_breaks_out_of_the_quotes() {
        assert_eq!(quoted("a\"b\\c\r\nd"), r#""a\"b\\cd""#);
    }
}
