//! The header `Authorization`, as Bearer and as Basic, and the challenge that
//! answers it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use picard_domain::{Scope, Scopes};
use picard_oauth::{
    ClientAuth, Resources,
    bearer::{self, Challenge},
    token::TokenRequest,
};
use url::form_urlencoded::byte_serialize;

/// The bytes are the header's value.
pub(crate) fn authorization(bytes: &[u8]) {
    let Ok(header) = std::str::from_utf8(bytes) else {
        return;
    };
    let is_bearer = bearer_token(header);
    let is_basic = basic_credentials(header);
    assert!(!(is_bearer && is_basic), "two credentials in one header");
    challenge(header);
}

fn bearer_token(header: &str) -> bool {
    let named = header.split(' ').next().unwrap_or_default();
    let of_the_scheme = named.eq_ignore_ascii_case("bearer");
    match bearer::token(Some(header)) {
        Ok(Some(token)) => {
            assert!(of_the_scheme);
            let token = token.expose();
            assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
            assert!(!token.contains([',', '"', '\\', ';']), "more than a token");
            let again = bearer::token(Some(&format!("Bearer {token}")));
            let again = again.expect("well formed").expect("a token");
            assert_eq!(again.expose(), token);
            true
        }
        Ok(None) => {
            assert!(!of_the_scheme, "a broken token counts as none");
            false
        }
        Err(_) => {
            assert!(of_the_scheme);
            false
        }
    }
}

fn basic_credentials(header: &str) -> bool {
    let parse = |header: &str| {
        let resources = Resources::new("https://picard.example/mcp", []);
        let body = b"grant_type=refresh_token&refresh_token=r";
        TokenRequest::parse(Some(header), None, body, &resources)
    };
    let Ok(request) = parse(header) else {
        return false;
    };
    let ClientAuth::SecretBasic { client_id, secret } = &request.client else {
        // An id without a secret is a public client's name and proves nothing.
        assert!(request.client.secret().is_none(), "a secret from nowhere");
        return false;
    };
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!(
        "{}:{}",
        encode(&client_id.to_string()),
        encode(secret.expose())
    );
    let again = parse(&format!("Basic {}", STANDARD.encode(pair))).expect("it is well formed");
    assert_eq!(again.client, request.client);
    true
}

/// What is quoted in a challenge cannot end the quotes, or the header.
fn challenge(metadata: &str) {
    for challenge in [
        Challenge::NoToken,
        Challenge::InvalidToken,
        Challenge::InsufficientScope(Scopes::NONE.with(Scope::Write)),
    ] {
        let value = challenge.www_authenticate(metadata);
        assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)), "{value}");
        let names: Vec<_> = parameters(&value);
        let expected: &[&str] = match challenge {
            Challenge::NoToken => &["resource_metadata", "scope"],
            _ => &["error", "error_description", "resource_metadata", "scope"],
        };
        assert_eq!(names, expected, "{value}");
    }
}

/// The names of the parameters of a challenge, read character by character.
fn parameters(value: &str) -> Vec<String> {
    let rest = value.strip_prefix("Bearer ").expect("the scheme");
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut characters = rest.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                while let Some(inner) = characters.next() {
                    match inner {
                        '\\' => drop(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                names.push(std::mem::take(&mut name));
            }
            '=' | ',' | ' ' => {}
            _ => name.push(c),
        }
    }
    assert!(name.is_empty(), "{name} without a value in {value}");
    names
}
