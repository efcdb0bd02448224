//! Dynamic client registration: what applications really send, and what is
//! refused (rows R1 to R10 of the attack table, as far as bytes tell).

use picard_domain::{ClientId, Instant, Scope, Scopes};
use picard_oauth::{
    ErrorCode, Secret,
    registration::{
        ApplicationType, AuthMethod, ClientMetadata, MAX_REDIRECT_URIS, RegistrationResponse,
    },
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<ClientMetadata, picard_oauth::OAuthError> {
    ClientMetadata::parse(body.to_string().as_bytes())
}

fn read(body: &Value) -> ClientMetadata {
    parse(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn echo(body: &Value) -> Value {
    serde_json::to_value(read(body)).expect("JSON")
}

fn refusal(body: &Value) -> ErrorCode {
    match parse(body) {
        Err(error) => error.code,
        Ok(_) => panic!("accepted: {body}"),
    }
}

/// A good registration with one member changed.
fn with(name: &str, value: Value) -> Value {
    let mut body = json!({
        "client_name": "Holodeck",
        "redirect_uris": ["https://app.example/callback"],
        "token_endpoint_auth_method": "none",
    });
    body[name] = value;
    body
}

#[test]
fn what_visual_studio_code_sends_is_registered_and_told() {
    let told = echo(&json!({
        "client_name": "Visual Studio Code",
        "client_uri": "https://code.visualstudio.com",
        "grant_types": ["authorization_code", "refresh_token",
                        "urn:ietf:params:oauth:grant-type:device_code"],
        "response_types": ["code"],
        "redirect_uris": ["https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect",
                          "http://127.0.0.1/", "http://127.0.0.1:33418/"],
        "token_endpoint_auth_method": "none",
        "application_type": "native",
    }));
    assert_eq!(
        told,
        json!({
            "client_name": "Visual Studio Code",
            "client_uri": "https://code.visualstudio.com",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": ["https://insiders.vscode.dev/redirect",
                              "https://vscode.dev/redirect",
                              "http://127.0.0.1/", "http://127.0.0.1:33418/"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
            "scope": "memories:read memories:write",
        })
    );
}

/// Trap 12: private-use, https and loopback addresses all at once, called `web`.
#[test]
fn what_cursor_sends_is_registered_as_native() {
    let client = read(&json!({
        "client_name": "Cursor",
        "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback",
                          "https://www.cursor.com/agents/mcp/oauth/callback",
                          "http://localhost:8787/callback"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }));
    assert_eq!(client.application_type, ApplicationType::Native);
    assert_eq!(client.redirect_uris.len(), 3);
}

#[test]
fn what_is_absent_empty_or_null_gets_the_default() {
    let full = read(&json!({
        "redirect_uris": ["https://app.example/callback", "https://app.example/callback"],
        "client_name": "", "client_uri": "", "scope": "", "jwks": null, "jwks_uri": "",
        "logo_uri": "", "contacts": null, "grant_types": [], "response_types": null,
        "unknown": {"of": ["any", "type"]},
    }));
    let bare = read(&json!({"redirect_uris": ["https://app.example/callback"]}));
    assert_eq!(full, bare);
    assert_eq!(bare.name.as_str(), "Unnamed application");
    assert_eq!(
        bare.auth_method,
        AuthMethod::ClientSecretBasic,
        "RFC 7591 section 2"
    );
    assert_eq!(bare.scopes, Scopes::read_write());
    assert_eq!(bare.application_type, ApplicationType::Web);
}

#[test]
fn scopes_that_are_not_here_or_not_for_strangers_are_left_out() {
    for (asked, registered) in [
        (
            "openid profile memories:read offline_access",
            Scopes::NONE.with(Scope::Read),
        ),
        ("openid email", Scopes::read_write()),
        (
            "memories:write  memories:read memories:read",
            Scopes::read_write(),
        ),
        (
            "memories:admin memories:read",
            Scopes::NONE.with(Scope::Read),
        ),
        ("memories:admin", Scopes::read_write()),
    ] {
        assert_eq!(
            read(&with("scope", json!(asked))).scopes,
            registered,
            "{asked}"
        );
    }
}

#[test]
fn redirect_uris_that_could_lead_astray_are_refused() {
    let many: Vec<_> = (0..=MAX_REDIRECT_URIS)
        .map(|n| format!("https://app.example/{n}"))
        .collect();
    for (row, uris) in [
        ("R1", json!([])),
        ("R1 null", Value::Null),
        ("R1 too many", json!(many)),
        ("R2", json!(["http://app.example/callback"])),
        (
            "R2 neighbour",
            json!(["http://localhost.app.example/callback"]),
        ),
        ("R3", json!(["javascript:alert(1)"])),
        ("R3 case", json!(["JavaScript:alert(1)"])),
        ("R5", json!(["https://*.app.example/callback"])),
        ("R6", json!(["data:text/html,hello"])),
        (
            "one of two",
            json!(["https://app.example/callback", "file:///etc/passwd"]),
        ),
        ("relative", json!(["/callback"])),
        ("fragment", json!(["https://app.example/callback#a"])),
        ("user", json!(["https://app.example@evil.example/callback"])),
        ("empty", json!([""])),
    ] {
        let code = refusal(&with("redirect_uris", uris));
        assert_eq!(code, ErrorCode::InvalidRedirectUri, "{row}");
    }
}

#[test]
fn other_members_that_cannot_be_registered_are_refused() {
    for (member, value) in [
        ("client_name", json!("n".repeat(100_000))),
        ("client_name", json!("n".repeat(81))),
        ("client_name", json!("Trusted\u{202e}moc.live")),
        ("client_name", json!("\u{200b}\u{2060}")),
        ("client_name", json!("\u{3164}")),
        ("client_name", json!(["a", "list"])),
        ("redirect_uris", json!("https://app.example/callback")),
        ("token_endpoint_auth_method", json!("tls_client_auth")),
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("grant_types", json!(["client_credentials"])),
        ("grant_types", json!(["implicit"])),
        ("response_types", json!(["token"])),
        ("jwks_uri", json!("http://app.example/jwks")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("jwks", json!([])),
        ("jwks", json!({"keys": ["k".repeat(20_000)]})),
    ] {
        let code = refusal(&with(member, value.clone()));
        let value = value.to_string();
        assert_eq!(
            code,
            ErrorCode::InvalidClientMetadata,
            "{member} {value:.40}"
        );
    }
    let mut both = with("jwks", json!({"keys": []}));
    both["jwks_uri"] = json!("https://app.example/jwks");
    assert_eq!(refusal(&both), ErrorCode::InvalidClientMetadata);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "redirect_uris=https%3A%2F%2Fapp.example",
    ] {
        let error = ClientMetadata::parse(body.as_bytes()).expect_err("refused");
        assert_eq!(error.code, ErrorCode::InvalidClientMetadata, "{body}");
    }
}

#[test]
fn a_page_that_is_no_link_is_left_out() {
    for uri in ["javascript:alert(1)", "app", "https://user@app.example/"] {
        assert_eq!(
            read(&with("client_uri", json!(uri))).client_uri,
            None,
            "{uri}"
        );
    }
}

#[test]
fn public_keys_are_taken_down() {
    let mut body = with("token_endpoint_auth_method", json!("private_key_jwt"));
    body["jwks_uri"] = json!("https://app.example/jwks");
    let client = read(&body);
    assert_eq!(client.auth_method, AuthMethod::PrivateKeyJwt);
    assert!(!client.auth_method.has_secret());
    assert_eq!(client.jwks_uri.as_deref(), Some("https://app.example/jwks"));
}

#[test]
fn only_public_clients_with_the_very_same_metadata_share_a_fingerprint() {
    let of = |body: &Value| read(body).fingerprint();
    let plain = with("scope", json!("memories:read memories:write openid"));
    assert!(of(&plain).is_some());
    assert_eq!(of(&plain), of(&with("software_version", json!("2"))));
    for (member, value) in [
        ("client_name", json!("Holodeck 2")),
        ("redirect_uris", json!(["https://app.example/callback2"])),
        ("redirect_uris", json!(["http://127.0.0.1/callback"])),
        ("scope", json!("memories:read")),
        ("client_uri", json!("https://app.example/")),
        ("application_type", json!("native")),
    ] {
        assert_ne!(of(&plain), of(&with(member, value)), "{member}");
    }
    for method in ["client_secret_basic", "client_secret_post"] {
        let secret = with("token_endpoint_auth_method", json!(method));
        assert_eq!(of(&secret), None, "{method}");
    }
}

#[test]
fn a_secret_is_told_once_and_only_where_there_is_one() {
    let id = ClientId::from_uuid(uuid::Uuid::from_u128(7));
    let now = Instant::from_micros(1_800_000_000_000_000);
    let answer = |secret| {
        let client = read(&with("scope", json!("memories:read")));
        serde_json::to_value(RegistrationResponse::new(id, secret, client, now)).expect("JSON")
    };
    let public = answer(None);
    assert_eq!(public["client_id"], json!(id.to_string()));
    assert_eq!(public["client_id_issued_at"], json!(1_800_000_000));
    assert_eq!(public.get("client_secret"), None);
    assert_eq!(public.get("client_secret_expires_at"), None);
    let secret = answer(Some(Secret::new("pcs_x".to_owned())));
    assert_eq!(secret["client_secret"], json!("pcs_x"));
    assert_eq!(secret["client_secret_expires_at"], json!(0));
}

proptest! {
    /// What was registered can be registered again, and is then the same.
    #[test]
    fn an_answer_is_a_registration_too(
        name in "[ -~]{1,80}",
        path in "[a-z/]{0,20}",
        scope in "(memories:read|openid| ){0,5}",
        native: bool,
    ) {
        let body = json!({
            "client_name": name,
            "redirect_uris": [format!("https://app.example/{path}"), format!("app://{path}a")],
            "scope": scope,
            "application_type": if native { "native" } else { "web" },
        });
        if let Ok(first) = parse(&body) {
            let again = read(&serde_json::to_value(&first).expect("JSON"));
            prop_assert_eq!(first, again);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ClientMetadata::parse(&bytes);
    }
}
