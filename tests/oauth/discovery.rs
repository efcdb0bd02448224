//! What an application finds out by itself (RFC 8414, RFC 9728).

use picard_tests::{server::TestServer, visitor::Visitor};
use serde_json::{Value, json};

async fn document(visitor: &mut Visitor, path: &str) -> Value {
    let page = visitor.get(path).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "application/json"),
        "{path}"
    );
    serde_json::from_str(&page.body).expect("JSON")
}

#[tokio::test]
async fn the_authorization_server_describes_itself() {
    let server = TestServer::start().await;
    let mut visitor = server.visitor();
    let root = document(&mut visitor, "/.well-known/oauth-authorization-server").await;
    let alias = document(&mut visitor, "/.well-known/oauth-authorization-server/mcp").await;
    assert_eq!(root, alias);
    assert_eq!(root["issuer"], json!(server.base));
    assert_eq!(
        root["authorization_endpoint"],
        json!(format!("{}/oauth/authorize", server.base))
    );
    assert_eq!(root["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(
        root["authorization_response_iss_parameter_supported"],
        json!(true)
    );
    for name in [
        "token_endpoint",
        "revocation_endpoint",
        "introspection_endpoint",
    ] {
        let path = root[name]
            .as_str()
            .expect("an address")
            .strip_prefix(&server.base);
        let page = visitor.get(path.expect("on this server")).await;
        assert_eq!(page.status, 405, "{name} is served, and takes POST only");
    }
}

#[tokio::test]
async fn the_resource_names_its_authorization_server() {
    let server = TestServer::start().await;
    let mut visitor = server.visitor();
    for path in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        let resource = document(&mut visitor, &path).await;
        assert_eq!(resource["resource"], json!(format!("{}/mcp", server.base)));
        assert_eq!(resource["authorization_servers"], json!([server.base]));
        assert_eq!(
            resource["scopes_supported"],
            json!(["memories:read", "memories:write"])
        );
    }
}

#[tokio::test]
async fn what_is_not_served_there_is_a_404_in_json() {
    let server = TestServer::start().await;
    let page = server
        .visitor()
        .get("/.well-known/openid-configuration")
        .await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (404, "application/problem+json")
    );
}

/// Row M1 and M2, as far as the tool API goes.
#[tokio::test]
async fn a_call_without_a_good_token_is_told_where_to_get_one() {
    let server = TestServer::start().await;
    let mut visitor = server.visitor();
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", server.base);
    let none = visitor.post("/api/tools", &[]).await;
    assert_eq!(none.status, 401);
    let challenge = none.header("www-authenticate");
    assert!(
        challenge.contains(&format!("resource_metadata=\"{metadata}\"")),
        "{challenge}"
    );
    assert!(!challenge.contains("error="), "{challenge}");
    let request = visitor.request("POST".parse().expect("a method"), "/api/tools");
    let garbage = visitor.send(request.bearer_auth("garbage")).await;
    assert_eq!(garbage.status, 401);
    assert!(
        garbage
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
}
