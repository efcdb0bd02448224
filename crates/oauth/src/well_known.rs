//! Where a client looks for metadata (RFC 8414 section 3.1, RFC 9728 section
//! 3.1, `OpenID` Connect Discovery section 4), in the order of the MCP
//! specification.

use url::Url;

use crate::metadata::{AUTHORIZATION_SERVER, PROTECTED_RESOURCE};

const OPENID: &str = "/.well-known/openid-configuration";

/// Returns the addresses of a protected resource's metadata: for the resource
/// with its path, then for the whole host.
pub fn protected_resource(resource: &Url) -> Vec<String> {
    let (origin, path) = split(resource);
    let mut places = vec![format!("{origin}{PROTECTED_RESOURCE}{path}")];
    if !path.is_empty() {
        places.push(format!("{origin}{PROTECTED_RESOURCE}"));
    }
    places
}

/// Returns the addresses of an authorization server's metadata. An issuer with a
/// path has nothing at its root: that would be another issuer's.
pub fn authorization_server(issuer: &Url) -> Vec<String> {
    let (origin, path) = split(issuer);
    let mut places = vec![
        format!("{origin}{AUTHORIZATION_SERVER}{path}"),
        format!("{origin}{OPENID}{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{origin}{path}{OPENID}"));
    }
    places
}

fn split(url: &Url) -> (String, &str) {
    (
        url.origin().ascii_serialization(),
        url.path().trim_end_matches('/'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn the_path_of_a_resource_comes_after_the_well_known_one() {
        assert_eq!(
            protected_resource(&url("https://h:8443/a/mcp?x=1")),
            [
                "https://h:8443/.well-known/oauth-protected-resource/a/mcp",
                "https://h:8443/.well-known/oauth-protected-resource",
            ]
        );
        assert_eq!(
            protected_resource(&url("https://h/")),
            ["https://h/.well-known/oauth-protected-resource"]
        );
    }

    #[test]
    fn an_issuer_with_a_path_is_never_looked_for_at_the_root() {
        assert_eq!(
            authorization_server(&url("https://h/tenant1")),
            [
                "https://h/.well-known/oauth-authorization-server/tenant1",
                "https://h/.well-known/openid-configuration/tenant1",
                "https://h/tenant1/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            authorization_server(&url("https://h")),
            [
                "https://h/.well-known/oauth-authorization-server",
                "https://h/.well-known/openid-configuration",
            ]
        );
    }
}
