//! The errors that OAuth has words for.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal;)*) => {
        /// An error code of OAuth or one of its extensions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Returns the HTTP status of an answer with this code, where the
            /// answer is a document and no redirect.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    /// A parameter is missing, repeated or malformed (RFC 6749).
    InvalidRequest = "invalid_request", 400;
    /// The client is unknown or failed to authenticate (RFC 6749 section 5.2).
    InvalidClient = "invalid_client", 401;
    /// The code or refresh token is wrong, used, expired or another client's (5.2).
    InvalidGrant = "invalid_grant", 400;
    /// The client may not use this grant (5.2).
    UnauthorizedClient = "unauthorized_client", 400;
    /// A grant type that is not offered (5.2).
    UnsupportedGrantType = "unsupported_grant_type", 400;
    /// The scope is unknown, or more than was granted (5.2, 4.1.2.1).
    InvalidScope = "invalid_scope", 400;
    /// The person, or the policy, said no (4.1.2.1).
    AccessDenied = "access_denied", 403;
    /// A response type that is not offered (4.1.2.1).
    UnsupportedResponseType = "unsupported_response_type", 400;
    /// Something broke (4.1.2.1).
    ServerError = "server_error", 500;
    /// Overload or maintenance (4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable", 503;
    /// The resource is unknown or malformed (RFC 8707 section 2).
    InvalidTarget = "invalid_target", 400;
    /// `prompt=none`, but nobody is logged in (`OpenID` Connect Core 3.1.2.6).
    LoginRequired = "login_required", 400;
    /// `prompt=none`, but there is no consent yet (idem).
    ConsentRequired = "consent_required", 400;
    /// `prompt=none`, but the person must be asked something (idem).
    InteractionRequired = "interaction_required", 400;
    /// Request objects are not offered (idem).
    RequestNotSupported = "request_not_supported", 400;
    /// Request objects by reference are not offered (idem).
    RequestUriNotSupported = "request_uri_not_supported", 400;
    /// A type of token that cannot be revoked (RFC 7009 section 2.2.1).
    UnsupportedTokenType = "unsupported_token_type", 400;
    /// The bearer token is wrong, expired or revoked (RFC 6750 section 3.1).
    InvalidToken = "invalid_token", 401;
    /// The bearer token is good, but not for this (RFC 6750 section 3.1).
    InsufficientScope = "insufficient_scope", 403;
    /// A redirect URI that cannot be registered (RFC 7591 section 3.2.2).
    InvalidRedirectUri = "invalid_redirect_uri", 400;
    /// Another member of a registration is wrong (RFC 7591 section 3.2.2).
    InvalidClientMetadata = "invalid_client_metadata", 400;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as OAuth sends it: `{"error": …, "error_description": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// The code, for programs.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// One sentence for the developer of the client.
    #[serde(rename = "error_description", default)]
    description: Cow<'static, str>,
}

impl OAuthError {
    /// Makes an error with a sentence for the developer of the client.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: printable(description.into()),
        }
    }

    /// Returns the sentence.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the HTTP status of the answer.
    pub const fn status(&self) -> u16 {
        self.code.status()
    }
}

/// Replaces what RFC 6749 section 5.2 forbids in a description: all but
/// printable ASCII, quotes and backslashes. Those would end a quoted string in a header.
fn printable(text: Cow<'static, str>) -> Cow<'static, str> {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    if text.chars().all(allowed) {
        return text;
    }
    text.chars()
        .map(|c| if allowed(c) { c } else { '?' })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_the_document_of_rfc_6749() {
        let error = OAuthError::new(ErrorCode::InvalidGrant, "the code has expired");
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"error":"invalid_grant","error_description":"the code has expired"}"#
        );
        assert_eq!(error.status(), 400);
        assert_eq!(ErrorCode::InvalidClient.status(), 401);
    }

    #[test]
    fn a_client_reads_every_code_and_an_error_without_description() {
        for code in ErrorCode::ALL {
            let text = format!(r#"{{"error":"{code}"}}"#);
            assert_eq!(
                serde_json::from_str::<OAuthError>(&text).unwrap().code,
                *code
            );
        }
    }

    #[test]
    fn a_description_cannot_break_out_of_a_header() {
        let error = OAuthError::new(ErrorCode::InvalidScope, "\"a\\\r\nSet-Cookie: ü");
        assert_eq!(error.description(), "?a???Set-Cookie: ?");
    }
}
