//! What the server tells about itself (RFC 8414, RFC 9728).
//!
//! The structs are read and written: the server fills them, the client checks
//! them. Lists hold what is true today and nothing that is planned.

use serde::{Deserialize, Serialize};

/// The path of the authorization endpoint.
pub const AUTHORIZE: &str = "/oauth/authorize";
/// The path of the token endpoint.
pub const TOKEN: &str = "/oauth/token";
/// The path of the registration endpoint (RFC 7591 section 3).
pub const REGISTER: &str = "/oauth/register";
/// The path of the revocation endpoint.
pub const REVOKE: &str = "/oauth/revoke";
/// The path of the introspection endpoint.
pub const INTROSPECT: &str = "/oauth/introspect";
/// The path of the authorization server's metadata (RFC 8414 section 3).
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// The path of the protected resource's metadata (RFC 9728 section 3).
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// The metadata of an authorization server (RFC 8414 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationServerMetadata {
    /// Who it is: an https URL without query, fragment or trailing slash.
    pub issuer: String,
    /// Where people are sent.
    pub authorization_endpoint: String,
    /// Where codes and refresh tokens become tokens.
    pub token_endpoint: String,
    /// Where clients register themselves (RFC 7591).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    /// Where tokens end (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where tokens are explained (RFC 7662).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// `code`.
    pub response_types_supported: Vec<String>,
    /// `query`.
    #[serde(default)]
    pub response_modes_supported: Vec<String>,
    /// `authorization_code` and `refresh_token`.
    #[serde(default)]
    pub grant_types_supported: Vec<String>,
    /// How clients authenticate at the token endpoint.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// How assertions of `private_key_jwt` may be signed there.
    #[serde(default)]
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate at the revocation endpoint.
    #[serde(default)]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// How assertions may be signed there.
    #[serde(default)]
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients authenticate at the introspection endpoint.
    #[serde(default)]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// How assertions may be signed there.
    #[serde(default)]
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// `S256` (RFC 7636).
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    /// The scopes there are, and `offline_access`: some clients ask for a
    /// refresh token only when it is listed.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Whether the https URL of a document can be a client id ([`crate::cimd`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id_metadata_document_supported: Option<bool>,
    /// Whether answers carry `iss` (RFC 9207 section 3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// The resources that tokens are for (RFC 9728 section 4).
    #[serde(default)]
    pub protected_resources: Vec<String>,
    /// Where a developer reads on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_documentation: Option<String>,
}

impl AuthorizationServerMetadata {
    /// Describes this server.
    pub fn new(issuer: &str, resource: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        let methods = || {
            strings(&[
                "none",
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ])
        };
        let algorithms = || strings(&crate::assertion::ALGORITHMS);
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at(AUTHORIZE),
            token_endpoint: at(TOKEN),
            registration_endpoint: Some(at(REGISTER)),
            revocation_endpoint: Some(at(REVOKE)),
            introspection_endpoint: Some(at(INTROSPECT)),
            response_types_supported: strings(&["code"]),
            response_modes_supported: strings(&["query"]),
            grant_types_supported: strings(&["authorization_code", "refresh_token"]),
            token_endpoint_auth_methods_supported: methods(),
            token_endpoint_auth_signing_alg_values_supported: algorithms(),
            revocation_endpoint_auth_methods_supported: methods(),
            revocation_endpoint_auth_signing_alg_values_supported: algorithms(),
            introspection_endpoint_auth_methods_supported: methods().split_off(1),
            introspection_endpoint_auth_signing_alg_values_supported: algorithms(),
            code_challenge_methods_supported: strings(&[crate::pkce::METHOD]),
            scopes_supported: strings(&[
                "memories:read",
                "memories:write",
                "memories:admin",
                "offline_access",
            ]),
            client_id_metadata_document_supported: Some(true),
            authorization_response_iss_parameter_supported: true,
            protected_resources: vec![resource.to_owned()],
            service_documentation: None,
        }
    }

    /// Tells whether the metadata are those of `issuer`, by plain comparison
    /// (RFC 8414 section 3.3), and whether the server does PKCE with S256,
    /// without which a client must not go on.
    pub fn is_usable(&self, issuer: &str) -> bool {
        self.issuer == issuer
            && self
                .code_challenge_methods_supported
                .iter()
                .any(|m| m == crate::pkce::METHOD)
    }
}

/// The metadata of a protected resource (RFC 9728 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectedResourceMetadata {
    /// The resource: the URL that the client used, with its path.
    pub resource: String,
    /// Who issues tokens for it.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// The scopes to ask for; without `offline_access`, which no resource needs.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// `header`: tokens in URLs and bodies are not read.
    #[serde(default)]
    pub bearer_methods_supported: Vec<String>,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// Where a developer reads on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
}

impl ProtectedResourceMetadata {
    /// Describes a resource of this server.
    pub fn new(resource: &str, issuer: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            authorization_servers: strings(&[issuer]),
            scopes_supported: strings(&["memories:read", "memories:write"]),
            bearer_methods_supported: strings(&["header"]),
            resource_name: Some("Picard".to_owned()),
            resource_documentation: None,
        }
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().copied().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://picard.example";

    #[test]
    fn every_endpoint_is_under_the_issuer_and_survives_the_wire() {
        let ours = AuthorizationServerMetadata::new(ISSUER, "https://picard.example/mcp");
        let json = serde_json::to_value(&ours).unwrap();
        assert_eq!(json["token_endpoint"], "https://picard.example/oauth/token");
        assert_eq!(
            json["code_challenge_methods_supported"],
            serde_json::json!(["S256"])
        );
        assert_eq!(json["authorization_response_iss_parameter_supported"], true);
        assert_eq!(
            json["registration_endpoint"],
            "https://picard.example/oauth/register"
        );
        let read: AuthorizationServerMetadata = serde_json::from_value(json).unwrap();
        assert!(read.is_usable(ISSUER));
        assert_eq!(read, ours);
    }

    #[test]
    fn metadata_of_another_issuer_or_without_s256_are_not_used() {
        let ours = AuthorizationServerMetadata::new(ISSUER, "https://picard.example/mcp");
        for issuer in [
            "https://picard.example/",
            "https://PICARD.example",
            "https://evil.example",
        ] {
            assert!(!ours.is_usable(issuer), "{issuer}");
        }
        let minimal = r#"{"issuer":"https://picard.example","authorization_endpoint":"a",
            "token_endpoint":"t","response_types_supported":["code"],"unknown":1}"#;
        let without: AuthorizationServerMetadata = serde_json::from_str(minimal).unwrap();
        assert!(!without.is_usable(ISSUER));
    }

    #[test]
    fn the_resource_does_not_ask_for_admin_or_offline_access() {
        let resource = ProtectedResourceMetadata::new("https://picard.example/mcp", ISSUER);
        assert_eq!(
            resource.scopes_supported,
            ["memories:read", "memories:write"]
        );
        assert_eq!(resource.authorization_servers, [ISSUER]);
    }
}
