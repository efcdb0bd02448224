//! Form bodies of the token, revocation and introspection endpoints.

use picard_oauth::{
    ErrorCode, OAuthError, Resources, Secret,
    introspection::IntrospectionRequest,
    revocation::RevocationRequest,
    token::{TokenGrant, TokenRequest},
};
use url::form_urlencoded;

const RESOURCE: &str = "https://picard.example/mcp";

/// What a form says, read by another parser; empty values are absent.
struct Oracle<'a>(&'a [u8]);

impl Oracle<'_> {
    fn all(&self, name: &str) -> Vec<String> {
        form_urlencoded::parse(self.0)
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    fn one(&self, name: &str) -> Option<String> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} was there more than once");
        all.into_iter().find(|value| !value.is_empty())
    }
}

/// The bytes are the raw body.
pub(crate) fn token(body: &[u8]) {
    let resources = Resources::new(RESOURCE, []);
    let said = Oracle(body);
    match TokenRequest::parse(None, None, body, &resources) {
        Ok(request) => {
            client(&said, request.client.secret().map(Secret::expose));
            grant(&said, &request.grant);
            let in_the_url = TokenRequest::parse(None, Some("a=b"), body, &resources);
            assert!(
                in_the_url.is_err(),
                "parameters in the URL were passed over"
            );
        }
        Err(error) => told(&error),
    }
    match RevocationRequest::parse(None, None, body) {
        Ok(request) => {
            client(&said, request.client.secret().map(Secret::expose));
            assert_eq!(said.one("token").as_deref(), Some(request.token.expose()));
        }
        Err(error) => told(&error),
    }
    match IntrospectionRequest::parse(None, None, body) {
        Ok(request) => {
            assert!(request.client.secret().is_some(), "anybody may ask");
            assert_eq!(said.one("token").as_deref(), Some(request.token.expose()));
        }
        Err(error) => told(&error),
    }
}

fn client(said: &Oracle<'_>, secret: Option<&str>) {
    assert!(said.one("client_id").is_some(), "nobody asks");
    assert_eq!(said.one("client_secret").as_deref(), secret);
}

fn grant(said: &Oracle<'_>, grant: &TokenGrant) {
    let kind = said.one("grant_type");
    let resource = match grant {
        TokenGrant::AuthorizationCode {
            code,
            redirect_uri,
            code_verifier,
            resource,
        } => {
            assert_eq!(kind.as_deref(), Some("authorization_code"));
            assert_eq!(said.one("code").as_deref(), Some(code.expose()));
            assert_eq!(&said.one("redirect_uri"), redirect_uri);
            let verifier = code_verifier.expose();
            assert_eq!(said.one("code_verifier").as_deref(), Some(verifier));
            assert!((43..=128).contains(&verifier.len()));
            resource
        }
        TokenGrant::RefreshToken {
            refresh_token,
            scope,
            resource,
        } => {
            assert_eq!(kind.as_deref(), Some("refresh_token"));
            assert_eq!(
                said.one("refresh_token").as_deref(),
                Some(refresh_token.expose())
            );
            assert!(scope.is_none() || said.one("scope").is_some());
            resource
        }
    };
    let named = said.all("resource").iter().any(|asked| !asked.is_empty());
    assert_eq!(resource.as_deref(), named.then_some(RESOURCE));
}

/// An error is one that the endpoints know, in characters that a header may hold.
fn told(error: &OAuthError) {
    assert!(matches!(error.status(), 400 | 401), "{error}");
    assert_eq!(
        error.status() == 401,
        error.code == ErrorCode::InvalidClient
    );
    let harmless = |c| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(error.description().chars().all(harmless), "{error}");
}
