//! The token, revocation and introspection endpoints against the attack table:
//! what can be told from the bytes of a request.

use base64::{Engine, engine::general_purpose::STANDARD};
use picard_domain::{Scope, Scopes, Span};
use picard_oauth::{
    ClientAuth, ClientIdentifier, ErrorCode, OAuthError, Resources,
    introspection::IntrospectionRequest,
    revocation::RevocationRequest,
    token::{TokenGrant, TokenRequest, TokenResponse, TokenType},
};
use proptest::prelude::*;
use url::form_urlencoded;

const CLIENT: &str = "6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn code_grant() -> Vec<(&'static str, &'static str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("code", "pac_x"),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", VERIFIER),
    ]
}

fn refresh_grant() -> Vec<(&'static str, &'static str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT),
        ("refresh_token", "prt_x"),
    ]
}

fn parse(
    header: Option<&str>,
    query: Option<&str>,
    body: &str,
) -> Result<TokenRequest, OAuthError> {
    let resources = Resources::new("https://picard.example/mcp", []);
    TokenRequest::parse(header, query, body.as_bytes(), &resources)
}

fn post(pairs: &[(&str, &str)]) -> Result<TokenRequest, OAuthError> {
    parse(None, None, &encode(pairs))
}

fn code_of<T>(result: Result<T, OAuthError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

fn without(
    mut pairs: Vec<(&'static str, &'static str)>,
    name: &str,
) -> Vec<(&'static str, &'static str)> {
    pairs.retain(|(n, _)| *n != name);
    pairs
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

#[test]
fn a_code_is_exchanged_with_its_verifier() {
    let request = post(&code_grant()).expect("a good request");
    assert_eq!(
        request.client,
        ClientAuth::None {
            client_id: CLIENT.parse().expect("a UUID")
        }
    );
    let TokenGrant::AuthorizationCode {
        code,
        redirect_uri,
        code_verifier,
        resource,
    } = request.grant
    else {
        panic!("a code")
    };
    assert_eq!(code.expose(), "pac_x");
    assert_eq!(redirect_uri.as_deref(), Some("https://app.example/cb"));
    assert_eq!(code_verifier.expose(), VERIFIER);
    assert_eq!(resource, None);
}

#[test]
fn t21_a_refresh_needs_neither_scope_nor_resource() {
    let request = post(&refresh_grant()).expect("a good request");
    let TokenGrant::RefreshToken {
        refresh_token,
        scope,
        resource,
    } = request.grant
    else {
        panic!("a refresh token")
    };
    assert_eq!(
        (refresh_token.expose(), scope, resource),
        ("prt_x", None, None)
    );
}

#[test]
fn a_resource_is_the_canonical_one_or_refused() {
    for (asked, answer) in [
        (
            "https://picard.example/mcp/",
            Ok(Some("https://picard.example/mcp".to_owned())),
        ),
        ("https://evil.example/mcp", Err(ErrorCode::InvalidTarget)),
    ] {
        for grant in [code_grant(), refresh_grant()] {
            let parsed = post(&[grant, vec![("resource", asked)]].concat());
            let resource = parsed
                .map_err(|error| error.code)
                .map(|request| match request.grant {
                    TokenGrant::AuthorizationCode { resource, .. }
                    | TokenGrant::RefreshToken { resource, .. } => resource,
                });
            assert_eq!(resource, answer);
        }
    }
}

#[test]
fn t4_to_t14_what_is_wrong_has_its_code() {
    use ErrorCode as E;
    let json = r#"{"grant_type":"refresh_token"}"#;
    for (id, body, code) in [
        (
            "T4 no verifier",
            encode(&without(code_grant(), "code_verifier")),
            E::InvalidRequest,
        ),
        (
            "T4 short verifier",
            encode(
                &[
                    without(code_grant(), "code_verifier"),
                    vec![("code_verifier", "x")],
                ]
                .concat(),
            ),
            E::InvalidGrant,
        ),
        (
            "no code",
            encode(&without(code_grant(), "code")),
            E::InvalidRequest,
        ),
        (
            "no refresh token",
            encode(&without(refresh_grant(), "refresh_token")),
            E::InvalidRequest,
        ),
        (
            "T8 no client",
            encode(&without(code_grant(), "client_id")),
            E::InvalidClient,
        ),
        (
            "T8 no such client",
            encode(&[without(code_grant(), "client_id"), vec![("client_id", "x")]].concat()),
            E::InvalidClient,
        ),
        (
            "T9",
            encode(&[("grant_type", "password"), ("client_id", CLIENT)]),
            E::UnsupportedGrantType,
        ),
        (
            "T9 other",
            encode(&[("grant_type", "client_credentials")]),
            E::UnsupportedGrantType,
        ),
        (
            "T10",
            encode(&without(code_grant(), "grant_type")),
            E::InvalidRequest,
        ),
        ("T10 empty body", String::new(), E::InvalidRequest),
        ("T12 JSON", json.to_owned(), E::InvalidRequest),
        (
            "repeated",
            encode(&[code_grant(), code_grant()].concat()),
            E::InvalidRequest,
        ),
        (
            "repeated code",
            encode(&code_grant()) + "&code=x",
            E::InvalidRequest,
        ),
        ("T35 1 MB", "x".repeat(1_000_000), E::InvalidRequest),
        (
            "T35 10 k parameters",
            "x=1&".repeat(10_000),
            E::InvalidRequest,
        ),
        (
            "T36",
            encode(&refresh_grant()) + "&scope=memories%3Ar%C3%A9ad",
            E::InvalidScope,
        ),
        (
            "not UTF-8",
            encode(&code_grant()) + "&x=%ff",
            E::InvalidRequest,
        ),
        (
            "T31 assertion",
            encode(&code_grant()) + "&client_assertion=ey",
            E::InvalidClient,
        ),
    ] {
        assert_eq!(code_of(parse(None, None, &body)), Some(code), "{id}");
    }
}

#[test]
fn t14_parameters_in_the_url_are_refused() {
    let body = encode(&code_grant());
    assert_eq!(
        code_of(parse(None, Some("client_secret=x"), &body)),
        Some(ErrorCode::InvalidRequest)
    );
    assert!(parse(None, Some(""), &body).is_ok());
    let revoke = format!("client_id={CLIENT}&token=x");
    assert!(RevocationRequest::parse(None, Some("token=x"), revoke.as_bytes()).is_err());
    let asked = format!("client_id={CLIENT}&client_secret=s&token=x");
    assert!(IntrospectionRequest::parse(None, Some("token=x"), asked.as_bytes()).is_err());
}

#[test]
fn a_secret_comes_in_the_header_or_in_the_body() {
    let client_id: ClientIdentifier = CLIENT.parse().expect("a UUID");
    let secret = || picard_oauth::Secret::new("s3:cr%t +é".to_owned());
    let encoded: String = form_urlencoded::byte_serialize("s3:cr%t +é".as_bytes()).collect();

    let header = basic(CLIENT, &encoded);
    let in_header = parse(
        Some(&header),
        None,
        &encode(&without(code_grant(), "client_id")),
    );
    let expected = ClientAuth::SecretBasic {
        client_id: client_id.clone(),
        secret: secret(),
    };
    assert_eq!(in_header.expect("good").client, expected);
    let named_too = parse(Some(&header), None, &encode(&code_grant()));
    assert_eq!(named_too.expect("good").client, expected);

    let in_body = post(&[code_grant(), vec![("client_secret", "s3:cr%t +é")]].concat());
    let expected = ClientAuth::SecretPost {
        client_id,
        secret: secret(),
    };
    assert_eq!(in_body.expect("good").client, expected);
}

#[test]
fn an_empty_secret_is_none() {
    let none = ClientAuth::None {
        client_id: CLIENT.parse().expect("a UUID"),
    };
    let in_header = parse(Some(&basic(CLIENT, "")), None, &encode(&code_grant()));
    assert_eq!(in_header.expect("a public client").client, none);
    let in_body = post(&[code_grant(), vec![("client_secret", "")]].concat());
    assert_eq!(in_body.expect("a public client").client, none);
}

#[test]
fn t30_two_ways_to_authenticate_at_once_are_refused() {
    let body = encode(&[code_grant(), vec![("client_secret", "s")]].concat());
    let both = parse(Some(&basic(CLIENT, "s")), None, &body);
    assert_eq!(code_of(both), Some(ErrorCode::InvalidRequest));
    let other = basic("00000000-0000-0000-0000-000000000000", "s");
    let two_names = parse(Some(&other), None, &encode(&code_grant()));
    assert_eq!(code_of(two_names), Some(ErrorCode::InvalidRequest));
}

#[test]
fn a_header_that_is_not_basic_is_no_client() {
    let no_colon = format!("Basic {}", STANDARD.encode(CLIENT));
    let no_text = format!("Basic {}", STANDARD.encode(b"\xff:\xff"));
    for header in ["Bearer x", "Basic", "Basic !", "", &no_colon, &no_text] {
        let refused = parse(Some(header), None, &encode(&code_grant()));
        assert_eq!(code_of(refused), Some(ErrorCode::InvalidClient), "{header}");
    }
}

#[test]
fn t25_a_revocation_takes_any_token_and_any_hint() {
    for hint in [
        "",
        "&token_type_hint=refresh_token",
        "&token_type_hint=whatever",
    ] {
        let body = format!("client_id={CLIENT}&token=unknown{hint}");
        let request = RevocationRequest::parse(None, None, body.as_bytes()).expect("good");
        assert_eq!(request.token.expose(), "unknown");
    }
    let nothing = RevocationRequest::parse(None, None, format!("client_id={CLIENT}").as_bytes());
    assert_eq!(code_of(nothing), Some(ErrorCode::InvalidRequest));
}

#[test]
fn t15_the_answer_is_that_of_rfc_6749_and_read_back() {
    let scopes = Scopes::NONE.with(Scope::Read);
    let response = TokenResponse::new("pat_a", "prt_r", scopes, Span::hours(1));
    let json = serde_json::to_string(&response).expect("plain data");
    assert_eq!(
        json,
        r#"{"access_token":"pat_a","token_type":"Bearer","expires_in":3600,"refresh_token":"prt_r","scope":"memories:read"}"#
    );
    let read: TokenResponse = serde_json::from_str(&json).expect("our own");
    assert_eq!(read.access_token.expose(), "pat_a");
    let least = r#"{"access_token":"a","token_type":"bearer"}"#;
    let read: TokenResponse = serde_json::from_str(least).expect("the least there is");
    assert_eq!(
        (read.token_type, read.refresh_token),
        (TokenType::Bearer, None)
    );
    assert!(serde_json::from_str::<TokenResponse>(&least.replace("bearer", "mac")).is_err());
}

#[test]
fn m40_no_secret_is_in_a_debug_output() {
    let header = basic(CLIENT, "hunter2");
    let request = parse(Some(&header), None, &encode(&code_grant())).expect("good");
    let response = TokenResponse::new("pat_a", "prt_r", Scopes::NONE, Span::hours(1));
    let shown = format!("{request:?} {response:?}");
    for secret in ["hunter2", "pac_x", VERIFIER, "pat_a", "prt_r"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(header: Option<String>, body in "\\PC{0,200}") {
        for kind in ["authorization_code", "refresh_token"] {
            let _ = parse(header.as_deref(), None, &format!("grant_type={kind}&{body}"));
        }
        let _ = RevocationRequest::parse(header.as_deref(), None, body.as_bytes());
        let _ = IntrospectionRequest::parse(header.as_deref(), None, body.as_bytes());
        let _ = picard_oauth::bearer::token(header.as_deref());
    }

    #[test]
    fn every_secret_survives_basic(secret in "\\PC{1,40}") {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let parsed = parse(Some(&basic(CLIENT, &encoded)), None, &encode(&code_grant()));
        let client = parsed.expect("good").client;
        prop_assert_eq!(client.secret().map(|s| s.expose().to_owned()), Some(secret));
    }
}
