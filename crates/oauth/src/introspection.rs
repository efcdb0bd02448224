//! The introspection endpoint (RFC 7662).

use picard_domain::{Handle, Scopes, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    ClientAuth, ClientIdentifier, OAuthError, Secret, client_auth::invalid_client,
    token::TokenType, token::read_body,
};

/// A question about a token, by a client that authenticates.
#[derive(Debug)]
pub struct IntrospectionRequest {
    /// Who asks; never [`ClientAuth::None`].
    pub client: ClientAuth,
    /// The token.
    pub token: Secret,
}

impl IntrospectionRequest {
    /// Reads the header `Authorization`, the query of the URL (which must hold
    /// nothing) and the raw body. A caller that proves nothing is refused, or the
    /// endpoint would tell anyone which tokens are good (section 2.1).
    pub fn parse(
        authorization: Option<&str>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, OAuthError> {
        let form = read_body(query, body)?;
        let client = ClientAuth::read(authorization, &form)?;
        if matches!(client, ClientAuth::None { .. }) {
            return Err(invalid_client(
                "introspection is for clients with a secret or a key",
            ));
        }
        let token = Secret::new(form.required("token")?.to_owned());
        form.one("token_type_hint")?;
        Ok(Self { client, token })
    }
}

/// The answer (section 2.2): what is known of an active token, and of another
/// one nothing, not even why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntrospectionResponse {
    active: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    token: Option<ActiveToken>,
}

/// What an active token is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveToken {
    /// What was granted.
    pub scope: Scopes,
    /// To which client.
    pub client_id: ClientIdentifier,
    /// By whom.
    pub sub: UserId,
    /// That person's handle.
    pub username: Handle,
    /// That person's name as shown.
    pub name: String,
    /// How it is used.
    pub token_type: TokenType,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// By which server.
    pub iss: String,
    /// For which resource.
    pub aud: String,
}

impl IntrospectionResponse {
    /// Makes the answer about a token that is good.
    pub const fn active(token: ActiveToken) -> Self {
        Self {
            active: true,
            token: Some(token),
        }
    }

    /// Makes the answer about any other.
    pub const fn inactive() -> Self {
        Self {
            active: false,
            token: None,
        }
    }

    /// Returns what the answer says of a good token.
    pub fn into_token(self) -> Option<ActiveToken> {
        self.token.filter(|_| self.active)
    }
}

#[cfg(test)]
mod tests {
    use picard_domain::{ClientId, Scope};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn of_a_token_that_is_not_active_nothing_is_told() {
        let answer = serde_json::to_string(&IntrospectionResponse::inactive()).unwrap();
        assert_eq!(answer, r#"{"active":false}"#);
        let read: IntrospectionResponse = serde_json::from_str(&answer).unwrap();
        assert_eq!(read.into_token(), None);
    }

    #[test]
    fn an_active_token_tells_who_and_what_for() {
        let token = ActiveToken {
            scope: Scopes::NONE.with(Scope::Read),
            client_id: ClientId::from_uuid(Uuid::from_u128(1)).into(),
            sub: UserId::from_uuid(Uuid::from_u128(2)),
            username: "picard".parse().unwrap(),
            name: "Jean-Luc".into(),
            token_type: TokenType::Bearer,
            exp: 7_200,
            iat: 3_600,
            iss: "https://picard.example".into(),
            aud: "https://picard.example/mcp".into(),
        };
        let answer = serde_json::to_value(IntrospectionResponse::active(token.clone())).unwrap();
        assert_eq!(answer["active"], true);
        assert_eq!(answer["scope"], "memories:read");
        assert_eq!(answer["token_type"], "Bearer");
        let read: IntrospectionResponse = serde_json::from_value(answer).unwrap();
        assert_eq!(read.into_token(), Some(token));
    }

    #[test]
    fn who_has_no_secret_may_not_ask() {
        let id = Uuid::from_u128(1);
        let body = format!("client_id={id}&token=x");
        let refused = IntrospectionRequest::parse(None, None, body.as_bytes());
        assert_eq!(
            refused.map(|_| ()).map_err(|error| error.status()),
            Err(401)
        );
        let body = format!("client_id={id}&client_secret=s&token=x");
        assert!(IntrospectionRequest::parse(None, None, body.as_bytes()).is_ok());
    }
}
