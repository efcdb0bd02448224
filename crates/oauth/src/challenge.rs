//! The client's reading of `WWW-Authenticate`: what a resource says is missing
//! (RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1).
//!
//! [`bearer`](crate::bearer) writes such headers; this module reads those of any
//! server, in whatever order and spacing they come.

/// The bearer challenge of a 401 or 403.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BearerChallenge {
    /// Where the metadata of the resource are.
    pub resource_metadata: Option<String>,
    /// What to ask for, separated by spaces.
    pub scope: Option<String>,
    /// Why the token did not do: `invalid_token`, `insufficient_scope`.
    pub error: Option<String>,
}

impl BearerChallenge {
    /// Finds the first bearer challenge among the values of the header. Each
    /// value may hold several challenges of several schemes.
    pub fn find<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        values.into_iter().find_map(Self::read)
    }

    fn read(value: &str) -> Option<Self> {
        let mut rest = Rest(value);
        let mut found = None;
        while let Some(word) = rest.next_word() {
            match (rest.value(), &mut found) {
                (None, Some(_)) => break,
                (None, None) if word.eq_ignore_ascii_case("bearer") => {
                    found = Some(Self::default());
                }
                (Some(value), Some(challenge)) => challenge.set(word, value),
                // Another scheme, or a parameter of one.
                (_, None) => {}
            }
        }
        found
    }

    /// Takes a parameter; of a repeated one the first counts.
    fn set(&mut self, name: &str, value: String) {
        let field = match name.to_ascii_lowercase().as_str() {
            "resource_metadata" => &mut self.resource_metadata,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            _ => return,
        };
        field.get_or_insert(value);
    }
}

/// What of a header is not read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Reads a scheme or the name of a parameter.
    fn next_word(&mut self) -> Option<&'a str> {
        let start = self.0.trim_start_matches([' ', '\t', ',', '=']);
        let end = start.find([' ', '\t', ',', '=']).unwrap_or(start.len());
        let (word, rest) = start.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Reads what follows an equals sign: a token or a quoted string; `None`
    /// when there is no equals sign, and the word before was a scheme.
    fn value(&mut self) -> Option<String> {
        let rest = self.0.trim_start_matches([' ', '\t']).strip_prefix('=')?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
            let (token, rest) = rest.split_at(end);
            self.0 = rest;
            return Some(token.to_owned());
        };
        let mut text = String::new();
        let mut letters = quoted.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(text);
                }
                '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
                letter => text.push(letter),
            }
        }
        // The quotes never end: all of the rest is the value.
        self.0 = "";
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use picard_domain::Scopes;
    use proptest::prelude::*;

    use super::*;
    use crate::bearer::Challenge;

    const METADATA: &str = "https://h/.well-known/oauth-protected-resource/mcp";

    #[test]
    fn the_servers_own_challenges_are_read() {
        for (challenge, error, scope) in [
            (Challenge::NoToken, None, Scopes::read_write()),
            (
                Challenge::InvalidToken,
                Some("invalid_token"),
                Scopes::read_write(),
            ),
            (
                Challenge::InsufficientScope(Scopes::all()),
                Some("insufficient_scope"),
                Scopes::all(),
            ),
        ] {
            let header = challenge.www_authenticate(METADATA);
            let read = BearerChallenge::find([header.as_str()]).unwrap();
            assert_eq!(read.resource_metadata.as_deref(), Some(METADATA));
            assert_eq!(read.scope, Some(scope.to_string()));
            assert_eq!(read.error.as_deref(), error);
        }
    }

    #[test]
    fn a_challenge_is_read_in_any_order_and_spacing() {
        for header in [
            r#"Bearer scope="a b",resource_metadata="u""#,
            r#"bearer  resource_metadata = u , Scope = "a b""#,
            r#"BEARER realm="x, Basic y=\"z\"", resource_metadata=u, scope="a b", scope="c""#,
            r#"Basic realm="Bearer scope=\"no\"", Bearer resource_metadata="u", scope="a b""#,
            r#"Bearer resource_metadata="u", scope="a b", Basic scope="no", error="no""#,
            r#"Negotiate abc==, Bearer resource_metadata="u", scope="a \b""#,
        ] {
            let read = BearerChallenge::find([header]).unwrap();
            assert_eq!(read.resource_metadata.as_deref(), Some("u"), "{header}");
            assert_eq!(read.scope.as_deref(), Some("a b"), "{header}");
            assert_eq!(read.error, None, "{header}");
        }
    }

    #[test]
    fn without_the_scheme_there_is_no_challenge() {
        for header in ["", "Basic realm=\"Bearer\"", "scope=\"a\"", "=", ",,"] {
            assert_eq!(BearerChallenge::find([header]), None, "{header}");
        }
        let bare = BearerChallenge::find(["Basic realm=x", "Bearer"]);
        assert_eq!(bare, Some(BearerChallenge::default()));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_client_panic(header: String) {
            BearerChallenge::find([header.as_str()]);
        }

        #[test]
        fn any_scope_comes_back(scope in "[!#-\\[\\]-~ ]{1,60}") {
            let header = format!("Bearer error=x, scope=\"{scope}\"");
            prop_assert_eq!(BearerChallenge::find([header.as_str()]).unwrap().scope, Some(scope));
        }
    }
}
